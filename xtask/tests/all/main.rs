//! What the repository shows to readers and forges: its pages, its packages and how they stand on each other, its
//! workflows.

mod crates;
mod documents;
mod packages;
mod workflows;

use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::workspace;

/// The files that git tracks or would, of a pattern, relative to the root.
fn tracked(pattern: &str) -> Vec<PathBuf> {
    let listed = Command::new("git")
        .current_dir(workspace::root())
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
            "--",
        ])
        .arg(pattern)
        .output()
        .expect("git lists files");
    assert!(listed.status.success(), "git ls-files {pattern}");
    let text = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let there = |path: &&str| workspace::root().join(path).exists();
    let mut paths: Vec<PathBuf> = text
        .split_terminator('\0')
        .filter(there)
        .map(PathBuf::from)
        .collect();
    paths.sort();
    paths.dedup();
    assert!(!paths.is_empty(), "no file is called {pattern}");
    paths
}

/// The text of a file.
fn text(path: impl AsRef<Path>) -> String {
    let path = workspace::root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}
