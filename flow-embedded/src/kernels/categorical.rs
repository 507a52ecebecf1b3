//! Categories as argmax flows (Hoogeboom, Nielsen, Jaini, Forré & Welling 2021,
//! "Argmax Flows and Multinomial Diffusion").
//!
//! A category is a code 0 .. K: the place of the largest among K latents, each a logit
//! plus noise, `v = logit + g`. With Gumbel noise the integral over all latents with the
//! same largest one has a closed form (Gumbel 1954; Maddison, Tarlow & Minka 2014):
//! `P(k) = e^logit_k / Σ e^logit`. So the log-likelihood of a category is exact and no
//! bound, and those of all categories sum to one. What is drawn are not the latents but
//! the category itself, by its quantile: one word from the generator instead of K.

use super::dense::Weight;
use crate::base::uniform;
use crate::math::Math;
use rand_core::Rng;

/// The code that a number is, of so many categories.
#[inline]
pub fn code(x: f32, categories: usize) -> Option<usize> {
    let code = x as usize;
    (code as f32 == x && code < categories).then_some(code)
}

/// `ln P(code)` in nats, for one logit for each category. NaN for what is no code, and
/// where a logit is.
///
/// The order of operations: the largest logit, then `Σ e^(logit − largest)` by code.
pub fn category_log_prob<M: Math>(x: f32, logits: &[f32]) -> f32 {
    let own = code(x, logits.len()).and_then(|code| logits.get(code));
    let Some(own) = own else {
        return f32::NAN;
    };
    let largest = largest(logits);
    let sum = logits
        .iter()
        .fold(0.0, |sum, logit| sum + M::exp(logit - largest));
    (own - largest) - M::ln(sum)
}

/// Draws a code with one word from the generator: see [`category_at`].
pub fn category<M: Math, R: Rng + ?Sized>(rng: &mut R, logits: &mut [f32]) -> f32 {
    category_at::<M>(uniform(rng), logits)
}

/// The code at a quantile within 0 ..= 1: the first whose cumulated probability exceeds
/// it. Overwrites the logits by their exponentials. NaN where a logit is, or without any.
pub fn category_at<M: Math>(quantile: f32, logits: &mut [f32]) -> f32 {
    let largest = largest(logits);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = M::exp(*logit - largest);
        sum += *logit;
    }
    if logits.is_empty() || !sum.is_finite() {
        return f32::NAN;
    }
    let wanted = quantile * sum;
    let (mut code, mut last, mut cumulated) = (0.0, 0.0, 0.0);
    for weight in logits.iter() {
        let before = cumulated;
        cumulated += weight;
        if cumulated > wanted {
            return code;
        }
        // Where rounding leaves nothing above the quantile: the last that added to the sum.
        if cumulated > before {
            last = code;
        }
        code += 1.0;
    }
    last
}

/// The largest number; NaN is passed over, and comes back by the sum.
fn largest(logits: &[f32]) -> f32 {
    let start = f32::NEG_INFINITY;
    logits
        .iter()
        .fold(start, |largest, x| if *x > largest { *x } else { largest })
}

/// A category's row of an embedding table into `features[OFFSET..OFFSET + WIDTH]`;
/// NaN for what is no code.
#[inline(always)]
pub fn embed<const OFFSET: usize, const WIDTH: usize, const ROWS: usize, const N: usize, W>(
    table: &[[W; WIDTH]; ROWS],
    x: f32,
    features: &mut [f32; N],
) where
    W: Weight,
{
    const {
        assert!(OFFSET + WIDTH <= N);
    }
    let own = features.get_mut(OFFSET..);
    if let Some(own) = own.and_then(|rest| rest.first_chunk_mut()) {
        look_up(table, x, own);
    }
}

#[inline(never)]
fn look_up<const WIDTH: usize, W: Weight>(table: &[[W; WIDTH]], x: f32, own: &mut [f32; WIDTH]) {
    match code(x, table.len()).and_then(|code| table.get(code)) {
        Some(row) => {
            for (slot, weight) in own.iter_mut().zip(row) {
                *slot = weight.value();
            }
        }
        None => own.fill(f32::NAN),
    }
}

/// As [`embed`], for a table whose width is known at run time, its rows one behind the
/// other: a category's numbers.
pub fn embedding<W: Weight>(
    table: &[W],
    categories: usize,
    width: usize,
    x: f32,
) -> impl Iterator<Item = f32> {
    let row = code(x, categories).and_then(|code| {
        let start = code.checked_mul(width)?;
        table.get(start..)?.get(..width)
    });
    let missing = if row.is_some() { 0 } else { width };
    let weights = row.unwrap_or_default().iter();
    weights
        .map(|weight| weight.value())
        .chain(core::iter::repeat_n(f32::NAN, missing))
}
