//! Pareto-smoothed importance sampling (Vehtari, Simpson, Gelman, Yao & Gabry 2024, JMLR 25(72)).
//!
//! Draws from `q` stand for a density `p` if each is weighted by `p / q`. Whether that works shows in the largest
//! weights: they follow a generalised Pareto distribution, and its shape k̂ says how many moments the weights have.
//! Below 0.7 weighted means can be relied on. Above, no number of draws that one could afford helps.
//!
//! **What k̂ can't see** is a part of `p` where no draw fell: a mode that `q` has missed altogether looks like a good
//! fit to the others.

use super::pareto::Pareto;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt;

/// The largest k̂ at which weighted means can be relied on.
pub const GOOD_PARETO_K: f64 = 0.7;

/// Fewer of the largest weights tell nothing.
const FEWEST_IN_TAIL: usize = 5;

/// The weights of draws, and what they are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    raw: Vec<f64>,
    smoothed: Vec<f64>,
    pareto_k: f64,
    log_normaliser: f64,
}

/// Which weights to draw by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// `p / q` as it is: unbiased in the limit, at the mercy of the largest.
    Raw,
    /// With the largest replaced by quantiles of the Pareto distribution fitted to them: less variance for a little
    /// bias.
    Smoothed,
}

impl Importance {
    /// From `ln p - ln q` of each draw, in nats; `p` may lack its normalising constant. A draw whose ratio is −∞ or
    /// NaN weighs nothing.
    ///
    /// # Panics
    /// If there are no draws.
    #[must_use]
    pub fn new(log_ratios: &[f64]) -> Self {
        assert!(!log_ratios.is_empty(), "draws to weigh");
        let counts = |ratio: &f64| !ratio.is_nan() && *ratio < f64::INFINITY;
        let kept = log_ratios.iter().copied().filter(counts);
        let most = kept.fold(f64::NEG_INFINITY, f64::max);
        let shifted = log_ratios.iter().map(|ratio| match counts(ratio) {
            true if most.is_finite() => ratio - most,
            _ => f64::NEG_INFINITY,
        });
        let shifted: Vec<f64> = shifted.collect();
        let raw: Vec<f64> = shifted.iter().map(|log| log.exp()).collect();
        let mut smoothed = raw.clone();
        let pareto_k = smooth(&shifted, &mut smoothed);
        let whole: f64 = raw.iter().sum();
        Self {
            pareto_k,
            log_normaliser: most + (whole / raw.len() as f64).ln(),
            raw: normalised(raw),
            smoothed: normalised(smoothed),
        }
    }

    /// The estimated shape k̂ of the largest weights: below 0.7 all is well. Infinite if there are too few draws to
    /// tell (about 25 are needed), or none has a weight.
    #[must_use]
    pub fn pareto_k(&self) -> f64 {
        self.pareto_k
    }

    /// The effective number of draws, `1 / sum of squares` of the smoothed weights: as many independent draws from
    /// `p` would tell a mean as well. 0 if no draw has a weight.
    #[must_use]
    pub fn effective_draws(&self) -> f64 {
        let squares: f64 = self.smoothed.iter().map(|weight| weight * weight).sum();
        if squares > 0.0 { squares.recip() } else { 0.0 }
    }

    /// The estimated logarithm of what `p` integrates to, in nats: the evidence, if `p` is likelihood times prior.
    #[must_use]
    pub fn log_normaliser(&self) -> f64 {
        self.log_normaliser
    }

    /// The weight of each draw; their sum is 1, or 0 if no draw has a weight.
    #[must_use]
    pub fn weights(&self, which: Weights) -> &[f64] {
        match which {
            Weights::Raw => &self.raw,
            Weights::Smoothed => &self.smoothed,
        }
    }

    /// Importance resampling (Rubin 1988): which draws to take, ascending and with repeats, so that `count` of them
    /// stand for `p` without weights. Systematic: each draw comes as often as its share of `count`, rounded up or
    /// down.
    ///
    /// The same seed takes the same draws. Without any weight there is nothing to take.
    #[must_use]
    pub fn resample(&self, which: Weights, count: usize, seed: u64) -> Vec<usize> {
        let words = ChaCha8Rng::seed_from_u64(seed).next_u64() >> 11;
        let offset = words as f64 / (1u64 << 53) as f64;
        let mut taken = Vec::with_capacity(count);
        let mut share = 0.0;
        for (draw, weight) in self.weights(which).iter().enumerate() {
            share += weight * count as f64;
            while taken.len() < count && taken.len() as f64 + offset < share {
                taken.push(draw);
            }
        }
        // What rounding has left over belongs to the last draw that has a weight.
        if let Some(last) = taken.last().copied() {
            taken.resize(count, last);
        }
        taken
    }

