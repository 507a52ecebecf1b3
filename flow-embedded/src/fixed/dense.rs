//! Dense layers: `i8` or `i16` weights, `i16` activations, 32-bit sums.

use super::activation::Activation;
use super::number::Saturation;

/// A stored weight.
pub trait Weight: Copy {
    /// Its integer.
    fn value(self) -> i32;
}

impl Weight for i8 {
    #[inline(always)]
    fn value(self) -> i32 {
        self.into()
    }
}

impl Weight for i16 {
    #[inline(always)]
    fn value(self) -> i32 {
        self.into()
    }
}

/// One row of a dense layer: [`Row`] says of how many inputs.
///
/// The sum of products has the unit of an input times the row's unit of a
/// weight; the bias has it too. `multiplier / 2^(16 + shift)` turns it into
/// the unit of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOf<Weights: ?Sized> {
    /// In the unit of the sum.
    pub bias: i32,
    /// Not negative.
    pub multiplier: i16,
    /// −8 ..= 15.
    pub shift: i8,
    /// One for each leading input that the row sees.
    pub weights: Weights,
}

/// One row of a dense layer that sees so many inputs.
pub type Row<W, const INPUTS: usize> = RowOf<[W; INPUTS]>;

/// Bias plus the products of weights and leading inputs.
///
/// Wraps: that no input makes the sum leave 32 bits is for the compiler of the
/// model to exclude, from the weights and the ranges of the activations.
#[inline(always)]
pub fn dot<W: Weight, const INPUTS: usize>(row: &Row<W, INPUTS>, input: &[i16]) -> i32 {
    // Slice patterns, four at a time, as in the kernel for `f32`.
    let mut sum = row.bias;
    let mut rest = (row.weights.as_slice(), input);
    while let ([w0, w1, w2, w3, weights @ ..], [x0, x1, x2, x3, input @ ..]) = rest {
        sum = accumulate(sum, *w0, *x0);
        sum = accumulate(sum, *w1, *x1);
        sum = accumulate(sum, *w2, *x2);
        sum = accumulate(sum, *w3, *x3);
        rest = (weights, input);
    }
    while let ([weight, weights @ ..], [x, input @ ..]) = rest {
        sum = accumulate(sum, *weight, *x);
        rest = (weights, input);
    }
    sum
}

#[inline(always)]
fn accumulate<W: Weight>(sum: i32, weight: W, x: i16) -> i32 {
    sum.wrapping_add(weight.value().wrapping_mul(x.into()))
}

/// `sum · multiplier / 2^(16 + shift)`, rounded once from the exact product;
/// saturates, which only a negative shift can need.
///
/// For `0 <= multiplier` and −8 ≤ shift ≤ 15. Two 32-bit products: the halves
/// of the sum times the multiplier, and no bit of either is lost before the
/// rounding.
#[inline(always)]
pub fn requantise(sum: i32, multiplier: i16, shift: i8) -> i32 {
    let multiplier = i32::from(multiplier);
    let upper = (sum >> 16).wrapping_mul(multiplier);
    let lower = (sum as u32 & 0xffff).wrapping_mul(multiplier as u32);
    // The product is `whole · 2^16 + fraction`.
    let whole = upper.wrapping_add((lower >> 16) as i32);
    let fraction = lower & 0xffff;
    if shift > 0 {
        // Within ±2^30, so there is room to round.
        let twice = whole.wrapping_shr(u32::from(shift.unsigned_abs()) - 1);
        return twice.wrapping_add(1) >> 1;
    }
    let left = u32::from(shift.unsigned_abs()).min(8);
    let right = 16 - left;
    let low = fraction.wrapping_add((1 << right) >> 1) >> right;
    let high = whole << left;
    if high >> left == whole {
        high.saturating_add(low as i32)
    } else if whole < 0 {
        i32::MIN
    } else {
        i32::MAX
    }
}

/// A block of `ROWS` hidden rows that see the same leading inputs, into
/// `output[OFFSET..OFFSET + ROWS]`: sum, [`requantise`] to the format that the
/// activation `A` takes, `A`, clamp to `i16`.
///
/// That the block fits `INPUT` and `OUTPUT` is checked when the code is
/// compiled. Never inlined, as the kernel for `f32`: layers of one shape share
/// one instance.
#[inline(never)]
pub fn dense<
    A: Activation,
    const OFFSET: usize,
    const ROWS: usize,
    const INPUTS: usize,
    const INPUT: usize,
    const OUTPUT: usize,
    W: Weight,
