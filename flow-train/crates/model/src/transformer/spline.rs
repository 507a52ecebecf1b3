//! Monotone rational-quadratic splines (Durkan, Bekasov, Murray & Papamakarios 2019, "Neural Spline Flows"; their
//! inverse after Gregory & Delbourgo 1982; on circles after Rezende et al. 2020).
//!
//! A channel has `3 K - 1` parameters: unnormalised widths and heights of the K bins, then unnormalised
//! derivatives at the inner knots. All are softly clipped, widths and heights go through a softmax, derivatives
//! through an exponential. At both ends the slope is 1, and outside ±bound the spline is the identity.
//!
//! With floors, as other libraries have them, sizes are a least one and a share of the rest by a softmax, slopes a least
//! one and a softplus (Durkan et al. 2019).
//!
//! A pass leaves in the place of each unnormalised size `r` the derivative of its exponential,
//! `e^clip(r) clip'(r)`, and saves the bin that holds the value: no reverse pass sees an exponential.

use super::decimal;
use super::vector::{Mask, Vector};
use crate::panel::{Rows, RowsMut};
use crate::real::Real;
use flow_embedded::artefact::{Direction, Ends, FlooredSpline};
use pulp::{Arch, Simd, WithSimd};
use std::f64::consts::PI;

/// `|ln 1e-3| / 2`: the soft bound of widths and heights before the softmax.
const SIZE_BOUND: f64 = 3.453_877_639_491_069;
/// `|ln 1e-3|`: the soft bound of the logarithm of derivatives.
const DERIVATIVE_BOUND: f64 = 6.907_755_278_982_137;
/// What a circular channel turns by after each spline, in radians: the golden angle.
const ROTATION: f64 = 2.399_963_229_728_653;
/// Beyond so many radians an `f32` no longer tells the angle.
const FAR: f64 = 62_832.0;

/// Rows that a pass leaves to its reverse pass: the fields of a [`Bin`].
pub(super) const SAVED: usize = 12;

/// The splines of one channel, `FLOORED` or softly bounded.
#[derive(Clone, Copy)]
pub(super) struct Spline<const FLOORED: bool> {
    bins: usize,
    bound: f64,
    circular: bool,
    floor: Floor,
}

/// The least size of a bin and slope of a knot, and whether the slopes at both ends are parameters.
#[derive(Clone, Copy, Default)]
struct Floor {
    size: f64,
    slope: f64,
    free_ends: bool,
}

impl Spline<false> {
    /// On a `circular` channel the bound is π, whatever `bound` is.
    pub(super) fn new(bins: u8, bound: f32, circular: bool) -> Self {
        Self {
            bins: usize::from(bins),
            bound: if circular { PI } else { f64::from(bound) },
            circular,
            floor: Floor::default(),
        }
    }
}

impl Spline<true> {
    pub(super) fn floored(own: FlooredSpline) -> Self {
        Self {
            bins: usize::from(own.bins),
            bound: decimal(own.bound),
            circular: false,
            floor: Floor {
                size: decimal(own.least_size),
                slope: decimal(own.least_slope),
                free_ends: own.ends == Ends::Free,
            },
        }
    }
}

impl<const FLOORED: bool> Spline<FLOORED> {
    /// From the side `axis` to the other one.
    pub(super) fn map<T: Real>(
        self,
        axis: Axis,
        given: &[T],
        parameters: RowsMut<'_, T>,
        saved: RowsMut<'_, T>,
        out: &mut [T],
        log_det: Option<&mut [T]>,
    ) {
        let (stride, saved_stride) = (parameters.stride(), saved.stride());
        let (parameters, saved) = (parameters.into_mut_slice(), saved.into_mut_slice());
        // Room for the knots on the stack; usual splines need little of it.
        macro_rules! pass {
            ($room:literal) => {
                Arch::new().dispatch(Pass::<'_, T, $room, FLOORED> {
                    spline: self,
                    axis,
                    given,
                    parameters,
                    stride,
                    saved,
                    saved_stride,
                    out,
                    log_det,
                })
            };
        }
        match self.bins {
            0..=8 => pass!(8),
            9..=32 => pass!(32),
            _ => pass!(256),
        }
    }

    /// The reverse pass of [`Spline::map`].
    #[allow(clippy::too_many_arguments)]
    pub(super) fn backward<T: Real>(
        self,
        axis: Axis,
        given: &[T],
        parameters: Rows<'_, T>,
        saved: Rows<'_, T>,
        d_log_det: &[T],
        gradient: &mut [T],
        d_parameters: RowsMut<'_, T>,
    ) {
        Arch::new().dispatch(Reverse {
            spline: self,
            axis,
            given,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        });
    }
}

