//! Monotone rational-quadratic splines: the runtime's kernel over vectors of events, operation by operation.

use super::lanes::{LaneMath, Lanes, negative};
use super::transformer::{Way, soft_clip};
use crate::model::panel::Panel;
use crate::model::real::Real;
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

    /// Replaces the sizes of bins from row `first` on by their exponentials; returns what takes cumulated ones to
    /// standardised units.
    #[inline(always)]
    fn exponentiate<M: LaneMath>(&mut self, simd: S, first: usize, bound: f32) -> Lanes<S> {
        let inv_bound = Lanes::splat(simd, 1.0 / SIZE_BOUND);
        let mut sum = Lanes::splat(simd, 0.0);
        for row in first..first + self.bins {
            let size = self.row(row);
            let clipped = soft_clip(simd, Lanes::new(simd, *size), inv_bound);
            let exp = M::exp_lanes_within(simd, clipped);
            *size = exp.lanes();
            sum = sum + exp;
        }
        Lanes::splat(simd, 2.0 * bound) / sum
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
) -> (Lanes<S>, Lanes<S>) {
    let zero = Lanes::splat(simd, 0.0);
    // False for NaN, which stays NaN as all stays that lies outside.
    let inside = x.abs().less(Lanes::splat(simd, bound));
    let own = inside.select(x, zero);
    let bin = Bin::find::<M>(simd, way, own, parameters, bound);
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
    ) -> Self {
        let bins = parameters.bins;
        let (low, high) = (Lanes::splat(simd, -bound), Lanes::splat(simd, bound));
        let mut knots = |first| Knots {
            row: first,
            sum: Lanes::splat(simd, 0.0),
            scale: parameters.exponentiate::<M>(simd, first, bound),
            bound: high,
        };
        let (mut across, mut up) = (knots(0), knots(bins));
        // Derivatives are 1 at both ends: the exponential of 0, exactly.
        let one = Lanes::splat(simd, 0.0);
        let derivatives = 2 * bins;
        let (mut left, mut bottom, mut lower) = (low, low, one);
        let mut right = across.next(simd, &mut parameters);
        let mut top = up.next(simd, &mut parameters);
        let mut upper = Lanes::new(simd, *parameters.row(derivatives));
        let mut knot = (right, top, upper);
        for inner in 1..bins {
            let next = if inner + 1 < bins {
                (
                    across.next(simd, &mut parameters),
                    up.next(simd, &mut parameters),
                    Lanes::new(simd, *parameters.row(derivatives + inner)),
                )
            } else {
                (high, high, one)
            };
            // Knots don't decrease, or all of them are NaN: once below one, below all that follow.
            let below = match way {
                Way::Forward => value.less(knot.0),
                Way::Inverse | Way::InverseAndLogDet => value.less(knot.1),
            };
            left = below.select(left, knot.0);
            bottom = below.select(bottom, knot.1);
            lower = below.select(lower, knot.2);
            right = below.select(right, next.0);
            top = below.select(top, next.1);
            upper = below.select(upper, next.2);
            knot = next;
        }
        let inv_bound = Lanes::splat(simd, 1.0 / DERIVATIVE_BOUND);
        let derivative = |d| M::exp_lanes_within(simd, soft_clip(simd, d, inv_bound));
        Self {
            left,
            width: right - left,
            bottom,
            height: top - bottom,
            lower: derivative(lower),
            upper: derivative(upper),
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
