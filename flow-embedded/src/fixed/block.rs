//! What stands between the dense layers of conditioners that are more than a chain of
//! them: sums in Q16, in arrays of which a block of places is worked on.

use super::activation::{Activation, tanh};
use super::channel::to_activation;
use super::number::{ONE, Saturation, round, saturate, scale};

/// Applies `A`, which takes and gives Q16, and turns the result into activations with so
/// many bits behind the point, up to 15.
#[inline]
pub fn activate_q16<A: Activation, const OFFSET: usize, const ROWS: usize, const N: usize>(
    from: &[i32; N],
    to: &mut [i16; N],
    fraction: u8,
    saturation: &mut Saturation,
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    let pairs = to.iter_mut().zip(from).skip(OFFSET).take(ROWS);
    for (to, from) in pairs {
        *to = to_activation(A::apply(*from), fraction, saturation);
    }
}

/// Applies `A`, which takes and gives Q16, in place.
#[inline]
pub fn apply_q16<A: Activation, const OFFSET: usize, const ROWS: usize, const N: usize>(
    values: &mut [i32; N],
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    for value in values.iter_mut().skip(OFFSET).take(ROWS) {
        *value = A::apply(*value);
    }
}

/// Adds to sums, saturating.
#[inline]
pub fn add_q16<const OFFSET: usize, const ROWS: usize, const N: usize>(
    from: &[i32; N],
    to: &mut [i32; N],
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    let pairs = to.iter_mut().zip(from).skip(OFFSET).take(ROWS);
    for (to, from) in pairs {
        *to = to.saturating_add(*from);
    }
}

/// Multiplies sums by the [`sigmoid`] of gates.
#[inline]
pub fn gate_q16<const OFFSET: usize, const ROWS: usize, const N: usize>(
    gates: &[i32; N],
    to: &mut [i32; N],
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    let pairs = to.iter_mut().zip(gates).skip(OFFSET).take(ROWS);
    for (to, gate) in pairs {
        *to = gated(*to, *gate);
    }
}

/// A sum in Q16 times the [`sigmoid`] of a gate, rounded.
#[inline]
pub fn gated(sum: i32, gate: i32) -> i32 {
    saturate(scale(i64::from(sum) * i64::from(sigmoid(gate)), 16))
}

/// `1 / (1 + e^−x)`, from Q16 to Q16.
#[inline(never)]
pub fn sigmoid(x: i32) -> i32 {
    round(ONE + tanh(round(x, 1)), 1)
}