/// Which side of the spline a value is on.
#[derive(Clone, Copy)]
pub(super) enum Axis {
    Input,
    Output,
}

impl Axis {
    /// Where a pass begins that maps in `direction` as it stands, in the normalizing direction.
    pub(super) fn as_it_stands(direction: Direction) -> Self {
        match direction {
            Direction::Normalizing => Self::Input,
            Direction::Generative => Self::Output,
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Input => Self::Output,
            Self::Output => Self::Input,
        }
    }
}

/// What does not change from event to event.
#[derive(Clone, Copy)]
struct Constants<S: Simd, T: Real> {
    zero: Vector<S, T>,
    one: Vector<S, T>,
    two: Vector<S, T>,
    bound: Vector<S, T>,
    inverse_size_bound: Vector<S, T>,
    inverse_derivative_bound: Vector<S, T>,
    /// The unnormalised slope that stands for the slope 1 of an end.
    end: Vector<S, T>,
    least_size: Vector<S, T>,
    least_slope: Vector<S, T>,
    /// One over what the least sizes of all bins leave of the spline's.
    inverse_span: Vector<S, T>,
}

impl<S: Simd, T: Real> Constants<S, T> {
    #[inline(always)]
    fn new<const FLOORED: bool>(simd: S, spline: Spline<FLOORED>) -> Self {
        let Spline {
            bins, bound, floor, ..
        } = spline;
        let span = 2.0 * bound - bins as f64 * floor.size;
        Self {
            zero: constant(simd, 0.0),
            one: constant(simd, 1.0),
            two: constant(simd, 2.0),
            bound: constant(simd, bound),
            inverse_size_bound: constant(simd, 1.0 / SIZE_BOUND),
            inverse_derivative_bound: constant(simd, 1.0 / DERIVATIVE_BOUND),
            end: match FLOORED {
                true => constant(simd, (1.0 - floor.slope).exp_m1().ln()),
                false => constant(simd, 0.0),
            },
            least_size: constant(simd, floor.size),
            least_slope: constant(simd, floor.slope),
            inverse_span: constant(simd, 1.0 / span),
        }
    }

    /// A slope and its derivative by the unnormalised one.
    #[inline(always)]
    fn derivative<const FLOORED: bool>(self, raw: Vector<S, T>) -> [Vector<S, T>; 2] {
        if !FLOORED {
            return self.clipped_exp(raw, self.inverse_derivative_bound);
        }
        let e = (-raw.abs()).exp();
        let sum = self.one + e;
        // What the sum rounds away is made good.
        let rounded = sum - self.one;
        let small = rounded.less(e * e);
        let log = small.select(e, sum.ln() * (e / small.select(self.one, rounded)));
        let positive = self.zero.less(raw);
        let softplus = positive.select(raw, self.zero) + log;
        [
            softplus + self.least_slope,
            positive.select(self.one, e) / sum,
        ]
    }

    /// `e^clip(r)` and its derivative by `r`, where `clip(r) = r / (1 + |r| / bound)`.
    #[inline(always)]
    fn clipped_exp(self, raw: Vector<S, T>, inverse_bound: Vector<S, T>) -> [Vector<S, T>; 2] {
        let shrink = self.one / raw.abs().mul_add(inverse_bound, self.one);
        let exp = (raw * shrink).exp();
        [exp, exp * (shrink * shrink)]
    }

    /// Whether a value lies within the spline; false for NaN.
    #[inline(always)]
    fn inside(self, value: Vector<S, T>) -> Mask<S, T> {
        value.abs().less(self.bound)
    }
}

