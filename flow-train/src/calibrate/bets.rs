//! What a sequential test bets on.
//!
//! A bet is the likelihood ratio of an alternative to the normal state, in bins: on the scale of
//! normal scores, where a statistic of normal samples is standard normal by construction, the
//! alternative is another normal distribution. A shift is an offset or a drift, a wide spread a
//! gain or noise, a narrow one a sensor that hardly moves. Such a ratio grows fastest of all bets
//! when its alternative is true (Kelly 1956), and fast when it is nearly true.

use super::normal;

/// A normal distribution of normal scores, other than the standard one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alternative {
    /// Its mean, in standard deviations of the normal state.
    pub shift: f64,
    /// Its standard deviation, over that of the normal state.
    pub spread: f64,
}

impl Alternative {
    /// A shifted mean.
    pub const fn shift(shift: f64) -> Self {
        Self { shift, spread: 1.0 }
    }

    /// Another standard deviation.
    pub const fn spread(spread: f64) -> Self {
        Self { shift: 0.0, spread }
    }

    /// The probability of each bin between edges at `ranks` of `rows` under the alternative.
    pub(super) fn probabilities(self, ranks: &[usize], rows: usize) -> Vec<f64> {
        let score = |rank: &usize| normal::quantile(*rank as f64 / (rows + 1) as f64);
        let mut edges = vec![f64::NEG_INFINITY];
        edges.extend(ranks.iter().map(score));
        edges.push(f64::INFINITY);
        let standard = |z: f64| (z - self.shift) / self.spread;
        edges
            .windows(2)
            .map(|edge| normal::between(standard(edge[0]), standard(edge[1])))
            .collect()
    }
}

/// The share of calibration rows in each bin: its probability in the normal state, as expected.
pub(super) fn shares(ranks: &[usize], rows: usize) -> Vec<f64> {
    let mut last = 0;
    ranks
        .iter()
        .chain([&(rows + 1)])
        .map(|rank| (rank - std::mem::replace(&mut last, *rank)) as f64 / (rows + 1) as f64)
        .collect()
}
