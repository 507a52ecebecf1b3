//! Base distributions: their densities, and samplers that take a fixed number
//! of 32-bit words from the generator.
//!
//! All are in their standard form (location 0, scale 1). `energy` functions
//! give `−ln p` of a base event in nats without its normalising constant, which
//! is part of a model's `log_norm`.

use crate::kernels::Weight;
use crate::math::Math;
use core::f32::consts::PI;
use rand_core::Rng;

/// `ln(2 pi) / 2`, the normalising constant of one standard normal, in nats.
pub const NORMAL_LOG_NORM: f64 = 0.918_938_533_204_672_8;

/// One cell of 32 random bits.
const CELL: f32 = 1.0 / 4_294_967_296.0;

/// `Σ z² / 2`: normal distributions.
#[inline]
pub fn normal_energy<'z>(z: impl IntoIterator<Item = &'z f32>) -> f32 {
    0.5 * z.into_iter().fold(0.0, |sum, z| sum + z * z)
}

/// `Σ |z| + 2 ln(1 + e^−|z|)`: logistic distributions (scale 1, variance π²/3).
#[inline]
pub fn logistic_energy<'z, M: Math>(z: impl IntoIterator<Item = &'z f32>) -> f32 {
    z.into_iter().fold(0.0, |sum, z| {
        let size = z.abs();
        sum + (size + 2.0 * M::ln(1.0 + M::exp(-size)))
    })
}

/// `Σ |z|`: Laplace distributions (scale 1, variance 2).
#[inline]
pub fn laplace_energy<'z>(z: impl IntoIterator<Item = &'z f32>) -> f32 {
    z.into_iter().fold(0.0, |sum, z| sum + z.abs())
}

/// `(ν + 1) / 2 · Σ ln(1 + z² / ν)`: Student's t with ν degrees of freedom.
#[inline]
pub fn student_t_energy<'z, M: Math>(
    z: impl IntoIterator<Item = &'z f32>,
    degrees_of_freedom: f32,
) -> f32 {
    let inverse = 1.0 / degrees_of_freedom;
    let logs = z
        .into_iter()
        .fold(0.0, |sum, z| sum + M::ln(1.0 + z * z * inverse));
    0.5 * (degrees_of_freedom + 1.0) * logs
}

/// Zero for all angles, which are uniform; NaN for what is none.
#[inline]
pub fn circular_energy<'z>(z: impl IntoIterator<Item = &'z f32>) -> f32 {
    z.into_iter().fold(0.0, |sum, z| sum + 0.0 * z)
}

/// `−ln Σ_k w_k Π_d N(z_d; m_kd, s_kd)` up to the constant of the normals: a
/// mixture of diagonal normals, its components `width = 2 + 2 D` numbers each
/// (see [`mixture`]).
pub fn mixture_energy<M: Math, W: Weight>(z: &[f32], components: &[W]) -> f32 {
    // The sum so far is `sum · e^largest`.
    let (mut largest, mut sum) = (f32::NEG_INFINITY, 0.0);
    for component in components.chunks_exact(component_width(z.len())) {
        let ([log_weight, _], scales) = head(component);
        let square = z.iter().zip(scales).fold(0.0, |sum, (z, [mean, inv_std])| {
            let deviation = (z - mean.value()) * inv_std.value();
            sum + deviation * deviation
        });
        let log = log_weight - 0.5 * square;
        if log > largest {
            sum = sum * M::exp(largest - log) + 1.0;
            largest = log;
        } else {
            sum += M::exp(log - largest);
        }
    }
    -(largest + M::ln(sum))
}

/// Draws from a mixture of diagonal normals: one word chooses the component,
/// then one for each channel.
///
/// A component is `ln w − Σ ln s`, the cumulated weight of the components up to
/// and including it, then mean and one over the standard deviation of each
/// channel.
pub fn mixture<M: Math, R: Rng + ?Sized, W: Weight>(rng: &mut R, components: &[W], z: &mut [f32]) {
    let choice = uniform(rng);
    let mut components = components.chunks_exact(component_width(z.len()));
    let last = components.clone().last();
    let chosen = components.find(|component| {
        let ([_, cumulated], _) = head(component);
        choice < cumulated
    });
    let (_, scales) = head(chosen.or(last).unwrap_or_default());
    for (z, [mean, inv_std]) in z.iter_mut().zip(scales) {
        *z = normal::<M, R>(rng) / inv_std.value() + mean.value();
    }
}

/// The numbers of a mixture's component. Saturates, so that the compiler knows
/// that it is not zero.
pub(crate) const fn component_width(channels: usize) -> usize {
    channels.saturating_mul(2).saturating_add(2)
}

/// A component's two leading numbers, and its pairs.
fn head<W: Weight>(component: &[W]) -> ([f32; 2], &[[W; 2]]) {
    match component.as_chunks::<2>().0 {
        [[log_weight, cumulated], scales @ ..] => ([log_weight.value(), cumulated.value()], scales),
        [] => ([0.0; 2], &[]),
    }
}

