//! Designs sequential tests from the statistics of calibration rows.
//!
//! A bet scores the logarithm of a likelihood ratio over what its mean is at most, in the normal
//! state and by this table; so its sum drifts down in the normal state. Given the probabilities of
//! the bins, its run length is known exactly (`chain`); over calibrations, the probabilities
//! have a law that no distribution of the data changes (`dirichlet`); so thresholds are designed once
//! for a number of rows: each statistic's bets together give at most their part of the false alarms,
//! but for their part of `delta`. Bets on repeats are e-values (Shin, Ramdas & Rinaldo 2023): with a
//! mean of at most one, the run length is at least the threshold, before the logarithm.

use super::bets;
use super::designer::{Designer, Lane};
use super::ranks::Ranks;
use super::standing::Standing;
use super::statistic::{Calibration, Statistic, Statistics};
use flow_embedded::detect::evidence::{Bet, EvidenceTable, Pattern};
use std::fmt;

/// Thresholds of a statistic: 32 bins.
const EDGES: usize = 31;

/// The fewest effective calibration rows.
pub const MIN_ROWS: f64 = 50.0;

/// The longest run length that can be designed: the chain is solved in `f64`.
const LONGEST: f64 = 1e11;

/// A designed sequential test. Its `Display` is the promise in a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialDesign {
    edges: usize,
    thresholds: Vec<f32>,
    scores: Vec<i8>,
    bets: Vec<Bet>,
    run_length: f64,
    delta: f64,
}

/// Why rows can't calibrate a sequential test.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// Too few rows, after correlation is counted.
    #[error(
        "{rows} calibration rows are worth {effective:.0} independent ones, too few for a sequential \
         test: at least {MIN_ROWS} are needed; give longer recordings"
    )]
    TooFewRows {
        /// Calibration rows.
        rows: usize,
        /// What they are worth.
        effective: f64,
    },
    /// Statistics are missing, too many, of different lengths, or not those designed for.
    #[error(
        "a calibration of {statistics} statistics doesn't fit the test: it needs 1 to 255, those that \
         the test was designed for, with one value for each row"
    )]
    Statistics {
        /// Statistics given.
        statistics: usize,
    },
    /// The probability is none.
    #[error(
        "a promise that fails with probability {delta} is asked for; it must lie between 0 and 1"
    )]
    BadDelta {
        /// The probability.
        delta: f64,
    },
    /// The run length is out of range.
    #[error(
        "one false alarm in {run_length} samples can't be promised; 10 to {LONGEST:e} samples can"
    )]
    BadRunLength {
        /// The run length.
        run_length: f64,
    },
    /// No bet on a statistic can be told from chance.
    #[error(
        "{effective:.0} independent calibration rows are too few to promise one false alarm in \
         {run_length} samples; give longer recordings, or allow more false alarms"
    )]
    NoBets {
        /// What the rows are worth.
        effective: f64,
        /// The run length.
        run_length: f64,
    },
}

/// The scores and thresholds of a sequential test: all that doesn't depend on the values of the rows.
#[derive(Debug, Clone)]
pub struct SequentialScheme {
    statistics: Vec<Statistic>,
    ranks: Ranks,
    /// For each statistic its place among the desks, if it is bet on.
    places: Vec<Option<usize>>,
    desks: Vec<Desk>,
    run_length: f64,
    delta: f64,
}

/// The bets on statistics of a kind whose rows are worth the same.
#[derive(Debug, Clone)]
struct Desk {
    statistic: Statistic,
    effective: f64,
    designer: Designer,
    levels: Vec<Lane>,
}

