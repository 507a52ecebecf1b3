//! The fleet's package for Spark, Polars and DataFusion, tested beside `flow score`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::environment::Environment;
use crate::{suite, workspace};
use flow_measure::process;

/// Installs the engines, and the wheel that the stage `python` has built, into an environment of their
/// own, and runs the tests of `fleet`. Gives the reason where that can't be done here.
///
/// # Errors
/// If an engine can't be installed, or a test fails.
pub fn check() -> Result<Option<String>> {
    let target = workspace::root().join("target");
    let Some(wheel) = wheel(&target.join("python/wheels")) else {
        return Ok(Some(
            "there is no wheel in target/python/wheels: the stage `python` builds it".to_owned(),
        ));
    };
    if process::which("java").is_none() {
        return Ok(Some(
            "there is no `java`: a Java runtime, for Spark".to_owned(),
        ));
    }
    let fleet = workspace::root().join("python/fleet");
    let requirements = fleet.join("requirements.txt").display().to_string();
    let environment = Environment::ensure(&target.join("fleet"), &[])?;
    environment.install(&["-r", &requirements], &[])?;
    // A wheel of the same version may be of other sources.
    let wheel = wheel.display().to_string();
    environment.install(&[&wheel], &["--force-reinstall", "--no-deps"])?;
    let tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider"];
    process::run(
        environment
            .python()
            .args(tests)
            .arg(&fleet)
            .env("FLOW", suite::program("flow")?),
    )?;
    Ok(None)
}

/// The wheel in a folder.
fn wheel(folder: &Path) -> Option<PathBuf> {
    let mut files = folder.read_dir().ok()?.filter_map(std::io::Result::ok);
    let wheel = |path: &PathBuf| path.extension().is_some_and(|own| own == "whl");
    files.find_map(|file| Some(file.path()).filter(wheel))
}