/// Uniform within 0 ..= 1, never zero: the midpoint of one of 2^32 cells, as
/// far as `f32` tells them apart.
pub fn uniform<R: Rng + ?Sized>(rng: &mut R) -> f32 {
    (rng.next_u32() as f32 + 0.5) * CELL
}

/// A sign, and a number uniform within 0 .. ½: the midpoint of one of 2^31
/// cells. Takes one word.
fn lower_tail<R: Rng + ?Sized>(rng: &mut R) -> (bool, f32) {
    let bits = rng.next_u32();
    (bits & 1 == 0, ((bits >> 1) as f32 + 0.5) * CELL)
}

/// One standard normal number from exactly one `next_u32`.
///
/// The lowest bit is the sign; the upper 31 bits, taken as the midpoints of
/// 2^31 equal cells of (0, ½), go through the inverse distribution function.
/// No rejection: the stream is consumed at a fixed rate, in constant time up
/// to the branch between bulk and tail. |z| reaches up to 6.3.
#[inline(never)]
pub fn normal<M: Math, R: Rng + ?Sized>(rng: &mut R) -> f32 {
    let (negative, tail) = lower_tail(rng);
    let z = lower_quantile::<M>(tail);
    if negative { z } else { -z }
}

/// One standard logistic number from one `next_u32`, by its quantile.
pub fn logistic<M: Math, R: Rng + ?Sized>(rng: &mut R) -> f32 {
    let (negative, tail) = lower_tail(rng);
    let z = M::ln(tail / (1.0 - tail));
    if negative { z } else { -z }
}

/// One standard Laplace number from one `next_u32`, by its quantile.
pub fn laplace<M: Math, R: Rng + ?Sized>(rng: &mut R) -> f32 {
    let (negative, tail) = lower_tail(rng);
    let z = M::ln(2.0 * tail);
    if negative { z } else { -z }
}

/// One number of Student's t distribution from two `next_u32`, for any number
/// of degrees of freedom.
///
/// Bailey 1994, "Polar generation of random variates with the t-distribution",
/// in its form without rejection.
pub fn student_t<M: Math, R: Rng + ?Sized>(rng: &mut R, degrees_of_freedom: f32) -> f32 {
    let radius = uniform(rng);
    let (_, cos) = M::sin_cos(angle(rng));
    let square = degrees_of_freedom * (M::exp(-2.0 / degrees_of_freedom * M::ln(radius)) - 1.0);
    M::sqrt(square.max(0.0)) * cos
}

/// An angle uniform within −π .. π, from one `next_u32`: the base of circular
/// channels.
pub fn angle<R: Rng + ?Sized>(rng: &mut R) -> f32 {
    2.0 * PI * uniform(rng) - PI
}

/// The quantile of the standard normal distribution for 0 < p ≤ ½.
///
/// Rational approximations PPND7 of Wichura, "Algorithm AS 241", Applied
/// Statistics 37 (1988): relative error below 1.2e-7 in exact arithmetic, about
/// 1e-6 in `f32`.
fn lower_quantile<M: Math>(p: f32) -> f32 {
    let q = p - 0.5;
    if q >= -0.425 {
        let r = 0.180_625 - q * q;
        return q * (((59.109_375 * r + 159.291_13) * r + 50.434_27) * r + 3.387_133)
            / (((67.187_56 * r + 78.757_76) * r + 17.895_17) * r + 1.0);
    }
    let r = M::sqrt(-M::ln(p));
    let size = if r <= 5.0 {
        let r = r - 1.6;
        (((0.170_238_21 * r + 1.306_728_5) * r + 2.756_815_4) * r + 1.423_437_3)
            / ((0.120_211_33 * r + 0.737_001_65) * r + 1.0)
    } else {
        let r = r - 5.0;
        (((0.017_337_204 * r + 0.428_682_94) * r + 3.081_226_4) * r + 6.657_905)
            / ((0.012_258_203 * r + 0.241_978_94) * r + 1.0)
    };
    -size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Polynomial;

    /// Quantiles of the standard normal distribution, from tables.
    #[test]
    fn quantiles_match_tables() {
        for (p, z) in [
            (0.5, 0.0),
            (0.25, -0.674_489_75),
            (0.1, -1.281_551_6),
            (0.05, -1.644_853_6),
            (0.025, -1.959_964),
            (1e-3, -3.090_232_3),
            (1e-6, -4.753_424),
            (1e-9, -5.997_807),
        ] {
            let got = lower_quantile::<Polynomial>(p);
            assert!((got - z).abs() < 3e-6, "p {p}: {got} against {z}");
        }
    }

    struct Fixed(u32);

    impl rand_core::TryRng for Fixed {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(self.0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(u64::from(self.0))
        }
        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
            dst.fill(0);
            Ok(())
        }
    }

    #[test]
    fn the_extremes_of_the_stream_are_finite_and_symmetric() {
        let lowest = normal::<Polynomial, _>(&mut Fixed(0));
        let highest = normal::<Polynomial, _>(&mut Fixed(1));
        assert!((6.2..6.4).contains(&highest), "{highest}");
        assert_eq!(lowest, -highest);
        assert!(normal::<Polynomial, _>(&mut Fixed(u32::MAX - 1)).abs() < 1e-6);
    }
}
