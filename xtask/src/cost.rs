//! `cargo xtask cost`: what the compiler says that models cost, against emulated chips.
//!
//! The work is in the binary `cost` of flow-tests, which knows the compiler; this runs its parts.

use std::process::Command;

use anyhow::Result;

use crate::stages::Matrix;
use crate::suite;
use flow_measure::process;

/// Measures the models that hold the cost model to account, some or all, and compares with the
/// committed figures; with `BLESS=1`, measures all models, fits the coefficients anew and writes them
/// with `docs/cost.md` and the table of `README.md`.
///
/// # Errors
/// If a build or a run fails, or a figure differs.
pub fn check(matrix: Matrix) -> Result<()> {
    let parts: &[&str] = match (std::env::var_os("BLESS"), matrix) {
        // Each part is built anew, since the compiler holds what the one before wrote.
        (Some(_), _) => &["measure", "fit", "report"],
        (None, Matrix::Part) => &["check"],
        (None, Matrix::All) => &["check-all"],
    };
    parts
        .iter()
        .try_for_each(|part| process::run(Command::new(suite::program("cost")?).arg(part)))
}
