//! The instructions of every family of flows on the chips, counted by tracing the emulator.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::count;
use crate::device;
use crate::figures::{Boards, Figures};
use crate::firmware;
use crate::parallel::side_by_side;
use flow_measure::board::{Board, CORTEX_M0, CORTEX_M3, CORTEX_M4F, CORTEX_M33, RISCV32IMC};
use flow_measure::elf::Elf;
use flow_measure::level::Level;
use flow_measure::toolchain::Toolchain;

/// How many instructions a traced run may take.
const INSTRUCTION_LIMIT: u64 = 50_000_000;
/// The operations.
const OPERATIONS: [&str; 2] = ["log_prob", "sample"];
/// The feature of the firmware for dense layers in assembly.
pub const ASSEMBLY: &str = "asm";

/// Whose instructions are counted: board, binary, and whether dense layers are in assembly.
const COUNTED: [(&Board, &str, bool); 8] = [
    (&CORTEX_M0, "reference", false),
    (&RISCV32IMC, "reference", false),
    (&CORTEX_M3, "reference", false),
    (&CORTEX_M33, "reference", false),
    (&CORTEX_M4F, "families", false),
    (&CORTEX_M4F, "reference", false),
    (&CORTEX_M4F, "families", true),
    (&CORTEX_M4F, "reference", true),
];

/// Counts the instructions of the flows whose binaries without assembly were just built at a level;
/// builds the others.
///
/// # Errors
/// If a build or a run fails.
pub fn count(toolchain: &Toolchain, level: Level) -> Result<Boards> {
    let mut boards = Boards::new();
    for assembly in [false, true] {
        if assembly {
            let binaries = ["reference", "families"];
            let targets = [CORTEX_M4F.target];
            firmware::build(toolchain, &targets, level, ASSEMBLY, &binaries)?;
        }
        let own: Vec<_> = COUNTED.iter().filter(|own| own.2 == assembly).collect();
        let counted = side_by_side(&own, |(board, binary, _)| {
            let elf = Elf::read(&device::elf(board.target, binary))?;
            let calls = count::calls(board, &elf, INSTRUCTION_LIMIT)?;
            Ok(count::means(&calls))
        })?;
        for ((board, ..), figures) in own.into_iter().zip(counted) {
            let addition = if assembly { "-asm" } else { "" };
            let key = level.key(&format!("{}{addition}", board.name));
            boards.entry(key).or_default().extend(figures);
        }
    }
    for (key, figures) in &boards {
        print(key, figures);
    }
    Ok(boards)
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
    use super::rows;
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
}
