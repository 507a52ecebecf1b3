//! Designs sequential tests from the statistics of calibration rows.

use super::bets::{self, Alternative};
use super::edges::{self, Edges};
use flow_embedded::detect::evidence::{Bet, EvidenceTable, Pattern, Promise};

/// Thresholds of a statistic: 32 bins.
const EDGES: usize = 31;

/// What a repeat is bet: the rest is kept.
const REPEAT: f64 = 0.5;

/// The fewest effective calibration rows: with fewer, no bet pays.
pub const MIN_ROWS: f64 = 50.0;

/// What a statistic measures, which says what is bet on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The log-likelihood of the whole event.
    LogProb,
    /// The latent coordinate of a channel.
    Latent,
}

impl Statistic {
    fn alternatives(self) -> &'static [Alternative] {
        const LOG_PROB: [Alternative; 4] = [
            Alternative::shift(-1.0),
            Alternative::shift(-3.0),
            Alternative::shift(0.5),
            Alternative::shift(1.0),
        ];
        const LATENT: [Alternative; 8] = [
            Alternative::shift(-0.5),
            Alternative::shift(0.5),
            Alternative::shift(-1.0),
            Alternative::shift(1.0),
            Alternative::shift(-2.5),
            Alternative::shift(2.5),
            Alternative::spread(2.5),
            Alternative::spread(0.5),
        ];
        match self {
            Self::LogProb => &LOG_PROB,
            Self::Latent => &LATENT,
        }
    }
}

/// A statistic's values over the calibration rows.
#[derive(Debug, Clone, Copy)]
pub struct Calibration<'a> {
    /// What it measures.
    pub statistic: Statistic,
    /// One value for each calibration row, as the chip computes it; NaN counts as −∞.
    pub values: &'a [f32],
}

/// A designed sequential test: the tables, owned.
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialDesign {
    edges: usize,
    thresholds: Vec<f32>,
    payments: Vec<f32>,
    repeats: Vec<f32>,
    no_repeat: f32,
    bets: Vec<Bet>,
    promise: Promise,
}

/// Why rows can't calibrate a sequential test.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// Too few rows, after correlation is counted.
    #[error(
        "{rows} calibration rows are worth {effective:.0} independent ones, too few for a \
         sequential test: at least {MIN_ROWS} are needed; give longer recordings"
    )]
    TooFewRows {
        /// Calibration rows.
        rows: usize,
        /// What they are worth.
        effective: f64,
    },
    /// Statistics are missing, too many, or of different lengths.
    #[error(
        "the calibration holds {statistics} statistics; it needs 1 to 255, with one value for each \
         row"
    )]
    Statistics {
        /// Statistics given.
        statistics: usize,
    },
    /// The confidence is no probability.
    #[error(
        "a promise that fails with probability {delta} is asked for; it must lie between 0 and 1"
    )]
    BadDelta {
        /// The probability.
        delta: f64,
    },
    /// The promise is out of range.
    #[error("{0:?} can't be promised: a run length lies in 1..=1e20, a probability in 1e-20..1")]
    BadPromise(Promise),
}

impl SequentialDesign {
    /// Designs a test whose promise holds but for a probability `delta` over calibrations with
    /// `effective` independent rows (see [`effective_rows`](super::effective_rows)).
    ///
    /// # Errors
    /// There are too few rows, no statistics or statistics of different lengths, or `delta` or the
    /// promise is out of range.
    pub fn new(
        calibrations: &[Calibration<'_>],
        effective: f64,
        promise: Promise,
        delta: f64,
    ) -> Result<Self, DesignError> {
        let statistics = calibrations.len();
        let rows = calibrations.first().map_or(0, |first| first.values.len());
        let equal = calibrations.iter().all(|c| c.values.len() == rows);
        if !(1..=255).contains(&statistics) || !equal {
            return Err(DesignError::Statistics { statistics });
        }
        let effective = effective.min(rows as f64);
        if !(effective >= MIN_ROWS) {
            return Err(DesignError::TooFewRows { rows, effective });
        }
        if !(delta > 0.0 && delta < 1.0) {
            return Err(DesignError::BadDelta { delta });
        }
        let ranks = edges::ranks(rows, EDGES);
        let all: Vec<Edges> = calibrations
            .iter()
            .map(|calibration| Edges::new(&sorted(calibration.values), &ranks))
            .collect();
        let mut design = Self {
            edges: ranks.len(),
            thresholds: all.iter().flat_map(|e| e.thresholds()).copied().collect(),
            payments: Vec::new(),
            repeats: Vec::new(),
            no_repeat: round_down(1.0 - REPEAT),
            bets: Vec::new(),
            promise,
        };
        let odds = Odds {
            rows,
            shares: bets::shares(&ranks, rows),
            ranks,
            edges: distinct(&all),
            effective,
            // Half of delta for levels, half for repeats; each claim of a half gets an equal part.
            level: 0.5 * delta / all_alternatives(calibrations).len() as f64 / statistics as f64,
            repeat: 0.5 * delta / (EDGES + 1) as f64 / statistics as f64,
        };
        design.lay_bets(calibrations, &odds);
        match design.table().check(statistics) {
            Ok(()) => Ok(design),
            Err(_) => Err(DesignError::BadPromise(promise)),
        }
    }

    /// The tables, as the chip reads them.
    pub fn table(&self) -> EvidenceTable<'_> {
        EvidenceTable::new(
            self.edges,
            &self.thresholds,
            &self.payments,
            &self.repeats,
            self.no_repeat,
            &self.bets,
            self.promise,
        )
    }

