//! Flows of every kind on the chips: the self-tests of all golden modules, dense layers in assembly
//! against those in Rust, and the instructions and the flash of every family, compared with the
//! committed ones.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::bars;
use crate::count;
use crate::figures::{self, Boards, Figures};
use crate::firmware::{self, LEVELS};
use crate::flash;
use crate::workspace;
use flow_measure::board::{
    BOARDS, Board, CORTEX_M0, CORTEX_M3, CORTEX_M4F, CORTEX_M33, RISCV32IMC,
};
use flow_measure::elf::Elf;
use flow_measure::level::Level;
use flow_measure::process;
use flow_measure::qemu;
use flow_measure::toolchain::Toolchain;

/// How long the self-tests may run.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// How many instructions a traced run may take.
const INSTRUCTION_LIMIT: u64 = 50_000_000;
/// The operations.
const OPERATIONS: [&str; 2] = ["log_prob", "sample"];
/// The feature of the firmware that has all flows.
pub const PLAIN: &str = "families";
/// The same with dense layers in assembly.
const ASSEMBLY: &str = "families,asm";
/// The binaries that hold the golden modules.
const GOLDEN: [&str; 5] = [
    "golden",
    "golden_columns",
    "golden_layouts",
    "golden_integers",
    "golden_imported",
];
/// Most rows of a panel in assembly.
const PANEL_ROWS: usize = 12;

/// Whose instructions are counted: board, features, what is added to the board's key, and the
/// binaries.
const COUNTED: [(&Board, &str, &str, &[&str]); 6] = [
    (&CORTEX_M4F, PLAIN, "", &["reference", "families"]),
    (&CORTEX_M4F, ASSEMBLY, "-asm", &["reference", "families"]),
    (&CORTEX_M33, PLAIN, "", &["reference"]),
    (&CORTEX_M3, PLAIN, "", &["reference"]),
    (&RISCV32IMC, PLAIN, "", &["reference"]),
    (&CORTEX_M0, PLAIN, "", &["reference"]),
];

/// Runs the self-tests of the golden modules on every board and the twins where there is an FPU;
/// counts the instructions of every family, weighs the reference flow, prints tables and compares
/// them with the committed ones.
///
/// # Errors
/// If a build or a run fails, a module has other bits than on the desk, figures differ or pass
/// their limits.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    for board in BOARDS {
        golden(toolchain, board, PLAIN)?;
        if board.has_fpu() {
            golden(toolchain, board, ASSEMBLY)?;
            twins(toolchain, board)?;
        }
    }
    let mut measured = Boards::new();
    for (board, features, addition, binaries) in COUNTED {
        for level in LEVELS {
            let built = build(toolchain, board, level, features, binaries)?;
            let key = level.key(&format!("{}{addition}", board.name));
            let figures = measured.entry(key.clone()).or_default();
            for binary in binaries {
                let elf = Elf::read(&built.join(binary))?;
                let calls = count::calls(board, &elf, INSTRUCTION_LIMIT)?;
                figures.extend(count::means(&calls));
            }
            print(&key, figures);
        }
    }
    flash::measure(toolchain, &mut measured)?;
    println!("what is promised:");
    bars::check(&measured)?;
    let file = firmware::folder().join("families.json");
    figures::check(&file, toolchain.version, &measured)
}

fn golden(toolchain: &Toolchain, board: &Board, features: &str) -> Result<()> {
    let built = build(toolchain, board, Level::Three, features, &GOLDEN)?;
    let mut count = 0;
    for binary in GOLDEN {
        let text = qemu::run(board, &built.join(binary), TIME_LIMIT)?;
        count += same_bits(&text)
            .with_context(|| format!("{binary} on {} with {features}", board.name))?;
    }
    println!(
        "{} with {features}: {count} golden modules have the bits of the desk",
        board.name
    );
    Ok(())
}

/// Holds dense layers in assembly against those in Rust.
fn twins(toolchain: &Toolchain, board: &Board) -> Result<()> {
    let built = build(toolchain, board, Level::Three, ASSEMBLY, &["twins"])?;
    let path = built.join("twins");
    let elf = Elf::read(&path)?;
    // Rust would have the bits of Rust.
    for rows in 1..=PANEL_ROWS {
        elf.require(&format!("flow_panel_{rows}"))?;
        elf.require(&format!("flow_panel_relu_{rows}"))?;
    }
    let count = same_bits(&qemu::run(board, &path, TIME_LIMIT)?)
        .with_context(|| format!("panels in assembly on {}", board.name))?;
    if count != PANEL_ROWS {
        bail!("{}: {count} panels of {PANEL_ROWS}", board.name);
    }
    println!(
        "{}: {count} panels in assembly have the bits of Rust",
        board.name
    );
    Ok(())
}

/// Builds binaries of the test firmware with features, and gives the folder that holds them.
///
/// # Errors
/// If the build fails.
pub fn build(
    toolchain: &Toolchain,
    board: &Board,
    level: Level,
    features: &str,
    binaries: &[&str],
) -> Result<PathBuf> {
    let mut command = toolchain.build(
        &firmware::folder(),
        board.target,
        &workspace::device_target(),
    );
    command.args(["--features", features]);
    for binary in binaries {
        command.args(["--bin", binary]);
    }
    process::run(level.apply(&mut command))
        .with_context(|| format!("building {} for {}", binaries.join(", "), board.name))?;
    Ok(workspace::device_release(board.target))
}

fn print(key: &str, figures: &Figures) {
    println!("instructions on {key}, by flow and channels:");
    for (flow, counts) in rows(figures) {
        print!("  {flow:14}");
        for (operation, count) in OPERATIONS.iter().zip(counts) {
            match count {
                Some(count) => print!(" {count:>9} per {operation}"),
                None => print!(" {:>9} without {operation}", ""),
            }
        }
        println!();
    }
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

/// The instructions of the operations, by flow.
fn rows(figures: &Figures) -> BTreeMap<&str, [Option<u64>; 2]> {
    let mut rows = BTreeMap::new();
    for (place, operation) in OPERATIONS.iter().enumerate() {
        let suffix = format!("_{operation}_instructions");
        for (name, value) in figures {
            if let Some(flow) = name.strip_suffix(&suffix) {
                rows.entry(flow).or_insert([None; 2])[place] = Some(*value);
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
    fn a_row_holds_the_operations_of_a_flow() {
        let figures = Figures::from([
            ("nsf_ar_4_log_prob_instructions".to_owned(), 15),
            ("nsf_ar_4_sample_instructions".to_owned(), 30),
            ("maf_4_i8_log_prob_instructions".to_owned(), 5),
        ]);
        assert_eq!(rows(&figures)["nsf_ar_4"], [Some(15), Some(30)]);
        assert_eq!(rows(&figures)["maf_4_i8"], [Some(5), None]);
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
