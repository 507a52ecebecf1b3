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

/// A stored weight: an `f32` of generated code, or the little-endian bytes of
/// one in an artefact.
pub trait Weight: Copy {
    /// Its value.
    fn value(self) -> f32;
}

impl Weight for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

impl Weight for [u8; 4] {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_le_bytes(self)
    }
}

/// Bias plus the products of weights and inputs, in ascending order.
///
/// `row` holds the bias, then one weight for each leading input that the row
/// sees; inputs beyond the row are not read.
#[inline(always)]
pub fn dot<W: Weight>(row: &[W], input: &[f32]) -> f32 {
    // Slice patterns rather than iterators: nothing here can be left out of
    // line at opt-level z. Four at a time, because the compiler does not
    // unroll at s and z; the order of additions is the same.
    let [bias, weights @ ..] = row else {
        return 0.0;
    };
    let mut sum = bias.value();
    let mut rest = (weights, input);
    while let ([w0, w1, w2, w3, weights @ ..], [x0, x1, x2, x3, input @ ..]) = rest {
        sum += w0.value() * x0;
        sum += w1.value() * x1;
        sum += w2.value() * x2;
        sum += w3.value() * x3;
        rest = (weights, input);
    }
    while let ([weight, weights @ ..], [x, input @ ..]) = rest {
        sum += weight.value() * x;
        rest = (weights, input);
    }
    sum
}

/// A residual connection: adds `input[OFFSET..OFFSET + ROWS]` to the same
/// places of `output`.
#[inline]
pub fn add<const OFFSET: usize, const ROWS: usize, const N: usize>(
    input: &[f32; N],
    output: &mut [f32; N],
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    let pairs = output.iter_mut().zip(input).skip(OFFSET).take(ROWS);
    for (output, input) in pairs {
        *output += input;
    }
}
