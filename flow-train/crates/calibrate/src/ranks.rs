//! Bins between calibration rows.

use super::dirichlet::Dirichlet;
use super::normal;
use std::ops::Range;

/// The ranks at which bins begin, the same for all statistics.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranks {
    ranks: Vec<usize>,
    rows: usize,
}

impl Ranks {
    /// At most `count` ranks among `rows`, from 1: evenly spaced as normal scores, from the lowest row
    /// to the highest.
    pub(super) fn new(rows: usize, count: usize) -> Self {
        let all = (rows + 1) as f64;
        let lowest = normal::quantile(all.recip());
        let step = -2.0 * lowest / (count.max(2) - 1) as f64;
        let mut ranks: Vec<usize> = (0..count)
            .map(|edge| (all * normal::cdf(lowest + step * edge as f64)).round() as usize)
            .map(|rank| rank.clamp(1, rows))
            .collect();
        ranks.dedup();
        Self { ranks, rows }
    }

    /// Thresholds of each statistic.
    pub(super) fn count(&self) -> usize {
        self.ranks.len()
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The shares of rows below each threshold.
    pub(super) fn shares(&self) -> impl Iterator<Item = f64> {
        let all = (self.rows + 1) as f64;
        self.ranks.iter().map(move |rank| *rank as f64 / all)
    }

    /// The law, over calibrations, of the probabilities of the bins.
    pub(super) fn law(&self, effective: f64) -> Dirichlet {
        let scale = (effective + 1.0) / (self.rows + 1) as f64;
        let mut last = 0;
        let ends = self.ranks.iter().copied().chain([self.rows + 1]);
        let shapes = ends.map(|rank| (rank - std::mem::replace(&mut last, rank)) as f64 * scale);
        Dirichlet::new(shapes.collect())
    }

    /// The thresholds of a statistic with these calibration rows, ascending. Those of the lower half
    /// lie at a row, so that the row is above; those of the upper half just over it, so that it is
    /// below: the outermost bins are alike.
    pub(super) fn thresholds(&self, sorted: &[f32]) -> Vec<f32> {
        let threshold = |rank: &usize| match sorted[rank - 1] {
            row if self.is_upper(*rank) => row.next_up(),
            row => row,
        };
        self.ranks.iter().map(threshold).collect()
    }

    /// Bins that ties make one. Where equal rows lie on both sides of a rank, the statistic has an atom
    /// there, and its bin says less than a rank would: a score is then only safe if it is the least of
    /// all bins that the atom covers.
    pub(super) fn runs(&self, sorted: &[f32]) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let mut start = 0;
        for (edge, rank) in self.ranks.iter().enumerate() {
            let across = if self.is_upper(*rank) {
                *rank
            } else {
                rank.wrapping_sub(2)
            };
            let tied = sorted.get(across) == Some(&sorted[rank - 1]);
            if !tied {
                runs.push(start..edge + 1);
                start = edge + 1;
            }
        }
        runs.push(start..self.ranks.len() + 1);
        runs
    }

    fn is_upper(&self, rank: usize) -> bool {
        2 * rank > self.rows + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bin_has_its_rows() {
        for rows in [50, 99, 1_000, 20_000] {
            let ranks = Ranks::new(rows, 31);
            let sorted: Vec<f32> = (0..rows).map(|row| row as f32).collect();
            let thresholds = ranks.thresholds(&sorted);
            assert!(thresholds.is_sorted_by(|a, b| a < b));
            assert!(ranks.count() == 31 || rows < 1_000);
            // The lowest and the highest row is alone in its bin's end, on either side.
            assert_eq!(
                (thresholds[0], thresholds[ranks.count() - 1]),
                (0.0, sorted[rows - 1].next_up())
            );
            assert_eq!(ranks.runs(&sorted).len(), ranks.count() + 1);
            let mean = ranks.law(rows as f64).mean();
            assert!((mean[0] * (rows + 1) as f64 - 1.0).abs() < 1e-9);
            assert!((mean.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for (from_below, from_above) in mean.iter().zip(mean.iter().rev()) {
                assert!((from_below - from_above).abs() * (rows as f64) < 1.001);
            }
        }
    }

    #[test]
    fn ties_join_bins() {
        let ranks = Ranks::new(100, 31);
        let constant = [1.0f32; 100];
        // Below the lowest rank and above the highest there is no row to be tied with.
        let bins = ranks.count() + 1;
        assert_eq!(ranks.runs(&constant), [0..1, 1..bins - 1, bins - 1..bins]);
        let halves: Vec<f32> = (0..100)
            .map(|row| if row < 50 { row as f32 } else { 99.0 })
            .collect();
        let runs = ranks.runs(&halves);
        assert!(
            runs.len() > 10 && runs[runs.len() - 2].len() > 10,
            "{runs:?}"
        );
    }
}
