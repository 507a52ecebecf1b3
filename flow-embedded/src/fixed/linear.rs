//! Linear bijections in Q16 with weights in Q24 and 64-bit sums.

use super::number::{Saturation, scale};

/// Bits behind the point of a weight.
const WEIGHT_BITS: i32 = 24;

/// `x ← L U x + bias`, in place; the triangles as in
/// [`crate::kernels::linear_normalize`], biases in Q16 and weights in Q24. A
/// missing weight counts as zero. Each sum is exact and rounded once; sums of
/// absurd size saturate.
#[inline(never)]
pub fn linear_normalize(x: &mut [i32], upper: &[i32], lower: &[i32], saturation: &mut Saturation) {
    let mut weights = upper;
    let mut rest = &mut *x;
    while let Some((first, behind)) = core::mem::take(&mut rest).split_first_mut() {
        let (row, below) = split(weights, behind.len() + 1);
        if let [diagonal, row @ ..] = row {
            let start = i64::from(*first) * i64::from(*diagonal);
            *first = conclude(products(start, row, behind), saturation);
        }
        weights = below;
        rest = behind;
    }
    let mut weights = lower;
    let mut rest = x;
    while let Some((last, before)) = core::mem::take(&mut rest).split_last_mut() {
        let (above, row) = split(weights, weights.len().saturating_sub(before.len() + 1));
        if let [bias, row @ ..] = row {
            let start = (i64::from(*last) + i64::from(*bias)) << WEIGHT_BITS;
            *last = conclude(products(start, row, before), saturation);
        }
        weights = above;
        rest = before;
    }
}

/// `z = x · scale + shift` for each channel; the pairs are scale in Q24 and
/// shift in Q16. Rounded once.
#[inline(never)]
pub fn element_wise_normalize(x: &mut [i32], pairs: &[[i32; 2]], saturation: &mut Saturation) {
    for (x, [scale, shift]) in x.iter_mut().zip(pairs) {
        let start = i64::from(*shift) << WEIGHT_BITS;
        *x = conclude(products(start, &[*scale], &[*x]), saturation);
    }
}

/// `start` plus the products.
#[inline(always)]
fn products(start: i64, weights: &[i32], x: &[i32]) -> i64 {
    weights.iter().zip(x).fold(start, |sum, (weight, x)| {
        sum.saturating_add(i64::from(*weight) * i64::from(*x))
    })
}

/// From a sum to Q16.
#[inline(always)]
fn conclude(sum: i64, saturation: &mut Saturation) -> i32 {
    // Rounding needs room above a sum.
    const FAR: i64 = 1 << 62;
    saturation.channel(scale(sum.clamp(-FAR, FAR), WEIGHT_BITS))
}

#[inline(always)]
fn split(weights: &[i32], at: usize) -> (&[i32], &[i32]) {
    weights.split_at_checked(at).unwrap_or((weights, &[]))
}