#[inline(always)]
fn constant<S: Simd, T: Real>(simd: S, value: f64) -> Vector<S, T> {
    Vector::splat(simd, T::from_f64(value))
}

/// An angle plus `turn`, modulo a full turn, into -π ..= π; NaN where the runtime's is.
#[inline(always)]
fn rotate<S: Simd, T: Real>(simd: S, angle: Vector<S, T>, turn: f64) -> Vector<S, T> {
    let angle = angle + constant(simd, turn);
    let full = constant(simd, 2.0 * PI);
    let round = Vector::splat(simd, T::ROUND);
    let turns = (angle / full + round) - round;
    let wrapped = (-turns).mul_add(full, angle);
    let far = constant(simd, FAR).less(angle.abs());
    far.select(constant(simd, f64::NAN), wrapped)
}

/// The piece of the spline that holds a value, for a vector of events.
#[derive(Clone, Copy)]
struct Bin<S: Simd, T: Real> {
    index: Vector<S, T>,
    /// The share of the bin's width that lies to the left of the value.
    xi: Vector<S, T>,
    left: Vector<S, T>,
    width: Vector<S, T>,
    bottom: Vector<S, T>,
    height: Vector<S, T>,
    /// Derivatives at the lower and the upper knot ...
    lower: Vector<S, T>,
    upper: Vector<S, T>,
    /// ... and theirs by the unnormalised ones.
    d_lower: Vector<S, T>,
    d_upper: Vector<S, T>,
    /// From exponentials to widths, and to heights.
    across: Vector<S, T>,
    up: Vector<S, T>,
}

impl<S: Simd, T: Real> Bin<S, T> {
    #[inline(always)]
    fn save(self, saved: &mut [T::Lanes<S>], stride: usize, vector: usize) {
        let Self {
            index,
            xi,
            left,
            width,
            bottom,
            height,
            lower,
            upper,
            d_lower,
            d_upper,
            across,
            up,
        } = self;
        let fields: [_; SAVED] = [
            index, xi, left, width, bottom, height, lower, upper, d_lower, d_upper, across, up,
        ];
        for (row, field) in fields.into_iter().enumerate() {
            saved[row * stride + vector] = field.lanes();
        }
    }

    #[inline(always)]
    fn load(simd: S, saved: &[T::Lanes<S>], stride: usize, vector: usize) -> Self {
        let mut fields = [Vector::splat(simd, T::ZERO); SAVED];
        for (row, field) in fields.iter_mut().enumerate() {
            *field = Vector::new(simd, saved[row * stride + vector]);
        }
        let [
            index,
            xi,
            left,
            width,
            bottom,
            height,
            lower,
            upper,
            d_lower,
            d_upper,
            across,
            up,
        ] = fields;
        Self {
            index,
            xi,
            left,
            width,
            bottom,
            height,
            lower,
            upper,
            d_lower,
            d_upper,
            across,
            up,
        }
    }

    /// `xi` for a value of the spline: the root of a quadratic, in the form that does not cancel for the sign of the
    /// linear coefficient; where that is negative, the quadratic one is positive. Rounding can make the discriminant
    /// negative at a knot, where it is zero in truth.
    #[inline(always)]
    fn invert(self, c: Constants<S, T>, y: Vector<S, T>) -> Vector<S, T> {
        let slope = self.height / self.width;
        let rise = y - self.bottom;
        let bend = rise * (self.lower + self.upper - c.two * slope);
        let quadratic = self.height.mul_add(slope - self.lower, bend);
        let linear = self.height * self.lower - bend;
        let constant = slope * rise;
        let four = c.two + c.two;
        let discriminant = (linear * linear + four * quadratic * constant).at_least(c.zero);
        let root = discriminant.sqrt();
        let negative = linear.less(c.zero);
        let numerator = negative.select(root - linear, c.two * constant);
        numerator / negative.select(c.two * quadratic, linear + root)
    }
}

