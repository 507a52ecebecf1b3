//! What the small reference flow weighs on a chip that only scores: tables and code apart, and
//! nothing in RAM.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::device;
use crate::figures::{Boards, Figures};
use crate::firmware;
use flow_measure::board::{Board, CORTEX_M0, CORTEX_M3, CORTEX_M4F};
use flow_measure::elf::{self, Elf};
use flow_measure::level::Level;
use flow_measure::toolchain::Toolchain;

/// The boards that are weighed, each at the level for small code.
const WEIGHED: [&Board; 3] = [&CORTEX_M0, &CORTEX_M3, &CORTEX_M4F];
/// A flow, whose binary has its name, and whether it is of integers.
const FLOWS: [(&str, bool); 6] = [
    ("maf_4", false),
    ("maf_4_size", false),
    ("maf_4_i8", true),
    ("maf_4_i8_size", true),
    ("maf_4_i16", true),
    ("nsf_ar_4_i8", true),
];
/// What the names of a model's tables have in common: they lie in the module `model`.
const TABLES: &str = "5model";

/// Weighs every flow and adds its figures.
///
/// # Errors
/// If a build fails, a flow takes RAM, or one of integers links floating point done in software.
pub fn measure(toolchain: &Toolchain, measured: &mut Boards) -> Result<()> {
    let names = FLOWS.map(|(name, _)| name);
    let binaries: Vec<&str> = names.into_iter().chain(["empty"]).collect();
    let (level, targets) = (Level::S, WEIGHED.map(|board| board.target));
    firmware::build(toolchain, &targets, level, "", &binaries)?;
    for board in WEIGHED {
        let empty = Elf::read(&device::elf(board.target, "empty"))?;
        let figures = measured.entry(level.key(board.name)).or_default();
        println!(
            "flash on the {} at opt-level {level}, of a firmware that only scores:",
            board.name
        );
        for (name, integers) in FLOWS {
            let path = device::elf(board.target, name);
            weigh(&path, name, integers, &empty, figures)
                .with_context(|| format!("{name} on {}", board.name))?;
        }
    }
    Ok(())
}

fn weigh(
    path: &Path,
    name: &str,
    integers: bool,
    empty: &Elf,
    figures: &mut Figures,
) -> Result<()> {
    let elf = Elf::read(path)?;
    if elf.sizes().ram() != 0 {
        bail!("takes {} bytes of RAM", elf.sizes().ram());
    }
    let wanted = if integers {
        elf::is_float_helper
    } else {
        elf::is_double_helper
    };
    let helpers = elf.symbols(wanted);
    if !helpers.is_empty() {
        bail!("links floating point in software: {}", helpers.join(", "));
    }
    let tables = elf.data_bytes(|symbol| symbol.contains(TABLES));
    if tables == 0 {
        bail!("no table is named `{TABLES}`");
    }
    let code = elf.sizes().flash() - empty.sizes().flash() - tables;
    println!("  {name:14} {tables:>6} bytes of tables {code:>6} of code");
    figures.insert(format!("{name}_table_bytes"), tables);
    figures.insert(format!("{name}_code_bytes"), code);
    Ok(())
}
