//! The two float types that a flow computes in, and their vectors.

use pulp::Simd;
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
/// `exp` and `tanh` are functions without branches in `f32`, so that loops over them vectorise.
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
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// A vector of the instruction set `S`.
    #[doc(hidden)]
    type Lanes<S: Simd>: Copy;

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
    /// Sum of the lanes.
    #[doc(hidden)]
    fn reduce<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self;
}

macro_rules! real {
    ($float:ty, $lanes:ident, $as_simd:ident, $as_mut_simd:ident, $splat:ident, $mul_add:ident, $add:ident, $reduce:ident,
     $exp:expr, $tanh:expr) => {
        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            type Lanes<S: Simd> = S::$lanes;

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
            fn reduce<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self {
                simd.$reduce(a)
            }
        }
    };
}

real!(
    f32,
    f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    splat_f32s,
    mul_add_e_f32s,
    add_f32s,
    reduce_sum_f32s,
    exp_f32,
    tanh_f32
);
real!(
    f64,
    f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    splat_f64s,
    mul_add_e_f64s,
    add_f64s,
    reduce_sum_f64s,
    f64::exp,
    f64::tanh
);

/// `x = n ln 2 + r` with |r| ≤ ln 2 / 2: returns `2^n` and `e^r - 1` (Taylor to degree 7, remainder below 1e-8).
///
/// `x` in [-87, 88]. Adding 1.5 * 2^23 rounds to an integer that stands in the low bits of the sum.
#[inline(always)]
fn split_exp(x: f32) -> (f32, f32) {
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 355.0 / 512.0; // few bits: n * LN2_HIGH is exact
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let tail = 1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0));
    let tail = 0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * tail));
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
