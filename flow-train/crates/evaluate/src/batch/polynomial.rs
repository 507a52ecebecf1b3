//! [`Polynomial`](flow_embedded::math::Polynomial) over vectors: the same operations in the same order, its branches
//! turned into selections. The tests compare the bits.

use super::lanes::Lanes;
use pulp::Simd;

/// `ln 2` as a short number ...
const LN_2_HIGH: f32 = 0.693_359_4;
/// ... and the rest of it.
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
/// The bits of √½, and what takes them to those of 1: a carry into the exponent from there on.
const SQRT_HALF: u32 = 0x3f35_04f3;
const FROM_SQRT_HALF: u32 = ONE - SQRT_HALF;
const ONE: u32 = 0x3f80_0000;
const MANTISSA: u32 = 0x007f_ffff;
const SIGN: u32 = 0x8000_0000;
/// 2^23, whose last bits count ones, and the exponent's offset.
const COUNTER: f32 = 8_388_608.0;
const EXPONENT_OF_ONE: f32 = 127.0;

/// `e^x`.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
    let number = |value| Lanes::splat(simd, value);
    let (fraction, n, power) = split_exp(simd, x);
    // 2^128 has no number of its own.
    let beyond = number(127.0).less(n);
    let power = beyond.select(number(f32::from_bits(254 << 23)), power);
    let rest = beyond.select(number(2.0), number(1.0));
    let within = fraction * power * rest;
    let below = x.less(number(EXP_UNDERFLOW)).select(number(0.0), within);
    number(EXP_OVERFLOW)
        .less(x)
        .select(number(f32::INFINITY), below)
}

/// `e^x` for x within ±80, or NaN.
#[inline(always)]
pub(super) fn exp_within<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
    let (fraction, _, power) = split_exp(simd, x);
    fraction * power
}

/// `e^x = fraction · 2^n`: fraction, n, and `2^n` where it is a normal number.
#[inline(always)]
fn split_exp<S: Simd>(simd: S, x: Lanes<S>) -> (Lanes<S>, Lanes<S>, Lanes<S>) {
    let number = |value| Lanes::splat(simd, value);
    let shifted = x * number(std::f32::consts::LOG2_E) + number(ROUND_TO_INTEGER);
    let n = shifted - number(ROUND_TO_INTEGER);
    let r = (x - n * number(LN_2_HIGH)) - n * number(LN_2_LOW);
    let fraction = number(1.0) + (r + r * r * polynomial(simd, &EXP, r));
    // The low bits of `shifted` hold n.
    let bits = simd.transmute_u32s_f32s(shifted.lanes());
    let exponent = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let power = from_bits(simd, simd.add_u32s(exponent, simd.splat_u32s(ONE)));
    (fraction, n, power)
}

/// The natural logarithm.
#[inline(always)]
pub(super) fn ln<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
    const SCALE: f32 = 8_388_608.0;
    let number = |value| Lanes::splat(simd, value);
    let subnormal = x.less(number(f32::MIN_POSITIVE));
    let scaled = subnormal.select(x * number(SCALE), x);
    let offset = subnormal.select(number(23.0 * std::f32::consts::LN_2), number(0.0));
    let bits = simd.add_u32s(
        simd.transmute_u32s_f32s(scaled.lanes()),
        simd.splat_u32s(FROM_SQRT_HALF),
    );
    let counted = simd.or_u32s(
        simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(23)),
        simd.splat_u32s(COUNTER.to_bits()),
    );
    let n = from_bits(simd, counted) - number(COUNTER + EXPONENT_OF_ONE);
    let mantissa = simd.add_u32s(
        simd.and_u32s(bits, simd.splat_u32s(MANTISSA)),
        simd.splat_u32s(SQRT_HALF),
    );
    let f = from_bits(simd, mantissa) - number(1.0);
    let square = f * f;
    let tail = f * square * polynomial(simd, &LN, f) + n * number(LN_2_LOW);
    let ln = (f - (number(0.5) * square - tail)) + n * number(LN_2_HIGH);
    special(simd, x, ln - offset, f32::NEG_INFINITY)
}

/// Hyperbolic tangent.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
    let number = |value| Lanes::splat(simd, value);
    let size = x.abs();
    let square = x * x;
    let near = x + x * square * polynomial(simd, &TANH, square);
    // From 9.02 on the result rounds to one; NaN stays NaN.
    let bounded = size.at_most(number(9.02));
    let part = number(1.0) - number(2.0) / (exp_within(simd, number(2.0) * bounded) + number(1.0));
    let far = number(9.02).less(size).select(number(1.0), part);
    let sign = simd.and_u32s(simd.transmute_u32s_f32s(x.lanes()), simd.splat_u32s(SIGN));
    let far = from_bits(
        simd,
        simd.or_u32s(sign, simd.transmute_u32s_f32s(far.lanes())),
    );
    size.less(number(0.625)).select(near, far)
}

