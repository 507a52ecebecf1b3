//! What an artefact generates, and how well it stands for the target.

use super::space::Space;
use super::target::Target;
use crate::importance::{Importance, Unreliable, Weights};
use flow_artefact::{Draft, DraftChannel};
use flow_embedded::artefact::{Domain, LoadedFlow};
use flow_evaluate::{BatchFlow, Mean, normalize};
use flow_model::path::Density;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rayon::prelude::*;
use std::fmt;

/// Rows whose gradients are found at a time.
const CHUNK: usize = 256;

/// The largest imbalance that is nothing to speak of: a normal a tenth of its deviation beside the posterior has it.
const GOOD_IMBALANCE: f64 = 0.1;

/// Draws from an artefact, in the units of the parameters and with the bits of the chip, and what they are worth.
#[derive(Clone, Debug)]
pub struct Draws {
    names: Vec<String>,
    imbalances: Vec<f64>,
    values: Vec<f32>,
    log_ratios: Vec<f64>,
    importance: Importance,
}

/// How well an artefact stands for the posterior, by draws from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diagnostics {
    /// The evidence lower bound with its standard error, in nats: at most the logarithm of what the density integrates
    /// to, and lower by the Kullback-Leibler divergence from the flow to the posterior. −∞ if the flow generates what
    /// the target rules out.
    pub elbo: Mean,
    /// Estimated logarithm of what the density integrates to, in nats.
    pub log_evidence: f64,
    /// Pareto k̂ of the importance weights: see [`importance`](crate::importance).
    pub pareto_k: f64,
    /// Effective number of draws, of [`Mean::rows`] of the bound.
    pub effective_draws: f64,
    /// The weighted mean of the target's gradient, which is 0 over the whole posterior (Stein's identity), in units of
    /// its standard deviations and less three standard errors; that of the parameter where it is largest. Draws that
    /// end where the posterior doesn't, such as at the ends of splines, have a good k̂: this shows that they end.
    pub imbalance: f64,
}

/// Why draws can't be relied on: what that means, and what to do, as text.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// By their weights.
    Weights(Unreliable),
    /// By where they end.
    Reach {
        /// The parameter.
        parameter: String,
        /// See [`Diagnostics::imbalance`].
        imbalance: f64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(unreliable) => write!(f, "{unreliable}"),
            Self::Reach {
                parameter,
                imbalance,
            } => write!(
                f,
                "the posterior goes on where the draws of `{parameter}` end: the mean gradient of the log-density is \
                 {imbalance:.2} per standard deviation, and should be 0. Importance weights don't show this. Try a \
                 larger spline bound, an affine family (iaf, realnvp), a longer pilot, or a domain that fits, and \
                 compare with a sampler"
            ),
        }
    }
}

impl Draws {
    /// So many draws of an artefact whose event channels are the target's parameters; shared by the threads of the
    /// present rayon pool. The same seed gives the same draws.
    ///
    /// # Panics
    /// If `count` is 0, or the artefact has other channels than the target has parameters, or a context.
    #[must_use]
    pub fn new(flow: &LoadedFlow<'_>, target: &dyn Target, count: usize, seed: u64) -> Self {
        let parameters = flow.header().event.len();
        assert_eq!(
            target.parameters().len(),
            parameters,
            "a channel for each parameter"
        );
        let batch = BatchFlow::new(flow);
        let mut values = vec![0.0; count * parameters];
        batch.sample(&mut ChaCha8Rng::seed_from_u64(seed), &[], &mut values);
        let mut log_q = vec![0.0; count];
        batch.log_prob(&values, &[], &mut log_q);
        let rows = values.par_chunks_exact(parameters).zip(&log_q);
        let log_ratios: Vec<f64> = rows
            .map(|(row, log_q)| {
                let wide: Vec<f64> = row.iter().copied().map(f64::from).collect();
                target.value(&wide) - f64::from(*log_q)
            })
            .collect();
        let importance = Importance::new(&log_ratios);
        let channels = Draft::from_loaded(flow).event;
        let weights = importance.weights(Weights::Smoothed);
        Self {
            imbalances: imbalances(target, &channels, &values, weights),
            names: channels.into_iter().map(|channel| channel.name).collect(),
            importance,
            values,
            log_ratios,
        }
    }

    /// The draws, row-major `[draws x parameters]`.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// `ln p - ln q` of each draw, in nats.
    #[must_use]
    pub fn log_ratios(&self) -> &[f64] {
        &self.log_ratios
    }

    /// The weights of the draws.
    #[must_use]
    pub fn importance(&self) -> &Importance {
        &self.importance
    }

