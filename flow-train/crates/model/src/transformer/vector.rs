//! A vector of events with the operators of arithmetic.

use crate::real::Real;
use pulp::Simd;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// One register of the instruction set `S`: one value of several events.
#[derive(Clone, Copy)]
pub struct Vector<S: Simd, T: Real> {
    simd: S,
    lanes: T::Lanes<S>,
}

/// What a comparison gives: a choice for each event.
#[derive(Clone, Copy)]
pub struct Mask<S: Simd, T: Real> {
    simd: S,
    lanes: T::Mask<S>,
}

impl<S: Simd, T: Real> Vector<S, T> {
    #[inline(always)]
    pub fn new(simd: S, lanes: T::Lanes<S>) -> Self {
        Self { simd, lanes }
    }

    #[inline(always)]
    pub fn splat(simd: S, value: T) -> Self {
        Self::new(simd, value.splat(simd))
    }

    #[inline(always)]
    pub fn lanes(self) -> T::Lanes<S> {
        self.lanes
    }

    /// `self * factor + addend`, fused where the machine can.
    #[inline(always)]
    pub fn mul_add(self, factor: Self, addend: Self) -> Self {
        let lanes = T::mul_add(self.simd, self.lanes, factor.lanes, addend.lanes);
        Self { lanes, ..self }
    }

    #[inline(always)]
    pub fn abs(self) -> Self {
        let lanes = T::abs_lanes(self.simd, self.lanes);
        Self { lanes, ..self }
    }

    #[inline(always)]
    pub fn sqrt(self) -> Self {
        let lanes = T::sqrt_lanes(self.simd, self.lanes);
        Self { lanes, ..self }
    }

    #[inline(always)]
    pub fn exp(self) -> Self {
        let lanes = T::exp_lanes(self.simd, self.lanes);
        Self { lanes, ..self }
    }

    #[inline(always)]
    pub fn ln(self) -> Self {
        let lanes = T::ln_lanes(self.simd, self.lanes);
        Self { lanes, ..self }
    }

    /// False for NaN.
    #[inline(always)]
    pub fn less(self, other: Self) -> Mask<S, T> {
        let simd = self.simd;
        let lanes = T::less_lanes(simd, self.lanes, other.lanes);
        Mask { simd, lanes }
    }

    /// The larger one; `self` where either is NaN.
    #[inline(always)]
    pub fn at_least(self, low: Self) -> Self {
        self.less(low).select(low, self)
    }

    /// The smaller one; `self` where either is NaN.
    #[inline(always)]
    pub fn at_most(self, high: Self) -> Self {
        high.less(self).select(high, self)
    }
}

impl<S: Simd, T: Real> Mask<S, T> {
    #[inline(always)]
    pub fn select(self, yes: Vector<S, T>, no: Vector<S, T>) -> Vector<S, T> {
        let lanes = T::select_lanes(self.simd, self.lanes, yes.lanes, no.lanes);
        Vector::new(self.simd, lanes)
    }
}

macro_rules! operator {
    ($operator:ident, $method:ident, $lanes:ident) => {
        impl<S: Simd, T: Real> $operator for Vector<S, T> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self::new(self.simd, T::$lanes(self.simd, self.lanes, other.lanes))
            }
        }
    };
}

operator!(Add, add, add_lanes);
operator!(Sub, sub, sub_lanes);
operator!(Mul, mul, mul_lanes);
operator!(Div, div, div_lanes);

impl<S: Simd, T: Real> Neg for Vector<S, T> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::splat(self.simd, T::ZERO) - self
    }
}
