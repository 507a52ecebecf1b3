//! Whether the calibration rows bear out the conditions of their promise.

use super::{CalibrationTable, Independence, MIN_ROWS, Statistics};
use std::fmt;

/// The standing of a false-alarm promise: whether its calibration rows are independent and from one
/// distribution, as far as a test can tell. Its `Display` is a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// The rows were tested.
    Examined(Examination),
    /// They were not.
    NotExamined(Unexamined),
}

/// What the test of the calibration rows found.
#[derive(Debug, Clone, PartialEq)]
pub struct Examination {
    /// Whether nothing speaks against the promise.
    pub stands: bool,
    /// The effective sample size of the rows: the least over all statistics.
    pub effective_rows: f64,
    /// The effective sample size of each statistic.
    pub worth: Vec<f64>,
    /// The finding in a sentence.
    pub verdict: String,
}

/// Why the calibration rows were not tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unexamined {
    /// So few rows show neither dependence nor change.
    TooFewRows {
        /// Calibration rows.
        rows: usize,
    },
    /// A random split put the neighbours of each calibration row into the training rows.
    SplitAtRandom,
    /// The rows are a sample, in which no row follows the one before it.
    Sampled,
    /// The artefact does not carry what its calibration found.
    NotRecorded,
}

impl Standing {
    /// Tests rows in the order of their recording.
    pub fn of_rows(statistics: &Statistics<'_>) -> Self {
        if let Some(few) = too_few(statistics) {
            return few;
        }
        let found = Independence::test(&statistics.calibrations());
        Self::Examined(Examination {
            stands: found.promise_stands(),
            effective_rows: found.effective,
            verdict: found.sentence(Statistics::name),
            worth: found.worth,
        })
    }

    /// Tests the lines of a text by their log-likelihoods. A promise of `alpha` needs as many
    /// independent lines as [`CalibrationTable::rows_needed`] says.
    pub fn of_lines(log_probs: &[f32], alpha: f64) -> Self {
        let statistics = Statistics::new(log_probs, &[]);
        if let Some(few) = too_few(&statistics) {
            return few;
        }
        // A rate outside (0, 1) makes no table, and so no promise.
        let needed = CalibrationTable::rows_needed(alpha).unwrap_or(1);
        let found = Independence::test(&statistics.calibrations());
        Self::Examined(Examination {
            stands: found.promise_of_lines_stands(needed),
            effective_rows: found.effective,
            verdict: found.sentence_of_lines(needed),
            worth: found.worth,
        })
    }

    /// Whether the promise stands; `None` if that was not examined.
    pub fn stands(&self) -> Option<bool> {
        self.examination().map(|own| own.stands)
    }

    /// What the test found, if there was one.
    pub fn examination(&self) -> Option<&Examination> {
        match self {
            Self::Examined(own) => Some(own),
            Self::NotExamined(_) => None,
        }
    }

    /// A few words to stand beside the promised rate.
    pub fn in_short(&self) -> &'static str {
        match self.stands() {
            Some(true) => "the promise stands",
            Some(false) => "the promise does not stand",
            None => "not examined",
        }
    }
}

fn too_few(statistics: &Statistics<'_>) -> Option<Standing> {
    let rows = statistics.rows();
    ((rows as f64) < MIN_ROWS).then_some(Standing::NotExamined(Unexamined::TooFewRows { rows }))
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Examined(own) => f.write_str(&own.verdict),
            Self::NotExamined(why) => write!(f, "not examined: {why}"),
        }
    }
}

impl fmt::Display for Unexamined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewRows { rows } => write!(
                f,
                "{rows} calibration rows are too few to test for dependence and change ({MIN_ROWS} are needed)"
            ),
            Self::SplitAtRandom => f.write_str(
                "rows were split at random, so the neighbours of each calibration row trained the model; the \
                 promise holds only if rows are independent. flow calibrate on a recording of another time \
                 examines it",
            ),
            Self::Sampled => f.write_str(
                "the calibration rows are a sample of a large table, which hides how they depend on each other; \
                 flow calibrate on a recording of another time examines it",
            ),
            Self::NotRecorded => f.write_str(
                "the model does not carry what its calibration found; flow calibrate examines its rows",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    /// `x[t] = dependence · x[t − 1] + noise`.
    fn series(rows: usize, dependence: f32) -> Vec<f32> {
        let mut random = Random::new(7);
        let mut last = 0.0;
        let mut next = || {
            last = dependence * last + random.normal();
            last
        };
        (0..rows).map(|_| next()).collect()
    }

    #[test]
    fn independent_rows_stand_and_dependent_ones_do_not() {
        for (dependence, stands, words) in [
            (0.0, true, "the promise stands"),
            (0.9, false, "the promise does not stand"),
        ] {
            let rows = series(2000, dependence);
            let found = Standing::of_rows(&Statistics::new(&rows, &rows));
            assert_eq!(found.stands(), Some(stands), "{found}");
            assert_eq!(found.in_short(), words);
            assert!(found.to_string().starts_with(words), "{found}");
        }
    }

    #[test]
    fn what_was_not_tested_is_called_so() {
        let rows = series(49, 0.0);
        for found in [
            Standing::of_rows(&Statistics::new(&rows, &rows)),
            Standing::of_lines(&rows, 0.1),
            Standing::NotExamined(Unexamined::SplitAtRandom),
            Standing::NotExamined(Unexamined::Sampled),
            Standing::NotExamined(Unexamined::NotRecorded),
        ] {
            assert_eq!(found.stands(), None);
            assert_eq!(found.in_short(), "not examined");
            assert!(found.to_string().starts_with("not examined: "), "{found}");
        }
    }
}
