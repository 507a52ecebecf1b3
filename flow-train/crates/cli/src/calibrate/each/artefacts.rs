//! A model for each value, as artefacts.

use crate::Error;
use crate::files::Target;
use crate::output::Output;
use flow_artefact::Draft;
use flow_calibrate::{CalibrationError, CalibrationTable, Sketch, Sketcher};
use flow_embedded::artefact::{Judged, LoadedFlow};
use flow_host::shown::line;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What to do about values with too few rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TooFew {
    Refuse,
    Skip,
    Pool,
}

/// The models that were written.
#[derive(Debug, Serialize)]
pub(super) struct Artefacts {
    pub(super) values: Vec<Written>,
    /// Values with too few rows, if they are skipped.
    pub(super) skipped: Vec<Few>,
}

/// The model of a value.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    pub(super) value: String,
    rows: u64,
    /// The last bits of a score that were rounded down, because there were too many different ones.
    rounded_bits: u32,
    /// Whether it has the table of all rows, having too few itself.
    pooled: bool,
    threshold: Option<f32>,
    path: PathBuf,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.threshold {
            Some(score) => write!(f, "alarm below {score:.4} nats, {} rows", self.rows)?,
            None => write!(f, "never an alarm, {} rows", self.rows)?,
        }
        match self.pooled {
            true => f.write_str(" and so the table of all: no promise of its own"),
            false => Ok(()),
        }
    }
}

/// A value with too few rows.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Few {
    value: String,
    rows: u64,
}

impl fmt::Display for Few {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", line(&self.value), self.rows)
    }
}

/// Why there are no models.
pub(super) enum Refused {
    TooFew {
        few: Vec<Few>,
        of: usize,
        need: usize,
    },
    Value {
        value: String,
        fault: CalibrationError,
    },
    Pooled(CalibrationError),
    Other(Error),
}

impl Refused {
    /// With where the rows are from.
    pub(super) fn at(self, path: &Path, column: &str, alpha: f64) -> Error {
        let path = path.to_owned();
        let column = column.to_owned();
        match self {
            Self::TooFew { few, of, need } => {
                let mut said: Vec<String> = few.iter().take(5).map(ToString::to_string).collect();
                said.extend((few.len() > 5).then(|| "…".to_owned()));
                Error::TooFewOfValues {
                    path,
                    column,
                    found: few.len(),
                    of,
                    few: said.join(", "),
                    need,
                    alpha,
                }
            }
            Self::Value { value, fault } => Error::OfValue {
                path,
                column,
                value,
                fault,
            },
            Self::Pooled(fault) => Error::Calibration { path, fault },
            Self::Other(error) => error,
        }
    }
}

impl Artefacts {
    /// Writes `VALUE.flow` for each value into a folder. All tables are made before anything is
    /// written; each file is then replaced by a complete one.
    pub(super) fn write(
        flow: &LoadedFlow<'_>,
        sketches: &BTreeMap<Vec<u8>, Sketch>,
        alpha: f64,
        too_few: TooFew,
        output: &Target,
    ) -> Result<Self, Refused> {
        let mut few = Vec::new();
        let mut tables = Vec::new();
        let mut need = 0;
        for (value, sketch) in sketches {
            let value = String::from_utf8_lossy(value).into_owned();
            match sketch.table(alpha) {
                Ok(table) => tables.push((value, sketch, Some(table))),
                Err(CalibrationError::TooFewRows { need: needed, .. }) => {
                    need = needed;
                    few.push(Few {
                        value: value.clone(),
                        rows: sketch.rows(),
                    });
                    tables.push((value, sketch, None));
                }
                Err(fault) => return Err(Refused::Value { value, fault }),
            }
        }
        let pooled = match too_few {
            _ if few.is_empty() => None,
            TooFew::Refuse => {
                let of = sketches.len();
                return Err(Refused::TooFew { few, of, need });
            }
            TooFew::Skip if few.len() == sketches.len() => {
                let of = sketches.len();
                return Err(Refused::TooFew { few, of, need });
            }
            TooFew::Skip => None,
            TooFew::Pool => {
                let mut all = Sketcher::new();
                sketches.values().for_each(|own| all.add(own));
                Some(all.finish().table(alpha).map_err(Refused::Pooled)?)
            }
        };
        let mut values = Vec::new();
        for (value, sketch, own) in &tables {
            let Some(table) = own.as_ref().or(pooled.as_ref()) else {
                continue;
            };
            let target = output.within(file_name(value));
            write(flow, table, &target).map_err(Refused::Other)?;
            values.push(Written {
                value: value.clone(),
                rows: sketch.rows(),
                rounded_bits: sketch.level(),
                pooled: own.is_none(),
                threshold: table.threshold(),
                path: target.path().to_owned(),
            });
        }
        let skipped = if too_few == TooFew::Skip { few } else { vec![] };
        Ok(Self { values, skipped })
    }
}

/// Writes the model with another table.
fn write(flow: &LoadedFlow<'_>, table: &CalibrationTable, target: &Target) -> Result<(), Error> {
    let draft = Draft {
        calibration: Some(table.draft(Judged::Events)),
        mondrian: None,
        sequential: None,
        ..Draft::from_loaded(flow)
    };
    Output::write_all_to(target, &draft.encode()?)
}

/// The name of a value's file: bytes that a file's name may not hold everywhere as `%2F`, so that
/// different values have different names.
fn file_name(value: &str) -> String {
    use fmt::Write as _;
    let mut name = String::new();
    for byte in value.bytes() {
        let plain = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if plain || (byte == b'.' && !name.is_empty()) {
            name.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name + ".flow"
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn values_become_names_of_files() {
        for (value, name) in [
            ("pump-3_b", "pump-3_b.flow"),
            ("v1.2", "v1.2.flow"),
            ("../a b", "%2E.%2Fa%20b.flow"),
            ("ü%", "%C3%BC%25.flow"),
        ] {
            assert_eq!(file_name(value), name);
        }
    }
}
