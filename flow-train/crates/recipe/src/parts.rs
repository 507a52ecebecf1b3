//! Divides a table into a part to fit, a part to stop on and a part to calibrate on, each large enough for its
//! purpose if there are rows enough.

use super::Recipe;
use flow_calibrate::CalibrationTable;
use flow_data::{
    DataError, Dataset, Division, Fractions, HeldOut, Recording, RowStore, Split, SplitMethod,
    Survey,
};
use std::ops::RangeInclusive;

/// The fewest rows to fit on, unless there are more channels.
const FEWEST_TRAINING: usize = 12;
/// The fewest rows to decide on when to stop, and to measure the model by: two make a standard error.
const FEWEST_HELD_OUT: usize = 2;
/// Rows that make a decision on when to stop worth while, and the share of small data that may be spent on it.
const ENOUGH_VALIDATION: usize = 8;
const MOST_VALIDATION: f64 = 0.2;
/// The share that may be spent on making a false-alarm rate attainable.
const MOST_CALIBRATION: f64 = 1.0 / 3.0;

/// All about the rows but the training rows themselves.
pub(super) struct Parts {
    /// Training rows.
    pub(super) training: usize,
    /// The rows that decide when to stop.
    pub(super) validation: Held,
    /// The rows that the false-alarm promise rests on.
    pub(super) calibration: Held,
    /// The extremes of each column over training and validation, events first.
    pub(super) ranges: Vec<RangeInclusive<f32>>,
    /// Of all rows.
    pub(super) digest: u64,
    /// Whether whole recordings went to one part each.
    pub(super) grouped: bool,
}

/// A part that is held out.
pub(super) struct Held {
    /// Its rows, or a sample of them. Rows of weight 0 are left out.
    pub(super) data: Dataset,
    /// How many there are in all.
    pub(super) rows: usize,
}

impl Parts {
    /// Of a recording in memory, with its training rows.
    pub(super) fn of_recording(
        recording: &Recording,
        recipe: &Recipe,
    ) -> Result<(Dataset, Self), DataError> {
        let rows = recording.data.rows();
        let needs = Needs::of(recipe, channels(&recording.data));
        let seed = recipe.seed;
        let method = match (&recording.groups, recipe.random_split) {
            (Some(groups), _) => SplitMethod::Group { groups, seed },
            (None, true) => SplitMethod::Random { seed },
            (None, false) => SplitMethod::Time,
        };
        let split = Split::new(rows, needs.fractions(rows)?, method)?;
        needs.check([&split.train, &split.validation, &split.calibration].map(Vec::len))?;
        let counts = |row: &usize| match &recording.weights {
            Some(weights) => weights[*row] > 0.0,
            None => true,
        };
        let part = |rows: &[usize]| {
            let rows: Vec<usize> = rows.iter().copied().filter(counts).collect();
            let own = recording.weights.as_ref();
            let weights = own.map(|own| rows.iter().map(|row| own[*row]).collect());
            recording
                .data
                .select(&rows)
                .weighted(weights.unwrap_or_default())
        };
        let held = |rows: &[usize]| {
            let data = part(rows);
            let rows = data.rows();
            Held { data, rows }
        };
        let training = part(&split.train);
        let parts = Self {
            training: training.rows(),
            validation: held(&split.validation),
            calibration: held(&split.calibration),
            ranges: training.ranges(),
            digest: recording.data.digest(),
            grouped: recording.groups.is_some(),
        };
        // Again, without the rows that do not count.
        needs.check(parts.rows())?;
        Ok((training, parts.with_ranges_of_validation()))
    }

    /// Of a table that is too large for memory, with its training rows.
    pub(super) fn of_survey(
        survey: &Survey<'_>,
        recipe: &Recipe,
    ) -> Result<(RowStore, Self), DataError> {
        let rows = survey.rows();
        let needs = Needs::of(recipe, survey.names().iter().map(Vec::len).sum());
        let mut store = survey.shuffle(Division {
            fractions: needs.fractions(rows)?,
            random: recipe.random_split,
            seed: recipe.seed,
        })?;
        let [validation, calibration] = store.take_held_out().map(Held::of);
        let mut ranges =
            vec![[f32::INFINITY, f32::NEG_INFINITY]; store.event_dim() + store.context_dim()];
        store.for_each_row(|event, context, _| {
            for ([min, max], value) in ranges.iter_mut().zip(event.iter().chain(context)) {
                (*min, *max) = (min.min(*value), max.max(*value));
            }
        })?;
        let parts = Self {
            training: store.rows(),
            validation,
            calibration,
            ranges: ranges.into_iter().map(|[min, max]| min..=max).collect(),
            digest: store.digest(),
            grouped: survey.has_groups(),
        };
        needs.check(parts.rows())?;
        Ok((store, parts.with_ranges_of_validation()))
    }