    fn lay_bets(&mut self, calibrations: &[Calibration<'_>], odds: &Odds<'_>) {
        let mut rows: Vec<(Alternative, u8)> = Vec::new();
        for alternative in all_alternatives(calibrations) {
            if let Some(payments) = odds.payments(alternative) {
                rows.push((alternative, rows.len() as u8));
                self.payments.extend(payments);
            }
        }
        self.repeats = odds.repeats();
        for (index, calibration) in calibrations.iter().enumerate() {
            let offered = calibration.statistic.alternatives();
            let mut patterns: Vec<Pattern> = rows
                .iter()
                .filter(|(alternative, _)| offered.contains(alternative))
                .map(|(_, row)| Pattern::Level(*row))
                .collect();
            patterns.push(Pattern::Repeat);
            // Statistics have equal shares, and the bets on one statistic too.
            let weight = ((calibrations.len() * patterns.len()) as f64).recip() as f32;
            self.bets.extend(patterns.into_iter().map(|pattern| Bet {
                statistic: index as u8,
                pattern,
                weight,
            }));
        }
    }
}

/// The alternatives of all statistics, each once.
fn all_alternatives(calibrations: &[Calibration<'_>]) -> Vec<Alternative> {
    let mut all = Vec::new();
    for alternative in calibrations.iter().flat_map(|c| c.statistic.alternatives()) {
        if !all.contains(alternative) {
            all.push(*alternative);
        }
    }
    all
}

/// Without ties all statistics have the same ranks between their thresholds.
fn distinct(all: &[Edges]) -> Vec<&Edges> {
    let mut found: Vec<&Edges> = Vec::new();
    for edges in all {
        if !found.iter().any(|other| other.same_odds(edges)) {
            found.push(edges);
        }
    }
    found
}

/// What makes fair payments.
struct Odds<'a> {
    rows: usize,
    ranks: Vec<usize>,
    shares: Vec<f64>,
    edges: Vec<&'a Edges>,
    effective: f64,
    level: f64,
    repeat: f64,
}

impl Odds<'_> {
    /// The mean of payments for the bins, at most, whichever the statistic.
    fn mean_at_most(&self, payments: &[f64], delta: f64) -> f64 {
        self.edges
            .iter()
            .map(|edges| edges.mean_at_most(payments, self.effective, delta))
            .fold(0.0, f64::max)
    }

    /// What is paid for each bin. `None` if uncertainty costs more than half of what the bet would
    /// win: so weak an alternative can't be told from the normal state by so few rows.
    fn payments(&self, alternative: Alternative) -> Option<Vec<f32>> {
        let probabilities = alternative.probabilities(&self.ranks, self.rows);
        let ratios: Vec<f64> = probabilities
            .iter()
            .zip(&self.shares)
            .map(|(alternative, normal)| alternative / normal)
            .collect();
        let cost = self.mean_at_most(&ratios, self.level);
        let win: f64 = probabilities
            .iter()
            .zip(&ratios)
            .filter(|(probability, _)| **probability > 0.0)
            .map(|(probability, ratio)| probability * ratio.ln())
            .sum();
        (cost.ln() <= 0.5 * win).then(|| ratios.iter().map(|r| round_down(r / cost)).collect())
    }

    fn repeats(&self) -> Vec<f32> {
        (0..self.shares.len())
            .map(|bin| {
                let mut payments = vec![0.0; self.shares.len()];
                payments[bin] = 1.0;
                let probability = self.mean_at_most(&payments, self.repeat);
                round_down(1.0 - REPEAT + REPEAT / probability)
            })
            .collect()
    }
}

/// Ascending, NaN as −∞, one zero.
fn sorted(values: &[f32]) -> Vec<f32> {
    let mut sorted: Vec<f32> = values
        .iter()
        .map(|value| match value.is_nan() {
            true => f32::NEG_INFINITY,
            false => value + 0.0,
        })
        .collect();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted
}

/// Two units in the last place below: what rounding on the chip adds to the evidence in one step
/// is less.
fn round_down(payment: f64) -> f32 {
    ((payment * (1.0 - 2.0 * f64::from(f32::EPSILON))) as f32).max(0.0)
}
