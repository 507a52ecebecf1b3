//! Bits per dimension of rows that are rounded.

use super::BatchFlow;
use super::{Mean, Scorer};
use flow_data::Dataset;
use flow_embedded::artefact::{Channel, Channels, Domain, Grid, LoadedFlow};
use flow_host::random::Random;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng as _;
use std::f64::consts::LN_2;

/// What a model of densities says of rounded rows, such as counts of an ADC or the pixels of an image: the probability
/// of a row is the integral of the density over the row's cell, one step of the grid wide in each channel.
///
/// Both figures are bounds from above, in the mean over many rows: what a code by this model would take, in bits, for
/// each channel of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bits {
    /// Minus the mean log-density at points drawn from each row's cell, plus the log-density that they were drawn with:
    /// 0 for uniform dequantisation (Theis, van den Oord & Bethge 2016), that of a dequantiser for variational
    /// dequantisation (Ho et al. 2019). The figure that papers and other libraries report.
    pub bound: Mean,
    /// By the logarithm of the mean ratio of the two densities at the same points (Burda, Grosse & Salakhutdinov 2016,
    /// importance weighting): nearer to the probability, the more points the nearer.
    pub weighted: Mean,
    /// Points in each cell.
    pub draws: usize,
}

impl Bits {
    /// Of all rows, by points drawn evenly from `seed`; nothing if a channel of the event has no grid, or there are no
    /// rows. Points are `f32`, as all that a model scores: where values exceed some million steps, cells have room for
    /// few.
    ///
    /// # Panics
    /// If the rows have other channels than the model, or there are no draws.
    pub fn of(scorer: &Scorer<'_, '_>, rows: &Dataset, draws: usize, seed: u64) -> Option<Self> {
        let mut random = Random::new(seed);
        Self::by(scorer, rows, draws, |offsets| {
            offsets.fill_with(|| (random.uniform() - 0.5) as f32);
            vec![0.0; rows.rows()]
        })
    }

    /// As [`Bits::of`], by points that a dequantiser draws: a flow of offsets in steps, given the row, as
    /// `flow train --dequantiser` makes one.
    ///
    /// # Errors
    /// The dequantiser is none of this model.
    ///
    /// # Panics
    /// As [`Bits::of`].
    pub fn of_dequantiser(
        scorer: &Scorer<'_, '_>,
        dequantiser: &LoadedFlow<'_>,
        rows: &Dataset,
        draws: usize,
        seed: u64,
    ) -> Result<Option<Self>, NotItsDequantiser> {
        let (own, model) = (dequantiser.header(), scorer.flow().header());
        let names = |channels: Channels<'_>| -> Vec<String> {
            channels
                .iter()
                .map(|channel| channel.name.to_owned())
                .collect()
        };
        let cell = Domain::Bounded {
            low: -0.5,
            high: 0.5,
        };
        let offsets = own.event.iter().all(|channel| channel.domain == cell);
        let wanted = names(model.event);
        if !offsets || names(own.event) != wanted || names(own.context) != wanted {
            return Err(NotItsDequantiser);
        }
        let batch = BatchFlow::new(dequantiser);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self::by(scorer, rows, draws, |offsets| {
            batch.sample(&mut rng, rows.events(), offsets);
            // Rounding may reach the ends, where there is no density.
            let end = 0.5f32.next_down();
            offsets.iter_mut().for_each(|x| *x = x.clamp(-end, end));
            let mut log_q = vec![0.0; rows.rows()];
            batch.log_prob(offsets, rows.events(), &mut log_q);
            log_q
        }))
    }

    /// `draw` fills the offsets of all rows and gives the log-density of each row's.
    fn by(
        scorer: &Scorer<'_, '_>,
        rows: &Dataset,
        draws: usize,
        mut draw: impl FnMut(&mut [f32]) -> Vec<f32>,
    ) -> Option<Self> {
        let grids = |channel: Channel<'_>| channel.grid;
        let grids: Option<Vec<Grid>> = scorer.flow().header().event.iter().map(grids).collect();
        let grids = grids.filter(|_| rows.rows() > 0)?;
        assert!(draws > 0, "at least one point in each cell");
        let mut offsets = vec![0.0; rows.events().len()];
        let mut density: Vec<Vec<f64>> = vec![Vec::with_capacity(draws); rows.rows()];
        for _ in 0..draws {
            let mut events = rows.events().to_vec();
            let log_q = draw(&mut offsets);
            let grids = grids.iter().cycle();
            for ((x, grid), offset) in events.iter_mut().zip(grids).zip(&offsets) {
                *x += offset * grid.step;
            }
            let log_probs = scorer.log_probs_of(&events, rows.contexts());
            for ((own, log_prob), log_q) in density.iter_mut().zip(log_probs).zip(log_q) {
                own.push(f64::from(log_prob) - f64::from(log_q));
            }
        }
        let cell: f64 = grids.iter().map(|grid| f64::from(grid.step).ln()).sum();
        let bits = |log_density: f64| -(log_density + cell) / LN_2 / grids.len() as f64;
        let mean = |of: fn(&[f64]) -> f64| {
            let rows = density.iter().map(|own| bits(of(own)));
            Mean::of(&rows.collect::<Vec<_>>())
        };
        Some(Self {
            bound: mean(|own| own.iter().sum::<f64>() / own.len() as f64),
            weighted: mean(log_mean_exp),
            draws,
        })
    }
}

/// A flow that is not the dequantiser of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no dequantiser of the model: one has the model's columns as its event and as its context"
)]
pub struct NotItsDequantiser;

/// The logarithm of the mean of the exponentials.
fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
    largest + (sum / values.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::log_mean_exp;

    #[test]
    fn the_mean_of_exponentials_neither_overflows_nor_vanishes() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(log_mean_exp(&[0.0, 3.0f64.ln()]), 2.0f64.ln());
        close(log_mean_exp(&[-2000.0, -2000.0]), -2000.0);
        close(
            log_mean_exp(&[900.0, f64::NEG_INFINITY]),
            900.0 - 2.0f64.ln(),
        );
        assert_eq!(log_mean_exp(&[f64::NEG_INFINITY; 3]), f64::NEG_INFINITY);
        assert!(log_mean_exp(&[f64::NAN, 0.0]).is_nan());
    }
}
