//! Proves from linked ELFs that the runtime cannot panic.
//!
//! In `tests/no-panic` the panic handler calls a function that is defined nowhere, so that a
//! program links only if the linker found no way to the handler. The gate builds it for every target at
//! the optimisation levels in use, and before it believes a good build it demands that a
//! deliberate run-time index (the binary `control`) fails to link, and for that reason.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::device::{self, Build};
use crate::stages::Matrix;
use crate::workspace;
use flow_measure::board::{CORTEX_M0, CORTEX_M4F, RISCV32IMC, TARGETS};
use flow_measure::elf::{self, Elf};
use flow_measure::level::Level;
use flow_measure::process;
use flow_measure::toolchain::Toolchain;

/// The binary that holds the entries.
const PROOF: &str = "no-panic";
/// The binary that indexes out of bounds on purpose.
const CONTROL: &str = "control";
/// The undefined function that the panic handler calls.
const UNDEFINED: &str = "a_panic_can_be_reached";

/// Runs the proofs.
///
/// # Errors
/// If a panic can be reached, a double-precision helper is linked, an ELF or one of the symbols
/// in `entries.txt` is missing, or the control links.
pub fn check(toolchain: &Toolchain, matrix: Matrix) -> Result<()> {
    let folder = folder();
    let list = folder.join("entries.txt");
    let text = std::fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let entries: Vec<&str> = entries(&text);
    if entries.is_empty() {
        bail!("{}: no entry to prove anything about", list.display());
    }
    for level in Level::ALL {
        let place = || format!("opt-level {level}");
        let targets = targets(level, matrix);
        if targets.is_empty() {
            continue;
        }
        control(toolchain, targets, level).with_context(place)?;
        prove(toolchain, targets, level, &entries).with_context(place)?;
    }
    Ok(())
}

/// The targets that are proved at a level. What reaches a panic is decided before the target's own part
/// of the compiler: for a change, one target of each kind of core stands for the others (with an FPU,
/// without one, and another architecture), and one for all at the level that few use.
fn targets(level: Level, matrix: Matrix) -> &'static [&'static str] {
    const KINDS: [&str; 3] = [CORTEX_M4F.target, CORTEX_M0.target, RISCV32IMC.target];
    match (level, matrix) {
        (Level::Three | Level::S, Matrix::All) => &TARGETS,
        (Level::Three | Level::S, Matrix::Part) => &KINDS,
        (Level::Z, Matrix::All) => &TARGETS[..1],
        (Level::Z, Matrix::Part) => &[],
    }
}

fn folder() -> PathBuf {
    workspace::root().join("tests").join("no-panic")
}

/// The names in `entries.txt`: one a line, `#` begins a comment.
fn entries(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Builds a binary for targets; ELFs of an earlier build are not taken for this one's.
fn build(
    toolchain: &Toolchain,
    targets: &[&str],
    level: Level,
    binary: &str,
) -> Result<process::Captured> {
    for target in targets {
        let path = device::elf(target, binary);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => {}
        }
    }
    let build = Build {
        folder: &folder(),
        targets,
        level: Some(level),
        features: "",
        binaries: &[binary],
    };
    // That a link fails on one target must not hide what happens on the others.
    process::capture(build.command(toolchain).arg("--keep-going"))
}

fn control(toolchain: &Toolchain, targets: &[&str], level: Level) -> Result<()> {
    let done = build(toolchain, targets, level, CONTROL)?;
    let linked = targets.iter().copied();
    let linked = linked.filter(|target| device::elf(target, CONTROL).exists());
    judge_control(&linked.collect::<Vec<_>>(), targets.len(), &done.stderr)
}

fn judge_control(linked: &[&str], targets: usize, stderr: &str) -> Result<()> {
    if !linked.is_empty() {
        bail!(
            "the control, which indexes out of bounds on purpose, has linked for {}: this proof is void",
            linked.join(", ")
        );
    }
    let refused = undefined(stderr);
    if refused != targets {
        bail!(
            "the control failed for its panic on {refused} targets of {targets}:\n{}",
            process::tail(stderr, 20)
        );
    }
    Ok(())
}

/// How many links found a way to the panic handler.
fn undefined(stderr: &str) -> usize {
    stderr
        .matches(&format!("undefined symbol: {UNDEFINED}"))
        .count()
}

fn prove(toolchain: &Toolchain, targets: &[&str], level: Level, entries: &[&str]) -> Result<()> {
    let done = build(toolchain, targets, level, PROOF)?;
    if !done.status.success() {
        let end = process::tail(&done.stderr, 30);
        if undefined(&done.stderr) > 0 {
            bail!("a panic can be reached:\n{end}");
        }
        bail!("the build failed:\n{end}");
    }
    for target in targets {
        let elf =
            inspect(&device::elf(target, PROOF), entries).with_context(|| target.to_string())?;
        println!(
            "{target}, opt-level {level}: {} entries, {} bytes of code, no panic, no double precision",
            entries.len(),
            elf.sizes().text
        );
    }
    Ok(())
}

/// Reads a linked proof: every entry is there, and nothing that panics or computes in double precision.
fn inspect(path: &Path, entries: &[&str]) -> Result<Elf> {
    let elf = Elf::read(path)?;
    for entry in entries {
        elf.require(entry)?;
    }
    let panics = elf.symbols(elf::is_panic);
    if !panics.is_empty() {
        bail!("linked parts of the panic machinery: {}", panics.join(", "));
    }
    let doubles = elf.symbols(elf::is_double_helper);
    if !doubles.is_empty() {
        bail!(
            "double-precision helpers are linked: {}",
            doubles.join(", ")
        );
    }
    Ok(elf)
}

#[cfg(test)]
mod tests {
    use super::{entries, judge_control};

    #[test]
    fn reads_the_list_of_entries() {
        let text = "# Entries\nentry_a\n\n  entry_b  # why\n";
        assert_eq!(entries(text), ["entry_a", "entry_b"]);
    }

    #[test]
    fn the_control_must_fail_and_for_its_panic() {
        let undefined = "rust-lld: error: undefined symbol: a_panic_can_be_reached\n".repeat(2);
        assert!(judge_control(&[], 2, &undefined).is_ok());
        assert!(judge_control(&["thumbv6m-none-eabi"], 2, &undefined).is_err());
        assert!(judge_control(&[], 3, &undefined).is_err());
        assert!(judge_control(&[], 1, "error: could not find `core`").is_err());
    }
}
