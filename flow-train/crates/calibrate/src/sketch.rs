//! Log-likelihoods of a fleet, added up so that sums of parts are the sum of the whole.

use super::{CalibrationError, CalibrationTable};

/// The most different scores that a sketch tells apart: 12 MiB of them.
pub const MAX_SCORES: usize = 1 << 20;

/// Which log-likelihoods there were, and how often: all that a [`CalibrationTable`] needs of its rows.
///
/// Up to [`MAX_SCORES`] different ones are kept as they are, and the table is that of the rows
/// themselves, bit for bit. Beyond, scores are rounded down, each to the next one whose last `level`
/// bits are zero in the order of `f32`, at the lowest level at which no more are left. A score that
/// is rounded down counts for more rows as less likely, so that p-values are only raised, and the
/// promise survives.
///
/// That lowest level is a property of all rows together: parts never need a higher one, since a
/// part has no more different scores than the whole. Sketches of parts therefore add up to the
/// sketch of the whole, the same in every bit, however the rows were divided and in whatever order
/// the parts were added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    level: u32,
    rows: u64,
    /// Ascending.
    keys: Vec<u32>,
    counts: Vec<u64>,
}

impl Sketch {
    /// The last bits of a score that were rounded down to zero.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The different scores, ascending, and the rows that have each.
    pub fn scores(&self) -> impl ExactSizeIterator<Item = (f32, u64)> + '_ {
        let counts = self.counts.iter().copied();
        self.keys.iter().map(|key| score(*key)).zip(counts)
    }

    /// The calibration table of the rows.
    ///
    /// # Errors
    /// As [`CalibrationTable::new`].
    pub fn table(&self, alpha: f64) -> Result<CalibrationTable, CalibrationError> {
        let have = usize::try_from(self.rows).unwrap_or(usize::MAX);
        CalibrationTable::of_counts(self.scores(), have, alpha)
    }
}

/// Adds up log-likelihoods and sketches of them.
#[derive(Debug, Clone, Default)]
pub struct Sketcher {
    level: u32,
    rows: u64,
    keys: Vec<u32>,
    counts: Vec<u64>,
    /// Not yet among the others.
    pending: Vec<(u32, u64)>,
}

impl Sketcher {
    /// Without a row yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row. NaN counts as −∞, as it does on the chip.
    pub fn push(&mut self, log_prob: f32) {
        self.push_rows(log_prob, 1, 0);
    }

    /// Adds rows of one score, from a sketch of this level.
    pub fn push_rows(&mut self, log_prob: f32, rows: u64, level: u32) {
        self.level = self.level.max(level.min(MAX_LEVEL));
        self.rows = self.rows.saturating_add(rows);
        self.pending.push((key(log_prob), rows));
        // Those that wait are a quarter of those in order, so that putting them in order costs the
        // same for each row.
        if self.pending.len() >= (self.keys.len() / 4).max(1024) {
            self.settle();
        }
    }

    /// Adds the rows of a sketch.
    pub fn add(&mut self, sketch: &Sketch) {
        self.level = self.level.max(sketch.level);
        for (score, rows) in sketch.scores() {
            self.push_rows(score, rows, sketch.level);
        }
    }

    /// The sketch of all rows so far.
    pub fn finish(mut self) -> Sketch {
        self.settle();
        Sketch {
            level: self.level,
            rows: self.rows,
            keys: self.keys,
            counts: self.counts,
        }
    }

    /// Puts what waits in order, at the lowest level that has room for it.
    fn settle(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_unstable();
        let held = std::mem::take(&mut self.keys).into_iter();
        let held = held.zip(std::mem::take(&mut self.counts));
        let (mut held, mut new) = (held.peekable(), pending.drain(..).peekable());
        let ascending = std::iter::from_fn(|| match (held.peek(), new.peek()) {
            (Some(own), Some(other)) if own.0 <= other.0 => held.next(),
            (_, Some(_)) => new.next(),
            (_, None) => held.next(),
        });
        let (keys, counts) = joined(ascending, self.level);
        (self.keys, self.counts) = (keys, counts);
        drop(new);
        self.pending = pending;
        while self.keys.len() > MAX_SCORES {
            self.level += 1;
            let finer = std::mem::take(&mut self.keys).into_iter();
            let finer = finer.zip(std::mem::take(&mut self.counts));
            (self.keys, self.counts) = joined(finer, self.level);
        }
    }
}

/// At this level no more different scores are possible than there is room for.
const MAX_LEVEL: u32 = 32 - MAX_SCORES.trailing_zeros();

