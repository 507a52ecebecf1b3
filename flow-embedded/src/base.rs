//! The base distribution: independent standard normals.

use crate::math::Math;
use rand_core::Rng;

/// `ln(2 pi) / 2`, the normalising constant of one standard normal, in nats.
pub const NORMAL_LOG_NORM: f64 = 0.918_938_533_204_672_8;

/// One standard normal number from exactly one `next_u32`.
///
/// The lowest bit is the sign; the upper 31 bits, taken as the midpoints of
/// 2^31 equal cells of (0, ½), go through the inverse distribution function.
/// No rejection: the stream is consumed at a fixed rate, in constant time up
/// to the branch between bulk and tail. |z| reaches up to 6.3.
#[inline(never)]
pub fn normal<M: Math, R: Rng + ?Sized>(rng: &mut R) -> f32 {
    const CELL: f32 = 1.0 / 4_294_967_296.0;
    let bits = rng.next_u32();
    let lower_tail = ((bits >> 1) as f32 + 0.5) * CELL;
    let z = lower_quantile::<M>(lower_tail);
    if bits & 1 == 0 { z } else { -z }
}

/// One standard normal number for each of `D` channels, in ascending order.
pub fn normals<M: Math, R: Rng + ?Sized, const D: usize>(rng: &mut R) -> [f32; D] {
    core::array::from_fn(|_| normal::<M, R>(rng))
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
