//! Builds and runs the example firmwares as a user would who copied them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::firmware;
use crate::workspace;
use flow_measure::board::CORTEX_M4F;
use flow_measure::qemu;
use flow_measure::toolchain::Toolchain;

/// How long an example may run.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// The folders under `examples` that hold a crate, sorted.
///
/// # Errors
/// If `examples` cannot be read.
pub fn folders() -> Result<Vec<PathBuf>> {
    let examples = workspace::root().join("examples");
    if !examples.is_dir() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(&examples).with_context(|| examples.display().to_string())? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// Builds every example for the Cortex-M4F board, runs the binary of the folder's name, and
/// compares what it prints with `expected.txt` beside its manifest.
///
/// # Errors
/// If a build or run fails or the output differs.
pub fn check(toolchain: &Toolchain) -> Result<usize> {
    let folders = folders()?;
    for folder in &folders {
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .context("the example's folder name")?;
        let built = firmware::build(toolchain, &CORTEX_M4F, folder)?;
        let printed = qemu::run(&CORTEX_M4F, &built.join(name), TIME_LIMIT)?;
        let expected = folder.join("expected.txt");
        let text =
            std::fs::read_to_string(&expected).with_context(|| expected.display().to_string())?;
        if let Some(difference) = difference(&text, &printed) {
            bail!("{name} prints something else than expected.txt: {difference}");
        }
        println!(
            "{name}: prints what it should ({} lines)",
            text.lines().count()
        );
    }
    Ok(folders.len())
}

/// The first line that differs, in words.
fn difference(expected: &str, printed: &str) -> Option<String> {
    let (mut expected, mut printed) = (expected.lines(), printed.lines());
    for number in 1.. {
        match (expected.next(), printed.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let show = |line: Option<&str>| line.unwrap_or("(no line)").to_owned();
                return Some(format!(
                    "line {number}: expected `{}`, printed `{}`",
                    show(a),
                    show(b)
                ));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let found = difference("a\nb\n", "a\nc\n").unwrap();
        assert_eq!(found, "line 2: expected `b`, printed `c`");
        let found = difference("a\n", "a\nc\n").unwrap();
        assert!(found.contains("expected `(no line)`"), "{found}");
    }
}