impl SequentialScheme {
    /// Designs a test with an average run length of at least `run_length` samples, but for a
    /// probability `delta` over calibrations with so many `rows`. Of each statistic these are worth so
    /// many independent ones (see [`effective_rows`](super::effective_rows)); more than `rows` counts as
    /// `rows`, and less is rounded down to a quarter of an octave. A statistic with too few is not bet on:
    /// then the promise does not rest on it.
    ///
    /// # Errors
    /// There are too few rows, no statistics, or `delta` or `run_length` is out of range.
    pub fn new(
        statistics: &[(Statistic, f64)],
        rows: usize,
        run_length: f64,
        delta: f64,
    ) -> Result<Self, DesignError> {
        if !(1..=255).contains(&statistics.len()) {
            return Err(DesignError::Statistics {
                statistics: statistics.len(),
            });
        }
        let worth: Vec<f64> = statistics
            .iter()
            .map(|(_, effective)| match *effective < rows as f64 {
                true => ((4.0 * effective.log2()).floor() / 4.0).exp2(),
                false => rows as f64,
            })
            .collect();
        let most = statistics
            .iter()
            .fold(0.0, |most: f64, (_, own)| most.max(own.min(rows as f64)));
        if most < MIN_ROWS {
            return Err(DesignError::TooFewRows {
                rows,
                effective: most,
            });
        }
        if !(delta > 0.0 && delta < 1.0) {
            return Err(DesignError::BadDelta { delta });
        }
        if !(10.0..=LONGEST).contains(&run_length) {
            return Err(DesignError::BadRunLength { run_length });
        }
        let ranks = Ranks::new(rows, EDGES);
        let kinds = statistics.iter().map(|(statistic, _)| *statistic);
        let mut bet_on: Vec<bool> = worth.iter().map(|own| *own >= MIN_ROWS).collect();
        loop {
            let own = kinds.clone().zip(&worth).zip(&bet_on);
            let own: Vec<(Statistic, f64)> = own
                .filter_map(|(own, bet_on)| bet_on.then_some((own.0, *own.1)))
                .collect();
            if own.is_empty() {
                return Err(DesignError::NoBets {
                    effective: most,
                    run_length,
                });
            }
            let desks = desks(&own, &ranks, run_length, delta);
            let places: Vec<Option<usize>> = kinds
                .clone()
                .zip(&worth)
                .map(|(kind, own)| {
                    let mut desks = desks.iter();
                    desks.position(|desk| desk.statistic == kind && desk.effective == *own)
                })
                .collect();
            let found: Vec<bool> = places.iter().map(Option::is_some).collect();
            // What one statistic gives up, the others get.
            if found != bet_on {
                bet_on = found;
                continue;
            }
            return Ok(Self {
                statistics: kinds.collect(),
                ranks,
                places,
                desks,
                run_length,
                delta,
            });
        }
    }

