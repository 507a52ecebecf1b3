//! Adds up the scores of each value.

use super::rows::Rows;
use crate::Error;
use crate::input::Input;
use crate::share::among_cores;
use flow_calibrate::{Sketch, Sketcher};
use flow_data::DataError;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The most values that get a model each: a column of more is one of devices, not of their kinds.
const MAX_VALUES: usize = 10_000;

/// What was read.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Counts {
    /// Rows, counted ones as many.
    pub(super) rows: u64,
    /// Rows that could not be scored.
    pub(super) unscored: u64,
    /// Rows that could, without a value.
    pub(super) without_value: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.rows)?;
        if self.unscored > 0 {
            write!(f, ", {} of them not scored", self.unscored)?;
        }
        match self.without_value {
            0 => Ok(()),
            rows => write!(f, ", {rows} of them without a value and left out"),
        }
    }
}

/// The scores of each value.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) counts: Counts,
    /// By value, ascending.
    pub(super) sketches: BTreeMap<Vec<u8>, Sketch>,
}

/// Reads an input, file by file, as many at a time as there are cores. What comes of it does not
/// depend on which one is done first, because sketches add up exactly.
pub(super) fn gather(
    input: &Input,
    path: &Path,
    column: &str,
    rows: &Rows<'_, '_, '_, '_>,
) -> Result<Gathered, Error> {
    let sources = input.sources();
    // One that does not fit is found before hours go into the others.
    sources.iter().try_for_each(|source| rows.check(*source))?;
    let total = Mutex::new((Counts::default(), HashMap::<Vec<u8>, Sketcher>::new()));
    let too_many = || Error::TooManyValues {
        path: path.to_owned(),
        column: column.to_owned(),
        most: MAX_VALUES,
    };
    among_cores(&sources, |source| {
        let mut counts = Counts::default();
        let mut sketchers: HashMap<Vec<u8>, Sketcher> = HashMap::new();
        rows.for_each(*source, |value, scored| {
            let Some(scored) = scored else {
                counts.rows += 1;
                counts.unscored += 1;
                return Ok(());
            };
            counts.rows = counts.rows.saturating_add(scored.rows);
            if value.is_empty() {
                counts.without_value = counts.without_value.saturating_add(scored.rows);
                return Ok(());
            }
            if !sketchers.contains_key(value) {
                if sketchers.len() >= MAX_VALUES {
                    return Err(too_many());
                }
                sketchers.insert(value.to_vec(), Sketcher::new());
            }
            if let Some(own) = sketchers.get_mut(value) {
                own.push_rows(scored.log_prob, scored.rows, scored.level);
            }
            Ok(())
        })?;
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        total.0.rows = total.0.rows.saturating_add(counts.rows);
        total.0.unscored += counts.unscored;
        total.0.without_value = total.0.without_value.saturating_add(counts.without_value);
        for (value, sketcher) in sketchers {
            total.1.entry(value).or_default().add(&sketcher.finish());
        }
        match total.1.len() > MAX_VALUES {
            true => Err(too_many()),
            false => Ok(()),
        }
    })?;
    let (counts, sketchers) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let sketches = sketchers.into_iter();
    let sketches: BTreeMap<_, _> = sketches.map(|(value, own)| (value, own.finish())).collect();
    if sketches.is_empty() {
        return Err(match counts.rows {
            0 => Error::data(path)(DataError::NoRows),
            _ => Error::NothingScored {
                path: path.to_owned(),
                column: column.to_owned(),
                said: counts.to_string(),
            },
        });
    }
    Ok(Gathered { counts, sketches })
}
