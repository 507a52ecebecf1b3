//! The fleet's package for Spark, Polars and DataFusion, tested beside `flow score`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::workspace;
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
    for (program, what) in [("python3", "Python"), ("java", "a Java runtime, for Spark")] {
        if process::which(program).is_none() {
            return Ok(Some(format!("there is no `{program}`: {what}")));
        }
    }
    let environment = target.join("fleet");
    let python = environment.join("bin/python");
    if !python.is_file() {
        let make = ["-m", "venv"];
        process::run(Command::new("python3").args(make).arg(&environment))?;
    }
    let fleet = workspace::root().join("fleet");
    let install = || {
        let mut command = Command::new(&python);
        command.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        command
    };
    process::run(install().arg("-r").arg(fleet.join("requirements.txt")))?;
    // A wheel of the same version may be of other sources.
    process::run(
        install()
            .args(["--force-reinstall", "--no-deps"])
            .arg(wheel),
    )?;
    // As the stage `build` does, so that it is there.
    let flow = ["build", "--workspace", "--all-features", "--bin", "flow"];
    process::run(workspace::cargo().args(flow))?;
    let tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider"];
    process::run(
        Command::new(&python)
            .args(tests)
            .arg(&fleet)
            .env_remove("PYTHONPATH")
            .env("FLOW", workspace::host_target().join("debug/flow")),
    )?;
    Ok(None)
}

/// The wheel in a folder.
fn wheel(folder: &Path) -> Option<PathBuf> {
    let mut files = folder.read_dir().ok()?.filter_map(std::io::Result::ok);
    let wheel = |path: &PathBuf| path.extension().is_some_and(|own| own == "whl");
    files.find_map(|file| Some(file.path()).filter(wheel))
}
