//! Monotone rational-quadratic splines (Durkan, Bekasov, Murray & Papamakarios
//! 2019, "Neural Spline Flows"; their inverse after Gregory & Delbourgo 1982).
//!
//! A channel has `3 K − 1` parameters: unnormalised widths and heights of the
//! K bins, then unnormalised derivatives at the inner knots. All are softly
//! clipped first (as zuko does, with a least slope of 1e-3), so that no bin is
//! narrower than about 1e-3 of an even share and no derivative leaves
//! 1e-3 ..= 1e3: in `f32` the sharpest spline is still inverted. At both ends
//! the slope is 1, and outside the spline is the identity.
//!
//! The kernels overwrite the parameters, and are shared by generated code and
//! the loader: the number of bins is that of the slice.
//!
//! Splines of other libraries have floors in place of soft bounds: see [`Floor`].

use super::affine::soft_clip;
use super::scale::softplus;
use crate::math::Math;

/// `|ln 1e-3| / 2`: the soft bound of widths and heights before the softmax.
const SIZE_BOUND: f32 = 3.453_877_6;
/// `|ln 1e-3|`: the soft bound of the logarithm of derivatives.
const DERIVATIVE_BOUND: f32 = 6.907_755_4;

/// Data to base for one channel: the value and `ln |dy/dx|` in nats.
///
/// Outside ±`bound` the identity, as for parameters that are no spline's (fewer
/// than 5). NaN in, NaN out.
#[inline(never)]
pub fn spline_forward<M: Math>(x: f32, parameters: &mut [f32], bound: f32) -> (f32, f32) {
    forward::<M, _>(x, parameters, bound, SoftBounds)
}

/// Base to data for one channel, the inverse of [`spline_forward`].
#[inline(never)]
pub fn spline_inverse<M: Math>(y: f32, parameters: &mut [f32], bound: f32) -> f32 {
    inverse::<M, _>(y, parameters, bound, SoftBounds)
}

/// As [`spline_inverse`], with `ln |dx/dy|` in nats.
#[inline(never)]
pub fn spline_inverse_and_log_det<M: Math>(
    y: f32,
    parameters: &mut [f32],
    bound: f32,
) -> (f32, f32) {
    inverse_and_log_det::<M, _>(y, parameters, bound, SoftBounds)
}

/// As [`spline_forward`], of a spline with floors.
#[inline(never)]
pub fn floored_spline_forward<M: Math>(
    x: f32,
    parameters: &mut [f32],
    bound: f32,
    floor: Floor,
) -> (f32, f32) {
    forward::<M, _>(x, parameters, bound, floor)
}

/// As [`spline_inverse`], of a spline with floors.
#[inline(never)]
pub fn floored_spline_inverse<M: Math>(
    y: f32,
    parameters: &mut [f32],
    bound: f32,
    floor: Floor,
) -> f32 {
    inverse::<M, _>(y, parameters, bound, floor)
}

/// As [`spline_inverse_and_log_det`], of a spline with floors.
#[inline(never)]
pub fn floored_spline_inverse_and_log_det<M: Math>(
    y: f32,
    parameters: &mut [f32],
    bound: f32,
    floor: Floor,
) -> (f32, f32) {
    inverse_and_log_det::<M, _>(y, parameters, bound, floor)
}

/// Least sizes and slopes of a spline (Durkan et al. 2019): bins are `size` and a share
/// of what is left, by a softmax; slopes are `slope + ln(1 + e^d)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// The least width and height of a bin; those of all bins together are less than
    /// the spline's.
    pub size: f32,
    /// The least slope at a knot.
    pub slope: f32,
    /// Whether the slopes at both ends are parameters, too: then a channel has
    /// `3 K + 1`. Else they are 1.
    pub free_ends: bool,
}

/// What makes sizes and slopes of parameters.
trait Parametrisation: Copy {
    /// The number of bins for so many parameters.
    fn bins(self, parameters: usize) -> usize;
    /// Replaces unnormalised sizes by what is proportional to them; returns their sum.
    fn sizes<M: Math>(self, sizes: &mut [f32], bound: f32) -> f32;
    /// The parameters of the slopes at both knots of a bin.
    fn knots(self, bin: usize) -> [Option<usize>; 2];
    /// The slope for a parameter; without one it is 1.
    fn slope<M: Math>(self, parameter: Option<&f32>) -> f32;
}

/// Soft bounds, as zuko has them.
#[derive(Clone, Copy)]
struct SoftBounds;

impl Parametrisation for SoftBounds {
    #[inline(always)]
    fn bins(self, parameters: usize) -> usize {
        (parameters + 1) / 3
    }

    #[inline(always)]
    fn sizes<M: Math>(self, sizes: &mut [f32], _: f32) -> f32 {
        exponentials::<M>(sizes)
    }

