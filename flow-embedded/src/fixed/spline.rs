//! Monotone rational-quadratic splines in integers: the same maps as
//! [`crate::kernels::spline_forward`], parameters, bounds and ends alike.
//!
//! A value is brought to the unit of the cumulated shares rather than the
//! knots to the unit of the value, so bins are found without rounding. Within
//! a bin, places are odds: with `p : q` in place of `xi : 1 − xi`, the formulas
//! of the value, of the slope and of the inverse are sums of terms that are
//! not negative, but for one difference, and lose no digits.

use super::affine::soft_clip_wide;
use super::elementary::{FAR, exp};
use super::float::Parts;
use super::magnitude::Magnitude;
use super::number::saturate;
use super::scale::softplus;

/// One over `|ln 1e-3| / 2`, the soft bound of widths and heights, in Q30.
const INV_SIZE_BOUND: u32 = 310_880_099;
/// One over `|ln 1e-3|`, that of the logarithm of derivatives, in Q30.
const INV_DERIVATIVE_BOUND: u32 = 155_440_050;
/// Bits behind the point of a share, which is below 31.63.
const SHARE_BITS: i32 = 26;

/// Data to base for one channel: the value and `ln |dy/dx|` in nats, all in
/// Q16.
///
/// Outside ±`bound` the identity, as for parameters that are no spline's (fewer
/// than 5). Overwrites the parameters.
#[inline(never)]
pub fn spline_forward(x: i32, parameters: &mut [i32], bound: i32) -> (i32, i32) {
    forward(x, parameters, bound, SoftBounds)
}

/// Base to data for one channel, the inverse of [`spline_forward`], and
/// `ln |dx/dy|` in nats.
#[inline(never)]
pub fn spline_inverse_and_log_det(y: i32, parameters: &mut [i32], bound: i32) -> (i32, i32) {
    inverse_and_log_det(y, parameters, bound, SoftBounds)
}

/// As [`spline_forward`], of a spline with floors.
#[inline(never)]
pub fn floored_spline_forward(
    x: i32,
    parameters: &mut [i32],
    bound: i32,
    floor: Floor,
) -> (i32, i32) {
    forward(x, parameters, bound, floor)
}

/// As [`spline_inverse_and_log_det`], of a spline with floors.
#[inline(never)]
pub fn floored_spline_inverse_and_log_det(
    y: i32,
    parameters: &mut [i32],
    bound: i32,
    floor: Floor,
) -> (i32, i32) {
    inverse_and_log_det(y, parameters, bound, floor)
}

#[inline(always)]
fn forward(x: i32, parameters: &mut [i32], bound: i32, by: impl Parametrisation) -> (i32, i32) {
    let Some((bin, rise)) = Bin::find(x, parameters, bound, Axis::Input, by) else {
        return (x, 0);
    };
    let odds = Odds {
        below: Magnitude::new(rise, 0),
        above: Magnitude::new(bin.width.saturating_sub(rise), 0),
    };
    let y = bin.up.value(bin.bottom, bin.height, bin.share(&odds));
    (y, bin.log_slope(&odds))
}

#[inline(always)]
fn inverse_and_log_det(
    y: i32,
    parameters: &mut [i32],
    bound: i32,
    by: impl Parametrisation,
) -> (i32, i32) {
    let Some((bin, rise)) = Bin::find(y, parameters, bound, Axis::Output, by) else {
        return (y, 0);
    };
    let odds = bin.invert(rise);
    let share = odds.below.over(odds.below.plus(odds.above));
    let x = bin.across.value(bin.left, bin.width, share);
    (x, -bin.log_slope(&odds))
}

/// What makes sizes and slopes of parameters.
trait Parametrisation: Copy {
    /// The number of bins for so many parameters.
    fn bins(self, parameters: usize) -> usize;
    /// Replaces unnormalised sizes by shares; returns their sum.
    fn sizes(self, sizes: &mut [i32]) -> u64;
    /// The parameters of the slopes at both knots of a bin.
    fn knots(self, bin: usize) -> [Option<usize>; 2];
    /// The slope for a parameter; without one it is 1.
    fn slope(self, parameter: Option<&i32>) -> Magnitude;
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
    fn sizes(self, sizes: &mut [i32]) -> u64 {
        exponentials(sizes)
    }

    #[inline(always)]
    fn knots(self, bin: usize) -> [Option<usize>; 2] {
        [bin.checked_sub(1), Some(bin)]
    }

    #[inline(always)]
    fn slope(self, parameter: Option<&i32>) -> Magnitude {
        parameter.map_or(Magnitude::ONE, |d| {
            softly_clipped_exp(*d, INV_DERIVATIVE_BOUND)
        })
    }
}

/// Least sizes and slopes of a spline, as [`crate::kernels::Floor`] has them.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// The largest share before anything is added, such that all fit 31 bits then.
    largest: Magnitude,
    /// What is added to each share, as a part of the sum of all.
    lift: Magnitude,
    slope: Magnitude,
    free_ends: bool,
}