/// Square root.
#[inline(always)]
pub(super) fn sqrt<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
    const SCALE: f32 = 16_777_216.0;
    let number = |value| Lanes::splat(simd, value);
    let subnormal = x.less(number(f32::MIN_POSITIVE));
    let scaled = subnormal.select(x * number(SCALE), x);
    let bits = simd.transmute_u32s_f32s(scaled.lanes());
    let half = simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(1));
    let mut root = from_bits(simd, simd.add_u32s(half, simd.splat_u32s(0x1fbb_4f2e)));
    for _ in 0..3 {
        root = number(0.5) * (root + scaled / root);
    }
    // A power of two: exact.
    let root = subnormal.select(root * number(1.0 / 4096.0), root);
    let zero = special(simd, x, root, 0.0);
    // Zero keeps its sign.
    x.abs().less(number(f32::from_bits(1))).select(x, zero)
}

/// `value` for finite `x` above zero; `at_zero` at zero, NaN below it, else `x`: infinity and NaN.
#[inline(always)]
fn special<S: Simd>(simd: S, x: Lanes<S>, value: Lanes<S>, at_zero: f32) -> Lanes<S> {
    let number = |value| Lanes::splat(simd, value);
    let positive = x.less(number(f32::INFINITY)).select(value, x);
    let below = x
        .less(number(0.0))
        .select(number(f32::NAN), number(at_zero));
    x.less(number(f32::from_bits(1))).select(below, positive)
}

#[inline(always)]
fn from_bits<S: Simd>(simd: S, bits: S::u32s) -> Lanes<S> {
    Lanes::new(simd, simd.transmute_f32s_u32s(bits))
}

/// Horner's rule, coefficients in ascending order.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, coefficients: &[f32; N], x: Lanes<S>) -> Lanes<S> {
    let mut sum = Lanes::splat(simd, coefficients[N - 1]);
    for c in coefficients[..N - 1].iter().rev() {
        sum = sum * x + Lanes::splat(simd, *c);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{LaneMath, vectors};
    use super::Lanes;
    use flow_embedded::math::{Math, Polynomial};
    use pulp::{Arch, Simd, WithSimd};

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Exp,
        ExpWithin,
        Ln,
        Tanh,
        Sqrt,
    }

    impl Function {
        fn scalar(self, x: f32) -> f32 {
            match self {
                Self::Exp | Self::ExpWithin => Polynomial::exp(x),
                Self::Ln => Polynomial::ln(x),
                Self::Tanh => Polynomial::tanh(x),
                Self::Sqrt => Polynomial::sqrt(x),
            }
        }

        fn accepts(self, x: f32) -> bool {
            !matches!(self, Self::ExpWithin) || x.is_nan() || x.abs() <= 80.0
        }
    }

    struct Each<'a>(Function, &'a mut [f32]);

    impl WithSimd for Each<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for lanes in vectors::<S>(self.1) {
                let x = Lanes::new(simd, *lanes);
                let y = match self.0 {
                    Function::Exp => Polynomial::exp_lanes(simd, x),
                    Function::ExpWithin => Polynomial::exp_lanes_within(simd, x),
                    Function::Ln => Polynomial::ln_lanes(simd, x),
                    Function::Tanh => Polynomial::tanh_lanes(simd, x),
                    Function::Sqrt => Polynomial::sqrt_lanes(simd, x),
                };
                *lanes = y.lanes();
            }
        }
    }

    /// Every `step`-th bit pattern of an `f32`, and all at the ends of the ranges.
    fn compare(function: Function, step: u32) {
        const CHUNK: usize = 4096;
        let ends = [
            0.0f32,
            f32::MIN_POSITIVE,
            0.625,
            1.0,
            9.02,
            80.0,
            88.029,
            88.722_84,
            87.336_54,
            f32::MAX,
        ];
        let around = ends.into_iter().flat_map(|end| {
            let bits = end.to_bits();
            (bits.saturating_sub(500)..bits + 500).flat_map(|bits| [bits, bits | 1 << 31])
        });
        let mut patterns = (0..=u32::MAX).step_by(step as usize).chain(around);
        loop {
            let mut arguments: Vec<f32> =
                patterns.by_ref().take(CHUNK).map(f32::from_bits).collect();
            if arguments.is_empty() {
                return;
            }
            arguments.resize(arguments.len().next_multiple_of(16), 1.0);
            let mut results = arguments.clone();
            Arch::new().dispatch(Each(function, &mut results));
            for (x, result) in arguments.iter().zip(&results) {
                let expected = function.scalar(*x);
                assert!(
                    !function.accepts(*x)
                        || result.to_bits() == expected.to_bits()
                        || (result.is_nan() && expected.is_nan()),
                    "{function:?} of {x:e} ({:#x}): {result:e} against {expected:e}",
                    x.to_bits()
                );
            }
        }
    }

    const ALL: [Function; 5] = [
        Function::Exp,
        Function::ExpWithin,
        Function::Ln,
        Function::Tanh,
        Function::Sqrt,
    ];

    #[test]
    fn vectors_have_the_bits_of_the_runtime() {
        for function in ALL {
            compare(function, 1009);
        }
    }
}
