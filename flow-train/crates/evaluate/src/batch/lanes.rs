//! The elementary functions of the runtime's backends over vectors of events.
//!
//! What handles vectors is `#[inline(always)]` down to the last function, and no closure: what is not inlined into
//! the dispatched code is compiled without its instructions, and calls a function for every one of them.

use super::polynomial;
use flow_embedded::math::{Libm, Math, Micromath, Polynomial};
use flow_model::real::Real;
use flow_model::transformer::vector::Vector;
use pulp::{Simd, bytemuck};

/// One value of several events.
pub(super) type Lanes<S> = Vector<S, f32>;

/// A backend over vectors, with the bits of its scalar functions in every lane (NaN for NaN).
pub(super) trait LaneMath: Math {
    /// [`Math::exp`].
    #[inline(always)]
    fn exp_lanes<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        each(simd, x, Self::exp)
    }

    /// [`Math::exp`] of numbers within ±80, or NaN.
    #[inline(always)]
    fn exp_lanes_within<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        Self::exp_lanes(simd, x)
    }

    /// [`Math::ln`].
    #[inline(always)]
    fn ln_lanes<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        each(simd, x, Self::ln)
    }

    /// [`Math::tanh`].
    #[inline(always)]
    fn tanh_lanes<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        each(simd, x, Self::tanh)
    }

    /// [`Math::sqrt`].
    #[inline(always)]
    fn sqrt_lanes<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        each(simd, x, Self::sqrt)
    }
}

impl LaneMath for Libm {}

impl LaneMath for Micromath {}

impl LaneMath for Polynomial {
    #[inline(always)]
    fn exp_lanes<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        polynomial::exp(simd, x)
    }

    #[inline(always)]
    fn exp_lanes_within<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        polynomial::exp_within(simd, x)
    }

    #[inline(always)]
    fn ln_lanes<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        polynomial::ln(simd, x)
    }

    #[inline(always)]
    fn tanh_lanes<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        polynomial::tanh(simd, x)
    }

    #[inline(always)]
    fn sqrt_lanes<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
        polynomial::sqrt(simd, x)
    }
}

/// `−x`, of zero too.
#[inline(always)]
pub(super) fn negative<S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
    Lanes::splat(simd, -0.0) - x
}

/// A scalar function in every lane.
#[inline(always)]
fn each<S: Simd>(simd: S, x: Lanes<S>, f: impl Fn(f32) -> f32) -> Lanes<S> {
    let mut lanes = x.lanes();
    let values: &mut [f32] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut lanes));
    values.iter_mut().for_each(|x| *x = f(*x));
    Lanes::new(simd, lanes)
}

/// A row of a panel as vectors.
#[inline(always)]
pub(super) fn vectors<S: Simd>(row: &mut [f32]) -> &mut [S::f32s] {
    f32::lanes_mut::<S>(row)
}