    /// What is to be said if the draws can't be relied on.
    #[must_use]
    pub fn warning(&self) -> Option<Unreliable> {
        let good = self.pareto_k < GOOD_PARETO_K;
        (!good).then(|| Unreliable {
            pareto_k: self.pareto_k,
            effective_share: self.effective_draws() / self.raw.len() as f64,
        })
    }
}

/// The draws can't be relied on: what that means, and what to do, as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unreliable {
    /// The k̂ that says so.
    pub pareto_k: f64,
    /// Effective draws over all.
    pub effective_share: f64,
}

impl fmt::Display for Unreliable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Of the draws; where as many count, the bulk is as it should be.
        const NEARLY_ALL: f64 = 0.95;
        let percent = 100.0 * self.effective_share;
        write!(
            f,
            "Pareto k̂ is {:.2}, and should be below {GOOD_PARETO_K}: ",
            self.pareto_k
        )?;
        if self.pareto_k.is_infinite() {
            write!(f, "too few draws have a weight to tell anything; ")?;
        } else if self.effective_share >= NEARLY_ALL {
            write!(
                f,
                "the flow falls off sooner than the posterior. {percent:.0} % of the draws count, so what is missing \
                 lies far out, or where no draw fell: means may be right, tail probabilities are not; "
            )?;
        } else {
            write!(
                f,
                "the flow misses a part of the posterior, and {percent:.0} % of the draws count at most. Its means \
                 and deviations are not to be trusted, and resampling will not mend them; "
            )?;
        }
        write!(
            f,
            "try more layers or a family of splines, a smooth activation, more steps, annealing, or another form of \
             the model (non-centred, a domain that fits), and compare with a sampler"
        )
    }
}