/// The curve within a [`Bin`] at its `xi`; by the parts of a bin, at fixed `xi`, its partial derivatives.
struct Curve<S: Simd, T: Real> {
    slope: Vector<S, T>,
    rest: Vector<S, T>,
    /// `xi (1 - xi)`.
    both: Vector<S, T>,
    inverse_denominator: Vector<S, T>,
    /// Of `dy/dx`, but for the square of `slope / denominator`.
    numerator: Vector<S, T>,
    /// The share of the bin's height that lies below the value.
    share: Vector<S, T>,
}

impl<S: Simd, T: Real> Curve<S, T> {
    #[inline(always)]
    fn new(c: Constants<S, T>, bin: Bin<S, T>, slope: Vector<S, T>) -> Self {
        let xi = bin.xi;
        let rest = c.one - xi;
        let both = xi * rest;
        let bend = bin.lower + bin.upper - c.two * slope;
        let inverse_denominator = c.one / bend.mul_add(both, slope);
        let rise = (slope * xi).mul_add(xi, bin.lower * both);
        let numerator =
            (bin.upper * xi).mul_add(xi, (bin.lower * rest).mul_add(rest, c.two * slope * both));
        Self {
            slope,
            rest,
            both,
            inverse_denominator,
            numerator,
            share: rise * inverse_denominator,
        }
    }

    /// `dy/dx`.
    #[inline(always)]
    fn derivative(&self) -> Vector<S, T> {
        let ratio = self.slope * self.inverse_denominator;
        ratio * ratio * self.numerator
    }
}

/// A pass in either direction.
struct Pass<'a, T, const ROOM: usize, const FLOORED: bool> {
    spline: Spline<FLOORED>,
    axis: Axis,
    given: &'a [T],
    parameters: &'a mut [T],
    stride: usize,
    saved: &'a mut [T],
    saved_stride: usize,
    out: &'a mut [T],
    log_det: Option<&'a mut [T]>,
}

impl<T: Real, const ROOM: usize, const FLOORED: bool> WithSimd for Pass<'_, T, ROOM, FLOORED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = self.given.len() / T::lanes::<S>(self.given).len();
        let circular = self.spline.circular;
        let c = Constants::<S, T>::new(simd, self.spline);
        let given = T::lanes::<S>(self.given);
        let parameters = T::lanes_mut::<S>(self.parameters);
        let saved = T::lanes_mut::<S>(self.saved);
        let out = T::lanes_mut::<S>(self.out);
        let mut log_det = self.log_det.map(T::lanes_mut::<S>);
        let (stride, saved_stride) = (self.stride / lanes, self.saved_stride / lanes);
        let mut knots = [[c.zero; ROOM]; 2];
        for vector in 0..given.len() {
            let mut value = Vector::new(simd, given[vector]);
            if circular && matches!(self.axis, Axis::Output) {
                value = rotate(simd, value, -ROTATION);
            }
            let inside = c.inside(value);
            let at = inside.select(value, c.zero);
            let own = &mut parameters[vector..];
            let mut bin = find(simd, c, self.spline, self.axis, at, own, stride, &mut knots);
            let xi = match self.axis {
                Axis::Input => (at - bin.left) / bin.width,
                Axis::Output => bin.invert(c, at),
            };
            bin.xi = xi.at_least(c.zero).at_most(c.one);
            bin.save(saved, saved_stride, vector);
            let curve = Curve::new(c, bin, bin.height / bin.width);
            let moved = match self.axis {
                Axis::Input => curve.share.mul_add(bin.height, bin.bottom),
                Axis::Output => bin.xi.mul_add(bin.width, bin.left),
            };
            let mut result = inside.select(moved, value);
            if circular && matches!(self.axis, Axis::Input) {
                result = rotate(simd, result, ROTATION);
            }
            out[vector] = result.lanes();
            if let Some(log_det) = &mut log_det {
                let log_slope = inside.select(curve.derivative(), c.one).ln();
                let sum = Vector::new(simd, log_det[vector]);
                log_det[vector] = match self.axis {
                    Axis::Input => sum + log_slope,
                    Axis::Output => sum - log_slope,
                }
                .lanes();
            }
        }
    }
}

