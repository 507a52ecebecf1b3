use super::CalibrationError;

/// The most entries of a table: 2 KiB of flash.
pub const MAX_ENTRIES: usize = 256;

/// Entries whose ranks follow each other without a gap, from the least likely row up.
const EXACT_TAIL: usize = 128;

/// A calibration table as an artefact holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationTable {
    alpha: f32,
    rows: u32,
    entries: Vec<(f32, f32)>,
}

impl CalibrationTable {
    /// Calibrates with the log-likelihoods of held-out normal rows, as the chip computes them. NaN
    /// counts as −∞, as it does on the chip.
    ///
    /// # Errors
    /// `alpha` is not in (0, 1), there are too few rows for it, or no row is possible.
    pub fn new(log_probs: &[f32], alpha: f64) -> Result<Self, CalibrationError> {
        let mut sorted: Vec<f32> = log_probs
            .iter()
            .map(|log_prob| {
                if log_prob.is_nan() {
                    f32::NEG_INFINITY
                } else {
                    log_prob + 0.0
                }
            })
            .collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let counts = sorted.chunk_by(|low, high| low == high);
        let counts = counts.map(|equal| (equal[0], equal.len() as u64));
        Self::of_counts(counts, sorted.len(), alpha)
    }

    /// The table of `have` rows by their different scores, ascending, and how many rows have each.
    pub(super) fn of_counts(
        counts: impl Iterator<Item = (f32, u64)>,
        have: usize,
        alpha: f64,
    ) -> Result<Self, CalibrationError> {
        let need = Self::rows_needed(alpha)?;
        if have < need {
            return Err(CalibrationError::TooFewRows { have, need, alpha });
        }
        let rows = u32::try_from(have).map_err(|_| CalibrationError::TooManyRows { rows: have })?;
        // Of equal scores the first has the exact p-value, and −∞ is above no score.
        let mut rank = 0;
        let ranked = counts.map(|(score, rows)| {
            let first = rank;
            rank += rows as usize;
            (score, first)
        });
        let possible = |(score, _): &(f32, usize)| *score > f32::NEG_INFINITY;
        let ranked: Vec<(f32, usize)> = ranked.filter(possible).collect();
        if ranked.is_empty() {
            return Err(CalibrationError::Impossible { rows: have });
        }
        // The last rank whose p-value is at most alpha.
        let critical = ranked.partition_point(|(_, rank)| p_value(*rank, have) <= round_up(alpha));
        let entries = thinned(ranked.len(), critical)
            .into_iter()
            .map(|index| (ranked[index].0, p_value(ranked[index].1, have)))
            .collect();
        Ok(Self {
            alpha: round_up(alpha),
            rows,
            entries,
        })
    }

    /// The fewest calibration rows with which an alarm at `alpha` is possible: `1 / alpha − 1`,
    /// rounded up.
    ///
    /// # Errors
    /// `alpha` is not in (0, 1).
    pub fn rows_needed(alpha: f64) -> Result<usize, CalibrationError> {
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(CalibrationError::BadAlpha { alpha });
        }
        // 1 / 0.001 − 1 may lie a rounding error above 999.
        let rows = (alpha.recip() - 1.0) * (1.0 - 1e-12);
        Ok((rows.ceil() as usize).max(1))
    }

    /// Alarm when the p-value is at most this: the false-alarm rate asked for, in `f32`, rounded up
    /// as the p-values are, so that a p-value of exactly alpha alarms.
    pub fn alpha(&self) -> f32 {
        self.alpha
    }

    /// Calibration rows.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The entries `(log_prob, p)`, ascending in both.
    pub fn entries(&self) -> &[(f32, f32)] {
        &self.entries
    }

    /// Rows less likely than this alarm; `None` if none does.
    pub fn threshold(&self) -> Option<f32> {
        threshold(self.entries.iter().copied(), self.alpha)
    }

    /// The p-value of a log-likelihood: never below the exact one.
    pub fn p_value(&self, log_prob: f32) -> f32 {
        flow_embedded::detect::p_value(&self.entries, log_prob)
    }
}

