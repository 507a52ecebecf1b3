//! Divides rows into a part to fit, a part to stop on and a part to calibrate on.

use super::DataError;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The shares of validation and calibration; training gets the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fractions {
    /// Share of the validation part, in (0, 1).
    pub validation: f64,
    /// Share of the calibration part, in (0, 1).
    pub calibration: f64,
}

impl Default for Fractions {
    /// 70 % training, 10 % validation, 20 % calibration.
    fn default() -> Self {
        Self {
            validation: 0.1,
            calibration: 0.2,
        }
    }
}

/// How rows are assigned to parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitMethod<'g> {
    /// In the order of the file: training first, then validation, then calibration. The right
    /// choice for one recording, whose neighbouring rows resemble each other: the calibration rows
    /// are the latest ones, so that drift is seen and not hidden.
    Time,
    /// At random. Right when rows are independent; rows of one recording are not, and a random
    /// split then promises fewer false alarms than there will be.
    Random {
        /// Seeds the shuffle.
        seed: u64,
    },
    /// At random, but each group goes to one part as a whole: for many short recordings.
    Group {
        /// For each row, the number of its group, counted from 0 without gaps.
        groups: &'g [u32],
        /// Seeds the shuffle of the groups.
        seed: u64,
    },
}

/// Row numbers of the three parts, ascending in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows to fit on.
    pub train: Vec<usize>,
    /// Rows that decide when to stop.
    pub validation: Vec<usize>,
    /// Rows that the false-alarm promise rests on: the model has not seen them.
    pub calibration: Vec<usize>,
}

impl Split {
    /// Divides the rows `0..rows`. Each part gets at least one row (or group).
    ///
    /// # Errors
    /// Fewer than three rows, or three groups.
    ///
    /// # Panics
    /// If groups are given for another number of rows.
    pub fn new(
        rows: usize,
        fractions: Fractions,
        method: SplitMethod<'_>,
    ) -> Result<Self, DataError> {
        let mut assignment = match method {
            SplitMethod::Time => Assignment::by_time(rows, fractions)?,
            SplitMethod::Random { seed } => Assignment::at_random(rows, fractions, seed)?,
            SplitMethod::Group { groups, seed } => {
                assert_eq!(groups.len(), rows, "a group for each row");
                let count = groups.iter().max().map_or(0, |last| *last as usize + 1);
                let mut sizes = vec![0; count];
                for group in groups {
                    sizes[*group as usize] += 1;
                }
                Assignment::by_group(&sizes, fractions, seed)?
            }
        };
        let mut split = Self {
            train: vec![],
            validation: vec![],
            calibration: vec![],
        };
        for row in 0..rows {
            let group = match method {
                SplitMethod::Group { groups, .. } => Some(groups[row]),
                _ => None,
            };
            match assignment.next(group) {
                Part::Training => split.train.push(row),
                Part::Validation => split.validation.push(row),
                Part::Calibration => split.calibration.push(row),
            }
        }
        Ok(split)
    }
}

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Training,
    Validation,
    Calibration,
}

/// Gives each row its part, in the order of the file and in constant memory for rows.
#[derive(Debug)]
pub(super) struct Assignment {
    rule: Rule,
    /// Rows to train, validate and calibrate.
    rows: [usize; 3],
}

#[derive(Debug)]
enum Rule {
    /// Rows yet to come, by part: each part as a whole.
    Time([usize; 3]),
    /// Rows yet to come, by part: one of them drawn.
    Random(Box<ChaCha8Rng>, [usize; 3]),
    /// The part of each group.
    Group(Vec<Part>),
}

impl Assignment {
    /// In the order of the file.
    ///
    /// # Errors
    /// Fewer than three rows.
    pub(super) fn by_time(rows: usize, fractions: Fractions) -> Result<Self, DataError> {
        let rows = fractions.parts(rows)?;
        Ok(Self {
            rule: Rule::Time(rows),
            rows,
        })
    }