    #[inline(always)]
    fn knots(self, bin: usize) -> [Option<usize>; 2] {
        [bin.checked_sub(1), Some(bin)]
    }

    #[inline(always)]
    fn slope<M: Math>(self, parameter: Option<&f32>) -> f32 {
        parameter.map_or(1.0, |d| M::exp(soft_clip(*d, 1.0 / DERIVATIVE_BOUND)))
    }
}

impl Parametrisation for Floor {
    #[inline(always)]
    fn bins(self, parameters: usize) -> usize {
        match self.free_ends {
            true => parameters.saturating_sub(1) / 3,
            false => (parameters + 1) / 3,
        }
    }

    #[inline(always)]
    fn sizes<M: Math>(self, sizes: &mut [f32], bound: f32) -> f32 {
        floored::<M>(sizes, self.size, bound)
    }

    #[inline(always)]
    fn knots(self, bin: usize) -> [Option<usize>; 2] {
        match self.free_ends {
            true => [Some(bin), bin.checked_add(1)],
            false => [bin.checked_sub(1), Some(bin)],
        }
    }

    #[inline(always)]
    fn slope<M: Math>(self, parameter: Option<&f32>) -> f32 {
        parameter.map_or(1.0, |d| softplus::<M>(*d) + self.slope)
    }
}

#[inline(always)]
fn forward<M: Math, P: Parametrisation>(
    x: f32,
    parameters: &mut [f32],
    bound: f32,
    by: P,
) -> (f32, f32) {
    if x.abs() >= bound || x.is_nan() {
        return (x, 0.0);
    }
    let Some(bin) = Bin::find::<M, P>(x, parameters, bound, Axis::Input, by) else {
        return (x, 0.0);
    };
    let xi = ((x - bin.left) / bin.width).clamp(0.0, 1.0);
    (bin.value(xi), bin.log_slope::<M>(xi))
}

#[inline(always)]
fn inverse<M: Math, P: Parametrisation>(y: f32, parameters: &mut [f32], bound: f32, by: P) -> f32 {
    match invert::<M, P>(y, parameters, bound, by) {
        Some((bin, xi)) => bin.left + xi * bin.width,
        None => y,
    }
}

#[inline(always)]
fn inverse_and_log_det<M: Math, P: Parametrisation>(
    y: f32,
    parameters: &mut [f32],
    bound: f32,
    by: P,
) -> (f32, f32) {
    match invert::<M, P>(y, parameters, bound, by) {
        Some((bin, xi)) => (bin.left + xi * bin.width, -bin.log_slope::<M>(xi)),
        None => (y, 0.0),
    }
}

/// Which side of the spline a value is on.
#[derive(Clone, Copy)]
enum Axis {
    Input,
    Output,
}

/// The piece of the spline that holds a value.
struct Bin {
    left: f32,
    width: f32,
    bottom: f32,
    height: f32,
    /// Derivatives at the lower and the upper knot.
    lower: f32,
    upper: f32,
}

fn invert<M: Math, P: Parametrisation>(
    y: f32,
    parameters: &mut [f32],
    bound: f32,
    by: P,
) -> Option<(Bin, f32)> {
    if y.abs() >= bound || y.is_nan() {
        return None;
    }
    let bin = Bin::find::<M, P>(y, parameters, bound, Axis::Output, by)?;
    let xi = bin.invert::<M>(y);
    Some((bin, xi))
}

impl Bin {
    /// The bin whose side along `axis` holds `value`, which lies within
    /// ±`bound`. Overwrites widths and heights by their exponentials.
    #[inline(always)]
    fn find<M: Math, P: Parametrisation>(
        value: f32,
        parameters: &mut [f32],
        bound: f32,
        axis: Axis,
        by: P,
    ) -> Option<Self> {
        let bins = by.bins(parameters.len());
        let (widths, rest) = parameters.split_at_mut_checked(bins)?;
        let (heights, derivatives) = rest.split_at_mut_checked(bins)?;
        let across = Side::new::<M, P>(widths, bound, by);
        let up = Side::new::<M, P>(heights, bound, by);
        let (index, (left, right), (bottom, top)) = match axis {
            Axis::Input => {
                let (index, range) = across.holding(value);
                (index, range, up.bin(index))
            }
            Axis::Output => {
                let (index, range) = up.holding(value);
                (index, across.bin(index), range)
            }
        };
        let knots = by.knots(index);
        let slope = |knot: Option<usize>| {
            let parameter = knot.and_then(|knot| derivatives.get(knot));
            by.slope::<M>(parameter)
        };
        Some(Self {
            left,
            width: right - left,
            bottom,
            height: top - bottom,
            lower: slope(knots[0]),
            upper: slope(knots[1]),
        })
    }

