//! Every family of flows on the chips: the self-tests of all golden modules, and the instructions
//! of each family on the Cortex-M4F, compared with the committed ones.

use std::collections::BTreeMap;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::board::{BOARDS, Board, CORTEX_M4F};
use crate::count;
use crate::elf::Elf;
use crate::figures::{self, Boards, Figures, Outcome};
use crate::firmware;
use crate::process;
use crate::qemu;
use crate::toolchain::Toolchain;
use crate::workspace;

/// How long the self-tests may run.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// How many instructions the traced run may take.
const INSTRUCTION_LIMIT: u64 = 50_000_000;
/// Begins the name of each function that is counted; the family's name and the operation's follow.
const PREFIX: &str = "bench_";
/// The operations.
const OPERATIONS: [&str; 2] = ["log_prob", "sample"];

/// Runs the self-tests of the golden modules on every board; counts the instructions of every
/// family, prints a table and compares it with the committed one.
///
/// # Errors
/// If a build or a run fails, a module has other bits than on the desk, or figures differ.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    for board in BOARDS {
        let golden = build(toolchain, board, "golden")?;
        let count = same_bits(&qemu::run(board, &golden, TIME_LIMIT)?)
            .with_context(|| format!("golden modules on {}", board.name))?;
        println!(
            "{}: {count} golden modules have the bits of the desk",
            board.name
        );
    }
    let board = &CORTEX_M4F;
    let elf = Elf::read(&build(toolchain, board, "families")?)?;
    let calls = count::calls(board, &elf, PREFIX, INSTRUCTION_LIMIT)?;
    let figures = means(&calls);
    println!(
        "instructions on the {}, by family and channels:",
        board.name
    );
    for (family, [log_prob, sample]) in rows(&figures) {
        println!("  {family:12} {log_prob:>9} per log_prob {sample:>9} per sample");
    }
    let measured = Boards::from([(board.name.to_owned(), figures)]);
    let file = firmware::folder().join("families.json");
    let bless = figures::bless_requested();
    match figures::check(&file, toolchain.version, &measured, bless)? {
        Outcome::Same => println!(
            "families within {} % of the committed ones",
            figures::TOLERANCE_PERCENT
        ),
        Outcome::Blessed => println!("figures written to {}", file.display()),
        Outcome::OtherCompiler(releases) => println!(
            "families NOT compared: this is rustc {}, the committed ones are of {}",
            toolchain.version.release(),
            releases.join(", ")
        ),
    }
    Ok(())
}

/// Builds one of the binaries that need the feature `families`, and gives its path.
fn build(toolchain: &Toolchain, board: &Board, binary: &str) -> Result<PathBuf> {
    let folder: &Path = &firmware::folder();
    let mut command = toolchain.cargo(folder, "build", board.target);
    command.args(["--release", "--quiet", "--features", "families"]);
    command.args(["--bin", binary]);
    process::run(&mut command)
        .with_context(|| format!("building `{binary}` for {}", board.name))?;
    let built = workspace::device_target().join(board.target);
    Ok(built.join("release").join(binary))
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

/// The mean instructions of each function, by its name without the prefix.
fn means(calls: &count::Calls) -> Figures {
    let mean = |(name, counts): (&String, &Vec<u64>)| {
        let name = name.trim_start_matches(PREFIX);
        let mean = counts.iter().sum::<u64>() / counts.len() as u64;
        (format!("{name}_instructions"), mean)
    };
    calls.iter().map(mean).collect()
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
    use super::{means, rows, same_bits};
    use crate::count::Calls;

    #[test]
    fn a_row_holds_both_operations_of_a_family() {
        let calls = Calls::from([
            ("bench_nsf_ar_4_log_prob".to_owned(), vec![10, 20]),
            ("bench_nsf_ar_4_sample".to_owned(), vec![30, 31]),
        ]);
        let figures = means(&calls);
        assert_eq!(figures["nsf_ar_4_log_prob_instructions"], 15);
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
