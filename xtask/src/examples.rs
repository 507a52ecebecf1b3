//! Builds and runs the example firmwares as a user would who copied them, and weighs them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::count;
use crate::device::{self, Build};
use crate::parallel::side_by_side;
use crate::workspace;
use flow_measure::board::CORTEX_M4F;
use flow_measure::elf::Elf;
use flow_measure::qemu;
use flow_measure::toolchain::Toolchain;

/// How long an example may run.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(120);
/// How many instructions it may take.
const INSTRUCTION_LIMIT: u64 = 100_000_000;
/// The function of an example that takes one sample.
const STEP: &str = "watch";
/// What a README's figure may be off by, as a share.
const TOLERANCE: f64 = 0.02;

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
/// compares what it prints with `expected.txt` beside its manifest, and what it costs with the table
/// of its README.
///
/// # Errors
/// If a build or run fails, the output differs, or a figure of the README is off by more than 2 %.
pub fn check(toolchain: &Toolchain) -> Result<usize> {
    let folders = folders()?;
    for folder in &folders {
        let build = Build {
            folder,
            targets: &[CORTEX_M4F.target],
            level: None,
            features: "",
            binaries: &[],
        };
        build.run(toolchain)?;
    }
    side_by_side(&folders, |folder| run(folder))?;
    Ok(folders.len())
}

/// Runs a built example and holds it to `expected.txt` and to its README.
fn run(folder: &Path) -> Result<()> {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .context("the example's folder name")?;
    let elf = |name: &str| device::elf(CORTEX_M4F.target, name);
    let printed = qemu::run(&CORTEX_M4F, &elf(name), TIME_LIMIT)?;
    let expected = folder.join("expected.txt");
    let text =
        std::fs::read_to_string(&expected).with_context(|| expected.display().to_string())?;
    if let Some(difference) = difference(&text, &printed) {
        bail!("{name} prints something else than expected.txt: {difference}");
    }
    let readme = folder.join("README.md");
    let readme = std::fs::read_to_string(&readme).with_context(|| readme.display().to_string())?;
    // A program that runs for long has a shorter one beside it to be counted.
    let counted = match folder.join("src/cost.rs").is_file() {
        true => &format!("{name}-cost"),
        false => name,
    };
    let figures = figures(&elf(counted), counted)?;
    for (row, found) in &figures {
        println!("{name}: {row} {found}");
    }
    for (row, found) in figures {
        let stated = stated(&readme, row)
            .with_context(|| format!("{name}: its README has no row `{row}`"))?;
        if (stated - found).abs() > TOLERANCE * found {
            bail!("{name}: its README says {stated} for `{row}`, and {found} was measured");
        }
    }
    println!(
        "{name}: prints what it should ({} lines)",
        text.lines().count()
    );
    Ok(())
}

/// What an example costs: the rows of the table in its README, and what was measured.
fn figures(path: &Path, name: &str) -> Result<[(&'static str, f64); 5]> {
    let elf = Elf::read(path)?;
    let sizes = elf.sizes();
    // As compilers mangle it: the crate, the function.
    let mangled = format!(
        "{}{}{}{STEP}",
        name.len(),
        name.replace('-', "_"),
        STEP.len()
    );
    let steps = elf.functions_where(STEP, |symbol| symbol.contains(&mangled))?;
    let calls = count::calls_of(&CORTEX_M4F, &elf, &steps, INSTRUCTION_LIMIT)?;
    let mut calls: Vec<u64> = calls.into_values().flatten().collect();
    calls.sort_unstable();
    let most = calls.last().copied().unwrap_or_default();
    Ok([
        ("flash", sizes.flash() as f64),
        ("static RAM", sizes.ram() as f64),
        ("worst stack", count::stack(&CORTEX_M4F, &elf)? as f64),
        ("instructions a sample", calls[calls.len() / 2] as f64),
        ("instructions at most", most as f64),
    ])
}

/// The first number of a row of a README's table, thousands separated by commas.
fn stated(readme: &str, row: &str) -> Option<f64> {
    let mut lines = readme.lines();
    let line = lines.find_map(|line| line.strip_prefix("| ")?.strip_prefix(row))?;
    let cell = line.split('|').nth(1)?.trim();
    let number = cell.split_whitespace().next()?.replace(',', "");
    number.parse().ok()
}

/// The first line that differs, in words.
pub(crate) fn difference(expected: &str, printed: &str) -> Option<String> {
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
    use super::{difference, stated};

    #[test]
    fn figures_are_found_in_a_readme() {
        let readme = "| | `3` | `s` |\n|---|---|---|\n| flash, all | 33,580 B | 26,208 B |\n";
        assert_eq!(stated(readme, "flash"), Some(33_580.0));
        assert_eq!(stated(readme, "static RAM"), None);
    }

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let found = difference("a\nb\n", "a\nc\n").unwrap();
        assert_eq!(found, "line 2: expected `b`, printed `c`");
        let found = difference("a\n", "a\nc\n").unwrap();
        assert!(found.contains("expected `(no line)`"), "{found}");
    }
}
