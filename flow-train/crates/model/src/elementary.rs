//! Elementary functions for training, of single numbers and of vectors, within 3 ULP in `f32`.

use super::real::Real;
use pulp::{Simd, bytemuck};

/// 1.5 * 2^23.
pub(super) const ROUND: f32 = 12_582_912.0;
/// `ln 2` in few bits, so that its product with a small integer is exact ...
const LN2_HIGH: f32 = 355.0 / 512.0;
/// ... and the rest of it.
const LN2_LOW: f32 = -2.121_944_4e-4;
/// `e^r = 1 + r + r^2 (..)`: Taylor, from the power 2 on.
const EXP: [f32; 6] = [
    0.5,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5040.0,
];
/// `(ln(1 + f) - f + f^2 / 2) / f^3` on sqrt(1/2) <= 1 + f <= sqrt(2), as the runtime's backend has it.
const LN: [f32; 8] = [
    0.333_333_3,
    -0.250_008_2,
    0.200_012_27,
    -0.166_233_57,
    0.142_017_57,
    -0.131_601_83,
    0.127_615_78,
    -0.076_344_974,
];
/// What takes the bits of sqrt(1/2) to those of 1: a carry into the exponent from there on.
const FROM_SQRT_HALF: u32 = 0x3f80_0000 - SQRT_HALF;
const SQRT_HALF: u32 = 0x3f35_04f3;
const MANTISSA: u32 = 0x007f_ffff;
/// 2^23, whose last bits count ones, and the exponent's offset.
const COUNTER: f32 = 8_388_608.0;
const EXPONENT_OF_ONE: f32 = 127.0;

/// `x = n ln 2 + r` with |r| ≤ ln 2 / 2: returns `2^n` and `e^r - 1` (Taylor to degree 7, remainder below 1e-8).
///
/// `x` in [-87, 88]. Adding 1.5 * 2^23 rounds to an integer that stands in the low bits of the sum.
#[inline(always)]
fn split_exp(x: f32) -> (f32, f32) {
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let tail = EXP.iter().rev().fold(0.0, |sum, c| sum * r + c);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    (power, r + r * r * tail)
}

/// Keeps NaN (as `f32::clamp` does), in a form that vectorises.
#[inline(always)]
pub(super) fn exp_f32(x: f32) -> f32 {
    let (power, part) = split_exp(x.clamp(-87.0, 88.0));
    power + power * part
}

/// `tanh x = (e^2x - 1) / (e^2x + 1)`, with `e^2x - 1` formed without cancellation.
#[inline(always)]
pub(super) fn tanh_f32(x: f32) -> f32 {
    let (power, part) = split_exp((x + x).clamp(-30.0, 30.0));
    let minus_one = power * part + (power - 1.0);
    minus_one / (minus_one + 2.0)
}

/// `x = 2^n m` with m in sqrt(1/2) .. sqrt(2), and a polynomial in m - 1. Numbers below the normal ones count as 0.
#[inline(always)]
pub(super) fn ln_f32(x: f32) -> f32 {
    let bits = x.to_bits().wrapping_add(FROM_SQRT_HALF);
    let n = f32::from_bits((bits >> 23) | COUNTER.to_bits()) - (COUNTER + EXPONENT_OF_ONE);
    let f = f32::from_bits((bits & MANTISSA) + SQRT_HALF) - 1.0;
    let square = f * f;
    let tail = f * square * LN.iter().rev().fold(0.0, |sum, c| sum * f + c) + n * LN2_LOW;
    let ln = (f - (0.5 * square - tail)) + n * LN2_HIGH;
    let ln = if x < f32::INFINITY { ln } else { x };
    let below = if x < 0.0 { f32::NAN } else { f32::NEG_INFINITY };
    if x < f32::MIN_POSITIVE { below } else { ln }
}

/// [`exp_f32`] over a vector.
#[inline(always)]
pub(super) fn exp_f32s<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (low, high) = (simd.splat_f32s(-87.0), simd.splat_f32s(88.0));
    let x = f32::select_lanes(simd, simd.less_than_f32s(x, low), low, x);
    let x = f32::select_lanes(simd, simd.less_than_f32s(high, x), high, x);
    let shifted = simd.mul_add_e_f32s(
        x,
        simd.splat_f32s(std::f32::consts::LOG2_E),
        simd.splat_f32s(ROUND),
    );
    let n = simd.sub_f32s(shifted, simd.splat_f32s(ROUND));
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN2_LOW), r);
    let tail = polynomial(simd, &EXP, r);
    let part = simd.mul_add_e_f32s(simd.mul_f32s(r, r), tail, r);
    let exponent =
        simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let power = simd.transmute_f32s_u32s(simd.add_u32s(exponent, simd.splat_u32s(0x3f80_0000)));
    simd.mul_add_e_f32s(power, part, power)
}

