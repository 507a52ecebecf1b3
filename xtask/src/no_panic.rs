//! Proves from linked ELFs that the runtime cannot panic.
//!
//! In `tests/no-panic` the panic handler calls a function that is defined nowhere, so that a
//! program links only if the linker found no way to the handler. The gate builds it for every target at
//! the optimisation levels in use, and before it believes a good build it demands that a
//! deliberate run-time index (the binary `control`) fails to link, and for that reason.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use crate::parallel::side_by_side;
use crate::workspace;
use flow_measure::board::TARGETS;
use flow_measure::elf::{self, Elf};
use flow_measure::level::Level;
use flow_measure::process;
use flow_measure::toolchain::Toolchain;

/// The binary that holds the entries.
const PROOF: &str = "no-panic";
/// The undefined function that the panic handler calls.
const UNDEFINED: &str = "a_panic_can_be_reached";

/// Runs the proofs.
///
/// # Errors
/// If a panic can be reached, a double-precision helper is linked, an ELF or one of the symbols
/// in `entries.txt` is missing, or the control links.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    let folder = folder();
    let list = folder.join("entries.txt");
    let text = std::fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let entries: Vec<&str> = entries(&text);
    if entries.is_empty() {
        bail!("{}: no entry to prove anything about", list.display());
    }
    flow_modules::generate(&modules(), |own| matches!(own.folder, "" | "f16"))
        .map_err(|fault| anyhow!("generated modules: {fault}"))?;
    // A link is the work of one thread: targets are proved side by side, each in a folder of its own.
    side_by_side(&TARGETS, |target| {
        for level in levels(target) {
            let place = format!("{target}, opt-level {level}");
            control(toolchain, target, *level).context(place.clone())?;
            let elf = prove(toolchain, target, *level, &entries).context(place.clone())?;
            println!(
                "{place}: {} entries, {} bytes of code, no panic, no double precision",
                entries.len(),
                elf.sizes().text
            );
        }
        Ok(())
    })
}

/// The levels at which a target is proved: what reaches a panic is decided before the target's own part
/// of the compiler, so that one target stands for all at the level that few use.
fn levels(target: &str) -> &'static [Level] {
    match target == TARGETS[0] {
        true => &Level::ALL,
        false => &[Level::Three, Level::S],
    }
}

/// Where the program is built for a target.
fn built(target: &str) -> PathBuf {
    workspace::device_target().join("no-panic").join(target)
}

fn folder() -> PathBuf {
    workspace::root().join("tests").join("no-panic")
}

/// Where the generated modules are.
fn modules() -> PathBuf {
    workspace::device_target().join("no-panic").join("modules")
}

/// The names in `entries.txt`: one a line, `#` begins a comment.
fn entries(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|name| !name.is_empty())
        .collect()
}

fn build(
    toolchain: &Toolchain,
    target: &str,
    level: Level,
    binary: &str,
) -> Result<process::Captured> {
    let mut command = toolchain.build(&folder(), target, &built(target));
    command
        .args(["--bin", binary])
        .env("FLOW_MODULES", modules());
    process::capture(level.apply(&mut command))
}

fn control(toolchain: &Toolchain, target: &str, level: Level) -> Result<()> {
    let done = build(toolchain, target, level, "control")?;
    judge_control(done.status.success(), &done.stderr)
}

fn judge_control(linked: bool, stderr: &str) -> Result<()> {
    if linked {
        bail!(
            "the control, which indexes out of bounds on purpose, has linked: this proof is void"
        );
    }
    if !names_undefined(stderr) {
        bail!(
            "the control failed for another reason than its panic:\n{}",
            process::tail(stderr, 20)
        );
    }
    Ok(())
}

fn names_undefined(stderr: &str) -> bool {
    let undefined = format!("undefined symbol: {UNDEFINED}");
    stderr.contains(&undefined)
}

fn prove(toolchain: &Toolchain, target: &str, level: Level, entries: &[&str]) -> Result<Elf> {
    let path = built(target).join(target).join("release").join(PROOF);
    // What an earlier build left must not be taken for this one's.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| path.display().to_string());
        }
        _ => {}
    }
    let done = build(toolchain, target, level, PROOF)?;
    if !done.status.success() {
        let end = process::tail(&done.stderr, 30);
        if names_undefined(&done.stderr) {
            bail!("a panic can be reached:\n{end}");
        }
        bail!("the build failed:\n{end}");
    }
    let elf = Elf::read(&path)?;
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
        let undefined = "rust-lld: error: undefined symbol: a_panic_can_be_reached";
        assert!(judge_control(false, undefined).is_ok());
        assert!(judge_control(true, "").is_err());
        assert!(judge_control(false, "error: could not find `core`").is_err());
    }
}
