//! Bins between calibration rows, and what one table can know of their probabilities.
//!
//! Let `U_(1) < … < U_(n)` be the order statistics of `n` uniform numbers. If a statistic `S` is
//! independent and equally distributed over rows, then, given the table, `P(S < t)` lies between
//! `U_(b)` and `U_(b+1)` for a threshold `t` with `b` calibration rows below, all thresholds at once
//! and whatever the distribution of `S` (for a continuous one it is one of the two exactly). The
//! spacings of uniform order statistics are Dirichlet, so the mean of any payment over bins is at
//! most a Dirichlet-weighted mean, whose upper quantile [`Edges::mean_at_most`] bounds.

use super::normal;

/// The thresholds of one statistic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edges {
    thresholds: Vec<f32>,
    /// Calibration rows below each threshold.
    below: Vec<usize>,
    rows: usize,
}

/// At most `count` ranks among `rows`, from 1: evenly spaced as normal scores, from the lowest row to
/// the highest.
pub(super) fn ranks(rows: usize, count: usize) -> Vec<usize> {
    let all = (rows + 1) as f64;
    let lowest = normal::quantile(all.recip());
    let step = -2.0 * lowest / (count.max(2) - 1) as f64;
    let mut ranks: Vec<usize> = (0..count)
        .map(|edge| (all * normal::cdf(lowest + step * edge as f64)).round() as usize)
        .map(|rank| rank.clamp(1, rows))
        .collect();
    ranks.dedup();
    ranks
}

impl Edges {
    /// Thresholds at the given ranks of a statistic's calibration rows, in ascending order. Those of
    /// the lower half lie at the row, so that the row is above; those of the upper half lie just over
    /// it.
    pub(super) fn new(sorted: &[f32], ranks: &[usize]) -> Self {
        let thresholds: Vec<f32> = ranks
            .iter()
            .map(|rank| match sorted[rank - 1] {
                row if 2 * rank > sorted.len() + 1 => row.next_up(),
                row => row,
            })
            .collect();
        let below = |edge: &f32| sorted.partition_point(|row| row < edge);
        Self {
            below: thresholds.iter().map(below).collect(),
            rows: sorted.len(),
            thresholds,
        }
    }

    pub(super) fn thresholds(&self) -> &[f32] {
        &self.thresholds
    }

    /// Whether all means are bounded alike.
    pub(super) fn same_odds(&self, other: &Self) -> bool {
        self.below == other.below && self.rows == other.rows
    }

    /// What the mean of `payments`, one for each bin, is at most, but for a probability `delta` over
    /// calibrations with so many `effective` rows.
    ///
    /// The Dirichlet mean is above `c` when `Σ (payment − c) G ≥ 0` for independent gamma variables
    /// G; the bound on that probability is Chernoff's.
    pub(super) fn mean_at_most(&self, payments: &[f64], effective: f64, delta: f64) -> f64 {
        let spacings = self.spacings(payments);
        let shape = (effective + 1.0) / (self.rows + 1) as f64;
        let most = spacings.iter().map(|s| s.payment).fold(0.0, f64::max);
        let sum: f64 = spacings.iter().map(|s| s.payment * s.rows).sum();
        let (mut low, mut high) = (sum / (self.rows + 1) as f64, most);
        // To a part in a billion, from above.
        while high - low > 1e-9 * most {
            let middle = 0.5 * (low + high);
            if log_tail(&spacings, shape, middle) > delta.ln() {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The payment that each spacing of uniform order statistics gets at most.
    fn spacings(&self, payments: &[f64]) -> Vec<Spacing> {
        // Where payments fall, more probability below is worse; where they rise, less is.
        let mut falls: Vec<(usize, f64)> = payments
            .windows(2)
            .zip(&self.below)
            .map(|(pair, below)| {
                let fall = pair[0] - pair[1];
                (if fall > 0.0 { below + 1 } else { *below }, fall)
            })
            .collect();
        falls.sort_by_key(|fall| fall.0);
        let mut payment: f64 = payments.first().copied().unwrap_or(0.0);
        let mut last = 0;
        let mut spacings = Vec::with_capacity(falls.len() + 1);
        for (rank, fall) in falls.into_iter().chain([(self.rows + 1, 0.0)]) {
            if rank > last {
                spacings.push(Spacing {
                    rows: (rank - last) as f64,
                    payment,
                });
                last = rank;
            }
            payment -= fall;
        }
        spacings
    }
}

/// Neighbouring spacings with one payment.
struct Spacing {
    rows: f64,
    payment: f64,
}

/// Chernoff's bound on `ln P(Σ (payment − c) G ≥ 0)`, for `c` above the mean.
fn log_tail(spacings: &[Spacing], shape: f64, c: f64) -> f64 {
    let most = spacings.iter().map(|s| s.payment - c).fold(0.0, f64::max);
    if most <= 0.0 {
        return f64::NEG_INFINITY;
    }
    // The exponent is convex in the tilt: bisect on its slope.
    let (mut low, mut high) = (0.0, most.recip());
    for _ in 0..60 {
        let tilt = 0.5 * (low + high);
        let slope: f64 = spacings
            .iter()
            .map(|s| s.rows * (s.payment - c) / (1.0 - tilt * (s.payment - c)))
            .sum();
        if slope < 0.0 {
            low = tilt;
        } else {
            high = tilt;
        }
    }
    // Any tilt gives a bound.
    -shape
        * spacings
            .iter()
            .map(|s| s.rows * (-low * (s.payment - c)).ln_1p())
            .sum::<f64>()
}
