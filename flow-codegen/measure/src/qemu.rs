//! Runs firmware on an emulated board.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::board::Board;
use crate::process;
use crate::version::Version;

/// The emulator for a board, loaded with a firmware, with semihosting and nothing else attached.
#[must_use]
pub fn command(board: &Board, elf: &Path) -> Command {
    let mut command = Command::new(board.emulator);
    command
        .args(board.machine)
        .args(["-nographic", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native"])
        .arg("-kernel")
        .arg(elf);
    command
}

/// The arguments that make every instruction a translated block of its own.
///
/// # Errors
/// If the emulator cannot be asked for its version.
pub fn single_step(board: &Board) -> Result<&'static [&'static str]> {
    let text = process::output(Command::new(board.emulator).arg("--version"))?;
    match Version::find(&text) {
        Some(version) if (version.major, version.minor) < (8, 1) => Ok(&["-singlestep"]),
        Some(_) => Ok(&["-accel", "tcg,one-insn-per-tb=on"]),
        None => bail!(
            "{} --version names no version: {}",
            board.emulator,
            text.trim()
        ),
    }
}

/// Runs a firmware until it exits by semihosting, and gives what it printed.
///
/// # Errors
/// If the emulator is missing, the firmware exits with an error, or the time limit passes.
pub fn run(board: &Board, elf: &Path, limit: Duration) -> Result<String> {
    if !elf.is_file() {
        bail!("{}: no such firmware", elf.display());
    }
    let done = process::capture_within(&mut command(board, elf), limit)?;
    if !done.status.success() {
        bail!(
            "{} on {} failed ({}); its last output:\n{}",
            elf.display(),
            board.name,
            done.status,
            process::tail(&format!("{}{}", done.stdout, done.stderr), 10)
        );
    }
    Ok(done.stdout)
}

#[cfg(test)]
mod tests {
    use super::{command, run};
    use crate::board::{CORTEX_M0, CORTEX_M4F, RISCV32IMC};
    use crate::process::display;
    use std::path::Path;
    use std::time::Duration;

    #[test]
    fn the_board_decides_emulator_and_machine() {
        let line = display(&command(&CORTEX_M4F, Path::new("fw.elf")));
        assert!(
            line.contains("-machine mps2-an386 -cpu cortex-m4"),
            "{line}"
        );
        let line = display(&command(&CORTEX_M0, Path::new("fw.elf")));
        assert!(line.contains("-machine microbit -nographic"), "{line}");
        let line = display(&command(&RISCV32IMC, Path::new("fw.elf")));
        assert!(line.starts_with("qemu-system-riscv32 "), "{line}");
    }

    #[test]
    fn a_missing_firmware_is_named() {
        let error = run(&CORTEX_M0, Path::new("nowhere.elf"), Duration::from_secs(1)).unwrap_err();
        assert!(error.to_string().contains("nowhere.elf"), "{error}");
    }
}