/// The bin whose side along `axis` holds `value`, but for its `xi`. Overwrites sizes by their derivatives.
///
/// Every bin is looked at, and kept where the value lies beyond the knot before it.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn find<S: Simd, T: Real, const ROOM: usize, const FLOORED: bool>(
    simd: S,
    c: Constants<S, T>,
    spline: Spline<FLOORED>,
    axis: Axis,
    value: Vector<S, T>,
    parameters: &mut [T::Lanes<S>],
    stride: usize,
    knots: &mut [[Vector<S, T>; ROOM]; 2],
) -> Bin<S, T> {
    let bins = spline.bins;
    let mut scales = [c.zero; 2];
    for (side, knots) in knots.iter_mut().enumerate() {
        let knots = &mut knots[..bins];
        let mut largest = Vector::new(simd, parameters[side * bins * stride]);
        if FLOORED {
            for k in 1..bins {
                let size = parameters[(side * bins + k) * stride];
                largest = largest.at_least(Vector::new(simd, size));
            }
        }
        let mut sum = c.zero;
        for (k, knot) in knots.iter_mut().enumerate() {
            let size = &mut parameters[(side * bins + k) * stride];
            let raw = Vector::new(simd, *size);
            let [exp, d_exp] = match FLOORED {
                true => [(raw - largest).exp(); 2],
                false => c.clipped_exp(raw, c.inverse_size_bound),
            };
            *size = d_exp.lanes();
            sum = sum + exp;
            *knot = sum;
        }
        if FLOORED {
            // What a least size adds to each exponential.
            let lift = sum * c.least_size * c.inverse_span;
            let mut lifts = c.zero;
            for knot in knots.iter_mut() {
                lifts = lifts + lift;
                *knot = *knot + lifts;
            }
            sum = sum + lifts;
        }
        let scale = (c.bound + c.bound) / sum;
        for knot in &mut knots[..bins - 1] {
            *knot = knot.mul_add(scale, -c.bound);
        }
        // Exactly, as the other end is: values are clamped to it.
        knots[bins - 1] = c.bound;
        scales[side] = scale;
    }
    let [across, up] = [&knots[0][..bins], &knots[1][..bins]];
    let measured = match axis {
        Axis::Input => across,
        Axis::Output => up,
    };
    let derivatives = &parameters[2 * bins * stride..];
    let (mut left, mut right) = (-c.bound, across[0]);
    let (mut bottom, mut top) = (-c.bound, up[0]);
    // The unnormalised derivatives.
    let derivative = |knot: usize| {
        let row = match FLOORED && spline.floor.free_ends {
            true => Some(knot),
            false if knot < bins => knot.checked_sub(1),
            false => None,
        };
        row.map_or(c.end, |row| Vector::new(simd, derivatives[row * stride]))
    };
    let (mut lower, mut upper) = (derivative(0), derivative(1));
    let mut last = upper;
    let mut index = c.zero;
    let mut count = c.zero;
    for k in 1..bins {
        let before = value.less(measured[k - 1]);
        let next = derivative(k + 1);
        count = count + c.one;
        index = before.select(index, count);
        left = before.select(left, across[k - 1]);
        right = before.select(right, across[k]);
        bottom = before.select(bottom, up[k - 1]);
        top = before.select(top, up[k]);
        lower = before.select(lower, last);
        upper = before.select(upper, next);
        last = next;
    }
    let [lower, d_lower] = c.derivative::<FLOORED>(lower);
    let [upper, d_upper] = c.derivative::<FLOORED>(upper);
    Bin {
        index,
        xi: c.zero,
        left,
        width: right - left,
        bottom,
        height: top - bottom,
        lower,
        upper,
        d_lower,
        d_upper,
        across: scales[0],
        up: scales[1],
    }
}

/// A reverse pass in either direction.
///
/// With S the forward spline and l = ln S', the loss's gradient by the parameters is `g_y dS + g_l dl` at fixed
/// input. Backward of a pass along the inputs, `g_y` and `g_l` are those given. The inverse pass has
/// `out = S^-1(given)` and `log_det = -l(out)`; by the implicit function theorem `d out / d given = 1 / S'` and
/// `d out = -dS / S'`, so that there `g_l = -d_log_det` and `g_y = -(g_out + g_l dl/d out) / S'`.
struct Reverse<'a, T, const FLOORED: bool> {
    spline: Spline<FLOORED>,
    axis: Axis,
    given: &'a [T],
    parameters: Rows<'a, T>,
    saved: Rows<'a, T>,
    d_log_det: &'a [T],
    gradient: &'a mut [T],
    d_parameters: RowsMut<'a, T>,
}

