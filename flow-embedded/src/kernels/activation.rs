//! Activations and gates.

use crate::math::Math;
use core::marker::PhantomData;

/// The non-linearity after a dense layer.
pub trait Activation {
    /// Whether it is [`Relu`], which some chips take along with a dense layer.
    const IS_RELU: bool = false;

    /// Applies it to one pre-activation. NaN in, NaN out.
    fn apply(x: f32) -> f32;
}

/// No non-linearity: the last dense layer of a conditioner.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

/// `max(x, 0)`.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

/// Hyperbolic tangent, by the backend `M`.
#[derive(Clone, Copy, Debug)]
pub struct Tanh<M>(PhantomData<M>);

/// `x / (1 + e^−x)`, also called swish, by the backend `M`.
#[derive(Clone, Copy, Debug)]
pub struct Silu<M>(PhantomData<M>);

impl Activation for Identity {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        x
    }
}

impl Activation for Relu {
    const IS_RELU: bool = true;

    #[inline(always)]
    fn apply(x: f32) -> f32 {
        if x < 0.0 { 0.0 } else { x }
    }
}

impl<M: Math> Activation for Tanh<M> {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        M::tanh(x)
    }
}

impl<M: Math> Activation for Silu<M> {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        x / (1.0 + M::exp(-x))
    }
}

/// [`leaky_relu`], whose slope has the bits `SLOPE`.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu<const SLOPE: u32>;

impl<const SLOPE: u32> Activation for LeakyRelu<SLOPE> {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        leaky_relu(x, const { f32::from_bits(SLOPE) })
    }
}

/// `x` from zero on, `slope · x` below: rounded once. NaN in, NaN out.
#[inline(always)]
pub const fn leaky_relu(x: f32, slope: f32) -> f32 {
    if x < 0.0 { slope * x } else { x }
}

/// `1 / (1 + e^−x)`, by the backend `M`: a gate.
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid<M>(PhantomData<M>);

impl<M: Math> Activation for Sigmoid<M> {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        1.0 / (1.0 + M::exp(-x))
    }
}