    /// The test for these calibration rows.
    ///
    /// # Errors
    /// The statistics or the number of rows are others than designed for.
    pub fn calibrate(
        &self,
        calibrations: &[Calibration<'_>],
    ) -> Result<SequentialDesign, DesignError> {
        let fits = calibrations.len() == self.statistics.len()
            && calibrations
                .iter()
                .zip(&self.statistics)
                .all(|(c, kind)| c.statistic == *kind && c.values.len() == self.ranks.rows());
        if !fits {
            return Err(DesignError::Statistics {
                statistics: calibrations.len(),
            });
        }
        let mut design = SequentialDesign {
            edges: self.ranks.count(),
            thresholds: Vec::new(),
            scores: Vec::new(),
            bets: Vec::new(),
            run_length: self.run_length,
            delta: self.delta,
        };
        for ((index, calibration), place) in calibrations.iter().enumerate().zip(&self.places) {
            let sorted = sorted(calibration.values);
            design.thresholds.extend(self.ranks.thresholds(&sorted));
            let Some(desk) = place.map(|place| &self.desks[place]) else {
                continue;
            };
            let runs = self.ranks.runs(&sorted);
            for lane in &desk.levels {
                let mut scores = lane.scores.clone();
                for run in &runs {
                    let least = scores[run.clone()].iter().copied().min().unwrap_or(i8::MIN);
                    scores[run.clone()].fill(least);
                }
                scores.push(0);
                design.lay(index, Pattern::Level, &scores, lane.threshold);
            }
            if let Some((scores, threshold)) = desk.designer.repeats(calibration.statistic, &runs) {
                design.lay(index, Pattern::Repeat, &scores, threshold);
            }
        }
        Ok(design)
    }
}

/// The bets on each kind of statistic that can be bet on, where these statistics share the false
/// alarms.
fn desks(own: &[(Statistic, f64)], ranks: &Ranks, run_length: f64, delta: f64) -> Vec<Desk> {
    let weights: f64 = own
        .iter()
        .flat_map(|(statistic, _)| bets::offers(*statistic))
        .map(|offer| offer.weight)
        .sum();
    let mut kinds: Vec<(Statistic, f64)> = Vec::new();
    for kind in own {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    let desk = |(statistic, effective): (Statistic, f64)| {
        let designer = Designer {
            law: ranks.law(effective),
            unit: run_length * weights,
            delta: delta / own.len() as f64,
        };
        Some(Desk {
            statistic,
            effective,
            levels: designer.levels(statistic, ranks)?,
            designer,
        })
    };
    kinds.into_iter().filter_map(desk).collect()
}

impl SequentialDesign {
    /// Designs and calibrates a test at once: see [`SequentialScheme`]. `effective` is what the rows are
    /// worth of each statistic.
    ///
    /// # Errors
    /// As [`SequentialScheme::new`]; or statistics have different numbers of rows.
    pub fn new(
        calibrations: &[Calibration<'_>],
        effective: &[f64],
        run_length: f64,
        delta: f64,
    ) -> Result<Self, DesignError> {
        let kinds = calibrations.iter().map(|c| c.statistic);
        let statistics: Vec<(Statistic, f64)> = kinds.zip(effective.iter().copied()).collect();
        let rows = calibrations.first().map_or(0, |first| first.values.len());
        SequentialScheme::new(&statistics, rows, run_length, delta)?.calibrate(calibrations)
    }

    /// Designs and calibrates a test of rows whose standing was examined, as [`new`](Self::new). Rows that
    /// were not examined are too few.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_examined(
        statistics: &Statistics<'_>,
        standing: &Standing,
        run_length: f64,
        delta: f64,
    ) -> Result<Self, DesignError> {
        let calibrations = statistics.calibrations();
        let unknown = vec![0.0; calibrations.len()];
        let effective = standing.examination().map_or(&unknown, |own| &own.worth);
        Self::new(&calibrations, effective, run_length, delta)
    }

    /// The statistics that are bet on, ascending.
    pub fn statistics(&self) -> Vec<usize> {
        let mut own: Vec<usize> = self
            .bets
            .iter()
            .map(|bet| usize::from(bet.statistic))
            .collect();
        own.dedup();
        own
    }

    /// The tables, as the chip reads them.
    pub fn table(&self) -> EvidenceTable<'_> {
        EvidenceTable::new(self.edges, &self.thresholds, &self.scores, &self.bets)
    }

    /// The mean number of samples to a false alarm, at least.
    pub fn run_length(&self) -> f64 {
        self.run_length
    }

    /// The probability, over calibrations, that it is less.
    pub fn delta(&self) -> f64 {
        self.delta
    }

    fn lay(&mut self, statistic: usize, pattern: Pattern, scores: &[i8], threshold: u8) {
        let known = self
            .scores
            .chunks_exact(scores.len())
            .position(|row| row == scores);
        let row = known.unwrap_or(self.scores.len() / scores.len());
        if known.is_none() {
            self.scores.extend(scores);
        }
        self.bets.push(Bet {
            statistic: statistic as u8,
            pattern,
            row: row as u16,
            threshold,
        });
    }
}

impl fmt::Display for SequentialDesign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "false alarms are at least {:.0} samples apart in the mean, with probability {} over \
             calibrations, if samples are independent given their context and distributed as the \
             calibration rows",
            self.run_length,
            1.0 - self.delta
        )
    }
}

