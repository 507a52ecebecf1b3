//! The full matrix: the self-test of every golden module on every board at every level.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::device;
use crate::families::ASSEMBLY;
use crate::firmware::{self, LEVELS};
use crate::parallel::side_by_side;
use flow_measure::board::{BOARDS, Board};
use flow_measure::qemu;
use flow_measure::toolchain::Toolchain;

/// How long the self-tests of a binary may run.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// The binaries that hold the golden modules.
const BINARIES: [&str; 5] = [
    "golden",
    "golden_columns",
    "golden_layouts",
    "golden_integers",
    "golden_imported",
];

/// Runs the self-tests of the golden modules on every board at each of [`LEVELS`], with dense layers in
/// assembly too where there is an FPU.
///
/// # Errors
/// If a build or a run fails, or a module has other bits than on the host.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    for level in LEVELS {
        for features in ["", ASSEMBLY] {
            let boards = BOARDS.into_iter();
            let boards: Vec<&Board> = boards
                .filter(|board| features.is_empty() || board.has_fpu())
                .collect();
            let mut targets: Vec<&str> = boards.iter().map(|board| board.target).collect();
            targets.dedup();
            firmware::build(toolchain, &targets, level, features, &BINARIES)?;
            side_by_side(&boards, |board| {
                let place = || format!("{} at opt-level {level} {features}", board.name);
                let counts = BINARIES.iter().map(|binary| {
                    let count = run(board, binary, TIME_LIMIT);
                    count.with_context(|| format!("{binary} on {}", place()))
                });
                let count: usize = counts.sum::<Result<usize>>()?;
                println!(
                    "{}: {count} golden modules have the bits of the host",
                    place()
                );
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Runs a built binary that compares bits, and gives how many things it compared.
///
/// # Errors
/// If the run fails, or something has other bits.
pub fn run(board: &Board, binary: &str, limit: Duration) -> Result<usize> {
    same_bits(&qemu::run(
        board,
        &device::elf(board.target, binary),
        limit,
    )?)
}

/// Reads what such a binary prints: a line for each thing that was compared, then `end`.
fn same_bits(text: &str) -> Result<usize> {
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.pop() != Some("end") {
        bail!("the output stops before its end:\n{text}");
    }
    let other: Vec<&str> = lines
        .iter()
        .filter(|line| !line.starts_with("same "))
        .copied()
        .collect();
    match (lines.len(), other.as_slice()) {
        (0, _) => bail!("nothing was tested"),
        (count, []) => Ok(count),
        _ => bail!("other bits than on the host: {}", other.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::same_bits;

    #[test]
    fn a_module_with_other_bits_is_named() {
        assert_eq!(same_bits("same maf\nsame nsf\nend\n").unwrap(), 2);
        let error = same_bits("same maf\nother nsf\nend\n").unwrap_err();
        assert!(error.to_string().contains("other nsf"), "{error}");
        assert!(same_bits("same maf\n").is_err());
        assert!(same_bits("end\n").is_err());
    }
}
