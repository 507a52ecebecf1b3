//! Scores and thresholds of the bets on one statistic.

use super::bets;
use super::chain::{Cusum, RunLength};
use super::dirichlet::Dirichlet;
use super::ranks::Ranks;
use super::statistic::Statistic;
use flow_host::random::Random;
use std::ops::Range;

/// The threshold of a bet is about so many steps.
const STEPS: f64 = 100.0;

/// What is laid on a repeat: the rest is kept.
const STAKE: f64 = 0.5;

/// The part of delta that is left to repeats.
const REPEATS_DELTA: f64 = 0.2;

/// Calibrations drawn to find a quantile.
const DRAWS: usize = 20_000;

/// A bet on a level, designed.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) scores: Vec<i8>,
    pub(super) threshold: u8,
}

/// A bet on a level whose threshold is still open.
struct Candidate {
    scores: Vec<i8>,
    /// Probabilities of the bins by which the bet is as likely to win as by few calibrations.
    worst: Vec<f64>,
    weight: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Designer {
    /// The law, over calibrations, of the probabilities of the bins.
    pub(super) law: Dirichlet,
    /// The run length of a bet whose weight is one.
    pub(super) unit: f64,
    /// The probability that the bets on one statistic may fail with.
    pub(super) delta: f64,
}

impl Designer {
    /// The bets on the levels of a statistic. `None` if there is none.
    pub(super) fn levels(&self, statistic: Statistic, ranks: &Ranks) -> Option<Vec<Lane>> {
        let delta = (1.0 - REPEATS_DELTA) * self.delta;
        let candidates: Vec<Candidate> = bets::offers(statistic)
            .iter()
            .filter_map(|offer| {
                let probabilities = offer.alternative?.probabilities(ranks);
                self.candidate(&probabilities, offer.weight, delta)
            })
            .collect();
        let weights: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
        // The same numbers for every model: the design is as deterministic as its rows.
        let random = &mut Random::new(0);
        let draws: Vec<Vec<f64>> = (0..DRAWS).map(|_| self.law.draw(random)).collect();
        // Each bet has its part of the false alarms by probabilities that are bad for it. They can't be
        // bad for all at once: the common factor says by how much runs may be shorter.
        let (mut short, mut long) = (-7.0f64, 3.0f64);
        let mut best = None;
        while long - short > 0.1 {
            let factor = 0.5 * (short + long);
            match self.lanes(&candidates, factor.exp()) {
                Some((lanes, runs))
                    if self.worst_rate(&candidates, &runs, &draws, delta) * self.unit
                        <= weights =>
                {
                    best = Some(lanes);
                    long = factor;
                }
                _ => short = factor,
            }
        }
        best.filter(|lanes| !lanes.is_empty())
    }

    /// `None` if uncertainty costs more than half of what the bet would win: so weak an alternative
    /// can't be told from the normal state by so few rows.
    fn candidate(&self, probabilities: &[f64], weight: f64, delta: f64) -> Option<Candidate> {
        let mean = self.law.mean();
        let ratios: Vec<f64> = probabilities
            .iter()
            .zip(&mean)
            .map(|(a, n)| a / n)
            .collect();
        let (cost, worst) = self.law.upper_mean(&ratios, delta);
        let win: f64 = probabilities
            .iter()
            .zip(&ratios)
            .filter(|(probability, _)| **probability > 0.0)
            .map(|(probability, ratio)| probability * ratio.ln())
            .sum();
        let step = self.step(weight);
        let score = |ratio: &f64| {
            ((ratio.ln() - cost.ln()) / step)
                .round()
                .clamp(-127.0, 127.0) as i8
        };
        (cost.ln() <= 0.5 * win).then(|| Candidate {
            scores: ratios.iter().map(score).collect(),
            worst,
            weight,
        })
    }

    /// Nats for one step of a bet's scores.
    pub(super) fn step(&self, weight: f64) -> f64 {
        (self.unit / weight).ln() / STEPS
    }

    /// Bets whose run lengths, each by its worst probabilities, are `factor` times their parts.
    fn lanes(&self, candidates: &[Candidate], factor: f64) -> Option<(Vec<Lane>, Vec<RunLength>)> {
        candidates
            .iter()
            .map(|candidate| {
                let target = factor * self.unit / candidate.weight;
                let run = |threshold| {
                    Cusum {
                        scores: &candidate.scores,
                        threshold,
                    }
                    .run_length(&candidate.worst)
                };
                let (mut low, mut high) = (0u8, u8::MAX);
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    match run(middle) {
                        Some(run) if run.mean < target => low = middle,
                        _ => high = middle,
                    }
                }
                let run = run(high).filter(|run| run.mean >= target)?;
                let scores = candidate.scores.clone();
                Some((
                    Lane {
                        scores,
                        threshold: high,
                    },
                    run,
                ))
            })
            .collect()
    }

    /// The rate of false alarms of all bets on a statistic that few calibrations exceed: by the slope
    /// of each bet's run length, over the draws.
    fn worst_rate(
        &self,
        candidates: &[Candidate],
        runs: &[RunLength],
        draws: &[Vec<f64>],
        delta: f64,
    ) -> f64 {
        let mut rates: Vec<f64> = draws
            .iter()
            .map(|draw| {
                let rate = |(candidate, run): (&Candidate, &RunLength)| {
                    let away = draw
                        .iter()
                        .zip(&candidate.worst)
                        .map(|(p, worst)| p - worst);
                    let change: f64 = away.zip(&run.slope).map(|(p, slope)| p * slope).sum();
                    (-change).exp() / run.mean
                };
                candidates.iter().zip(runs).map(rate).sum()
            })
            .collect();
        rates.sort_unstable_by(|a: &f64, b| b.total_cmp(a));
        rates[(delta * DRAWS as f64) as usize]
    }

    /// Scores and threshold of the bet on repeats; `None` if it can't win.
    pub(super) fn repeats(
        &self,
        statistic: Statistic,
        runs: &[Range<usize>],
    ) -> Option<(Vec<i8>, u8)> {
        let offers = bets::offers(statistic);
        let weight = offers
            .iter()
            .find(|offer| offer.alternative.is_none())?
            .weight;
        let step = self.step(weight);
        let bins = runs.iter().map(ExactSizeIterator::len).sum::<usize>();
        let delta = REPEATS_DELTA * self.delta / bins as f64;
        let score = |payment: f64| (payment.ln() / step).floor().clamp(-127.0, 127.0) as i8;
        let mut scores = vec![0; bins + 1];
        scores[bins] = score(1.0 - STAKE);
        for run in runs {
            let mut payments = vec![0.0; bins];
            payments[run.clone()].fill(1.0);
            let (probability, _) = self.law.upper_mean(&payments, delta);
            scores[run.clone()].fill(score(1.0 - STAKE + STAKE / probability));
        }
        scores
            .iter()
            .any(|score| *score > 0)
            .then_some((scores, STEPS as u8))
    }
}
