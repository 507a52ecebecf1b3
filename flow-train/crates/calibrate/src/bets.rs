//! What a sequential test bets on.
//!
//! A bet on a level is the likelihood ratio of an alternative to the normal state, in bins: on the
//! scale of normal scores, where a statistic of normal samples is standard normal by construction, the
//! alternative is another normal distribution. A shift is an offset or a drift, a wide spread a
//! gain or noise, a narrow one a sensor that hardly moves. A repeat is a sensor that is stuck, or
//! noise that has become slow.

use super::normal;
use super::ranks::Ranks;
use super::statistic::Statistic;

/// A normal distribution of normal scores, other than the standard one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alternative {
    /// Its mean, in standard deviations of the normal state.
    shift: f64,
    /// Its standard deviation, over that of the normal state.
    spread: f64,
}

impl Alternative {
    /// The probability of each bin under the alternative.
    pub(super) fn probabilities(self, ranks: &Ranks) -> Vec<f64> {
        let standard = |share| (normal::quantile(share) - self.shift) / self.spread;
        let mut edges = vec![f64::NEG_INFINITY];
        edges.extend(ranks.shares().map(standard));
        edges.push(f64::INFINITY);
        let pairs = edges.windows(2);
        pairs
            .map(|edge| normal::between(edge[0], edge[1]))
            .collect()
    }
}

/// A bet that is offered, and its weight: its part in the false alarms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    /// `None` is a repeat.
    pub(super) alternative: Option<Alternative>,
    pub(super) weight: f64,
}

/// The offers for a statistic. Strengths were chosen by simulated delays (`tests/tests/all/sequential.rs`):
/// three sizes of shift, because a bet on one is slow for others; few on the log-likelihood, which
/// mostly sees what is large, and with more weight.
pub(super) fn offers(statistic: Statistic) -> &'static [Offer] {
    const fn level(shift: f64, spread: f64, weight: f64) -> Offer {
        Offer {
            alternative: Some(Alternative { shift, spread }),
            weight,
        }
    }
    const REPEAT: Offer = Offer {
        alternative: None,
        weight: 0.5,
    };
    const LOG_PROB: &[Offer] = &[
        level(-1.0, 1.0, 2.0),
        level(-3.0, 1.0, 6.0),
        level(0.7, 1.0, 1.0),
        REPEAT,
    ];
    const LATENT: &[Offer] = &[
        level(-0.25, 1.0, 1.0),
        level(0.25, 1.0, 1.0),
        level(-0.7, 1.0, 1.0),
        level(0.7, 1.0, 1.0),
        level(-2.0, 1.0, 1.0),
        level(2.0, 1.0, 1.0),
        level(0.0, 1.5, 1.0),
        level(0.0, 2.5, 1.0),
        level(0.0, 0.7, 1.0),
        REPEAT,
    ];
    match statistic {
        Statistic::LogProb => LOG_PROB,
        Statistic::Latent => LATENT,
    }
}
