//! The two float types that a flow computes in, and their vectors.

use super::elementary::{ROUND, exp_f32, exp_f32s, exp_f64s, ln_f32, ln_f32s, ln_f64s, tanh_f32};
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
