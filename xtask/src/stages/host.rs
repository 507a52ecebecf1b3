//! Stages that run on the host alone.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Bench, Verdict};
use crate::{suite, workspace};
use flow_measure::process;
use flow_measure::version::Version;

/// Folders under the root that are workspaces of their own.
fn outer_workspaces() -> Result<Vec<PathBuf>> {
    let root = workspace::root();
    let mut folders = vec![
        root.join("tests/firmware"),
        root.join("flow-codegen/frame"),
        crate::python::package(),
        root.join("tests/no-panic"),
        root.join("flow-train/tests/peers/gemm"),
    ];
    folders.extend(crate::examples::folders()?);
    Ok(folders)
}

pub(super) fn format(_: &mut Bench) -> Result<Verdict> {
    process::run(workspace::cargo().args(["fmt", "--all", "--check"]))?;
    for folder in outer_workspaces()? {
        process::run(
            workspace::cargo()
                .current_dir(&folder)
                .args(["fmt", "--check"]),
        )
        .with_context(|| folder.display().to_string())?;
    }
    Ok(Verdict::Passed)
}

pub(super) fn lint(_: &mut Bench) -> Result<Verdict> {
    let strict = ["--", "-D", "warnings"];
    process::run(
        workspace::cargo()
            .args(["clippy", "--workspace", "--all-targets", "--all-features"])
            .args(strict),
    )?;
    process::run(crate::python::cargo().arg("clippy").args(strict))?;
    Ok(Verdict::Passed)
}

pub(super) fn build(_: &mut Bench) -> Result<Verdict> {
    suite::build()?;
    Ok(Verdict::Passed)
}

pub(super) fn tests(_: &mut Bench) -> Result<Verdict> {
    suite::run(&[])?;
    Ok(Verdict::Passed)
}

pub(super) fn sweeps(_: &mut Bench) -> Result<Verdict> {
    let long = format!("not ({})", suite::ON_CHIPS);
    suite::run(&["--run-ignored", "only", "-E", &long])?;
    Ok(Verdict::Passed)
}

pub(super) fn doc_tests(_: &mut Bench) -> Result<Verdict> {
    process::run(workspace::cargo().args(["test", "--doc", "--workspace", "--all-features"]))?;
    Ok(Verdict::Passed)
}

pub(super) fn docs(_: &mut Bench) -> Result<Verdict> {
    process::run(
        workspace::cargo()
            .args(["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    Ok(Verdict::Passed)
}

pub(super) fn fleet(_: &mut Bench) -> Result<Verdict> {
    Ok(crate::fleet::check()?.map_or(Verdict::Passed, Verdict::Skipped))
}

pub(super) fn peers(_: &mut Bench) -> Result<Verdict> {
    Ok(crate::peers::check()?.map_or(Verdict::Passed, Verdict::Skipped))
}

pub(super) fn msrv(bench: &mut Bench) -> Result<Verdict> {
    let msrv = bench.manifest()?.msrv;
    let rustc = process::output(Command::new("rustc").arg("--version"))?;
    if Version::find(&rustc) == Some(msrv) {
        println!("this is rustc {msrv}, the stated minimum: the stage `build` has shown it");
        return Ok(Verdict::Passed);
    }
    let name = msrv.to_string();
    // With the automatic installation off, a toolchain that is not here is an error and no
    // download.
    let rustup = |args: &[&str]| {
        let mut command = Command::new("rustup");
        command
            .args(["run", &name])
            .args(args)
            .current_dir(workspace::root())
            .env("RUSTUP_AUTO_INSTALL", "0")
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN");
        command
    };
    if process::output(&mut rustup(&["rustc", "--version"])).is_err() {
        return Ok(Verdict::Skipped(format!(
            "no toolchain {name} here (`rustup toolchain install {name}` gets it)"
        )));
    }
    process::run(
        rustup(&["cargo", "check", "--workspace", "--all-features"])
            .env("CARGO_TARGET_DIR", workspace::root().join("target/msrv")),
    )?;
    Ok(Verdict::Passed)
}

pub(super) fn features(bench: &mut Bench) -> Result<Verdict> {
    let names = bench.manifest()?.embedded_features.clone();
    for set in feature_sets(&names) {
        println!("flow-embedded with features [{set}]");
        for task in [&["check"][..], &["test", "--lib"]] {
            process::run(
                workspace::cargo()
                    .args(task)
                    .args(["--quiet", "--package", "flow-embedded"])
                    .args(["--no-default-features", "--features", &set]),
            )?;
        }
    }
    Ok(Verdict::Passed)
}

pub(super) fn python(_: &mut Bench) -> Result<Verdict> {
    crate::python::check(&["-m", "not slow"])?;
    Ok(Verdict::Passed)
}

pub(super) fn python_all(_: &mut Bench) -> Result<Verdict> {
    crate::python::check(&[])?;
    Ok(Verdict::Passed)
}

/// No feature, each feature alone, all together.
fn feature_sets(names: &[String]) -> Vec<String> {
    let mut sets = vec![String::new()];
    sets.extend(names.iter().cloned());
    if names.len() > 1 {
        sets.push(names.join(","));
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::feature_sets;

    #[test]
    fn features_alone_and_together() {
        let names = ["libm".to_owned(), "micromath".to_owned()];
        assert_eq!(
            feature_sets(&names),
            ["", "libm", "micromath", "libm,micromath"]
        );
        assert_eq!(feature_sets(&[]), [""]);
    }
}