    /// Rows that train, validate and calibrate.
    pub(super) fn rows(&self) -> [usize; 3] {
        [self.training, self.validation.rows, self.calibration.rows]
    }

    fn with_ranges_of_validation(mut self) -> Self {
        for (range, own) in self.ranges.iter_mut().zip(self.validation.data.ranges()) {
            *range = range.start().min(*own.start())..=range.end().max(*own.end());
        }
        self
    }
}

impl Held {
    fn of(part: HeldOut) -> Self {
        let weights = part.weights.unwrap_or_default();
        let counts = |row: &usize| weights.get(*row).is_none_or(|weight| *weight > 0.0);
        let rows: Vec<usize> = (0..part.data.rows()).filter(counts).collect();
        let left_out = part.data.rows() - rows.len();
        Self {
            data: part.data.weighted(weights).select(&rows),
            rows: part.rows - left_out,
        }
    }
}

/// What the parts must hold.
struct Needs {
    channels: usize,
    training: usize,
    /// For the false-alarm rate.
    calibration: usize,
    asked: Fractions,
}

impl Needs {
    fn of(recipe: &Recipe, channels: usize) -> Self {
        Self {
            channels,
            training: FEWEST_TRAINING.max(channels + 1),
            // A rate that is none is refused by the calibration.
            calibration: CalibrationTable::rows_needed(recipe.alpha).unwrap_or(1),
            asked: recipe.fractions,
        }
    }

    /// Rows to validate and to calibrate, of so many.
    fn held_out(&self, rows: usize) -> [usize; 2] {
        let share = |fraction: f64| (rows as f64 * fraction).round() as usize;
        let worth_while = ENOUGH_VALIDATION.min(share(MOST_VALIDATION));
        let attainable = self.calibration <= share(MOST_CALIBRATION);
        [
            share(self.asked.validation).max(worth_while),
            share(self.asked.calibration).max(if attainable { self.calibration } else { 0 }),
        ]
        .map(|rows| rows.max(FEWEST_HELD_OUT))
    }

    fn fractions(&self, rows: usize) -> Result<Fractions, DataError> {
        let enough = |rows: usize| {
            let [validation, calibration] = self.held_out(rows);
            rows >= self.training + validation + calibration
        };
        if !enough(rows) {
            // Shares that leave nothing to train are never enough.
            let need = (rows..rows + 100_000).find(|rows| enough(*rows));
            return Err(DataError::TooFewRows {
                have: rows,
                need: need.unwrap_or(usize::MAX),
                why: self.why(),
            });
        }
        let [validation, calibration] = self.held_out(rows).map(|part| part as f64 / rows as f64);
        Ok(Fractions {
            validation,
            calibration,
        })
    }

    fn check(&self, [train, validation, calibration]: [usize; 3]) -> Result<(), DataError> {
        if train >= self.training && validation.min(calibration) >= FEWEST_HELD_OUT {
            return Ok(());
        }
        Err(DataError::PartTooSmall {
            train,
            validation,
            calibration,
            why: self.why(),
        })
    }

    fn why(&self) -> String {
        format!(
            "{} to train {} channels, and {FEWEST_HELD_OUT} each to validate and calibrate",
            self.training, self.channels
        )
    }
}

fn channels(data: &Dataset) -> usize {
    data.event_dim() + data.context_dim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(alpha: f64, channels: usize) -> Needs {
        Needs {
            channels,
            training: FEWEST_TRAINING.max(channels + 1),
            calibration: CalibrationTable::rows_needed(alpha).expect("a rate"),
            asked: Fractions::default(),
        }
    }

    #[test]
    fn small_tables_spend_more_on_what_would_else_be_too_little() {
        // Rows, and those that validate and calibrate.
        for (alpha, rows, validation, calibration) in [
            (0.01, 10_000, 1000, 2000),
            (0.01, 495, 50, 99),
            // 99 rows are not a fifth, but less than a third.
            (0.01, 400, 40, 99),
            // Out of reach: a fifth measures the model.
            (0.01, 200, 20, 40),
            (0.01, 30, 6, 6),
            (0.1, 30, 6, 9),
        ] {
            let found = needs(alpha, 3).fractions(rows).expect("enough");
            let counts = [found.validation, found.calibration].map(|share| share * rows as f64);
            assert_eq!(
                counts.map(|count| count.round() as usize),
                [validation, calibration],
                "{alpha} {rows}"
            );
        }
    }

    #[test]
    fn too_few_rows_are_told_with_those_needed() {
        let error = needs(0.01, 3)
            .fractions(15)
            .expect_err("too few")
            .to_string();
        assert_eq!(
            error,
            "has 15 usable rows and at least 20 are needed: 12 to train 3 channels, and 2 each to \
             validate and calibrate"
        );
        assert!(needs(0.01, 3).fractions(20).is_ok());
        assert!(needs(0.01, 60).fractions(80).is_err());
    }
}
