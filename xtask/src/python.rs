//! The Python package: its wheel is built, installed where nothing else is, and tested as users have it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::environment::Environment;
use crate::{suite, workspace};
use flow_measure::process;

/// What the tests need beside the wheel.
const PACKAGES: &[&str] = &[
    "maturin>=1.9,<2",
    "mypy",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pytest",
    "scikit-learn",
];

/// The package's folder: a workspace of its own.
#[must_use]
pub fn package() -> PathBuf {
    workspace::root().join("python/flow-python")
}

/// The host's cargo in the package, which builds where the root workspace does: what both need with the
/// same features is built once.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = workspace::cargo();
    cargo
        .current_dir(package())
        .env("CARGO_TARGET_DIR", workspace::host_target());
    cargo
}

/// Builds the wheel, installs it into an environment of its own, and runs its tests against the command
/// `flow` of the same sources: all of them, or those that options of pytest choose.
///
/// # Errors
/// If there is no Python, a package can't be installed, the wheel can't be built, or a test fails.
pub fn check(options: &[&str]) -> Result<()> {
    let folder = workspace::root().join("target/python");
    let environment = Environment::ensure(&folder.join("environment"), PACKAGES)?;
    let wheel = wheel(&environment, &folder.join("wheels"))?;
    environment.install(
        &[&wheel.display().to_string()],
        &["--force-reinstall", "--no-deps"],
    )?;
    process::run(
        environment
            .python()
            .args([
                "-m",
                "pytest",
                "-q",
                "--no-header",
                "-p",
                "no:cacheprovider",
                "-rs",
            ])
            .args(options)
            .current_dir(package())
            .env("FLOW", suite::program("flow")?),
    )
}

/// Builds the wheel into a folder that holds no other.
fn wheel(environment: &Environment, folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    process::run(
        environment
            .python()
            // The profile of the other tests: one for release would compile everything again.
            .args([
                "-m",
                "maturin",
                "build",
                "--quiet",
                "--profile",
                "dev",
                "--out",
            ])
            .arg(folder)
            .current_dir(package())
            .env("CARGO_TARGET_DIR", workspace::host_target()),
    )?;
    let mut wheels = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    match wheels.next() {
        Some(wheel) => Ok(wheel?.path()),
        None => bail!("maturin left no wheel in {}", folder.display()),
    }
}