    /// Each division into parts of these sizes equally likely: selection sampling (Fan, Muller &
    /// Rezucha 1962; Knuth's algorithm S).
    ///
    /// # Errors
    /// Fewer than three rows.
    pub(super) fn at_random(
        rows: usize,
        fractions: Fractions,
        seed: u64,
    ) -> Result<Self, DataError> {
        let rows = fractions.parts(rows)?;
        let rng = Box::new(ChaCha8Rng::seed_from_u64(seed));
        Ok(Self {
            rule: Rule::Random(rng, rows),
            rows,
        })
    }

    /// Groups in random order: the first ones calibrate until they hold their share of the rows, the
    /// next ones validate, the rest train. `sizes` are the rows of each group.
    ///
    /// # Errors
    /// Fewer than three rows or groups.
    pub(super) fn by_group(
        sizes: &[usize],
        fractions: Fractions,
        seed: u64,
    ) -> Result<Self, DataError> {
        let [_, validation, calibration] = fractions.parts(sizes.iter().sum())?;
        let count = sizes.len();
        if count < 3 {
            return Err(DataError::TooFewGroups {
                have: count,
                need: 3,
            });
        }
        let mut order: Vec<usize> = (0..count).collect();
        shuffle(&mut order, seed);
        let mut parts = vec![Part::Training; count];
        let mut left = order.into_iter();
        let mut take = |part: Part, rows: usize, keep: usize| {
            let mut taken = 0;
            while taken == 0 || (taken < rows && left.len() > keep) {
                let Some(group) = left.next() else { break };
                parts[group] = part;
                taken += sizes[group];
            }
            taken
        };
        let calibration = take(Part::Calibration, calibration, 2);
        let validation = take(Part::Validation, validation, 1);
        let training = take(Part::Training, usize::MAX, 0);
        Ok(Self {
            rule: Rule::Group(parts),
            rows: [training, validation, calibration],
        })
    }

    /// Rows to train, validate and calibrate.
    pub(super) fn rows(&self) -> [usize; 3] {
        self.rows
    }

    /// The part of the next row, which belongs to `group`. A row too many trains.
    pub(super) fn next(&mut self, group: Option<u32>) -> Part {
        const PARTS: [Part; 3] = [Part::Training, Part::Validation, Part::Calibration];
        let take = |left: &mut [usize; 3], mut draw: usize| {
            for (left, part) in left.iter_mut().zip(PARTS) {
                if draw < *left {
                    *left -= 1;
                    return part;
                }
                draw -= *left;
            }
            Part::Training
        };
        match &mut self.rule {
            Rule::Time(left) => take(left, 0),
            Rule::Random(rng, left) => {
                let bound = left.iter().sum::<usize>().max(1);
                take(left, below(rng, bound as u64) as usize)
            }
            Rule::Group(parts) => group
                .and_then(|group| parts.get(group as usize))
                .copied()
                .unwrap_or(Part::Training),
        }
    }
}

impl Fractions {
    /// Rows to train, validate and calibrate.
    fn parts(self, rows: usize) -> Result<[usize; 3], DataError> {
        if rows < 3 {
            let why = "one each to train, validate and calibrate".to_owned();
            return Err(DataError::TooFewRows {
                have: rows,
                need: 3,
                why,
            });
        }
        let (validation, calibration) = self.counts(rows);
        Ok([rows - validation - calibration, validation, calibration])
    }

    /// Rows for validation and for calibration out of `rows` (at least three).
    fn counts(self, rows: usize) -> (usize, usize) {
        // Rounded to the nearest; f64 holds every count there can be.
        let share = |fraction: f64| ((rows as f64 * fraction).round() as usize).max(1);
        let calibration = share(self.calibration).min(rows - 2);
        (
            share(self.validation).min(rows - calibration - 1),
            calibration,
        )
    }

    /// The fewest rows whose parts hold at least the given numbers.
    pub fn rows_for(self, train: usize, validation: usize, calibration: usize) -> usize {
        let enough = |rows: usize| {
            let (v, c) = self.counts(rows);
            rows - v - c >= train && v >= validation && c >= calibration
        };
        let train_share = (1.0 - self.validation - self.calibration).max(f64::MIN_POSITIVE);
        let at_least = [
            train as f64 / train_share,
            validation as f64 / self.validation,
            calibration as f64 / self.calibration,
        ];
        let mut rows = (at_least.into_iter().fold(3.0, f64::max) as usize)
            .saturating_sub(8)
            .max(3);
        while !enough(rows) {
            rows += 1;
        }
        rows
    }
}