impl<T: Real, const FLOORED: bool> WithSimd for Reverse<'_, T, FLOORED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = self.given.len() / T::lanes::<S>(self.given).len();
        let circular = self.spline.circular;
        let c = Constants::<S, T>::new(simd, self.spline);
        let strides = [
            self.parameters.stride() / lanes,
            self.saved.stride() / lanes,
            self.d_parameters.stride() / lanes,
        ];
        let given = T::lanes::<S>(self.given);
        let parameters = T::lanes::<S>(self.parameters.as_slice());
        let saved = T::lanes::<S>(self.saved.as_slice());
        let d_log_det = T::lanes::<S>(self.d_log_det);
        let gradient = T::lanes_mut::<S>(self.gradient);
        let d_parameters = T::lanes_mut::<S>(self.d_parameters.into_mut_slice());
        for vector in 0..given.len() {
            let mut value = Vector::new(simd, given[vector]);
            if circular && matches!(self.axis, Axis::Output) {
                value = rotate(simd, value, -ROTATION);
            }
            let inside = c.inside(value);
            let outer = Vector::new(simd, gradient[vector]);
            let within = inside.select(outer, c.zero);
            let by_log_det = Vector::new(simd, d_log_det[vector]);
            let by_log_det = inside.select(by_log_det, c.zero);
            let bin = Bin::load(simd, saved, strides[1], vector);
            let d_bin = gradient_of_bin(c, bin, self.axis, within, by_log_det);
            let d_given = match self.axis {
                Axis::Input => -d_bin.left,
                Axis::Output => -d_bin.bottom,
            };
            gradient[vector] = inside.select(d_given, outer).lanes();
            spread(
                simd,
                c,
                self.spline,
                bin,
                &d_bin,
                (&parameters[vector..], strides[0]),
                (&mut d_parameters[vector..], strides[2]),
            );
        }
    }
}

/// A gradient by the parts of a [`Bin`].
struct BinGradient<S: Simd, T: Real> {
    left: Vector<S, T>,
    width: Vector<S, T>,
    bottom: Vector<S, T>,
    height: Vector<S, T>,
    lower: Vector<S, T>,
    upper: Vector<S, T>,
}

/// The gradient by the bin's parts, given those by a pass's result and by its log-determinant.
///
/// The forward spline moves with its input against the bin's start: `-left` is the gradient by that input.
#[inline(always)]
fn gradient_of_bin<S: Simd, T: Real>(
    c: Constants<S, T>,
    bin: Bin<S, T>,
    axis: Axis,
    outer: Vector<S, T>,
    d_log_det: Vector<S, T>,
) -> BinGradient<S, T> {
    let inverse_width = c.one / bin.width;
    let slope = bin.height * inverse_width;
    let curve = Curve::new(c, bin, slope);
    let Curve {
        rest,
        both,
        inverse_denominator,
        share,
        ..
    } = curve;
    let xi = bin.xi;
    let twice = c.two * slope;
    let bend = bin.lower + bin.upper - twice;
    let tilt = rest - xi; // 1 - 2 xi, the derivative of `both`
    let inverse_numerator = c.one / curve.numerator;
    // Derivatives of ln dy/dx = 2 ln(slope / denominator) + ln(numerator), at fixed xi but for the first.
    let d_numerator = c.two * (bin.upper * xi - bin.lower * rest) + twice * tilt;
    let l_xi = d_numerator * inverse_numerator - c.two * bend * tilt * inverse_denominator;
    let l_slope = c.two
        * (c.one / slope - (c.one - c.two * both) * inverse_denominator + both * inverse_numerator);
    let l_both = c.two * both * inverse_denominator;
    let l_lower = rest * rest * inverse_numerator - l_both;
    let l_upper = xi * xi * inverse_numerator - l_both;
    // Derivatives of the share.
    let derivative = curve.derivative();
    let share_slope = (xi * xi - share * (c.one - c.two * both)) * inverse_denominator;
    let share_both = both * inverse_denominator;
    let l_x = l_xi * inverse_width;
    let (g_y, g_l) = match axis {
        Axis::Input => (outer, d_log_det),
        Axis::Output => ((d_log_det * l_x - outer) / derivative, -d_log_det),
    };
    let d_x = g_y * derivative + g_l * l_x;
    let g_share = g_y * bin.height;
    let g_slope = g_share * share_slope + g_l * l_slope;
    let g_slope_by_width = g_slope * inverse_width;
    BinGradient {
        left: -d_x,
        width: -(xi * d_x + g_slope_by_width * slope),
        bottom: g_y,
        height: g_y * share + g_slope_by_width,
        lower: g_share * share_both * (c.one - share) + g_l * l_lower,
        upper: g_l * l_upper - g_share * share_both * share,
    }
}

