//! Monotone rational-quadratic splines: the runtime's kernel over vectors of events, operation by operation.

use super::lanes::{LaneMath, Lanes, negative};
use super::transformer::{Way, soft_clip, softplus};
use flow_embedded::kernels::Floor;
use flow_model::panel::Panel;
use flow_model::real::Real;
use pulp::Simd;

/// `|ln 1e-3| / 2`: the soft bound of widths and heights before the softmax.
const SIZE_BOUND: f32 = 3.453_877_6;
/// `|ln 1e-3|`: the soft bound of the logarithm of derivatives.
const DERIVATIVE_BOUND: f32 = 6.907_755_4;

/// The parameters of one vector of events.
pub(super) struct Parameters<'p, S: Simd> {
    values: &'p mut [S::f32s],
    stride: usize,
    column: usize,
    bins: usize,
}

impl<'p, S: Simd> Parameters<'p, S> {
    /// Those in the vectors `column` of the rows.
    #[inline(always)]
    pub(super) fn new(panel: &'p mut Panel<f32>, bins: usize, column: usize) -> Self {
        let rows = panel.rows();
        let values = f32::lanes_mut::<S>(panel.as_mut_slice());
        let stride = values.len() / rows;
        Self {
            values,
            stride,
            column,
            bins,
        }
    }

    #[inline(always)]
    fn row(&mut self, row: usize) -> &mut S::f32s {
        &mut self.values[row * self.stride + self.column]
    }

    /// The unnormalised slope at a knot, and 1 where the slope is fixed.
    #[inline(always)]
    fn slope(&mut self, simd: S, knot: usize, form: impl Parametrisation) -> [Lanes<S>; 2] {
        let zero = Lanes::splat(simd, 0.0);
        let row = match form.free_ends() {
            true => knot,
            false if knot == 0 || knot == self.bins => return [zero, Lanes::splat(simd, 1.0)],
            false => knot - 1,
        };
        [Lanes::new(simd, *self.row(2 * self.bins + row)), zero]
    }

    /// The sizes of all bins, from row `first` on.
    #[inline(always)]
    fn sizes(&mut self, first: usize) -> impl Iterator<Item = &mut S::f32s> {
        self.values[first * self.stride + self.column..]
            .iter_mut()
            .step_by(self.stride)
            .take(self.bins)
    }
}

/// What makes sizes and slopes of parameters, as the runtime has it.
pub(super) trait Parametrisation: Copy {
    /// Replaces the sizes of bins from row `first` on by what is proportional to them; returns their sum.
    fn sizes<M: LaneMath, S: Simd>(
        self,
        simd: S,
        parameters: &mut Parameters<'_, S>,
        first: usize,
        bound: f32,
    ) -> Lanes<S>;

    /// Whether the slopes at both ends are parameters, too.
    fn free_ends(self) -> bool;

    /// The slope of an unnormalised one; where `fixed` is 1, that is 0 and the slope 1.
    fn slope<M: LaneMath, S: Simd>(self, simd: S, raw: Lanes<S>, fixed: Lanes<S>) -> Lanes<S>;
}

/// Soft bounds, as zuko has them.
#[derive(Clone, Copy)]
pub(super) struct SoftBounds;

impl Parametrisation for SoftBounds {
    #[inline(always)]
    fn sizes<M: LaneMath, S: Simd>(
        self,
        simd: S,
        parameters: &mut Parameters<'_, S>,
        first: usize,
        _: f32,
    ) -> Lanes<S> {
        let inv_bound = Lanes::splat(simd, 1.0 / SIZE_BOUND);
        let mut sum = Lanes::splat(simd, 0.0);
        for size in parameters.sizes(first) {
            let clipped = soft_clip(simd, Lanes::new(simd, *size), inv_bound);
            let own = M::exp_lanes_within(simd, clipped);
            *size = own.lanes();
            sum = sum + own;
        }
        sum
    }

    #[inline(always)]
    fn free_ends(self) -> bool {
        false
    }

    #[inline(always)]
    fn slope<M: LaneMath, S: Simd>(self, simd: S, raw: Lanes<S>, _: Lanes<S>) -> Lanes<S> {
        // The exponential of 0 is 1, exactly.
        let inv_bound = Lanes::splat(simd, 1.0 / DERIVATIVE_BOUND);
        M::exp_lanes_within(simd, soft_clip(simd, raw, inv_bound))
    }
}

