//! The non-linearities of hidden layers.

use super::lanes::{LaneMath, Lanes, negative, vectors};
use flow_embedded::artefact::Activation;
use pulp::{Arch, Simd, WithSimd};
use std::marker::PhantomData;

/// Replaces pre-activations by activations.
pub(super) fn apply<M: LaneMath>(activation: Activation, values: &mut [f32]) {
    Arch::new().dispatch(Apply::<M> {
        activation,
        values,
        math: PhantomData,
    });
}

/// Replaces what gates were given by what they let through.
pub(super) fn gate<M: LaneMath>(values: &mut [f32]) {
    Arch::new().dispatch(Gate::<M> {
        values,
        math: PhantomData,
    });
}

struct Gate<'v, M> {
    values: &'v mut [f32],
    math: PhantomData<M>,
}

impl<M: LaneMath> WithSimd for Gate<'_, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let one = Lanes::splat(simd, 1.0);
        for x in vectors::<S>(self.values) {
            let exp = M::exp_lanes(simd, negative(simd, Lanes::new(simd, *x)));
            *x = (one / (one + exp)).lanes();
        }
    }
}

struct Apply<'v, M> {
    activation: Activation,
    values: &'v mut [f32],
    math: PhantomData<M>,
}

impl<M: LaneMath> WithSimd for Apply<'_, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let number = |value| Lanes::splat(simd, value);
        let values = vectors::<S>(self.values);
        match self.activation {
            Activation::Relu => {
                for x in values {
                    let own = Lanes::new(simd, *x);
                    *x = own.less(number(0.0)).select(number(0.0), own).lanes();
                }
            }
            Activation::Tanh => {
                for x in values {
                    *x = M::tanh_lanes(simd, Lanes::new(simd, *x)).lanes();
                }
            }
            Activation::Silu => {
                for x in values {
                    let own = Lanes::new(simd, *x);
                    let exp = M::exp_lanes(simd, negative(simd, own));
                    *x = (own / (number(1.0) + exp)).lanes();
                }
            }
            Activation::LeakyRelu { slope } => {
                for x in values {
                    let own = Lanes::new(simd, *x);
                    let below = number(slope) * own;
                    *x = own.less(number(0.0)).select(below, own).lanes();
                }
            }
        }
    }
}