/// Replaces the largest of the weights, whose logarithms are given with the largest at 0, and returns k̂.
fn smooth(log_weights: &[f64], weights: &mut [f64]) -> f64 {
    let count = log_weights.len();
    let n = count as f64;
    let in_tail = (0.2 * n).min(3.0 * n.sqrt()).ceil() as usize;
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_unstable_by(|a, b| log_weights[*a].total_cmp(&log_weights[*b]).then(a.cmp(b)));
    let Some(cutoff) = count
        .checked_sub(in_tail + 1)
        .map(|place| log_weights[order[place]])
    else {
        return f64::INFINITY;
    };
    let cutoff = cutoff.max(f64::MIN_POSITIVE.ln());
    let first = order.partition_point(|draw| log_weights[*draw] <= cutoff);
    let tail = &order[first..];
    if tail.len() < FEWEST_IN_TAIL {
        // All the largest weights are equal, or there is none.
        let all_equal = count >= 5 * FEWEST_IN_TAIL && log_weights[order[0]] > cutoff - 1e-9;
        return if all_equal {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    let threshold = cutoff.exp();
    let exceedances: Vec<f64> = tail
        .iter()
        .map(|draw| log_weights[*draw].exp() - threshold)
        .collect();
    let pareto = Pareto::fit(&exceedances);
    if pareto.shape.is_finite() {
        for (place, draw) in tail.iter().enumerate() {
            let share = (place as f64 + 0.5) / tail.len() as f64;
            // No larger than the largest.
            weights[*draw] = (threshold + pareto.quantile(share)).min(1.0);
        }
    }
    pareto.shape
}

fn normalised(mut weights: Vec<f64>) -> Vec<f64> {
    let whole: f64 = weights.iter().sum();
    if whole > 0.0 {
        weights.iter_mut().for_each(|weight| *weight /= whole);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same numbers as in `tests/posterior/psis.py`.
    fn log_ratios(count: u64, of: fn(f64) -> f64) -> Vec<f64> {
        let uniform = |i: u64| (((i * 7919 + 13) % 10_007) as f64 + 0.5) / 10_007.0;
        (0..count).map(|i| of(uniform(i))).collect()
    }

    /// By `python tests/posterior/psis.py`: k̂, effective draws, and the largest, the hundredth largest and the median
    /// smoothed weight.
    #[test]
    fn smoothing_is_that_of_arviz() {
        let light: fn(f64) -> f64 = |u| -0.3 * (-u).ln_1p();
        let heavy: fn(f64) -> f64 = |u| -0.8 * (-u).ln_1p();
        let hopeless: fn(f64) -> f64 = |u| -1.2 * (-u).ln_1p();
        let bounded: fn(f64) -> f64 = |u| 2.0 * u;
        for (count, of, figures) in [
            (
                200,
                light,
                [
                    0.360792883,
                    164.286901,
                    0.0240681203,
                    0.00427946845,
                    0.00425951154,
                ],
            ),
            (
                200,
                heavy,
                [
                    0.74714701,
                    28.7879751,
                    0.148161138,
                    0.00225433083,
                    0.00222640536,
                ],
            ),
            (
                200,
                hopeless,
                [
                    1.05545274,
                    7.06208103,
                    0.34592442,
                    0.000854257671,
                    0.000838433784,
                ],
            ),
            (
                200,
                bounded,
                [
                    -0.597718656,
                    151.355337,
                    0.0113444743,
                    0.00427085747,
                    0.00420563542,
                ],
            ),
            (
                5000,
                light,
                [
                    0.293297995,
                    4135.29805,
                    0.0021963505,
                    0.000453767525,
                    0.000172410689,
                ],
            ),
            (
                5000,
                heavy,
                [
                    0.751499388,
                    164.468078,
                    0.0606658009,
                    0.00107661109,
                    8.15364755e-05,
                ],
            ),
            (
                5000,
                hopeless,
                [
                    1.12200069,
                    9.24492231,
                    0.306123197,
                    0.000769029327,
                    1.606615e-05,
                ],
            ),
            (
                5000,
                bounded,
                [
                    -0.877225482,
                    3807.35955,
                    0.000462486584,
                    0.000444548148,
                    0.000170156309,
                ],
            ),
        ] {
            let found = Importance::new(&log_ratios(count, of));
            let mut weights = found.weights(Weights::Smoothed).to_vec();
            weights.sort_by(|a, b| b.total_cmp(a));
            let own = [
                found.pareto_k(),
                found.effective_draws(),
                weights[0],
                weights[99],
                weights[weights.len() / 2],
            ];
            for (own, figure) in own.iter().zip(figures) {
                assert!(
                    (own / figure - 1.0).abs() < 1e-7,
                    "{count}: {own} for {figure}"
                );
            }
            assert_eq!(found.warning().is_some(), figures[0] > 0.7);
        }
    }

    #[test]
    fn constants_and_draws_without_a_weight_change_nothing_else() {
        let ratios = log_ratios(1000, |u| -0.3 * (-u).ln_1p());
        let plain = Importance::new(&ratios);
        // The mean of (1 - u)^-0.3 is 1 / 0.7.
        assert!((plain.log_normaliser() + 0.7f64.ln()).abs() < 0.02);
        let shifted: Vec<f64> = ratios.iter().map(|ratio| ratio + 700.0).collect();
        let shifted = Importance::new(&shifted);
        assert!((shifted.log_normaliser() - plain.log_normaliser() - 700.0).abs() < 1e-9);
        assert!((shifted.pareto_k() - plain.pareto_k()).abs() < 1e-9);
        let mut more = ratios.clone();
        more.extend([f64::NEG_INFINITY, f64::NAN, f64::INFINITY]);
        let more = Importance::new(&more);
        for which in [Weights::Raw, Weights::Smoothed] {
            let weights = more.weights(which);
            assert_eq!(weights[1000..], [0.0; 3]);
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!((more.pareto_k() - plain.pareto_k()).abs() < 0.02);
    }

    #[test]
    fn equal_weights_are_as_good_as_it_gets_and_none_is_not() {
        let equal = Importance::new(&[3.0; 1000]);
        assert!((equal.effective_draws() - 1000.0).abs() < 1e-9);
        assert!(equal.warning().is_none() && (equal.log_normaliser() - 3.0).abs() < 1e-12);
        let none = Importance::new(&[f64::NEG_INFINITY; 1000]);
        assert_eq!(
            (none.effective_draws(), none.pareto_k()),
            (0.0, f64::INFINITY)
        );
        assert_eq!(none.log_normaliser(), f64::NEG_INFINITY);
        assert!(none.resample(Weights::Raw, 10, 1).is_empty());
        assert!(Importance::new(&[0.0, 1.0, 0.5]).warning().is_some());
    }

    #[test]
    fn draws_are_taken_by_their_share() {
        let ratios = [0.1f64, 0.25, 0.0, 0.4, 0.25].map(f64::ln);
        let found = Importance::new(&ratios);
        for seed in 0..20 {
            let taken = found.resample(Weights::Raw, 1000, seed);
            assert_eq!(taken.len(), 1000);
            for (draw, share) in [100, 250, 0, 400, 250].into_iter().enumerate() {
                let times = taken.iter().filter(|own| **own == draw).count();
                assert!(times.abs_diff(share) <= 1, "{draw}: {times}");
            }
        }
        let few = |seed| found.resample(Weights::Raw, 3, seed);
        assert_eq!(few(1), few(1));
        assert!((2..20).any(|seed| few(seed) != few(1)));
    }

    #[test]
    fn a_warning_says_what_and_what_to_do() {
        let text = |pareto_k, effective_share| {
            let warning = Unreliable {
                pareto_k,
                effective_share,
            };
            warning.to_string()
        };
        let misses = text(1.337, 0.123);
        assert!(
            misses.starts_with(
                "Pareto k̂ is 1.34, and should be below 0.7: the flow misses a part of the posterior, and 12 % of the \
                 draws count at most."
            ) && misses.contains("try more layers"),
            "{misses}"
        );
        assert!(
            text(0.8, 0.99).contains("99 % of the draws count, so what is missing lies far out")
        );
        assert!(text(f64::INFINITY, 0.0).contains("too few draws have a weight"));
    }
}