/// Ascending keys at a level, equal ones as one.
fn joined(ascending: impl Iterator<Item = (u32, u64)>, level: u32) -> (Vec<u32>, Vec<u64>) {
    let (mut keys, mut counts): (Vec<u32>, Vec<u64>) = (Vec::new(), Vec::new());
    for (key, count) in ascending {
        // What lies below −∞ in this order is no score.
        let key = ((key >> level) << level).max(IMPOSSIBLE);
        match (keys.last(), counts.last_mut()) {
            (Some(last), Some(sum)) if *last == key => *sum = sum.saturating_add(count),
            _ => {
                keys.push(key);
                counts.push(count);
            }
        }
    }
    (keys, counts)
}

/// The key of −∞.
const IMPOSSIBLE: u32 = !f32::NEG_INFINITY.to_bits();

/// A number that ascends with the score, one for each: of zero, which has two signs, and of NaN,
/// which counts as −∞, too.
fn key(log_prob: f32) -> u32 {
    if log_prob.is_nan() {
        return IMPOSSIBLE;
    }
    let bits = (log_prob + 0.0).to_bits();
    if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

fn score(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 0 { !key } else { key ^ 1 << 31 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_core::{Rng, SeedableRng};

    fn of(scores: &[f32]) -> Sketch {
        let mut sketcher = Sketcher::new();
        scores.iter().for_each(|score| sketcher.push(*score));
        sketcher.finish()
    }

    #[test]
    fn keys_ascend_with_the_scores_and_come_back() {
        let scores = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.5,
            -f32::MIN_POSITIVE,
            0.0,
            1e-45,
            2.0,
            f32::MAX,
            f32::INFINITY,
        ];
        assert!(scores.is_sorted_by(|a, b| key(*a) < key(*b)));
        assert!(scores.iter().all(|own| score(key(*own)) == *own));
        assert_eq!(key(-0.0), key(0.0));
        assert_eq!(key(f32::NAN), key(f32::NEG_INFINITY));
    }

    proptest! {
        #[test]
        fn any_division_and_order_gives_the_same_sketch_and_the_table_of_the_rows(
            scores in prop::collection::vec(
                prop_oneof![
                    4 => -40f32..10.0,
                    4 => (-30i8..10).prop_map(f32::from),
                    1 => Just(f32::NEG_INFINITY),
                    1 => Just(f32::NAN),
                    1 => Just(-0.0f32),
                ],
                40..400,
            ),
            parts in prop::collection::vec(0usize..7, 400),
            reversed in any::<bool>(),
        ) {
            let whole = of(&scores);
            let part = |index: usize| {
                let own = scores.iter().zip(&parts).filter(|(_, part)| **part == index);
                of(&own.map(|(score, _)| *score).collect::<Vec<_>>())
            };
            let mut sketches: Vec<Sketch> = (0..7).map(part).collect();
            if reversed {
                sketches.reverse();
            }
            let mut sum = Sketcher::new();
            sketches.iter().for_each(|own| sum.add(own));
            prop_assert_eq!(sum.finish(), whole.clone());
            prop_assert_eq!(whole.table(0.1), CalibrationTable::new(&scores, 0.1));
        }
    }

    /// More scores than there is room for: still the same, and never a p-value below the exact one.
    #[test]
    fn sums_are_the_same_and_conservative_where_scores_are_rounded() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut uniform = || (rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
        let rows = 5 * MAX_SCORES;
        let scores: Vec<f32> = (0..rows)
            .map(|_| -4.0 - 12.0 * uniform() * uniform())
            .collect();
        let whole = of(&scores);
        assert!(whole.level() > 0 && whole.scores().len() <= MAX_SCORES);
        // A part that is rounded, one that is not, and the rest, in two orders.
        let (first, rest) = scores.split_at(3 * MAX_SCORES);
        let (second, third) = rest.split_at(1000);
        let sketches = [of(first), of(second), of(third)];
        assert_eq!(sketches[1].level(), 0);
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut sum = Sketcher::new();
            order.iter().for_each(|part| sum.add(&sketches[*part]));
            assert_eq!(sum.finish(), whole);
        }
        let (own, exact) = (
            whole.table(0.01).expect("rows enough"),
            CalibrationTable::new(&scores, 0.01).expect("rows enough"),
        );
        assert_eq!(own.rows(), exact.rows());
        let alarms = |table: &CalibrationTable| {
            let alarmed = |score: &&f32| table.p_value(**score) <= table.alpha();
            scores.iter().filter(alarmed).count()
        };
        let (found, most) = (alarms(&own), alarms(&exact));
        assert!(found <= most && found * 1000 > most * 999, "{found} {most}");
        let mut below = 0;
        let mut sorted = scores.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        for score in sorted.iter().step_by(997) {
            while below < rows && sorted[below] <= *score {
                below += 1;
            }
            let p_value = (1 + below) as f64 / (rows + 1) as f64;
            assert!(f64::from(own.p_value(*score)) >= p_value, "{score}");
        }
    }
}
