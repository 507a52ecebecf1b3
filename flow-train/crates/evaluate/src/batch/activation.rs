//! The non-linearities of hidden layers.

use super::lanes::{LaneMath, Lanes, negative, vectors};
use flow_embedded::artefact::Activation;
use flow_embedded::kernels::{GELU_CUBIC, GELU_END, GELU_FALL, GELU_LINEAR, GELU_TAIL};
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
            Activation::Gelu => {
                for x in values {
                    *x = gelu::<M, S>(simd, Lanes::new(simd, *x)).lanes();
                }
            }
            Activation::GeluTanh => {
                for x in values {
                    let own = Lanes::new(simd, *x);
                    let square = own * own;
                    let y = own * (number(GELU_LINEAR) + number(GELU_CUBIC) * square);
                    let exp = M::exp_lanes(simd, negative(simd, y));
                    *x = (own / (number(1.0) + exp)).lanes();
                }
            }
            Activation::Elu { alpha } => {
                for x in values {
                    let own = Lanes::new(simd, *x);
                    let t = M::tanh_lanes(simd, number(0.5) * own);
                    let below = number(alpha) * ((t + t) / (number(1.0) - t));
                    *x = own.less(number(0.0)).select(below, own).lanes();
                }
            }
        }
    }
}

/// [`Gelu`](flow_embedded::kernels::Gelu), the same operations in the same order.
#[inline(always)]
fn gelu<M: LaneMath, S: Simd>(simd: S, x: Lanes<S>) -> Lanes<S> {
    let number = |value| Lanes::splat(simd, value);
    let is_negative = x.less(number(0.0));
    let size = is_negative.select(negative(simd, x), x);
    let u = number(GELU_END).less(size).select(number(GELU_END), size);
    let t = number(1.0) / (number(1.0) + number(GELU_FALL) * u);
    let [first, rest @ ..] = &GELU_TAIL;
    let mut sum = number(*first);
    for c in rest {
        sum = sum * t + number(*c);
    }
    let exp = M::exp_lanes(simd, number(-0.5) * u * u);
    let below = u * (t * sum * exp);
    is_negative.select(negative(simd, below), x - below)
}