impl Parametrisation for Floor {
    #[inline(always)]
    fn sizes<M: LaneMath, S: Simd>(
        self,
        simd: S,
        parameters: &mut Parameters<'_, S>,
        first: usize,
        bound: f32,
    ) -> Lanes<S> {
        let mut largest = Lanes::splat(simd, f32::NEG_INFINITY);
        for size in parameters.sizes(first) {
            // The number where there is a NaN, as `f32::max` has it.
            let own = Lanes::new(simd, *size);
            largest = largest.less(own).select(own, largest);
        }
        let mut sum = Lanes::splat(simd, 0.0);
        for size in parameters.sizes(first) {
            let own = M::exp_lanes(simd, Lanes::new(simd, *size) - largest);
            *size = own.lanes();
            sum = sum + own;
        }
        let count = parameters.bins as f32;
        let least = self.size * count;
        let lift = sum * Lanes::splat(simd, self.size / (2.0 * bound - least));
        for size in parameters.sizes(first) {
            *size = (Lanes::new(simd, *size) + lift).lanes();
        }
        sum + lift * Lanes::splat(simd, count)
    }

    #[inline(always)]
    fn free_ends(self) -> bool {
        self.free_ends
    }

    #[inline(always)]
    fn slope<M: LaneMath, S: Simd>(self, simd: S, raw: Lanes<S>, fixed: Lanes<S>) -> Lanes<S> {
        let slope = softplus::<M, S>(simd, raw) + Lanes::splat(simd, self.slope);
        let zero = Lanes::splat(simd, 0.0);
        zero.less(fixed).select(Lanes::splat(simd, 1.0), slope)
    }
}

/// The knots along one axis, taken one after the other.
struct Knots<S: Simd> {
    /// The row of the next bin's size.
    row: usize,
    sum: Lanes<S>,
    scale: Lanes<S>,
    bound: Lanes<S>,
}

impl<S: Simd> Knots<S> {
    /// Before the first bin, whose size the row `first` will hold.
    #[inline(always)]
    fn new<M: LaneMath>(
        simd: S,
        parameters: &mut Parameters<'_, S>,
        first: usize,
        bound: f32,
        form: impl Parametrisation,
    ) -> Self {
        let sizes = form.sizes::<M, S>(simd, parameters, first, bound);
        Self {
            row: first,
            sum: Lanes::splat(simd, 0.0),
            scale: Lanes::splat(simd, 2.0 * bound) / sizes,
            bound: Lanes::splat(simd, bound),
        }
    }

    #[inline(always)]
    fn next(&mut self, simd: S, parameters: &mut Parameters<'_, S>) -> Lanes<S> {
        self.sum = self.sum + Lanes::new(simd, *parameters.row(self.row));
        self.row += 1;
        self.sum * self.scale - self.bound
    }
}

/// The piece of the spline that holds a value.
struct Bin<S: Simd> {
    left: Lanes<S>,
    width: Lanes<S>,
    bottom: Lanes<S>,
    height: Lanes<S>,
    lower: Lanes<S>,
    upper: Lanes<S>,
}

/// The spline of one vector of events: the value, and the log-determinant of the way (zero where it has none).
#[inline(always)]
pub(super) fn apply<M: LaneMath, S: Simd>(
    simd: S,
    way: Way,
    x: Lanes<S>,
    parameters: Parameters<'_, S>,
    bound: f32,
    form: impl Parametrisation,
) -> (Lanes<S>, Lanes<S>) {
    let zero = Lanes::splat(simd, 0.0);
    // False for NaN, which stays NaN as all stays that lies outside.
    let inside = x.abs().less(Lanes::splat(simd, bound));
    let own = inside.select(x, zero);
    let bin = Bin::find::<M>(simd, way, own, parameters, bound, form);
    let (value, log_det) = match way {
        Way::Forward => {
            let xi = share(simd, (own - bin.left) / bin.width);
            (bin.value(simd, xi), bin.log_slope::<M>(simd, xi))
        }
        Way::Inverse | Way::InverseAndLogDet => {
            let xi = bin.invert::<M>(simd, own);
            let value = bin.left + xi * bin.width;
            let log_det = match way {
                Way::InverseAndLogDet => negative(simd, bin.log_slope::<M>(simd, xi)),
                _ => zero,
            };
            (value, log_det)
        }
    };
    (inside.select(value, x), inside.select(log_det, zero))
}

/// Keeps a share of a bin within 0 ..= 1; NaN stays NaN.
#[inline(always)]
fn share<S: Simd>(simd: S, xi: Lanes<S>) -> Lanes<S> {
    xi.at_least(Lanes::splat(simd, 0.0))
        .at_most(Lanes::splat(simd, 1.0))
}