/// [`ln_f32`] over a vector.
#[inline(always)]
pub(super) fn ln_f32s<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let bits = simd.add_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(FROM_SQRT_HALF));
    let counted = simd.or_u32s(
        simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(23)),
        simd.splat_u32s(COUNTER.to_bits()),
    );
    let n = simd.sub_f32s(
        simd.transmute_f32s_u32s(counted),
        simd.splat_f32s(COUNTER + EXPONENT_OF_ONE),
    );
    let mantissa = simd.add_u32s(
        simd.and_u32s(bits, simd.splat_u32s(MANTISSA)),
        simd.splat_u32s(SQRT_HALF),
    );
    let f = simd.sub_f32s(simd.transmute_f32s_u32s(mantissa), simd.splat_f32s(1.0));
    let square = simd.mul_f32s(f, f);
    let tail = simd.mul_add_e_f32s(
        simd.mul_f32s(f, square),
        polynomial(simd, &LN, f),
        simd.mul_f32s(n, simd.splat_f32s(LN2_LOW)),
    );
    let tail = simd.sub_f32s(simd.mul_f32s(simd.splat_f32s(0.5), square), tail);
    let ln = simd.mul_add_e_f32s(n, simd.splat_f32s(LN2_HIGH), simd.sub_f32s(f, tail));
    let ln = f32::select_lanes(
        simd,
        simd.less_than_f32s(x, simd.splat_f32s(f32::INFINITY)),
        ln,
        x,
    );
    let below = f32::select_lanes(
        simd,
        simd.less_than_f32s(x, simd.splat_f32s(0.0)),
        simd.splat_f32s(f32::NAN),
        simd.splat_f32s(f32::NEG_INFINITY),
    );
    f32::select_lanes(
        simd,
        simd.less_than_f32s(x, simd.splat_f32s(f32::MIN_POSITIVE)),
        below,
        ln,
    )
}

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, coefficients: &[f32; N], x: S::f32s) -> S::f32s {
    let mut sum = simd.splat_f32s(coefficients[N - 1]);
    for c in coefficients[..N - 1].iter().rev() {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(*c));
    }
    sum
}

#[inline(always)]
pub(super) fn exp_f64s<S: Simd>(_: S, mut x: S::f64s) -> S::f64s {
    let lanes: &mut [f64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut x));
    lanes.iter_mut().for_each(|x| *x = x.exp());
    x
}

#[inline(always)]
pub(super) fn ln_f64s<S: Simd>(_: S, mut x: S::f64s) -> S::f64s {
    let lanes: &mut [f64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut x));
    lanes.iter_mut().for_each(|x| *x = x.ln());
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative error of `of` against `reference`, in ULP of 1 (2^-23 relative).
    fn worst(of: impl Fn(f32) -> f32, reference: impl Fn(f64) -> f64, low: f32, high: f32) -> f64 {
        (0..=200_000u32)
            .map(|i| low + (high - low) * (i as f32 / 200_000.0))
            .map(|x| {
                let exact = reference(f64::from(x));
                if exact == 0.0 {
                    f64::from(of(x)).abs()
                } else {
                    ((f64::from(of(x)) - exact) / exact).abs()
                }
            })
            .inspect(|error| assert!(!error.is_nan(), "NaN between {low} and {high}"))
            .fold(0.0, f64::max)
            / f64::from(f32::EPSILON)
    }

    #[test]
    fn exp_is_accurate() {
        assert!(worst(exp_f32, f64::exp, -87.0, 88.0) < 2.0);
        assert!(exp_f32(f32::NAN).is_nan());
        assert!(exp_f32(f32::INFINITY).is_finite());
        assert!(exp_f32(f32::NEG_INFINITY) > 0.0);
    }

    macro_rules! in_lane {
        ($name:ident, $of:ident) => {
            fn $name(x: f32) -> f32 {
                struct Of(f32);
                impl pulp::WithSimd for Of {
                    type Output = f32;
                    #[inline(always)]
                    fn with_simd<S: Simd>(self, simd: S) -> f32 {
                        let lanes = $of(simd, simd.splat_f32s(self.0));
                        bytemuck::cast_slice::<S::f32s, f32>(&[lanes])[S::F32_LANES - 1]
                    }
                }
                pulp::Arch::new().dispatch(Of(x))
            }
        };
    }
    in_lane!(exp_in_lane, exp_f32s);
    in_lane!(ln_in_lane, ln_f32s);

    #[test]
    fn exp_of_vectors_is_accurate() {
        assert!(worst(exp_in_lane, f64::exp, -87.0, 88.0) < 2.0);
        assert!(exp_in_lane(f32::NAN).is_nan());
        assert!(exp_in_lane(f32::INFINITY).is_finite());
        assert!(exp_in_lane(f32::NEG_INFINITY) > 0.0);
    }

    #[test]
    fn ln_is_accurate() {
        for ln in [ln_f32, ln_in_lane] {
            for (low, high) in [
                (1.2e-38, 1e-30),
                (1e-3, 0.1),
                (0.5, 2.0),
                (0.999, 1.001),
                (1.0, 1e6),
            ] {
                let error = worst(ln, f64::ln, low, high);
                assert!(error < 2.0, "{error} ULP within {low} ..= {high}");
            }
            assert!(ln(f32::NAN).is_nan());
            assert!(ln(-1.0).is_nan());
            assert_eq!(ln(0.0), f32::NEG_INFINITY);
            assert_eq!(ln(f32::INFINITY), f32::INFINITY);
            assert!((ln(f32::MAX) - 88.722_84).abs() < 1e-5);
        }
    }

    #[test]
    fn tanh_is_accurate() {
        for reach in [1e-6, 1e-3, 0.3, 1.0, 10.0] {
            let error = worst(tanh_f32, f64::tanh, -reach, reach);
            assert!(error < 3.0, "{error} ULP within ±{reach}");
        }
        assert_eq!(tanh_f32(1e30), 1.0);
        assert!(tanh_f32(f32::NAN).is_nan());
    }
}
