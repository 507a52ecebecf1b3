//! Range reduction and minimax polynomials.
//!
//! The coefficients were fitted by iteratively reweighted least squares
//! (Lawson 1961) to the smallest largest *relative* error of the function, and
//! rounded to `f32`. Constants that split `ln 2` follow Cody & Waite (1980).

use super::{Backend, Math};

/// Our own polynomials: the default backend. Error bounds stand in the table
/// of the parent module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Polynomial;

/// `ln 2` as a short number, so that `n * LN_2_HIGH` is exact for |n| < 2^9 …
const LN_2_HIGH: f32 = 0.693_359_4;
/// … and the rest of it.
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Adding it rounds a small number to an integer in the lowest mantissa bits.
const ROUND_TO_INTEGER: f32 = 12_582_912.0;
/// Past these `e^x` is infinite, or below the smallest normal number.
const EXP_OVERFLOW: f32 = 88.722_84;
const EXP_UNDERFLOW: f32 = -87.336_54;

/// `(e^r − 1 − r) / r²` on |r| ≤ ln 2 / 2.
const EXP: [f32; 5] = [
    0.499_999_94,
    0.166_665_2,
    0.041_668_393,
    0.008_368_781,
    0.001_381_446_7,
];
/// `(ln(1 + f) − f + f²/2) / f³` on √½ ≤ 1 + f ≤ √2.
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
/// `(tanh x − x) / x³` in x², on |x| ≤ 0.625.
const TANH: [f32; 5] = [
    -0.333_332_8,
    0.133_314_42,
    -0.053_739_715,
    0.020_639_088,
    -0.005_704_987_3,
];

/// `(sin r − r) / r³` in r², on |r| ≤ π / 4.
const SIN: [f32; 3] = [-0.166_666_54, 0.008_332_146, -0.000_195_133_28];
/// `(cos r − 1 + r²/2) / r⁴` in r², on |r| ≤ π / 4.
const COS: [f32; 3] = [0.041_666_646, -0.001_388_729_7, 2.443_092_3e-5];
/// `π / 2` as a short number, so that few quarter turns of it are exact …
const QUARTER_TURN_HIGH: f32 = 1.570_312_5;
/// … and the rest of it.
const QUARTER_TURN_LOW: f32 = 4.838_268e-4;

/// Horner's rule, coefficients in ascending order.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f32; N], x: f32) -> f32 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// `2^n` for −126 ≤ n ≤ 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

impl Math for Polynomial {
    const BACKEND: Backend = Backend::Polynomial;

    fn exp(x: f32) -> f32 {
        if x > EXP_OVERFLOW {
            return f32::INFINITY;
        }
        if x < EXP_UNDERFLOW {
            return 0.0;
        }
        let shifted = x * core::f32::consts::LOG2_E + ROUND_TO_INTEGER;
        let n = shifted - ROUND_TO_INTEGER;
        let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
        let fraction = 1.0 + (r + r * r * polynomial(&EXP, r));
        // The mantissa of `shifted` holds n. Half of it is applied at a time
        // where n = 128, which has no power of two of its own.
        let n = (shifted.to_bits() as i32).wrapping_sub(ROUND_TO_INTEGER.to_bits() as i32);
        if n > 127 {
            return fraction * power_of_two(127) * 2.0;
        }
        fraction * power_of_two(n)
    }

    fn ln(x: f32) -> f32 {
        const SQRT_HALF: u32 = 0x3f35_04f3;
        if !(f32::MIN_POSITIVE..f32::INFINITY).contains(&x) {
            return ln_special(x);
        }
        let bits = x.to_bits().wrapping_sub(SQRT_HALF);
        let n = (bits as i32 >> 23) as f32;
        let f = f32::from_bits((bits & 0x007f_ffff).wrapping_add(SQRT_HALF)) - 1.0;
        let square = f * f;
        let tail = f * square * polynomial(&LN, f) + n * LN_2_LOW;
        (f - (0.5 * square - tail)) + n * LN_2_HIGH
    }

    fn tanh(x: f32) -> f32 {
        let size = x.abs();
        if size < 0.625 {
            let square = x * x;
            return x + x * square * polynomial(&TANH, square);
        }
        // From 9.02 on the result rounds to one.
        let result = if size > 9.02 {
            1.0
        } else {
            1.0 - 2.0 / (Self::exp(2.0 * size) + 1.0)
        };
        if x.is_nan() { x } else { result.copysign(x) }
    }

    fn sqrt(x: f32) -> f32 {
        if !(f32::MIN_POSITIVE..f32::INFINITY).contains(&x) {
            return sqrt_special(x);
        }
        // Halving the exponent is within 6 %; Newton's steps square the error.
        let mut root = f32::from_bits((x.to_bits() >> 1).wrapping_add(0x1fbb_4f2e));
        for _ in 0..3 {
            root = 0.5 * (root + x / root);
        }
        root
    }

    fn sin_cos(x: f32) -> (f32, f32) {
        // Beyond this an f32 hardly knows its own quarter turn.
        const FAR: f32 = 1e5;
        if x.is_nan() || x.abs() > FAR {
            return (f32::NAN, f32::NAN);
        }
        let shifted = x * core::f32::consts::FRAC_2_PI + ROUND_TO_INTEGER;
        let n = shifted - ROUND_TO_INTEGER;
        let r = (x - n * QUARTER_TURN_HIGH) - n * QUARTER_TURN_LOW;
        let square = r * r;
        let sin = r + r * square * polynomial(&SIN, square);
        let cos = 1.0 - (0.5 * square - square * square * polynomial(&COS, square));
        // The mantissa of `shifted` holds the number of quarter turns.
        match shifted.to_bits() & 3 {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }
}

/// Subnormal numbers, zero, infinity, negative numbers and NaN.
#[cold]
fn ln_special(x: f32) -> f32 {
    const SCALE: f32 = 8_388_608.0;
    if x > 0.0 && x < f32::INFINITY {
        Polynomial::ln(x * SCALE) - 23.0 * core::f32::consts::LN_2
    } else if x == 0.0 {
        f32::NEG_INFINITY
    } else if x < 0.0 {
        f32::NAN
    } else {
        x
    }
}

/// Subnormal numbers, zero, infinity, negative numbers and NaN.
#[cold]
fn sqrt_special(x: f32) -> f32 {
    const SCALE: f32 = 16_777_216.0;
    if x > 0.0 && x < f32::INFINITY {
        Polynomial::sqrt(x * SCALE) / 4096.0
    } else if x < 0.0 {
        f32::NAN
    } else {
        x
    }
}
