//! `cargo xtask cost`: what the compiler says that models cost, against emulated chips.
//!
//! The work is in the binary `cost` of flow-tests, which knows the compiler; this runs its parts.

use std::process::Command;

use anyhow::Result;

use crate::workspace;
use flow_measure::process;

/// Measures the models that hold the cost model to account and compares with the committed
/// figures; with `BLESS=1`, measures all models, fits the coefficients anew and writes them with
/// `docs/cost.md`.
///
/// # Errors
/// If a build or a run fails, or a figure differs.
pub fn check() -> Result<()> {
    let parts: &[&str] = match std::env::var_os("BLESS") {
        // Each part is built anew, since the compiler holds what the one before wrote.
        Some(_) => &["measure", "fit", "report"],
        None => &["check"],
    };
    let binary = workspace::host_target().join("debug").join("cost");
    parts.iter().try_for_each(|part| {
        // With the packages and features of the stage `build`, or everything would be built again.
        let options = [
            "build",
            "--quiet",
            "--workspace",
            "--all-features",
            "--bin",
            "cost",
        ];
        process::run(workspace::cargo().args(options))?;
        process::run(Command::new(&binary).arg(part))
    })
}