>(
    rows: &[Row<W, INPUTS>; ROWS],
    input: &[i16; INPUT],
    output: &mut [i16; OUTPUT],
    saturation: &mut Saturation,
) {
    const {
        assert!(INPUTS <= INPUT && OFFSET + ROWS <= OUTPUT);
    }
    for (row, output) in rows.iter().zip(output.iter_mut().skip(OFFSET)) {
        let sum = dot(row, input);
        // What is not positive stays so, since no multiplier is negative.
        *output = if A::IS_RELU && sum <= 0 {
            0
        } else {
            let sum = requantise(sum, row.multiplier, row.shift);
            saturation.activation(A::apply(sum))
        };
    }
}

/// As [`dense`] without an activation and into Q16: the last layer of a
/// conditioner. Counts no saturation: a parameter beyond Q16 is, as an overflow
/// of [`dot`], for the compiler of the model to exclude.
#[inline(never)]
pub fn dense_q16<
    const OFFSET: usize,
    const ROWS: usize,
    const INPUTS: usize,
    const INPUT: usize,
    const OUTPUT: usize,
    W: Weight,
>(
    rows: &[Row<W, INPUTS>; ROWS],
    input: &[i16; INPUT],
    output: &mut [i32; OUTPUT],
) {
    const {
        assert!(INPUTS <= INPUT && OFFSET + ROWS <= OUTPUT);
    }
    for (row, output) in rows.iter().zip(output.iter_mut().skip(OFFSET)) {
        *output = requantise(dot(row, input), row.multiplier, row.shift);
    }
}

/// As [`dense`], small: all layers share the function of one row. Measured on a
/// Cortex-M0 at `opt-level = "s"`: less than half the code, and 7 % more
/// instructions.
#[inline(never)]
pub fn dense_small<
    A: Activation,
    const OFFSET: usize,
    const ROWS: usize,
    const INPUTS: usize,
    const INPUT: usize,
    const OUTPUT: usize,
    W: Weight,
>(
    rows: &[Row<W, INPUTS>; ROWS],
    input: &[i16; INPUT],
    output: &mut [i16; OUTPUT],
    saturation: &mut Saturation,
) {
    const {
        assert!(INPUTS <= INPUT && OFFSET + ROWS <= OUTPUT);
    }
    for (row, output) in rows.iter().zip(output.iter_mut().skip(OFFSET)) {
        *output = saturation.activation(A::apply(one_row(row, input)));
    }
}

/// As [`dense_q16`], small.
#[inline(never)]
pub fn dense_q16_small<
    const OFFSET: usize,
    const ROWS: usize,
    const INPUTS: usize,
    const INPUT: usize,
    const OUTPUT: usize,
    W: Weight,
>(
    rows: &[Row<W, INPUTS>; ROWS],
    input: &[i16; INPUT],
    output: &mut [i32; OUTPUT],
) {
    const {
        assert!(INPUTS <= INPUT && OFFSET + ROWS <= OUTPUT);
    }
    for (row, output) in rows.iter().zip(output.iter_mut().skip(OFFSET)) {
        *output = one_row(row, input);
    }
}

#[inline(never)]
fn one_row<W: Weight>(row: &RowOf<[W]>, input: &[i16]) -> i32 {
    let products = row.weights.iter().zip(input);
    let sum = products.fold(row.bias, |sum, (weight, x)| accumulate(sum, *weight, *x));
    requantise(sum, row.multiplier, row.shift)
}

/// A residual connection: adds `input[OFFSET..OFFSET + ROWS]` to the same
/// places of `output`, which has the same unit.
#[inline]
pub fn add<const OFFSET: usize, const ROWS: usize, const N: usize>(
    input: &[i16; N],
    output: &mut [i16; N],
    saturation: &mut Saturation,
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    let pairs = output.iter_mut().zip(input).skip(OFFSET).take(ROWS);
    for (output, input) in pairs {
        *output = saturation.activation(i32::from(*output) + i32::from(*input));
    }
}