/// Fisher–Yates with unbiased bounded numbers.
fn shuffle(items: &mut [usize], seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for last in (1..items.len()).rev() {
        items.swap(last, below(&mut rng, last as u64 + 1) as usize);
    }
}

/// A number in `0..bound`, each equally likely: draws in the last incomplete stretch of the 64-bit
/// range are refused.
fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    let refused = (u64::MAX % bound + 1) % bound;
    loop {
        let draw = rng.next_u64();
        if draw <= u64::MAX - refused {
            return draw % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(split: &Split) -> Vec<usize> {
        let mut rows = [&split.train[..], &split.validation, &split.calibration].concat();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn by_time_keeps_the_order_and_calibrates_on_the_latest_rows() {
        let split = Split::new(10, Fractions::default(), SplitMethod::Time).expect("ten rows");
        assert_eq!(split.train, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!((split.validation, split.calibration), (vec![7], vec![8, 9]));
    }

    #[test]
    fn at_random_covers_all_rows_once_and_repeats_with_the_seed() {
        let at = |seed| Split::new(1000, Fractions::default(), SplitMethod::Random { seed });
        let split = at(1).expect("enough");
        assert_eq!(all(&split), (0..1000).collect::<Vec<_>>());
        assert_eq!((split.train.len(), split.validation.len()), (700, 100));
        assert_eq!(split, at(1).expect("enough"));
        assert_ne!(split, at(2).expect("enough"));
        assert_ne!(split.train, (0..700).collect::<Vec<_>>());
    }

    #[test]
    fn groups_stay_together() {
        let groups: Vec<u32> = (0..200).map(|row| row / 10).collect();
        let method = SplitMethod::Group {
            groups: &groups,
            seed: 3,
        };
        let split = Split::new(200, Fractions::default(), method).expect("20 groups");
        assert_eq!(all(&split), (0..200).collect::<Vec<_>>());
        let of = |part: &[usize]| {
            let mut own: Vec<u32> = part.iter().map(|row| groups[*row]).collect();
            own.dedup();
            own
        };
        let (train, validation, calibration) = (
            of(&split.train),
            of(&split.validation),
            of(&split.calibration),
        );
        assert_eq!(
            (train.len(), validation.len(), calibration.len()),
            (14, 2, 4)
        );
        assert!(
            train
                .iter()
                .all(|g| !validation.contains(g) && !calibration.contains(g))
        );
    }

    #[test]
    fn three_groups_are_enough_and_two_are_not() {
        let split = |groups: &[u32]| {
            let method = SplitMethod::Group { groups, seed: 0 };
            Split::new(groups.len(), Fractions::default(), method)
        };
        let parts = split(&[0, 0, 1, 1, 2, 2]).expect("three groups");
        assert_eq!(
            [
                parts.train.len(),
                parts.validation.len(),
                parts.calibration.len()
            ],
            [2; 3]
        );
        assert!(matches!(
            split(&[0, 1, 1]),
            Err(DataError::TooFewGroups { have: 2, .. })
        ));
    }

    #[test]
    fn the_rows_needed_are_the_fewest() {
        let fractions = Fractions::default();
        for (train, validation, calibration) in [(1, 1, 1), (32, 1, 99), (500, 10, 9), (7, 90, 3)] {
            let rows = fractions.rows_for(train, validation, calibration);
            let fits = |rows: usize| {
                let split = Split::new(rows, fractions, SplitMethod::Time).expect("three rows");
                split.train.len() >= train
                    && split.validation.len() >= validation
                    && split.calibration.len() >= calibration
            };
            assert!(fits(rows), "{rows}");
            assert!(rows == 3 || !fits(rows - 1), "{rows}");
        }
    }
}