impl Floor {
    /// For a spline of so many bins on ±`bound`, whose widths and heights are at least
    /// `size`, all together less than the spline's, and whose slopes at least `slope`.
    /// `free_ends`: the slopes at both ends are parameters, too.
    pub const fn new(size: f32, slope: f32, bound: f32, bins: u8, free_ends: bool) -> Self {
        let lift = size / (2.0 * bound - bins as f32 * size);
        // Just below 2^31 in all, whatever is rounded here.
        let largest = 2_147_418_112.0 / (1.0 + bins as f32 * lift);
        Self {
            largest: Parts::new(largest).magnitude(),
            lift: Parts::new(lift).magnitude(),
            slope: Parts::new(slope).magnitude(),
            free_ends,
        }
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
    fn sizes(self, sizes: &mut [i32]) -> u64 {
        floored(sizes, self.largest, self.lift)
    }

    #[inline(always)]
    fn knots(self, bin: usize) -> [Option<usize>; 2] {
        match self.free_ends {
            true => [Some(bin), bin.checked_add(1)],
            false => [bin.checked_sub(1), Some(bin)],
        }
    }

    #[inline(always)]
    fn slope(self, parameter: Option<&i32>) -> Magnitude {
        parameter.map_or(Magnitude::ONE, |d| softplus(*d).plus(self.slope))
    }
}

/// Which side of the spline a value is on.
#[derive(Clone, Copy)]
enum Axis {
    Input,
    Output,
}

/// A place between two knots, as the ratio of what lies below it to what lies
/// above.
struct Odds {
    below: Magnitude,
    above: Magnitude,
}

/// The piece of the spline that holds a value; sizes in shares of their axis.
struct Bin {
    across: Unit,
    left: u64,
    width: u64,
    up: Unit,
    bottom: u64,
    height: u64,
    /// `height / width` in units of the value.
    slope: Magnitude,
    /// Derivatives at the lower and the upper knot.
    lower: Magnitude,
    upper: Magnitude,
}

impl Bin {
    /// The bin whose side along `axis` holds `value`, and how far above its
    /// lower knot; none for a value outside ±`bound`.
    #[inline(always)]
    fn find(
        value: i32,
        parameters: &mut [i32],
        bound: i32,
        axis: Axis,
        by: impl Parametrisation,
    ) -> Option<(Self, u64)> {
        if i64::from(value).abs() >= i64::from(bound) {
            return None;
        }
        let bins = by.bins(parameters.len());
        let (widths, rest) = parameters.split_at_mut_checked(bins)?;
        let (heights, derivatives) = rest.split_at_mut_checked(bins)?;
        let across = Unit::new(bound, by.sizes(widths));
        let up = Unit::new(bound, by.sizes(heights));
        let (index, rise) = match axis {
            Axis::Input => holding(widths, across.shares(value)),
            Axis::Output => holding(heights, up.shares(value)),
        };
        let (left, width) = share(widths, index)?;
        let (bottom, height) = share(heights, index)?;
        let knots = by.knots(index);
        let derivative =
            |knot: Option<usize>| by.slope(knot.and_then(|knot| derivatives.get(knot)));
        let bin = Self {
            slope: up.size(height).over(across.size(width)),
            lower: derivative(knots[0]),
            upper: derivative(knots[1]),
            across,
            left,
            width,
            up,
            bottom,
            height,
        };
        // Rounding may end above the last knot.
        let size = match axis {
            Axis::Input => width,
            Axis::Output => height,
        };
        Some((bin, rise.min(size)))
    }

    /// The share of the bin's height below the spline at a place `p : q`:
    /// `(s p² + l p q) / (s (p² + q²) + (l + u) p q)`.
    #[inline(always)]
    fn share(&self, odds: &Odds) -> Magnitude {
        let both = odds.below.times(odds.above);
        let square = odds.below.times(odds.below);
        let rise = self.slope.times(square).plus(self.lower.times(both));
        rise.over(self.denominator(odds))
    }

    /// `ln dy/dx` at a place `p : q`, that is, of
    /// `s² (p + q)² (u p² + 2 s p q + l q²)` over the square of the denominator.
    #[inline(always)]
    fn log_slope(&self, odds: &Odds) -> i32 {
        let Odds { below, above } = odds;
        let both = below.times(*above).shifted(1);
        let numerator = self.upper.times(below.times(*below));
        let numerator = numerator.plus(self.slope.times(both));
        let numerator = numerator.plus(self.lower.times(above.times(*above)));
        let sum = self.slope.times(below.plus(*above));
        let ratio = sum.over(self.denominator(odds));
        ratio.times(ratio).times(numerator).ln()
    }

