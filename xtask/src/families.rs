//! Every family of flows on the chips: the self-tests of all golden modules, and the instructions
//! of each family on the Cortex-M4F, compared with the committed ones.

use std::collections::BTreeMap;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::board::{BOARDS, Board, CORTEX_M4F};
use crate::count;
use crate::elf::Elf;
use crate::figures::{self, Boards, Figures};
use crate::firmware::{self, LEVELS};
use crate::level::Level;
use crate::process;
use crate::qemu;
use crate::toolchain::Toolchain;
use crate::workspace;

/// How long the self-tests may run.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// How many instructions the traced run may take.
const INSTRUCTION_LIMIT: u64 = 50_000_000;
/// The operations.
const OPERATIONS: [&str; 2] = ["log_prob", "sample"];

/// Runs the self-tests of the golden modules on every board; counts the instructions of every
/// family, prints a table for each optimisation level and compares it with the committed one.
///
/// # Errors
/// If a build or a run fails, a module has other bits than on the desk, or figures differ.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    for board in BOARDS {
        let golden = build(toolchain, board, Level::Three, "golden")?;
        let count = same_bits(&qemu::run(board, &golden, TIME_LIMIT)?)
            .with_context(|| format!("golden modules on {}", board.name))?;
        println!(
            "{}: {count} golden modules have the bits of the desk",
            board.name
        );
    }
    let board = &CORTEX_M4F;
    let mut measured = Boards::new();
    for level in LEVELS {
        let elf = Elf::read(&build(toolchain, board, level, "families")?)?;
        let figures = count::means(&count::calls(board, &elf, INSTRUCTION_LIMIT)?);
        println!(
            "instructions on the {} at opt-level {level}, by family and channels:",
            board.name
        );
        for (family, [log_prob, sample]) in rows(&figures) {
            println!("  {family:12} {log_prob:>9} per log_prob {sample:>9} per sample");
        }
        measured.insert(level.key(board), figures);
    }
    let file = firmware::folder().join("families.json");
    figures::check(&file, toolchain.version, &measured)
}

/// Builds one of the binaries that need the feature `families`, and gives its path.
fn build(toolchain: &Toolchain, board: &Board, level: Level, binary: &str) -> Result<PathBuf> {
    let mut command = toolchain.build(&firmware::folder(), board.target);
    command.args(["--features", "families", "--bin", binary]);
    process::run(level.apply(&mut command))
        .with_context(|| format!("building `{binary}` for {}", board.name))?;
    Ok(workspace::device_release(board.target).join(binary))
}

/// Reads what `golden` prints: the number of modules, all of which must have the desk's bits.
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
        (0, _) => bail!("no module was tested"),
        (count, []) => Ok(count),
        _ => bail!("other bits than on the desk: {}", other.join(", ")),
    }
}

/// The instructions of both operations, by family.
fn rows(figures: &Figures) -> BTreeMap<&str, [u64; 2]> {
    let mut rows = BTreeMap::new();
    for (place, operation) in OPERATIONS.iter().enumerate() {
        let suffix = format!("_{operation}_instructions");
        for (name, value) in figures {
            if let Some(family) = name.strip_suffix(&suffix) {
                rows.entry(family).or_insert([0; 2])[place] = *value;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::{rows, same_bits};
    use crate::figures::Figures;

    #[test]
    fn a_row_holds_both_operations_of_a_family() {
        let figures = Figures::from([
            ("nsf_ar_4_log_prob_instructions".to_owned(), 15),
            ("nsf_ar_4_sample_instructions".to_owned(), 30),
        ]);
        assert_eq!(rows(&figures)["nsf_ar_4"], [15, 30]);
    }

    #[test]
    fn a_module_with_other_bits_is_named() {
        assert_eq!(same_bits("same maf\nsame nsf\nend\n").unwrap(), 2);
        let error = same_bits("same maf\nother nsf\nend\n").unwrap_err();
        assert!(error.to_string().contains("other nsf"), "{error}");
        assert!(same_bits("same maf\n").is_err());
        assert!(same_bits("end\n").is_err());
    }
}
