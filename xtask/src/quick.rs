//! `cargo xtask quick`: formats, lints and tests what a change touches, in the time of a minute.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::workspace::{self, Member};
use flow_measure::process;

/// Folders that no member of the workspace holds, and the stage of `cargo xtask test` that covers them.
const ELSEWHERE: [(&str, &str); 8] = [
    ("examples", "examples"),
    ("python/fleet", "fleet"),
    ("python/flow-bridge", "imported"),
    ("flow-codegen/frame", "firmware"),
    ("python/flow-python", "python"),
    ("tests/firmware", "firmware"),
    ("tests/golden", "tests"),
    ("tests/no-panic", "no-panic"),
];

/// Formats, lints and tests the named member of the workspace, or those with uncommitted changes, and
/// says what these steps do not cover.
///
/// # Errors
/// There is no such member, git can't be asked, or a step fails.
pub fn run(name: Option<&str>) -> Result<()> {
    let members = workspace::members()?;
    let chosen = match name {
        Some(name) => vec![named(&members, name)?],
        None => {
            let changed = changed()?;
            for folder in firmwares(&members, &changed) {
                process::run(workspace::cargo().current_dir(folder).arg("fmt"))?;
            }
            for stage in stages(&members, &changed) {
                println!("changed, and tested by `cargo xtask test {stage}`");
            }
            touched(&members, &changed)
        }
    };
    if chosen.is_empty() {
        println!("no crate of the workspace has changed");
        return Ok(());
    }
    let packages: Vec<&str> = chosen
        .iter()
        .flat_map(|own| ["--package", own.name.as_str()])
        .collect();
    let features = [&packages[..], &["--all-features"]].concat();
    let strict = ["--all-targets", "--quiet", "--", "-D", "warnings"];
    let steps: [(&str, Vec<&str>); 3] = [
        ("fmt", packages),
        ("clippy", [&features[..], &strict].concat()),
        ("nextest", [&["run"], &features[..]].concat()),
    ];
    let names: Vec<&str> = chosen.iter().map(|own| own.name.as_str()).collect();
    for (step, arguments) in steps {
        let started = Instant::now();
        process::run(workspace::cargo().arg(step).args(arguments))?;
        let seconds = started.elapsed().as_secs_f32();
        println!("-- {step} of {} in {seconds:.1} s", names.join(", "));
    }
    println!(
        "What depends on {} is not tested here: `cargo xtask test` does it.",
        names.join(", ")
    );
    Ok(())
}

fn named<'a>(members: &'a [Member], name: &str) -> Result<&'a Member> {
    let own = members.iter().find(|own| own.name == name);
    own.with_context(|| {
        let names: Vec<&str> = members.iter().map(|own| own.name.as_str()).collect();
        format!(
            "no crate `{name}` in the workspace; it has {}",
            names.join(", ")
        )
    })
}

/// Files with uncommitted changes, new ones included, relative to the root.
fn changed() -> Result<Vec<PathBuf>> {
    let options = [
        "status",
        "--porcelain",
        "-z",
        "--untracked-files=all",
        "--no-renames",
    ];
    let mut git = Command::new("git");
    let text = process::output(git.current_dir(workspace::root()).args(options))?;
    let path = |entry: &str| entry.get(3..).map(PathBuf::from);
    let paths: Option<Vec<PathBuf>> = text.split_terminator('\0').map(path).collect();
    match paths {
        Some(paths) => Ok(paths),
        None => bail!("what git status printed: {text:?}"),
    }
}

/// The member in whose folder a file lies: the innermost one.
fn member<'a>(members: &'a [Member], file: &Path) -> Option<&'a Member> {
    if ELSEWHERE.iter().any(|(folder, _)| file.starts_with(folder)) {
        return None;
    }
    let around = members.iter().filter(|own| file.starts_with(&own.folder));
    around.max_by_key(|own| own.folder.components().count())
}

fn touched<'a>(members: &'a [Member], changed: &[PathBuf]) -> Vec<&'a Member> {
    let own = |own: &&Member| {
        let mut files = changed.iter().filter_map(|file| member(members, file));
        files.any(|other| other.name == own.name)
    };
    members.iter().filter(own).collect()
}

/// The folders with a manifest of their own in which Rust files changed that no member holds.
fn firmwares(members: &[Member], changed: &[PathBuf]) -> BTreeSet<PathBuf> {
    let root = workspace::root();
    let outside = changed
        .iter()
        .filter(|file| member(members, file).is_none());
    let rust = outside.filter(|file| file.extension().is_some_and(|own| own == "rs"));
    let folder = |file: &PathBuf| {
        let mut folders = root.join(file);
        while folders.pop() && folders != root {
            if folders.join("Cargo.toml").is_file() {
                return Some(folders);
            }
        }
        None
    };
    rust.filter_map(folder).collect()
}

/// The stages that cover what no member of the workspace does.
fn stages(members: &[Member], changed: &[PathBuf]) -> BTreeSet<&'static str> {
    let outside = changed
        .iter()
        .filter(|file| member(members, file).is_none());
    let stage = |file: &PathBuf| {
        let mut all = ELSEWHERE.iter();
        all.find_map(|(folder, stage)| file.starts_with(folder).then_some(*stage))
    };
    outside.filter_map(stage).collect()
}

#[cfg(test)]
mod tests {
    use super::{ELSEWHERE, changed, firmwares, member, stages, touched};
    use crate::stages::STAGES;
    use crate::workspace::{self, members};
    use std::path::PathBuf;

    #[test]
    fn a_file_belongs_to_the_innermost_crate() {
        let members = members().unwrap();
        let name = |file: &str| member(&members, &PathBuf::from(file)).map(|own| own.name.clone());
        assert_eq!(name("flow-train/src/lib.rs").as_deref(), Some("flow-train"));
        assert_eq!(name("tests/case/src/lib.rs").as_deref(), Some("flow-case"));
        assert_eq!(name("tests/src/lib.rs").as_deref(), Some("flow-tests"));
        assert_eq!(name("tests/firmware/src/lib.rs"), None);
        assert_eq!(name("flow-codegen/frame/src/lib.rs"), None);
        assert_eq!(name("README.md"), None);
    }

    #[test]
    fn what_lies_outside_the_workspace_names_its_stage() {
        let members = members().unwrap();
        let files = [
            "examples/tiny-camera/src/main.rs",
            "flow-codegen/src/lib.rs",
            "README.md",
        ];
        let files = files.map(PathBuf::from);
        let touched = touched(&members, &files);
        let names: Vec<&str> = touched.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(names, ["flow-codegen"]);
        assert!(stages(&members, &files).into_iter().eq(["examples"]));
        let camera = workspace::root().join("examples/tiny-camera");
        assert!(firmwares(&members, &files).into_iter().eq([camera]));
        for (folder, stage) in ELSEWHERE {
            assert!(workspace::root().join(folder).is_dir(), "{folder}");
            assert!(STAGES.iter().any(|own| own.name == stage), "{stage}");
        }
    }

    #[test]
    fn git_is_understood() {
        assert!(changed().unwrap().iter().all(|file| file.is_relative()));
    }
}