    #[inline(never)]
    fn denominator(&self, odds: &Odds) -> Magnitude {
        let Odds { below, above } = odds;
        let squares = below.times(*below).plus(above.times(*above));
        let ends = self.lower.plus(self.upper);
        let both = below.times(*above);
        self.slope.times(squares).plus(ends.times(both))
    }

    /// The place at which the spline has risen by `rise` of the bin's height.
    ///
    /// With `r` below and `t` above, `s t (p/q)² + (l t − u r) (p/q) = s r`: the
    /// root in the form that does not cancel for the sign of the middle term.
    #[inline(always)]
    fn invert(&self, rise: u64) -> Odds {
        let below = Magnitude::new(rise, 0);
        let above = Magnitude::new(self.height.saturating_sub(rise), 0);
        let a = self.slope.times(above);
        let c = self.slope.times(below);
        let (b, negative) = self.lower.times(above).minus(self.upper.times(below));
        let root = b.times(b).plus(a.times(c).shifted(2)).sqrt();
        if negative {
            Odds {
                below: b.plus(root),
                above: a.shifted(1),
            }
        } else {
            Odds {
                below: c.shifted(1),
                above: b.plus(root),
            }
        }
    }
}

/// The unit of one axis' shares.
struct Unit {
    /// Steps of Q16 in a share.
    steps: Magnitude,
    bound: i32,
}

impl Unit {
    /// For shares of this sum between ±`bound`.
    #[inline(always)]
    fn new(bound: i32, sum: u64) -> Self {
        let span = Magnitude::new(bound.unsigned_abs().into(), 1);
        Self {
            steps: span.over(Magnitude::new(sum, 0)),
            bound,
        }
    }

    /// Shares to the left of a value within ±bound.
    #[inline(always)]
    fn shares(&self, value: i32) -> u64 {
        let steps = i64::from(value) + i64::from(self.bound);
        let shares = Magnitude::new(steps.unsigned_abs(), 0).over(self.steps);
        shares.multiply(1, 0).unsigned_abs()
    }

    /// Shares in steps of Q16.
    #[inline(always)]
    fn size(&self, shares: u64) -> Magnitude {
        Magnitude::new(shares, 0).times(self.steps)
    }

    /// The value with so many shares and a part of others to its left.
    #[inline(always)]
    fn value(&self, shares: u64, next: u64, part: Magnitude) -> i32 {
        let shares = Magnitude::new(shares, 0).plus(Magnitude::new(next, 0).times(part));
        let steps = shares.times(self.steps).multiply(1, 0);
        saturate(steps - i64::from(self.bound)).min(self.bound)
    }
}

/// Replaces sizes by the exponentials of what is softly clipped; returns their
/// sum.
#[inline(never)]
fn exponentials(sizes: &mut [i32]) -> u64 {
    let mut sum = 0u64;
    for size in sizes {
        *size = saturate(softly_clipped_exp(*size, INV_SIZE_BOUND).multiply(1, SHARE_BITS));
        sum = sum.saturating_add(size.unsigned_abs().into());
    }
    sum
}

/// Replaces sizes by exponentials, the largest of which is `full`, and what `lift` adds to
/// each as a part of their sum; returns the sum. No share is zero.
#[inline(never)]
fn floored(sizes: &mut [i32], full: Magnitude, lift: Magnitude) -> u64 {
    let largest = sizes.iter().fold(i32::MIN, |a, b| a.max(*b));
    let mut sum = 0u64;
    for size in sizes.iter_mut() {
        let below = size.saturating_sub(largest).max(-FAR);
        *size = saturate(exp(below << 8).times(full).multiply(1, 0)).max(1);
        sum = sum.saturating_add(size.unsigned_abs().into());
    }
    let lift = Magnitude::new(sum, 0).times(lift).multiply(1, 0);
    let mut lifted = 0u64;
    for size in sizes {
        *size = saturate(lift.saturating_add((*size).into()));
        lifted = lifted.saturating_add(size.unsigned_abs().into());
    }
    lifted
}

fn softly_clipped_exp(a: i32, inv_bound: u32) -> Magnitude {
    exp(saturate(soft_clip_wide(a, inv_bound, 8)))
}

/// The bin that holds a number of shares: its own number, and what of it lies
/// below them.
#[inline(always)]
fn holding(shares: &[i32], place: u64) -> (usize, u64) {
    let (mut index, mut rise) = (0, place);
    let inner = shares.len().saturating_sub(1);
    for share in shares.iter().take(inner) {
        let share = u64::from(share.unsigned_abs());
        if rise < share {
            break;
        }
        rise -= share;
        index += 1;
    }
    (index, rise)
}

/// The shares below a bin, and its own.
#[inline(always)]
fn share(shares: &[i32], index: usize) -> Option<(u64, u64)> {
    let own = shares.get(index)?.unsigned_abs();
    let below = shares.iter().take(index).fold(0u64, |sum, share| {
        sum.saturating_add(share.unsigned_abs().into())
    });
    Some((below, own.into()))
}