    fn slope(&self) -> f32 {
        self.height / self.width
    }

    /// The spline at `xi`, the share of the bin's width that lies to the left.
    #[inline(always)]
    fn value(&self, xi: f32) -> f32 {
        let slope = self.slope();
        let both = xi * (1.0 - xi);
        let rise = self.height * (slope * xi * xi + self.lower * both);
        self.bottom + rise / self.denominator(slope, both)
    }

    /// `ln dy/dx` at `xi`.
    #[inline(always)]
    fn log_slope<M: Math>(&self, xi: f32) -> f32 {
        let slope = self.slope();
        let rest = 1.0 - xi;
        let both = xi * rest;
        let denominator = self.denominator(slope, both);
        let numerator = self.upper * xi * xi + 2.0 * slope * both + self.lower * rest * rest;
        let ratio = slope / denominator;
        M::ln(ratio * ratio * numerator)
    }

    #[inline(always)]
    fn denominator(&self, slope: f32, both: f32) -> f32 {
        slope + (self.lower + self.upper - 2.0 * slope) * both
    }

    /// `xi` for a value of the spline: the root of a quadratic, in the form that
    /// does not cancel for the sign of `b`; where `b` is negative, `a` is
    /// positive. Rounding can make the discriminant negative at a knot, where
    /// it is zero in truth, and `xi` leave the bin.
    #[inline(always)]
    fn invert<M: Math>(&self, y: f32) -> f32 {
        let slope = self.slope();
        let rise = y - self.bottom;
        let bend = rise * (self.lower + self.upper - 2.0 * slope);
        let a = self.height * (slope - self.lower) + bend;
        let b = self.height * self.lower - bend;
        let c = slope * rise;
        let root = M::sqrt((b * b + 4.0 * a * c).max(0.0));
        let xi = if b < 0.0 {
            (root - b) / (2.0 * a)
        } else {
            2.0 * c / (b + root)
        };
        xi.clamp(0.0, 1.0)
    }
}

/// The knots along one axis, as cumulated shares.
struct Side<'p> {
    shares: &'p [f32],
    /// From cumulated shares to standardised units.
    scale: f32,
    bound: f32,
}

/// Replaces sizes by the exponentials of what is softly clipped; returns their
/// sum. One instance for both axes and both directions: inlined, a spline takes
/// three times the flash.
#[inline(never)]
fn exponentials<M: Math>(sizes: &mut [f32]) -> f32 {
    let mut sum = 0.0;
    for size in sizes {
        *size = M::exp(soft_clip(*size, 1.0 / SIZE_BOUND));
        sum += *size;
    }
    sum
}

/// Replaces sizes by exponentials and what a least `size` adds to each; returns their
/// sum. The largest exponential is 1: sizes have no bound.
#[inline(never)]
fn floored<M: Math>(sizes: &mut [f32], size: f32, bound: f32) -> f32 {
    let largest = sizes.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let mut sum = 0.0;
    for own in sizes.iter_mut() {
        *own = M::exp(*own - largest);
        sum += *own;
    }
    let least = size * sizes.len() as f32;
    let lift = sum * (size / (2.0 * bound - least));
    for own in sizes.iter_mut() {
        *own += lift;
    }
    sum + lift * sizes.len() as f32
}

impl<'p> Side<'p> {
    #[inline(always)]
    fn new<M: Math, P: Parametrisation>(sizes: &'p mut [f32], bound: f32, by: P) -> Self {
        let sum = by.sizes::<M>(sizes, bound);
        Self {
            shares: sizes,
            scale: 2.0 * bound / sum,
            bound,
        }
    }

    /// The bin that holds a value within ±bound: its number and its ends.
    #[inline(always)]
    fn holding(&self, value: f32) -> (usize, (f32, f32)) {
        let (mut sum, mut index, mut lower) = (0.0, 0, -self.bound);
        let inner = self.shares.len().saturating_sub(1);
        for share in self.shares.iter().take(inner) {
            sum += share;
            let upper = sum * self.scale - self.bound;
            if value < upper {
                return (index, (lower, upper));
            }
            lower = upper;
            index += 1;
        }
        (index, (lower, self.bound))
    }

    /// The ends of a bin.
    #[inline(always)]
    fn bin(&self, index: usize) -> (f32, f32) {
        let (mut sum, mut lower) = (0.0, -self.bound);
        for share in self.shares.iter().take(index) {
            sum += share;
            lower = sum * self.scale - self.bound;
        }
        match self.shares.get(index) {
            Some(share) if index + 1 < self.shares.len() => {
                (lower, (sum + share) * self.scale - self.bound)
            }
            _ => (lower, self.bound),
        }
    }
}