    /// Mean and standard deviation of each parameter, over the draws as they are.
    #[must_use]
    pub fn moments(&self) -> Vec<[f64; 2]> {
        let rows = self.log_ratios.len();
        self.moments_by(|_| 1.0 / rows as f64)
    }

    /// Mean and standard deviation of each parameter, over the weighted draws.
    #[must_use]
    pub fn weighted_moments(&self, which: Weights) -> Vec<[f64; 2]> {
        let weights = self.importance.weights(which);
        self.moments_by(|row| weights[row])
    }

    fn moments_by(&self, weight: impl Fn(usize) -> f64) -> Vec<[f64; 2]> {
        let of = |parameter: usize| {
            let column = || {
                let own = self.values.iter().skip(parameter).step_by(self.names.len());
                own.copied().map(f64::from).enumerate()
            };
            let mean: f64 = column().map(|(row, x)| weight(row) * x).sum();
            let square: f64 = column()
                .map(|(row, x)| weight(row) * (x - mean).powi(2))
                .sum();
            [mean, square.sqrt()]
        };
        (0..self.names.len()).map(of).collect()
    }

    /// Draws that stand for the posterior without weights, row-major: see [`Importance::resample`].
    #[must_use]
    pub fn resample(&self, which: Weights, count: usize, seed: u64) -> Vec<f32> {
        let taken = self.importance.resample(which, count, seed);
        let parameters = self.names.len();
        let row = |row: usize| &self.values[row * parameters..][..parameters];
        taken.into_iter().flat_map(row).copied().collect()
    }

    /// How well the artefact stands for the posterior.
    #[must_use]
    pub fn diagnostics(&self) -> Diagnostics {
        Diagnostics {
            elbo: Mean::of(&self.log_ratios),
            log_evidence: self.importance.log_normaliser(),
            pareto_k: self.importance.pareto_k(),
            effective_draws: self.importance.effective_draws(),
            imbalance: self.worst().1,
        }
    }

    /// What is to be said if the artefact can't be relied on.
    #[must_use]
    pub fn warning(&self) -> Option<Warning> {
        let reach = || {
            let (parameter, imbalance) = self.worst();
            (imbalance > GOOD_IMBALANCE).then(|| Warning::Reach {
                parameter: self.names[parameter].clone(),
                imbalance,
            })
        };
        let weights = self.importance.warning();
        weights.map(Warning::Weights).or_else(reach)
    }

    /// The parameter with the largest imbalance, and that.
    fn worst(&self) -> (usize, f64) {
        let own = self.imbalances.iter().copied().enumerate();
        own.fold(
            (0, 0.0),
            |worst, own| if own.1 > worst.1 { own } else { worst },
        )
    }
}

/// See [`Diagnostics::imbalance`], of each parameter.
fn imbalances(
    target: &dyn Target,
    channels: &[DraftChannel],
    values: &[f32],
    weights: &[f64],
) -> Vec<f64> {
    let space = Space {
        target,
        channels,
        inverse_temperature: 1.0,
    };
    let count = channels.len();
    let pieces = values.par_chunks(CHUNK * count).map(|values| {
        let own = values.iter().zip(channels.iter().cycle());
        let events: Vec<f64> = own
            .map(|(value, channel)| normalize(f64::from(*value), channel).0)
            .collect();
        let mut gradient = vec![0.0; events.len()];
        let mut log_density = vec![0.0; events.len() / count];
        space.log_density_and_gradient(&events, &mut log_density, &mut gradient);
        (events, gradient)
    });
    let (events, gradients): (Vec<_>, Vec<_>) = pieces.unzip();
    let (events, gradients) = (events.concat(), gradients.concat());
    let of = |(parameter, channel): (usize, &DraftChannel)| {
        let rows = || {
            let own = events.iter().zip(&gradients).skip(parameter).step_by(count);
            let rows = own.zip(weights);
            rows.filter(|((_, g), weight)| **weight > 0.0 && g.is_finite())
        };
        let mean = |of: fn(f64, f64) -> f64| -> f64 {
            rows().map(|((x, g), weight)| weight * of(*x, *g)).sum()
        };
        let (x, g) = (mean(|x, _| x), mean(|_, g| g));
        let variance: f64 = rows().map(|((own, _), w)| w * (own - x).powi(2)).sum();
        let squares = rows().map(|((_, own), w)| (w * (own - g)).powi(2));
        let stderr = squares.sum::<f64>().sqrt();
        let unit = match channel.domain {
            Domain::Circular => 1.0,
            _ => variance.sqrt(),
        };
        unit * (g.abs() - 3.0 * stderr).max(0.0)
    };
    channels.iter().enumerate().map(of).collect()
}