impl<S: Simd> Bin<S> {
    #[inline(always)]
    fn find<M: LaneMath>(
        simd: S,
        way: Way,
        value: Lanes<S>,
        mut parameters: Parameters<'_, S>,
        bound: f32,
        form: impl Parametrisation,
    ) -> Self {
        let bins = parameters.bins;
        let (low, high) = (Lanes::splat(simd, -bound), Lanes::splat(simd, bound));
        let mut across = Knots::new::<M>(simd, &mut parameters, 0, bound, form);
        let mut up = Knots::new::<M>(simd, &mut parameters, bins, bound, form);
        let (mut left, mut bottom) = (low, low);
        let mut lower = parameters.slope(simd, 0, form);
        let mut right = across.next(simd, &mut parameters);
        let mut top = up.next(simd, &mut parameters);
        let mut upper = parameters.slope(simd, 1, form);
        let mut knot = (right, top, upper);
        for inner in 1..bins {
            let derivative = parameters.slope(simd, inner + 1, form);
            let next = if inner + 1 < bins {
                (
                    across.next(simd, &mut parameters),
                    up.next(simd, &mut parameters),
                    derivative,
                )
            } else {
                (high, high, derivative)
            };
            // Knots don't decrease, or all of them are NaN: once below one, below all that follow.
            let below = match way {
                Way::Forward => value.less(knot.0),
                Way::Inverse | Way::InverseAndLogDet => value.less(knot.1),
            };
            left = below.select(left, knot.0);
            bottom = below.select(bottom, knot.1);
            lower[0] = below.select(lower[0], knot.2[0]);
            lower[1] = below.select(lower[1], knot.2[1]);
            right = below.select(right, next.0);
            top = below.select(top, next.1);
            upper[0] = below.select(upper[0], next.2[0]);
            upper[1] = below.select(upper[1], next.2[1]);
            knot = next;
        }
        Self {
            left,
            width: right - left,
            bottom,
            height: top - bottom,
            lower: form.slope::<M, S>(simd, lower[0], lower[1]),
            upper: form.slope::<M, S>(simd, upper[0], upper[1]),
        }
    }

    #[inline(always)]
    fn slope(&self) -> Lanes<S> {
        self.height / self.width
    }

    /// The spline at `xi`, the share of the bin's width that lies to the left.
    #[inline(always)]
    fn value(&self, simd: S, xi: Lanes<S>) -> Lanes<S> {
        let slope = self.slope();
        let both = xi * (Lanes::splat(simd, 1.0) - xi);
        let rise = self.height * (slope * xi * xi + self.lower * both);
        self.bottom + rise / self.denominator(simd, slope, both)
    }

    /// `ln dy/dx` at `xi`.
    #[inline(always)]
    fn log_slope<M: LaneMath>(&self, simd: S, xi: Lanes<S>) -> Lanes<S> {
        let slope = self.slope();
        let rest = Lanes::splat(simd, 1.0) - xi;
        let both = xi * rest;
        let denominator = self.denominator(simd, slope, both);
        let numerator = self.upper * xi * xi
            + Lanes::splat(simd, 2.0) * slope * both
            + self.lower * rest * rest;
        let ratio = slope / denominator;
        M::ln_lanes(simd, ratio * ratio * numerator)
    }

    #[inline(always)]
    fn denominator(&self, simd: S, slope: Lanes<S>, both: Lanes<S>) -> Lanes<S> {
        slope + self.bend(simd, slope) * both
    }

    #[inline(always)]
    fn bend(&self, simd: S, slope: Lanes<S>) -> Lanes<S> {
        self.lower + self.upper - Lanes::splat(simd, 2.0) * slope
    }

    /// `xi` for a value of the spline.
    #[inline(always)]
    fn invert<M: LaneMath>(&self, simd: S, y: Lanes<S>) -> Lanes<S> {
        let number = |value| Lanes::splat(simd, value);
        let slope = self.slope();
        let rise = y - self.bottom;
        let bend = rise * self.bend(simd, slope);
        let a = self.height * (slope - self.lower) + bend;
        let b = self.height * self.lower - bend;
        let c = slope * rise;
        let discriminant = b * b + number(4.0) * a * c;
        // Zero for NaN, as `f32::max` has it.
        let discriminant = number(0.0)
            .less(discriminant)
            .select(discriminant, number(0.0));
        let root = M::sqrt_lanes(simd, discriminant);
        let negative = b.less(number(0.0));
        let numerator = negative.select(root - b, number(2.0) * c);
        let denominator = negative.select(number(2.0) * a, b + root);
        share(simd, numerator / denominator)
    }
}