/// Ascending, NaN as −∞, one zero.
fn sorted(values: &[f32]) -> Vec<f32> {
    let mut sorted: Vec<f32> = values
        .iter()
        .map(|value| {
            if value.is_nan() {
                f32::NEG_INFINITY
            } else {
                value + 0.0
            }
        })
        .collect();
    sorted.sort_unstable_by(f32::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Cusum;
    use crate::clopper_pearson;
    use flow_host::random::Random;

    /// The probabilities of the bins of a statistic that is uniform on [0, 1): known.
    fn probabilities(thresholds: &[f32]) -> Vec<f64> {
        let mut edges = vec![0.0];
        edges.extend(
            thresholds
                .iter()
                .map(|edge| f64::from(*edge).clamp(0.0, 1.0)),
        );
        edges.push(1.0);
        edges.windows(2).map(|edge| edge[1] - edge[0]).collect()
    }

    /// The false alarms in a sample of all bets on a uniform statistic, exactly; and the largest mean
    /// payment of its bet on repeats.
    fn truth(table: &EvidenceTable<'_>, step: f64) -> (f64, f64) {
        let p = probabilities(table.thresholds());
        let (mut rate, mut payment) = (0.0, 0.0f64);
        for bet in table.bets() {
            let row = usize::from(bet.row) * (p.len() + 1);
            let scores = &table.scores()[row..=row + p.len()];
            let pay = |score: i8| (f64::from(score) * step).exp();
            match bet.pattern {
                Pattern::Level => {
                    let cusum = Cusum {
                        scores: &scores[..p.len()],
                        threshold: bet.threshold,
                    };
                    rate += cusum.run_length(&p).map_or(0.0, |run| run.mean.recip());
                }
                Pattern::Repeat => {
                    for (p, score) in p.iter().zip(scores) {
                        payment = payment
                            .max(p * pay(*score) + (1.0 - p) * pay(scores[scores.len() - 1]));
                    }
                }
            }
        }
        (rate, payment)
    }

    /// Over calibrations, with data whose probabilities are known, run lengths by the Markov chain:
    /// the part of the promise that bets on levels have is broken by about the probability that they
    /// may fail with, and otherwise it is kept by little.
    #[test]
    fn promises_fail_as_often_as_said_and_no_more() {
        for (rows, run_length, delta) in [(300, 1e3, 0.1), (2_000, 1e5, 0.05)] {
            let scheme =
                SequentialScheme::new(&[(Statistic::Latent, rows as f64)], rows, run_length, delta)
                    .expect("enough rows");
            let step = scheme.desks[0].designer.step(0.5);
            let weights: f64 = bets::offers(Statistic::Latent)
                .iter()
                .map(|offer| offer.weight)
                .sum();
            let random = &mut Random::new(11);
            let calibrations = 1_000;
            let (mut broken, mut unfair, mut ratios) = (0, 0, Vec::new());
            for _ in 0..calibrations {
                let values: Vec<f32> = (0..rows).map(|_| random.uniform() as f32).collect();
                let statistic = Statistic::Latent;
                let calibration = Calibration {
                    statistic,
                    values: &values,
                };
                let design = scheme.calibrate(&[calibration]).expect("as designed");
                assert_eq!(design.table().check(1), Ok(()));
                let (rate, payment) = truth(&design.table(), step);
                // The rest is for repeats.
                let part = (weights - 0.5) / weights / run_length;
                broken += u64::from(rate > part);
                unfair += u64::from(payment > 1.0);
                ratios.push(part / rate);
            }
            let (low, high) = clopper_pearson(broken, calibrations, 0.999);
            // Bets on levels have 0.8 of delta; the quantile of the approximate run lengths is near.
            assert!(low <= 0.8 * delta, "{broken} of {calibrations} are broken");
            assert!(
                high >= 0.2 * delta,
                "{broken} of {calibrations} are broken: a waste"
            );
            let (low, _) = clopper_pearson(unfair, calibrations, 0.999);
            assert!(low <= 0.2 * delta, "{unfair} of {calibrations} are unfair");
            ratios.sort_unstable_by(f64::total_cmp);
            let median = ratios[ratios.len() / 2];
            println!(
                "{rows} rows, {run_length}: {broken} broken, {unfair} unfair, median ratio {median:.2}"
            );
            assert!((1.0..6.0).contains(&median), "{rows} rows: {median}");
        }
    }

    /// Rounded coarsely, a statistic has atoms; bets then score less, and the promise stands.
    #[test]
    fn ties_cost_power_and_not_the_promise() {
        let (rows, run_length) = (1_000, 1e3);
        let statistic = Statistic::Latent;
        let scheme = SequentialScheme::new(&[(statistic, rows as f64)], rows, run_length, 0.05)
            .expect("enough rows");
        let random = &mut Random::new(12);
        let levels = 12.0;
        let mut broken = 0;
        for _ in 0..200 {
            let values: Vec<f32> = (0..rows)
                .map(|_| (levels * random.uniform()).floor() as f32)
                .collect();
            let design = scheme
                .calibrate(&[Calibration {
                    statistic,
                    values: &values,
                }])
                .expect("as designed");
            let table = design.table();
            let mut p = vec![0.0; table.edges() + 1];
            for level in 0..levels as u32 {
                p[table
                    .thresholds()
                    .partition_point(|edge| *edge <= level as f32)] += 1.0 / levels;
            }
            let rate: f64 = table
                .bets()
                .iter()
                .filter(|bet| bet.pattern == Pattern::Level)
                .filter_map(|bet| {
                    let row = usize::from(bet.row) * (p.len() + 1);
                    let scores = &table.scores()[row..row + p.len()];
                    Cusum {
                        scores,
                        threshold: bet.threshold,
                    }
                    .run_length(&p)
                })
                .map(|run| run.mean.recip())
                .sum();
            broken += u64::from(rate > 1.0 / run_length);
        }
        assert!(
            clopper_pearson(broken, 200, 0.999).0 <= 0.05,
            "{broken} of 200 are broken"
        );
    }

    /// A statistic whose rows are worth little has no bets, and the others get its part: the same bets
    /// as without it.
    #[test]
    fn a_statistic_that_depends_on_its_past_leaves_its_part_to_others() {
        let random = &mut Random::new(13);
        let columns = [0; 3].map(|_| -> Vec<f32> { (0..1_000).map(|_| random.normal()).collect() });
        let calibrations = columns.each_ref().map(|values| Calibration {
            statistic: Statistic::Latent,
            values,
        });
        let design = |calibrations: &[Calibration<'_>], effective: &[f64]| {
            SequentialDesign::new(calibrations, effective, 1e3, 0.05).expect("rows enough")
        };
        let all = design(&calibrations, &[1e3, 60.0, 1e9]);
        assert_eq!(all.statistics(), [0, 2]);
        let [first, _, last] = calibrations;
        let two = design(&[first, last], &[1e3, 1e3]);
        assert_eq!(two.statistics(), [0, 1]);
        let bets = |design: &SequentialDesign| -> Vec<(Pattern, u8)> {
            let bets = design.table().bets().iter();
            bets.map(|bet| (bet.pattern, bet.threshold)).collect()
        };
        assert_eq!(bets(&all), bets(&two));
        assert_eq!(all.table().scores(), two.table().scores());
        // Rows that are worth less give bets that are harder to win.
        let fewer = design(&[first, last], &[1e3, 600.0]);
        assert_eq!(fewer.statistics(), [0, 1]);
        assert_ne!(bets(&fewer), bets(&two));
    }

    #[test]
    fn what_can_not_be_promised_is_said() {
        let latent = [Statistic::Latent];
        let design = |statistics: &[Statistic], effective, run_length, delta| {
            let own: Vec<_> = statistics.iter().map(|own| (*own, effective)).collect();
            SequentialScheme::new(&own, 1_000, run_length, delta).map(|_| ())
        };
        assert_eq!(design(&latent, 1e3, 1e3, 0.05), Ok(()));
        assert_eq!(
            design(&[], 1e3, 1e3, 0.05),
            Err(DesignError::Statistics { statistics: 0 })
        );
        let effective = 49.0;
        let error = DesignError::TooFewRows {
            rows: 1_000,
            effective,
        };
        assert_eq!(design(&latent, effective, 1e3, 0.05), Err(error));
        for delta in [0.0, 1.0] {
            assert_eq!(
                design(&latent, 1e3, 1e3, delta),
                Err(DesignError::BadDelta { delta })
            );
        }
        for run_length in [1.0, 1e12] {
            let error = DesignError::BadRunLength { run_length };
            assert_eq!(design(&latent, 1e3, run_length, 0.05), Err(error));
        }
        assert!(matches!(
            design(&latent, 1e3, f64::NAN, 0.05),
            Err(DesignError::BadRunLength { .. })
        ));
        let scheme = SequentialScheme::new(&[(latent[0], 1e3)], 1_000, 1e3, 0.05).expect("enough");
        let statistic = Statistic::Latent;
        let short = [Calibration {
            statistic,
            values: &[0.0; 999],
        }];
        assert_eq!(
            scheme.calibrate(&short),
            Err(DesignError::Statistics { statistics: 1 })
        );
    }
}
