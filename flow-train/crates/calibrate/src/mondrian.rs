//! A calibration table for each value of a categorical context channel.

use super::{CalibrationError, CalibrationTable};

/// The most listed values: so many tables of 2 KiB are more than most chips can spare.
pub const MAX_CATEGORIES: usize = 64;

/// Calibration tables by context, so that the false-alarm promise holds within each value of one
/// channel: Mondrian conformal prediction (Vovk, Gammerman & Shafer 2005).
#[derive(Debug, Clone, PartialEq)]
pub struct MondrianTables {
    channel: usize,
    tables: Vec<(f32, CalibrationTable)>,
}

impl MondrianTables {
    /// Calibrates with the log-likelihoods of held-out normal rows, within each value of context
    /// channel `channel`. `contexts` are row-major, `width` numbers a row.
    ///
    /// # Errors
    /// A value has too few rows for `alpha`, or only impossible ones; or the channel has more values
    /// than a category should.
    pub fn new(
        log_probs: &[f32],
        contexts: &[f32],
        width: usize,
        channel: usize,
        alpha: f64,
    ) -> Result<Self, MondrianError> {
        let column = contexts.iter().skip(channel).step_by(width.max(1));
        let mut rows: Vec<(f32, f32)> = column.copied().zip(log_probs.iter().copied()).collect();
        // Zero has two signs and is one value.
        rows.iter_mut().for_each(|(value, _)| *value += 0.0);
        rows.sort_by(|(low, _), (high, _)| low.total_cmp(high));
        let groups = rows.chunk_by(|(low, _), (high, _)| low == high);
        let found = groups.clone().count();
        if found > MAX_CATEGORIES {
            return Err(MondrianError::TooManyValues { found });
        }
        let table = |group: &[(f32, f32)]| {
            let value = group[0].0;
            let own: Vec<f32> = group.iter().map(|(_, log_prob)| *log_prob).collect();
            match CalibrationTable::new(&own, alpha) {
                Ok(table) => Ok((value, table)),
                Err(fault) => Err(MondrianError::Value { value, fault }),
            }
        };
        Ok(Self {
            channel,
            tables: groups.map(table).collect::<Result<_, _>>()?,
        })
    }

    /// The context channel, from 0.
    pub fn channel(&self) -> usize {
        self.channel
    }

    /// Its values, ascending, with their tables.
    pub fn tables(&self) -> &[(f32, CalibrationTable)] {
        &self.tables
    }
}

/// Why rows can't calibrate a model by context.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MondrianError {
    /// The channel is no category.
    #[error(
        "the column has {found} values, and at most {MAX_CATEGORIES} get a table of their own: name a \
         column of categories"
    )]
    TooManyValues {
        /// Values found.
        found: usize,
    },
    /// The rows of one value can't calibrate it.
    #[error("of the value {value}: {fault}")]
    Value {
        /// The value.
        value: f32,
        /// Why not.
        fault: CalibrationError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two categories, of which the rarer one scores 5 nats less.
    fn rows(common: usize, rare: usize) -> (Vec<f32>, Vec<f32>) {
        let value = |row: usize| if row < common { 3.0 } else { -1.0 };
        let log_prob = |row: usize| {
            let within = (row * 37 % 101) as f32 / 101.0;
            if row < common { within } else { within - 5.0 }
        };
        let contexts = (0..common + rare).flat_map(|row| [row as f32, value(row)]);
        (
            (0..common + rare).map(log_prob).collect(),
            contexts.collect(),
        )
    }

    #[test]
    fn each_value_has_the_table_of_its_rows() {
        let (log_probs, contexts) = rows(1_000, 120);
        let own = MondrianTables::new(&log_probs, &contexts, 2, 1, 0.01).expect("rows enough");
        assert_eq!(own.channel(), 1);
        let values: Vec<f32> = own.tables().iter().map(|(value, _)| *value).collect();
        assert_eq!(values, [-1.0, 3.0]);
        let alone = |rows: &[f32]| CalibrationTable::new(rows, 0.01).expect("rows enough");
        assert_eq!(own.tables()[0].1, alone(&log_probs[1_000..]));
        assert_eq!(own.tables()[1].1, alone(&log_probs[..1_000]));
        // What all rows have in one table gives an alarm on a tenth of the rare ones.
        let pooled = alone(&log_probs);
        let alarms = |table: &CalibrationTable| {
            let rare = log_probs[1_000..].iter();
            rare.filter(|x| table.p_value(**x) <= table.alpha()).count()
        };
        assert!(alarms(&pooled) >= 10 && alarms(&own.tables()[0].1) <= 1);
    }

    #[test]
    fn too_few_rows_and_too_many_values_are_named() {
        let (log_probs, contexts) = rows(1_000, 98);
        let error = MondrianTables::new(&log_probs, &contexts, 2, 1, 0.01).expect_err("too few");
        let text = error.to_string();
        assert!(
            text.contains("of the value -1: 98 calibration rows"),
            "{text}"
        );
        assert!(text.contains("at least 99"), "{text}");
        let error = MondrianTables::new(&log_probs, &contexts, 2, 0, 0.01);
        assert_eq!(error, Err(MondrianError::TooManyValues { found: 1_098 }));
    }
}
