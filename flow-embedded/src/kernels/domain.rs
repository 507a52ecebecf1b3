//! Maps from the domain of a channel to all real numbers. Each replaces the
//! value in place and returns `ln |dy/dx|` in nats, without the constant that
//! is part of a model's `log_norm`. Outside the domain the value becomes NaN,
//! which ends as a log-likelihood of −∞.

use crate::math::Math;

/// `ln(x − low)`, for `x > low`.
pub fn positive_normalize<M: Math>(x: &mut f32, low: f32) -> f32 {
    *x = M::ln(*x - low);
    -*x
}

/// The inverse of [`positive_normalize`].
pub fn positive_generate<M: Math>(y: &mut f32, low: f32) {
    *y = above(low + M::exp(*y), low);
}

/// The inverse of softplus, `ln(e^u − 1)` with `u = (x − low) / scale`, for
/// `x > low`. The constant left out is `−ln scale`.
pub fn soft_positive_normalize<M: Math>(x: &mut f32, low: f32, scale: f32) -> f32 {
    let u = (*x - low) / scale;
    // 1 − e^−u = 2 t / (1 + t), which keeps its digits near zero.
    let t = M::tanh(0.5 * u);
    let log = M::ln(2.0 * t / (1.0 + t));
    *x = u + log;
    -log
}

/// The inverse of [`soft_positive_normalize`].
pub fn soft_positive_generate<M: Math>(y: &mut f32, low: f32, scale: f32) {
    let tail = M::exp(-y.abs());
    // ln(1 + tail), which must keep its digits where it is all there is: the
    // rounding of the sum is taken back (Kahan's log1p).
    let sum = 1.0 + tail;
    let log = if tail < 1e-3 {
        tail * (1.0 - 0.5 * tail)
    } else {
        M::ln(sum) * (tail / (sum - 1.0))
    };
    *y = above(low + scale * (y.max(0.0) + log), low);
}

/// The logit `ln((x − low) / (high − x))`, for `low < x < high`. The constant
/// left out is `−ln(high − low)`.
pub fn bounded_normalize<M: Math>(x: &mut f32, low: f32, high: f32) -> f32 {
    let range = high - low;
    let below = M::ln((*x - low) / range);
    let above = M::ln((high - *x) / range);
    *x = below - above;
    -(below + above)
}

/// The inverse of [`bounded_normalize`].
pub fn bounded_generate<M: Math>(y: &mut f32, low: f32, high: f32) {
    // From the nearer end, so that both keep their digits.
    let tail = M::exp(-y.abs());
    let distance = (high - low) * (tail / (1.0 + tail));
    *y = if *y < 0.0 {
        above(low + distance, low)
    } else {
        -above(distance - high, -high)
    };
}

/// `asinh(u)` with `u = (x − centre) / scale`. The constant left out is
/// `−ln scale`.
pub fn heavy_tailed_normalize<M: Math>(x: &mut f32, centre: f32, scale: f32) -> f32 {
    // Beyond it, its square is far above 1.
    const FAR: f32 = 1e9;
    let u = (*x - centre) / scale;
    let size = u.abs();
    let root = if size < FAR {
        M::sqrt(size * size + 1.0)
    } else {
        size
    };
    let y = M::ln(size + root);
    *x = if u < 0.0 { -y } else { y };
    -M::ln(root)
}

/// The inverse of [`heavy_tailed_normalize`], within 10^34 scales of the centre.
pub fn heavy_tailed_generate<M: Math>(y: &mut f32, centre: f32, scale: f32) {
    // A little more and the exponential would leave f32. NaN stays.
    const FAR: f32 = 79.0;
    let size = if y.abs() > FAR { FAR } else { y.abs() };
    let sinh = 0.5 * (M::exp(size) - M::exp(-size));
    *y = centre + scale * if *y < 0.0 { -sinh } else { sinh };
}

/// A value that rounding has put on the end of its domain, moved inside, where
/// it has a likelihood. NaN stays.
#[inline(always)]
fn above(x: f32, low: f32) -> f32 {
    if x <= low { low.next_up() } else { x }
}

/// The nearest value of the grid `offset + k · step`.
pub fn round_to_grid(x: f32, offset: f32, step: f32) -> f32 {
    // Adding it rounds a number below 2^22 to an integer; larger ones have no
    // digits to lose that a grid could mind.
    const ROUND: f32 = 12_582_912.0;
    let steps = (x - offset) / step;
    if steps.abs() < 4_194_304.0 {
        offset + ((steps + ROUND) - ROUND) * step
    } else {
        x
    }
}
