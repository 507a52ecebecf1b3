//! Measures models on the emulated chips, and fits the coefficients by which the compiler predicts
//! what a model costs.
//!
//! | file | what it holds |
//! |---|---|
//! | `tests/cost/training.json` | what was measured of the models that coefficients are fitted to |
//! | `tests/cost/held_out.json` | the same of models that hold them to account |
//! | `tests/cost/firmware.json` | what some of those cost in the test firmware |
//! | `flow-codegen/src/cost/coefficients.rs` | the coefficients |
//! | `docs/cost.md` | what is predicted and what was measured |
//! | `README.md` | what a model costs on three chips |

pub mod firmware;
pub mod fit;
mod front;
mod measure;
pub mod models;
mod report;
mod table;

pub use flow_measure::Figures;
pub use front::front_page;
pub use measure::{BOARDS, LEVELS, Place, chip, fitted, measure};
pub use report::{Errors, errors, measured_errors, page};
pub use table::coefficients;

use anyhow::{Context, Result, bail};
use flow_case::ARTEFACT as CASE;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use xtask::workspace;

/// Figures by board and level.
pub type Places = BTreeMap<String, Place>;

/// The change of a figure that passes, in percent.
const TOLERANCE_PERCENT: f64 = 2.0;

/// The committed figures of a set of models: `training`, `held_out` or `firmware`.
///
/// # Errors
/// The file cannot be read.
pub fn committed(set: &str) -> Result<Places> {
    let path = file(set);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// Writes the figures of a set of models, a line for each model.
///
/// # Errors
/// The file cannot be written.
pub fn commit(set: &str, places: &Places) -> Result<()> {
    let mut text = String::from("{\n");
    for (index, (place, figures)) in places.iter().enumerate() {
        let lines: Vec<String> = figures
            .iter()
            .map(|(name, own)| Ok(format!("{name:?}:{}", serde_json::to_string(own)?)))
            .collect::<Result<_>>()?;
        let end = if index + 1 == places.len() { "" } else { "," };
        text += &format!("{place:?}:{{\n{}\n}}{end}\n", lines.join(",\n"));
    }
    text += "}\n";
    fs::write(file(set), text)?;
    Ok(())
}

fn file(set: &str) -> PathBuf {
    let folder = workspace::root().join("tests").join("cost");
    folder.join(set).with_extension("json")
}

/// Compares measured with committed figures.
///
/// # Errors
/// The figures that differ.
pub fn compare(measured: &Places, committed: &Places) -> Result<()> {
    let mut changed = Vec::new();
    for (place, figures) in measured {
        for (name, own) in figures {
            let Some(old) = committed.get(place).and_then(|place| place.get(name)) else {
                changed.push(format!("{place} {name} is not committed"));
                continue;
            };
            for ((what, old), (_, new)) in old.all().into_iter().zip(own.all()) {
                if (new - old).abs() > TOLERANCE_PERCENT / 100.0 * old {
                    changed.push(format!("{place} {name} {what}: {old} -> {new}"));
                }
            }
        }
    }
    match changed.as_slice() {
        [] => Ok(()),
        changed => bail!(
            "figures differ by more than {TOLERANCE_PERCENT} % from the committed ones (BLESS=1 \
             cargo xtask cost measures and fits anew):\n{}",
            changed.join("\n")
        ),
    }
}
