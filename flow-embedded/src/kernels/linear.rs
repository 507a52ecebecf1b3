//! Linear bijections with their matrix factored (Kingma & Dhariwal 2018,
//! "Glow"; Oliva et al. 2018), and the element-wise affine one.
//!
//! `z = L U x + bias` over channels that have been permuted before: L is unit
//! lower triangular, U upper triangular with a positive diagonal. The
//! log-determinant is a constant of the model and part of its `log_norm`.
//!
//! `upper` holds row after row, each from the diagonal on; `lower` holds row
//! after row, each its bias and then what stands left of the diagonal. Both
//! have `D (D + 1) / 2` numbers.

use super::dense::{Weight, dot};

/// `x ← L U x + bias`, in place. A missing weight counts as zero.
pub fn linear_normalize<W: Weight>(x: &mut [f32], upper: &[W], lower: &[W]) {
    let mut weights = upper;
    let mut rest = &mut *x;
    while let Some((first, behind)) = core::mem::take(&mut rest).split_first_mut() {
        let (row, below) = split(weights, behind.len() + 1);
        if let [diagonal, row @ ..] = row {
            *first = products(*first * diagonal.value(), row, behind);
        }
        weights = below;
        rest = behind;
    }
    let mut weights = lower;
    let mut rest = x;
    while let Some((last, before)) = core::mem::take(&mut rest).split_last_mut() {
        let (above, row) = split(weights, weights.len().saturating_sub(before.len() + 1));
        *last += dot(row, before);
        weights = above;
        rest = before;
    }
}

/// The inverse of [`linear_normalize`], by substitution.
pub fn linear_generate<W: Weight>(z: &mut [f32], upper: &[W], lower: &[W]) {
    let channels = z.len();
    let mut weights = lower;
    for known in 0..channels {
        let (row, below) = split(weights, known + 1);
        if let Some((before, [first, ..])) = z.split_at_mut_checked(known) {
            *first -= dot(row, before);
        }
        weights = below;
    }
    let mut weights = upper;
    for known in 1..=channels {
        let (above, row) = split(weights, weights.len().saturating_sub(known));
        if let Some(([.., last], after)) = z.split_at_mut_checked(channels - known + 1)
            && let [diagonal, row @ ..] = row
        {
            *last = (*last - products(0.0, row, after)) / diagonal.value();
        }
        weights = above;
    }
}

/// `z = x · scale + shift` for each channel; the pairs are `[scale, shift]`.
pub fn element_wise_normalize<W: Weight>(x: &mut [f32], pairs: &[[W; 2]]) {
    for (x, [scale, shift]) in x.iter_mut().zip(pairs) {
        *x = *x * scale.value() + shift.value();
    }
}

/// The inverse of [`element_wise_normalize`].
pub fn element_wise_generate<W: Weight>(z: &mut [f32], pairs: &[[W; 2]]) {
    for (z, [scale, shift]) in z.iter_mut().zip(pairs) {
        *z = (*z - shift.value()) / scale.value();
    }
}

/// `start` plus the products, in ascending order.
#[inline(always)]
fn products<W: Weight>(start: f32, weights: &[W], x: &[f32]) -> f32 {
    weights
        .iter()
        .zip(x)
        .fold(start, |sum, (weight, x)| sum + weight.value() * x)
}

#[inline(always)]
fn split<W>(weights: &[W], at: usize) -> (&[W], &[W]) {
    weights.split_at_checked(at).unwrap_or((weights, &[]))
}
