//! The two float types that a flow computes in, and their vectors.

use super::bijection::{Bijection, Layer};
use pulp::{Simd, bytemuck};
use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` for training, `f64` for gradient checks and for evaluation.
///
/// `exp`, `ln` and `tanh` are functions without branches in `f32`, so that loops over them vectorise.
pub trait Real:
    sealed::Sealed
    + Copy
    + Debug
    + Default
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
{
    /// What a layer does in this type. Compiled here, once for each type: as a generic function, all kernels would
    /// be compiled again in every crate that uses a flow.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn bijection(layer: &Layer) -> &dyn Bijection<Self>;

    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Adding it and taking it away again rounds a small number to an integer.
    const ROUND: Self;
    /// A vector of the instruction set `S`.
    #[doc(hidden)]
    type Lanes<S: Simd>: Copy;
    /// What a comparison of two vectors gives.
    #[doc(hidden)]
    type Mask<S: Simd>: Copy;

    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The same value in `f64`.
    fn to_f64(self) -> f64;
    /// Magnitude.
    #[must_use]
    fn abs(self) -> Self;
    /// Square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// `e^self`; in `f32` within 2 ULP on [-87, 88], clamped beyond.
    #[must_use]
    fn exp(self) -> Self;
    /// The natural logarithm; in `f32` within 2 ULP, and −∞ below the normal numbers.
    #[must_use]
    fn ln(self) -> Self;
    /// Cosine of an angle.
    #[must_use]
    fn cos(self) -> Self;
    /// Sine of an angle.
    #[must_use]
    fn sin(self) -> Self;
    /// The hyperbolic tangent; in `f32` within 3 ULP.
    #[must_use]
    fn tanh(self) -> Self;

    /// A slice as whole vectors; its length is a multiple of 16.
    #[doc(hidden)]
    fn lanes<S: Simd>(slice: &[Self]) -> &[Self::Lanes<S>];
    /// A slice as whole vectors; its length is a multiple of 16.
    #[doc(hidden)]
    fn lanes_mut<S: Simd>(slice: &mut [Self]) -> &mut [Self::Lanes<S>];
    /// `self` in every lane.
    #[doc(hidden)]
    fn splat<S: Simd>(self, simd: S) -> Self::Lanes<S>;
    /// `a * b + c`, fused where the machine can.
    #[doc(hidden)]
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        c: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    /// Lane-wise sum.
    #[doc(hidden)]
    fn add_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// Lane-wise difference.
    #[doc(hidden)]
    fn sub_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// Lane-wise product.
    #[doc(hidden)]
    fn mul_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// Lane-wise quotient.
    #[doc(hidden)]
    fn div_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// Lane-wise magnitude.
    #[doc(hidden)]
    fn abs_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S>;
    /// Lane-wise square root.
    #[doc(hidden)]
    fn sqrt_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S>;
    /// [`exp`](Self::exp) of every lane.
    #[doc(hidden)]
    fn exp_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S>;
    /// [`ln`](Self::ln) of every lane.
    #[doc(hidden)]
    fn ln_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S>;
    /// Whether `a < b`, lane by lane; false for NaN.
    #[doc(hidden)]
    fn less_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Mask<S>;
    /// `yes` where the mask is set, else `no`.
    #[doc(hidden)]
    fn select_lanes<S: Simd>(
        simd: S,
        mask: Self::Mask<S>,
        yes: Self::Lanes<S>,
        no: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    /// Sum of the lanes.
    #[doc(hidden)]
    fn reduce<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self;
}

// Selections and magnitudes go through bits: those of pulp over floats are not always inlined.
macro_rules! real {
    ($float:ty, $lanes:ident, $mask:ident, $round:expr,
     [$as_simd:ident, $as_mut_simd:ident, $splat:ident, $reduce:ident],
     [$mul_add:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $sqrt:ident, $less:ident],
     [$bits:ty, $to_bits:ident, $from_bits:ident, $splat_bits:ident, $and:ident, $select:ident],
     [$exp:expr, $ln:expr, $tanh:expr, $exp_lanes:expr, $ln_lanes:expr]) => {
        impl Real for $float {
            #[allow(private_interfaces)]
            fn bijection(layer: &Layer) -> &dyn Bijection<Self> {
                layer.resolve()
            }

            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const ROUND: Self = $round;
            type Lanes<S: Simd> = S::$lanes;
            type Mask<S: Simd> = S::$mask;

            #[inline(always)]
            #[allow(clippy::cast_possible_truncation)]
            fn from_f64(value: f64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $ln(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                self.cos()
            }
            #[inline(always)]
            fn sin(self) -> Self {
                self.sin()
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                $tanh(self)
            }
            #[inline(always)]
            fn lanes<S: Simd>(slice: &[Self]) -> &[Self::Lanes<S>] {
                let (lanes, rest) = S::$as_simd(slice);
                debug_assert!(rest.is_empty());
                lanes
            }
            #[inline(always)]
            fn lanes_mut<S: Simd>(slice: &mut [Self]) -> &mut [Self::Lanes<S>] {
                let (lanes, rest) = S::$as_mut_simd(slice);
                debug_assert!(rest.is_empty());
                lanes
            }
            #[inline(always)]
            fn splat<S: Simd>(self, simd: S) -> Self::Lanes<S> {
                simd.$splat(self)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(
                simd: S,
                a: Self::Lanes<S>,
                b: Self::Lanes<S>,
                c: Self::Lanes<S>,
            ) -> Self::Lanes<S> {
                simd.$mul_add(a, b, c)
            }
            #[inline(always)]
            fn add_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S> {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn sub_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S> {
                simd.$sub(a, b)
            }
            #[inline(always)]
            fn mul_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S> {
                simd.$mul(a, b)
            }
            #[inline(always)]
            fn div_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S> {
                simd.$div(a, b)
            }
            #[inline(always)]
            fn abs_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S> {
                let magnitude = simd.$splat_bits(<$bits>::MAX >> 1);
                simd.$from_bits(simd.$and(simd.$to_bits(a), magnitude))
            }
            #[inline(always)]
            fn sqrt_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S> {
                simd.$sqrt(a)
            }
            #[inline(always)]
            fn exp_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S> {
                $exp_lanes(simd, a)
            }
            #[inline(always)]
            fn ln_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S> {
                $ln_lanes(simd, a)
            }
            #[inline(always)]
            fn less_lanes<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Mask<S> {
                simd.$less(a, b)
            }
            #[inline(always)]
            fn select_lanes<S: Simd>(
                simd: S,
                mask: Self::Mask<S>,
                yes: Self::Lanes<S>,
                no: Self::Lanes<S>,
            ) -> Self::Lanes<S> {
                simd.$from_bits(simd.$select(mask, simd.$to_bits(yes), simd.$to_bits(no)))
            }
            #[inline(always)]
            fn reduce<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self {
                simd.$reduce(a)
            }
        }
    };
}

real!(
    f32,
    f32s,
    m32s,
    ROUND,
    [as_simd_f32s, as_mut_simd_f32s, splat_f32s, reduce_sum_f32s],
    [
        mul_add_e_f32s,
        add_f32s,
        sub_f32s,
        mul_f32s,
        div_f32s,
        sqrt_f32s,
        less_than_f32s
    ],
    [
        u32,
        transmute_u32s_f32s,
        transmute_f32s_u32s,
        splat_u32s,
        and_u32s,
        select_u32s
    ],
    [exp_f32, ln_f32, tanh_f32, exp_f32s, ln_f32s]
);
real!(
    f64,
    f64s,
    m64s,
    6_755_399_441_055_744.0,
    [as_simd_f64s, as_mut_simd_f64s, splat_f64s, reduce_sum_f64s],
    [
        mul_add_e_f64s,
        add_f64s,
        sub_f64s,
        mul_f64s,
        div_f64s,
        sqrt_f64s,
        less_than_f64s
    ],
    [
        u64,
        transmute_u64s_f64s,
        transmute_f64s_u64s,
        splat_u64s,
        and_u64s,
        select_u64s
    ],
    [f64::exp, f64::ln, f64::tanh, exp_f64s, ln_f64s]
);

/// 1.5 * 2^23.
const ROUND: f32 = 12_582_912.0;
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
fn exp_f32(x: f32) -> f32 {
    let (power, part) = split_exp(x.clamp(-87.0, 88.0));
    power + power * part
}

/// `tanh x = (e^2x - 1) / (e^2x + 1)`, with `e^2x - 1` formed without cancellation.
#[inline(always)]
fn tanh_f32(x: f32) -> f32 {
    let (power, part) = split_exp((x + x).clamp(-30.0, 30.0));
    let minus_one = power * part + (power - 1.0);
    minus_one / (minus_one + 2.0)
}

/// `x = 2^n m` with m in sqrt(1/2) .. sqrt(2), and a polynomial in m - 1. Numbers below the normal ones count as 0.
#[inline(always)]
fn ln_f32(x: f32) -> f32 {
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
fn exp_f32s<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
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
fn ln_f32s<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
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
fn exp_f64s<S: Simd>(_: S, mut x: S::f64s) -> S::f64s {
    let lanes: &mut [f64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut x));
    lanes.iter_mut().for_each(|x| *x = x.exp());
    x
}

#[inline(always)]
fn ln_f64s<S: Simd>(_: S, mut x: S::f64s) -> S::f64s {
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