/// From the gradient by a bin to that by all parameters: a bin's start moves with the sizes before it, its size
/// with its own, and both shrink as the sum of all grows.
#[inline(always)]
fn spread<S: Simd, T: Real, const FLOORED: bool>(
    simd: S,
    c: Constants<S, T>,
    spline: Spline<FLOORED>,
    bin: Bin<S, T>,
    d_bin: &BinGradient<S, T>,
    (parameters, stride): (&[T::Lanes<S>], usize),
    (d_parameters, d_stride): (&mut [T::Lanes<S>], usize),
) {
    let bins = spline.bins;
    let half = match FLOORED {
        true => c.inverse_span,
        false => c.one / (c.bound + c.bound),
    };
    // The part of a start and of a size that the exponentials make.
    let made = |start: Vector<S, T>, size: Vector<S, T>| match FLOORED {
        true => [
            start + c.bound - bin.index * c.least_size,
            size - c.least_size,
        ],
        false => [start + c.bound, size],
    };
    let across = by_exponentials(
        bin.across * half,
        [d_bin.left, d_bin.width],
        made(bin.left, bin.width),
        bin.across,
    );
    let up = by_exponentials(
        bin.up * half,
        [d_bin.bottom, d_bin.height],
        made(bin.bottom, bin.height),
        bin.up,
    );
    let d_lower = d_bin.lower * bin.d_lower;
    let d_upper = d_bin.upper * bin.d_upper;
    let mut count = c.zero;
    for k in 0..bins {
        // The bin is before this one, is this one, or the next.
        let passed = bin.index.less(count);
        count = count + c.one;
        let reached = bin.index.less(count);
        for (side, [before, at, after]) in [across, up].into_iter().enumerate() {
            let by_exp = passed.select(after, reached.select(at, before));
            let row = side * bins + k;
            let d_exp = Vector::new(simd, parameters[row * stride]);
            d_parameters[row * d_stride] = (by_exp * d_exp).lanes();
        }
        // The derivative of the knot behind bin k.
        let free_ends = FLOORED && spline.floor.free_ends;
        if k + 1 < bins || free_ends {
            let next = bin.index.less(count + c.one);
            let by_knot = reached.select(d_upper, next.select(d_lower, c.zero));
            let row = 2 * bins + k + usize::from(free_ends);
            d_parameters[row * d_stride] = passed.select(c.zero, by_knot).lanes();
        }
        if k == 0 && free_ends {
            d_parameters[2 * bins * d_stride] = reached.select(d_lower, c.zero).lanes();
        }
    }
}

/// The gradients by an exponential before the bin, of the bin, and after it, given those by the bin's start and
/// size; `inverse_sum` is that of all exponentials.
#[inline(always)]
fn by_exponentials<S: Simd, T: Real>(
    inverse_sum: Vector<S, T>,
    [d_start, d_size]: [Vector<S, T>; 2],
    [start, size]: [Vector<S, T>; 2],
    scale: Vector<S, T>,
) -> [Vector<S, T>; 3] {
    let shrink = d_start.mul_add(start, d_size * size) * inverse_sum;
    [d_start * scale - shrink, d_size * scale - shrink, -shrink]
}