/// Rows less likely than this alarm, by a table's entries: the last score whose p-value is at most
/// alpha. `None` if none is.
pub fn threshold(entries: impl Iterator<Item = (f32, f32)>, alpha: f32) -> Option<f32> {
    entries
        .take_while(|(_, p_value)| *p_value <= alpha)
        .last()
        .map(|(score, _)| score)
}

/// `(1 + rank) / (rows + 1)`, rounded up to `f32`.
fn p_value(rank: usize, rows: usize) -> f32 {
    round_up((1 + rank) as f64 / (rows + 1) as f64)
}

/// The smallest `f32` that is not below `value`.
pub fn round_up(value: f64) -> f32 {
    let nearest = value as f32;
    if f64::from(nearest) < value {
        nearest.next_up()
    } else {
        nearest
    }
}

/// Which of `count` entries to keep: the first ones, those around `critical` (the first entry
/// whose p-value is above alpha), and the rest at steps that grow with the p-value.
fn thinned(count: usize, critical: usize) -> Vec<usize> {
    if count <= MAX_ENTRIES {
        return (0..count).collect();
    }
    let mut kept: Vec<usize> = (0..EXACT_TAIL).collect();
    kept.extend([critical.saturating_sub(1), critical.min(count - 1)]);
    let steps = MAX_ENTRIES - kept.len();
    let growth = (count as f64 / EXACT_TAIL as f64).ln() / steps as f64;
    for step in 1..=steps {
        let index = (EXACT_TAIL as f64 * (growth * step as f64).exp()).ceil() as usize;
        kept.push(index.min(count) - 1);
    }
    kept.sort_unstable();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_core::{Rng, SeedableRng};

    /// The definition.
    fn exact(calibration: &[f32], log_prob: f32) -> f64 {
        let below = calibration
            .iter()
            .filter(|score| **score <= log_prob)
            .count();
        (1 + below) as f64 / (calibration.len() + 1) as f64
    }

    fn random(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
        (0..count).map(|_| (rng.next_u32() >> 8) as f32).collect()
    }

    proptest! {
        #[test]
        fn never_below_the_exact_p_value_and_exact_about_alarms(
            // Few distinct scores, so that ties are common; some tables are thinned.
            calibration in prop::collection::vec((-400i16..400).prop_map(f32::from), 20..1500),
            queries in prop::collection::vec(-450f32..450.0, 50),
            alpha in 0.05f64..0.6,
        ) {
            let table = CalibrationTable::new(&calibration, alpha).expect("enough rows");
            prop_assert!(table.entries().len() <= MAX_ENTRIES);
            prop_assert!(table.entries().is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
            for query in queries.iter().chain(&calibration) {
                let (found, exact) = (f64::from(table.p_value(*query)), exact(&calibration, *query));
                prop_assert!(found >= exact, "{found} {exact}");
                prop_assert_eq!(table.p_value(*query) <= table.alpha(), exact <= alpha);
                // Short tables and the tail: exact but for the rounding to f32.
                if calibration.len() <= MAX_ENTRIES || *query < table.entries()[EXACT_TAIL - 1].0 {
                    prop_assert!(found <= exact * (1.0 + 1.3e-7), "{found} {exact}");
                }
            }
        }

        #[test]
        fn rounding_is_up_and_by_less_than_a_step(value in 1e-9f64..1.0) {
            let up = round_up(value);
            prop_assert!(f64::from(up) >= value && f64::from(up.next_down()) < value);
        }
    }

    /// A new row and the calibration rows from one source: the share of alarms stays within alpha.
    #[test]
    fn the_promise_holds_for_exchangeable_rows() {
        let rng = &mut ChaCha8Rng::seed_from_u64(7);
        for (rows, alpha, ties) in [(99, 0.01, 1.0), (150, 0.05, 1.0), (1000, 0.02, 1e6)] {
            let (calibrations, queries) = (2000, 20);
            let mut alarms = 0;
            for _ in 0..calibrations {
                // Dividing coarsely makes ties, which may only lower the rate.
                let coarse = |scores: Vec<f32>| -> Vec<f32> {
                    scores.into_iter().map(|s| (s / ties).floor()).collect()
                };
                let calibration = coarse(random(rng, rows));
                let table = CalibrationTable::new(&calibration, alpha).expect("enough rows");
                let queries = coarse(random(rng, queries));
                alarms += queries
                    .iter()
                    .filter(|q| table.p_value(**q) <= table.alpha())
                    .count();
            }
            let trials = f64::from(calibrations) * queries as f64;
            let rate = alarms as f64 / trials;
            // Rows that share a table are correlated: rate's variance is that of the tables plus
            // that of the queries. Four standard deviations.
            let variance = alpha * (1.0 - alpha);
            let deviation =
                (variance / f64::from(calibrations) / rows as f64 + variance / trials).sqrt();
            assert!(
                rate <= alpha + 4.0 * deviation,
                "{rows} rows, {alpha}: {rate}"
            );
            // And the promise is not kept by never alarming.
            if ties == 1.0 {
                let level = (alpha * (rows + 1) as f64).floor() / (rows + 1) as f64;
                assert!(
                    rate >= level - 4.0 * deviation,
                    "{rows} rows, {alpha}: {rate}"
                );
            }
        }
    }

    #[test]
    fn an_alarm_is_possible_with_just_enough_rows() {
        for (alpha, rows) in [(0.01, 99), (0.001, 999), (0.05, 19), (0.3, 3), (0.9, 1)] {
            assert_eq!(CalibrationTable::rows_needed(alpha), Ok(rows));
            let scores: Vec<f32> = (0..rows).map(|i| i as f32).collect();
            let table = CalibrationTable::new(&scores, alpha).expect("enough");
            let threshold = table.threshold().expect("an alarm is possible");
            assert!(
                table.p_value(threshold.next_down()) <= table.alpha(),
                "{alpha}"
            );
            assert!(table.p_value(threshold) > table.alpha(), "{alpha}");
            assert_eq!(
                CalibrationTable::new(&scores[1..], alpha),
                Err(CalibrationError::TooFewRows {
                    have: rows - 1,
                    need: rows,
                    alpha
                })
            );
        }
    }

    #[test]
    fn impossible_rows_count_and_nothing_else_is_refused() {
        let scores = [f32::NAN, f32::NEG_INFINITY, 1.0, 2.0];
        let table = CalibrationTable::new(&scores, 0.5).expect("enough");
        assert_eq!(
            table.entries(),
            [(1.0, round_up(0.6)), (2.0, round_up(0.8))]
        );
        assert_eq!(table.p_value(f32::NAN), round_up(0.6));
        assert_eq!(
            CalibrationTable::new(&[f32::NAN; 5], 0.5),
            Err(CalibrationError::Impossible { rows: 5 })
        );
        for alpha in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(matches!(
                CalibrationTable::new(&scores, alpha),
                Err(CalibrationError::BadAlpha { .. })
            ));
        }
    }

    #[test]
    fn a_long_table_keeps_its_shape() {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let scores = random(rng, 50_000);
        let table = CalibrationTable::new(&scores, 0.01).expect("enough");
        assert!((200..=MAX_ENTRIES).contains(&table.entries().len()));
        for query in random(rng, 2000) {
            // Steps grow by ln(50000 / 128) / 126 = 4.7 % each.
            let (found, exact) = (f64::from(table.p_value(query)), exact(&scores, query));
            assert!(
                found >= exact && found <= 1.05 * exact + 1e-4,
                "{found} {exact}"
            );
        }
    }
}
