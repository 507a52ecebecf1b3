//! How far `f32` may move the log-likelihood of a row.
//!
//! A log-likelihood is a sum of terms: the density of the base, the log-determinant of each layer, and `−ln std` of each
//! channel. The chip computes it with numbers that have a relative error of up to `u = 2⁻²⁴`. To first order, that is:
//!
//! 1. **The terms.** Each is found to a few `u` of its size, and a sum of `n` terms rounds each partial sum, so the
//!    error is at most `c u Σ |term|`. It is the sizes that count: terms may cancel, their errors don't.
//! 2. **What is handed from layer to layer.** Each number `v` there is rounded, and so is each product and parameter that
//!    it comes from, each time by about `u |v|`. The log-likelihood moves by `|∂ log p / ∂v| u |v|`, summed over all of
//!    them: `c u Σ |v ∂ log p / ∂v|`. The derivatives come from the reverse pass.
//! 3. **The input.** The chip is given `x` and the mean `m` of its channel as `f32`, with errors of up to `u |x|` and
//!    `u |m|`, half the distance of neighbours. Their difference keeps these errors and loses the size: standardised, it
//!    is off by `u (|x| + |m|) / std`, which moves the log-likelihood by that times `|∂ log p / ∂z|`. So a channel of
//!    1.6e9 ± 1e3 is off by 0.2 standard deviations. The context is treated likewise, its derivatives as differences
//!    of the log-likelihoods at both ends of the interval.
//!
//! What rounding explains is not always good enough, which is why the third part does not excuse everything: a row may
//! lose [`MOST`] of its terms and no more.

use super::check::Scales;
use super::source::Golden;
use flow_model::Flow;

/// The largest relative error of a number in `f32`, rounded to nearest.
pub(super) const UNIT: f64 = (f32::EPSILON / 2.0) as f64;
/// Of the terms: their own errors, and those of partial sums.
const TERMS: f64 = 4.0;
/// Of the numbers between layers: rounded themselves, and by the sums of products that they and parameters come from.
const VALUES: f64 = 4.0;
/// Of the input: as in the derivation, twice, as parameters of a first layer that standardises are rounded, too.
const INPUTS: f64 = 2.0;
/// In nats: no smaller difference is looked at.
pub(super) const LEAST: f64 = 1e-4;
/// The largest share of a row's terms that may be lost, whatever the reason.
pub(super) const MOST: f64 = 1e-4;
/// In nats: rows whose terms are smaller count as if they were as large.
pub(super) const USUAL: f64 = 100.0;

/// What rounding may do to each golden row.
pub(super) struct Rounding {
    /// The largest difference of the log-likelihood that is tolerated, in nats.
    pub(super) tolerated: Vec<f64>,
    /// What the rounding of the input explains, in nats: `[rows x (event + context)]`.
    inputs: Vec<f64>,
    width: usize,
}

impl Rounding {
    /// For a flow over standardised rows.
    pub(super) fn of(flow: &Flow<f64>, scales: &Scales, golden: &Golden) -> Self {
        let events = scales.event.apply(&golden.events);
        let contexts = scales.context.apply(&golden.contexts);
        let (event, context) = (scales.event.len(), scales.context.len());
        let sizes = flow.sizes(&events, &contexts);
        let rows = sizes.terms.len();
        let width = event + context;
        let mut inputs = vec![0.0; rows * width];
        let by_event = scales.event.rounding(&golden.events);
        for (index, (slope, off)) in sizes.by_event.iter().zip(by_event).enumerate() {
            inputs[index / event * width + index % event] = (slope * off).abs();
        }
        let by_context = scales.context.rounding(&golden.contexts);
        let moved = |channel: usize, by: f64| -> Vec<f64> {
            let mut contexts = contexts.clone();
            for row in 0..rows {
                let at = row * context + channel;
                contexts[at] += by * by_context[at];
            }
            let mut found = vec![0.0; rows];
            flow.log_prob(&events, &contexts, &mut found);
            found
        };
        for channel in 0..context {
            let (up, down) = (moved(channel, 1.0), moved(channel, -1.0));
            for row in 0..rows {
                inputs[row * width + event + channel] = 0.5 * (up[row] - down[row]).abs();
            }
        }
        let constant = scales.event.log_scales();
        let tolerated = (0..rows).map(|row| {
            let terms = sizes.terms[row] + constant;
            let explained = UNIT * (TERMS * terms + VALUES * sizes.by_values[row])
                + INPUTS * inputs[row * width..][..width].iter().sum::<f64>();
            tolerated(explained, terms)
        });
        Self {
            tolerated: tolerated.collect(),
            inputs,
            width,
        }
    }

    /// What the rounding of each channel's input explains of a row, in nats: the event's channels, then the context's.
    pub(super) fn inputs(&self, row: usize) -> &[f64] {
        &self.inputs[row * self.width..][..self.width]
    }
}

/// Between [`LEAST`] and [`MOST`] of the terms. NaN, which tolerates nothing, if one of both is.
fn tolerated(explained: f64, terms: f64) -> f64 {
    let most = MOST * if terms < USUAL { USUAL } else { terms };
    if explained.is_nan() || most.is_nan() {
        return f64::NAN;
    }
    explained.max(LEAST).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_tolerates_nothing() {
        assert!(tolerated(f64::NAN, 1.0).is_nan() && tolerated(1.0, f64::NAN).is_nan());
        assert_eq!(tolerated(0.0, 1.0), LEAST);
        assert_eq!(tolerated(f64::INFINITY, 1.0), MOST * USUAL);
        assert_eq!(tolerated(f64::INFINITY, 1e6), MOST * 1e6);
    }
}
