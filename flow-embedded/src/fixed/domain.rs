//! Maps from the domain of a channel to all real numbers, as those of
//! [`crate::kernels`]: from the bits of an `f32` to the value in Q24, so that
//! [`Standardise::apply_mapped`](super::Standardise::apply_mapped) has digits
//! to magnify. Constants are prepared when the code is compiled.

use super::elementary::exp;
use super::float::{Parts, difference};
use super::magnitude::Magnitude;
use super::number::{saturate, scale};

/// What a domain's map gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The value in Q24, within ±2^14.
    pub value: i64,
    /// `ln |dy/dx|` in Q16, in nats, without the constant that is part of a
    /// model's `log_norm`; [`OUTSIDE`](Self::OUTSIDE) says what it is outside
    /// the domain.
    pub log_det: i32,
}

impl Mapped {
    /// For a value outside its domain: so low a log-determinant that
    /// [`conclude`](super::conclude) answers −∞.
    pub const OUTSIDE: Self = Self {
        value: 0,
        log_det: i32::MIN,
    };

    /// From a value in Q24 and a log-determinant in Q32.
    fn new(value: i64, log_det: i64) -> Self {
        const FAR: i64 = 1 << 38;
        Self {
            value: value.clamp(-FAR, FAR),
            log_det: saturate(scale(log_det, 16)),
        }
    }
}

/// `ln(x − low)`, for `x > low`.
#[derive(Clone, Copy, Debug)]
pub struct Positive {
    low: Parts,
}

impl Positive {
    /// From the end of the domain, finite.
    pub const fn new(low: f32) -> Self {
        Self {
            low: Parts::new(low),
        }
    }

    /// Raw to mapped; none if `x` is not finite.
    #[inline(never)]
    pub fn normalize(&self, x: f32) -> Option<Mapped> {
        let Some(distance) = above(Parts::finite(x)?, self.low) else {
            return Some(Mapped::OUTSIDE);
        };
        let log = distance.ln_wide();
        Some(Mapped::new(scale(log, 8), -log))
    }
}

/// The inverse of softplus, `ln(e^u − 1)` with `u = (x − low) / scale`, for
/// `x > low`. The constant left out is `−ln scale`.
#[derive(Clone, Copy, Debug)]
pub struct SoftPositive {
    low: Parts,
    inv_scale: Magnitude,
}

impl SoftPositive {
    /// From the end of the domain and a positive scale, both finite.
    pub const fn new(low: f32, scale: f32) -> Self {
        Self {
            low: Parts::new(low),
            inv_scale: Parts::new(scale).magnitude().inverse(),
        }
    }

    /// Raw to mapped; none if `x` is not finite.
    #[inline(never)]
    pub fn normalize(&self, x: f32) -> Option<Mapped> {
        let Some(distance) = above(Parts::finite(x)?, self.low) else {
            return Some(Mapped::OUTSIDE);
        };
        let u = distance.times(self.inv_scale);
        let log = ln_of_one_minus_exp(u);
        let y = u.multiply(1, 24).saturating_add(scale(log, 8));
        Some(Mapped::new(y, -log))
    }
}

/// `ln(1 − e^−u)` in Q32.
fn ln_of_one_minus_exp(u: Magnitude) -> i64 {
    const HALF: i64 = 1 << 23;
    const FAR: i64 = 32 << 24;
    let short = u.multiply(1, 24);
    if short >= HALF {
        let tail = exp(-(short.min(FAR) as i32));
        return Magnitude::ONE.minus(tail).0.ln_wide();
    }
    // ln u − u/2 + u²/24 − u⁴/2880, off by less than 1e-7, where the
    // difference would lose its digits.
    let square = (short * short) >> 24;
    let fourth = (square * square) >> 24;
    let series = ((square * 699_051) >> 16) - ((fourth * 5_825) >> 16) - (short << 7);
    u.ln_wide() + series
}

/// The logit `ln((x − low) / (high − x))`, for `low < x < high`. The constant
/// left out is `−ln(high − low)`.
#[derive(Clone, Copy, Debug)]
pub struct Bounded {
    low: Parts,
    high: Parts,
    inv_range: Magnitude,
}

impl Bounded {
    /// From the ends of the domain, finite, in order.
    pub const fn new(low: f32, high: f32) -> Self {
        let (low, high) = (Parts::new(low), Parts::new(high));
        Self {
            low,
            high,
            inv_range: difference(high, low).0.inverse(),
        }
    }

    /// Raw to mapped; none if `x` is not finite.
    #[inline(never)]
    pub fn normalize(&self, x: f32) -> Option<Mapped> {
        let x = Parts::finite(x)?;
        let (Some(below), Some(above)) = (above(x, self.low), above(self.high, x)) else {
            return Some(Mapped::OUTSIDE);
        };
        let below = below.times(self.inv_range).ln_wide();
        let above = above.times(self.inv_range).ln_wide();
        Some(Mapped::new(scale(below - above, 8), -(below + above)))
    }
}

/// `asinh(u)` with `u = (x − centre) / scale`. The constant left out is
/// `−ln scale`.
#[derive(Clone, Copy, Debug)]
pub struct HeavyTailed {
    centre: Parts,
    inv_scale: Magnitude,
}

impl HeavyTailed {
    /// From the centre and a positive scale, both finite.
    pub const fn new(centre: f32, scale: f32) -> Self {
        Self {
            centre: Parts::new(centre),
            inv_scale: Parts::new(scale).magnitude().inverse(),
        }
    }

    /// Raw to mapped; none if `x` is not finite.
    #[inline(never)]
    pub fn normalize(&self, x: f32) -> Option<Mapped> {
        let (distance, negative) = difference(Parts::finite(x)?, self.centre);
        let u = distance.times(self.inv_scale);
        let square = u.times(u).plus(Magnitude::ONE);
        let log = scale(u.plus(square.sqrt()).ln_wide(), 8);
        let value = if negative { -log } else { log };
        Some(Mapped::new(value, -square.ln_wide() / 2))
    }
}

/// The distance of `x` above `low`, if it is above.
fn above(x: Parts, low: Parts) -> Option<Magnitude> {
    let (distance, negative) = difference(x, low);
    (!negative && !distance.is_zero()).then_some(distance)
}
