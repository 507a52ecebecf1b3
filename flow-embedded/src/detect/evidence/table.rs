//! The tables in flash.

use super::NONE;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What a bet scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Pattern {
    /// The bin that a statistic falls into.
    Level,
    /// Falling into the bin of the sample before: the bin's score if so, and if not the last score of
    /// the row.
    Repeat,
}

/// A bet on one statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bet {
    /// The statistic, from 0.
    pub statistic: u8,
    /// What is scored.
    pub pattern: Pattern,
    /// The row of the table's scores, from 0.
    pub row: u16,
    /// The sum of scores that gives an alarm.
    pub threshold: u8,
}

impl Bet {
    /// A bet on the bin that a statistic falls into.
    pub const fn level(statistic: u8, row: u16, threshold: u8) -> Self {
        Self {
            statistic,
            pattern: Pattern::Level,
            row,
            threshold,
        }
    }

    /// A bet on falling into the bin of the sample before.
    pub const fn repeat(statistic: u8, row: u16, threshold: u8) -> Self {
        Self {
            statistic,
            pattern: Pattern::Repeat,
            row,
            threshold,
        }
    }
}

/// The designed tables of a sequential test, as they lie in flash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvidenceTable<'a> {
    edges: usize,
    thresholds: &'a [f32],
    scores: &'a [i8],
    bets: &'a [Bet],
}

impl<'a> EvidenceTable<'a> {
    /// Tables for statistics that have `edges` thresholds each, and so `edges + 1` bins.
    ///
    /// `thresholds` holds those of one statistic after another, ascending: bin `b` is where `b`
    /// thresholds are at most the statistic. `scores` holds rows that bets refer to. A row has one
    /// score for each bin, and one more: what a bet on a repeat scores without one, and zero otherwise.
    ///
    /// Nothing is checked here: see [`check`](Self::check).
    pub const fn new(
        edges: usize,
        thresholds: &'a [f32],
        scores: &'a [i8],
        bets: &'a [Bet],
    ) -> Self {
        Self {
            edges,
            thresholds,
            scores,
            bets,
        }
    }

    /// Thresholds of each statistic.
    pub const fn edges(&self) -> usize {
        self.edges
    }

    /// The bets.
    pub const fn bets(&self) -> &'a [Bet] {
        self.bets
    }

    /// The thresholds of one statistic after another.
    pub const fn thresholds(&self) -> &'a [f32] {
        self.thresholds
    }

    /// The rows of scores, one after another.
    pub const fn scores(&self) -> &'a [i8] {
        self.scores
    }

    /// Whether the tables fit each other and `statistics` statistics. That they keep a promise can't
    /// be seen from them; it is their designer's to prove.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self, statistics: usize) -> Result<(), TableError> {
        check(
            [self.edges, statistics, self.scores.len()],
            self.thresholds.iter().copied(),
            self.bets.iter().copied(),
        )
    }

    pub(super) fn bin(thresholds: &[f32], statistic: f32) -> u8 {
        // NaN counts as −∞, as in a p-value.
        let bin = if statistic.is_nan() {
            0
        } else {
            thresholds.partition_point(|edge| *edge <= statistic)
        };
        u8::try_from(bin).unwrap_or(0)
    }

    /// Whether a bet is on a shift to one side: on a level, and the scores of its outermost bins have
    /// opposite signs.
    pub(in crate::detect) fn is_shift(&self, bet: &Bet) -> bool {
        let last = u8::try_from(self.edges).unwrap_or(NONE);
        let lowest = i16::from(self.score(bet, 0, 0));
        let highest = i16::from(self.score(bet, last, last));
        bet.pattern == Pattern::Level && lowest * highest < 0
    }

    /// What a bet scores for a bin after another one; where the tables don't fit each other, the least
    /// score there is.
    pub(super) fn score(&self, bet: &Bet, bin: u8, previous: u8) -> i8 {
        let bins = self.edges.saturating_add(1);
        let place = match bet.pattern {
            Pattern::Repeat if bin != previous => bins,
            Pattern::Repeat | Pattern::Level => usize::from(bin),
        };
        let row = usize::from(bet.row).saturating_mul(bins.saturating_add(1));
        let score = self.scores.get(row.saturating_add(place));
        score.copied().unwrap_or(i8::MIN)
    }
}

/// As [`EvidenceTable::check`], for tables in any form: how many thresholds a statistic has, how many
/// statistics and how many scores there are; the thresholds, and the bets.
pub(crate) fn check(
    [edges, statistics, scores]: [usize; 3],
    thresholds: impl ExactSizeIterator<Item = f32>,
    bets: impl Iterator<Item = Bet>,
) -> Result<(), TableError> {
    if edges == 0 || edges >= usize::from(NONE) {
        return Err(TableError::Edges(edges));
    }
    if thresholds.len() != statistics.saturating_mul(edges) {
        return Err(TableError::Thresholds);
    }
    let (mut last, mut left) = (f32::NEG_INFINITY, edges);
    for edge in thresholds {
        // The next statistic begins.
        if left == 0 {
            (last, left) = (f32::NEG_INFINITY, edges);
        }
        left = left.saturating_sub(1);
        if edge.is_nan() || edge < last {
            return Err(TableError::Thresholds);
        }
        last = edge;
    }
    let length = edges.saturating_add(2);
    if scores.checked_rem(length) != Some(0) {
        return Err(TableError::Scores);
    }
    let rows = scores.checked_div(length).unwrap_or(0);
    for (index, bet) in bets.enumerate() {
        let fits = usize::from(bet.statistic) < statistics
            && usize::from(bet.row) < rows
            && bet.threshold > 0;
        if !fits {
            return Err(TableError::Bet { bet: index });
        }
    }
    Ok(())
}

/// Why tables don't fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TableError {
    /// So many thresholds a statistic; 1 to 254 are possible.
    Edges(usize),
    /// Thresholds are too few, too many, NaN, or don't ascend.
    Thresholds,
    /// A row of scores is cut off.
    Scores,
    /// A bet names a statistic or a row that isn't there, or its threshold is zero.
    Bet {
        /// The bet, from 0.
        bet: usize,
    },
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Edges(edges) => {
                write!(f, "{edges} thresholds a statistic; 1 to 254 are possible")
            }
            Self::Thresholds => f.write_str("thresholds are missing, NaN or out of order"),
            Self::Scores => f.write_str("a row of scores is cut off"),
            Self::Bet { bet } => write!(f, "bet {bet} is on nothing that exists, or always won"),
        }
    }
}

impl core::error::Error for TableError {}
