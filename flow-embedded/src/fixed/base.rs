//! Energies of base distributions, and what a log-likelihood ends as.

use super::activation::softplus_of_negative;
use super::float::{Parts, to_f32};
use super::magnitude::Magnitude;
use super::number::{saturate, scale};

/// `Σ z² / 2` in Q16, rounded once; saturates: normal distributions.
#[inline(never)]
pub fn normal_energy<'z>(z: impl IntoIterator<Item = &'z i32>) -> i32 {
    saturate(half_squares(z.into_iter().copied()))
}

/// `Σ |z| + 2 ln(1 + e^−|z|)` in Q16; saturates: logistic distributions (scale
/// 1, variance π²/3).
#[inline(never)]
pub fn logistic_energy<'z>(z: impl IntoIterator<Item = &'z i32>) -> i32 {
    saturate(z.into_iter().fold(0i64, |sum, z| {
        let size = z.unsigned_abs();
        sum.saturating_add(i64::from(size) + 2 * i64::from(softplus_of_negative(size)))
    }))
}

/// `Σ |z|` in Q16, exact; saturates: Laplace distributions (scale 1, variance
/// 2).
#[inline(never)]
pub fn laplace_energy<'z>(z: impl IntoIterator<Item = &'z i32>) -> i32 {
    saturate(
        z.into_iter()
            .fold(0i64, |sum, z| sum.saturating_add(z.unsigned_abs().into())),
    )
}

/// Student's t distributions, their constants prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StudentT {
    /// `1 / ν`.
    inverse: Magnitude,
    /// `(ν + 1) / 2`.
    factor: Magnitude,
}

impl StudentT {
    /// From the number of degrees of freedom, finite and positive.
    pub const fn new(degrees_of_freedom: f32) -> Self {
        let degrees = Parts::new(degrees_of_freedom).magnitude();
        Self {
            inverse: degrees.inverse(),
            factor: degrees.plus(Magnitude::ONE).shifted(-1),
        }
    }

    /// `(ν + 1) / 2 · Σ ln(1 + z² / ν)` in Q16, rounded once; saturates.
    #[inline(never)]
    pub fn energy<'z>(&self, z: impl IntoIterator<Item = &'z i32>) -> i32 {
        let logs = z.into_iter().fold(0i64, |sum, z| {
            let size = Magnitude::new(z.unsigned_abs().into(), -16);
            let ratio = size.times(size).times(self.inverse);
            sum.saturating_add(ratio.plus(Magnitude::ONE).ln_wide())
        });
        let logs = Magnitude::new(logs.max(0).unsigned_abs(), -32);
        saturate(logs.times(self.factor).multiply(1, 16))
    }
}

/// `−ln Σ_k w_k Π_d N(z_d; m_kd, s_kd)` in Q16 up to the constant of the
/// normals; saturates: mixtures of diagonal normals.
///
/// A component is `ln w − Σ ln s` in Q16, then of each channel the mean in Q16
/// and one over the standard deviation in Q24.
#[inline(never)]
pub fn mixture_energy(z: &[i32], components: &[i32]) -> i32 {
    let width = z.len().saturating_mul(2).saturating_add(1);
    let log = components
        .chunks_exact(width)
        .fold(i32::MIN, |sum, component| {
            let [log_weight, channels @ ..] = component else {
                return sum;
            };
            let deviations = z.iter().zip(channels.as_chunks().0);
            let squares = half_squares(deviations.map(|(z, [mean, inv_std])| {
                let difference = i64::from(z.saturating_sub(*mean));
                saturate(scale(difference * i64::from(*inv_std), 24))
            }));
            let log = saturate(i64::from(*log_weight) - squares);
            // ln(e^a + e^b) from the larger.
            let above = softplus_of_negative(sum.abs_diff(log));
            sum.max(log).saturating_add(above)
        });
    log.saturating_neg()
}

/// Half the sum of squares of numbers in Q16, rounded to Q16; at most 2^47.
#[inline(always)]
fn half_squares(z: impl Iterator<Item = i32>) -> i64 {
    let squares = z.fold(0u64, |sum, z| {
        let size = u64::from(z.unsigned_abs());
        sum.saturating_add(size * size)
    });
    // Half of a number in Q32, to Q16.
    ((squares >> 16).wrapping_add(1) >> 1) as i64
}

/// A log-likelihood in Q16 as an `f32`: NaN for none, that is, for an event or
/// a context with a channel that is not finite.
///
/// −∞ at or below −16384 nats: so end a value outside its domain and an energy
/// that saturates, whatever is added to them. Likewise from 16384 nats on, which only a
/// sum that saturates comes to: a detector must not take it for a normal event.
#[inline]
pub fn conclude(log_prob: Option<i32>) -> f32 {
    const LIMIT: u32 = 1 << 30;
    match log_prob {
        None => f32::NAN,
        Some(log_prob) if log_prob.unsigned_abs() >= LIMIT => f32::NEG_INFINITY,
        Some(log_prob) => to_f32(log_prob),
    }
}
