use crate::math::Math;
use core::marker::PhantomData;

/// The non-linearity after a dense layer.
pub trait Activation {
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

impl Activation for Identity {
    #[inline(always)]
    fn apply(x: f32) -> f32 {
        x
    }
}

impl Activation for Relu {
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

/// Bias plus the products of weights and inputs, in ascending order.
///
/// `row` yields the bias, then one weight for each leading input that the row
/// sees; inputs beyond the row are not read.
#[inline(always)]
pub fn dot<'x>(
    row: impl IntoIterator<Item = f32>,
    input: impl IntoIterator<Item = &'x f32>,
) -> f32 {
    let mut row = row.into_iter();
    let bias = row.next().unwrap_or_default();
    row.zip(input)
        .fold(bias, |sum, (weight, x)| sum + weight * x)
}

/// A block of `ROWS` dense rows that see the same leading inputs, into
/// `output[OFFSET..OFFSET + ROWS]`.
///
/// Each row is its bias followed by `WIDTH − 1` weights. That the block fits
/// `INPUT` and `OUTPUT` is checked when the code is compiled.
#[inline]
pub fn dense<
    A: Activation,
    const OFFSET: usize,
    const ROWS: usize,
    const WIDTH: usize,
    const INPUT: usize,
    const OUTPUT: usize,
>(
    rows: &[[f32; WIDTH]; ROWS],
    input: &[f32; INPUT],
    output: &mut [f32; OUTPUT],
) {
    const {
        assert!(WIDTH >= 1 && WIDTH - 1 <= INPUT && OFFSET + ROWS <= OUTPUT);
    }
    for (row, output) in rows.iter().zip(output.iter_mut().skip(OFFSET)) {
        *output = A::apply(dot(row.iter().copied(), input));
    }
}
