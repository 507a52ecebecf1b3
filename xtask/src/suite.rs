//! The workspace's own programs and tests on the host, as `cargo nextest` builds and runs them.
//!
//! Whatever needs a program of the workspace has all of them built by the one command of [`build`]:
//! with other packages or features, or without what tests depend on, cargo would compile everything
//! again.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::workspace;
use flow_measure::process;

/// Those of the ignored tests that need emulated chips.
pub const ON_CHIPS: &str = "test(/^(firmware|programs)::/)";

/// What is built: libraries with their unit tests, integration tests, and the programs that these run.
const WHAT: [&str; 5] = ["--workspace", "--all-features", "--lib", "--test", "*"];

fn nextest() -> Command {
    let mut command = workspace::cargo();
    // Firmware that `flow` builds when it is tested shares `core` with all other firmware.
    command
        .args(["nextest", "run"])
        .args(WHAT)
        .env("XDG_CACHE_HOME", workspace::cache());
    command
}

/// Builds the tests and the programs.
///
/// # Errors
/// They don't compile.
pub fn build() -> Result<()> {
    process::run(nextest().arg("--no-run"))
}

/// Runs tests: all but the ignored ones, or those that the options of nextest choose.
///
/// # Errors
/// A test fails.
pub fn run(options: &[&str]) -> Result<()> {
    process::run(nextest().arg("--no-fail-fast").args(options))
}

/// A program of the workspace, built.
///
/// # Errors
/// It doesn't compile.
pub fn program(name: &str) -> Result<PathBuf> {
    build()?;
    Ok(workspace::host_target().join("debug").join(name))
}
