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

/// The Gaussian error linear unit `x Φ(x)`, where Φ is the standard normal's distribution function, by
/// the backend `M`.
///
/// With the backends [`Polynomial`](crate::math::Polynomial) and `Libm` the relative error is below 6e-7
/// for x ≥ −4, and below 6e-6 further down; a result nearer to zero than 1e-36 is off by less than that.
#[derive(Clone, Copy, Debug)]
pub struct Gelu<M>(PhantomData<M>);

/// The tanh form of GELU, `x / (1 + e^−2y)` with `y = √(2/π) (x + 0.044715 x³)`, by the backend `M`:
/// within 5e-4 of [`Gelu`].
///
/// With the backends [`Polynomial`](crate::math::Polynomial) and `Libm` the relative error is below 2.5e-6
/// for x ≥ −4, and below 2e-5 further down; a result nearer to zero than 1e-36 is off by less than that.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh<M>(PhantomData<M>);

/// [`elu`], whose alpha has the bits `ALPHA`.
#[derive(Clone, Copy, Debug)]
pub struct Elu<M, const ALPHA: u32>(PhantomData<M>);

impl<M: Math> Activation for Gelu<M> {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        let size = if x < 0.0 { -x } else { x };
        // Where nothing is left of the normal's tail; and infinity times zero is no number.
        let u = if size > GELU_END { GELU_END } else { size };
        let t = 1.0 / (1.0 + GELU_FALL * u);
        let [first, rest @ ..] = &GELU_TAIL;
        let mut sum = *first;
        for c in rest {
            sum = sum * t + c;
        }
        // Φ(−u) = t P(t) e^(−u²/2).
        let below = u * (t * sum * M::exp(-0.5 * u * u));
        if x < 0.0 { -below } else { x - below }
    }
}

/// Beyond, Φ(−u) is zero in `f32`.
pub const GELU_END: f32 = 16.0;
/// `t = 1 / (1 + GELU_FALL · u)`.
pub const GELU_FALL: f32 = 0.35;
/// `Φ(−u) e^(u²/2) / t` by powers of t, from the highest down: within 4e-8, relative, for u up to 14.5.
pub const GELU_TAIL: [f32; 9] = [
    -0.029_732_276,
    0.146_784,
    -0.261_410_53,
    0.165_510_16,
    -0.027_321_91,
    0.107_212_5,
    0.119_425_096,
    0.139_914_33,
    0.139_618_64,
];

impl<M: Math> Activation for GeluTanh<M> {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        let y = x * (GELU_LINEAR + GELU_CUBIC * (x * x));
        x / (1.0 + M::exp(-y))
    }
}

/// `2 √(2/π)`.
pub const GELU_LINEAR: f32 = 1.595_769_2;
/// `0.044715 · 2 √(2/π)`.
pub const GELU_CUBIC: f32 = 0.071_354_814;

impl<M: Math, const ALPHA: u32> Activation for Elu<M, ALPHA> {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        elu::<M>(x, const { f32::from_bits(ALPHA) })
    }
}

/// The exponential linear unit: `x` from zero on, `alpha · (e^x − 1)` below, by the backend `M`. NaN in,
/// NaN out.
///
/// With the backends [`Polynomial`](crate::math::Polynomial) and `Libm` the relative error is below 4e-7;
/// a result nearer to zero than 1e-36 is off by less than that.
#[inline(always)]
pub fn elu<M: Math>(x: f32, alpha: f32) -> f32 {
    if x < 0.0 {
        // e^x − 1 = 2 t / (1 − t), which loses no digits near zero.
        let t = M::tanh(0.5 * x);
        alpha * ((t + t) / (1.0 - t))
    } else {
        x
    }
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
