//! Every committed model on the chips: one image for each target runs all artefacts of floating point
//! through the loader against the frozen bits, and the self-tests of some generated modules. That
//! generated code has the loader's bits is proved on the host for every module, and by the full matrix
//! ([`golden`]) on the chips.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::device;
use crate::families::ASSEMBLY;
use crate::parallel::side_by_side;
use crate::{firmware, golden};
use flow_measure::board::{
    Board, CORTEX_M0_LARGE, CORTEX_M3, CORTEX_M4F, CORTEX_M7, CORTEX_M33, RISCV32IMC, TARGETS,
};
use flow_measure::elf::Elf;
use flow_measure::level::Level;
use flow_measure::toolchain::Toolchain;

/// The boards; the Cortex-M0's own has no room for the image.
const BOARDS: [&Board; 6] = [
    &CORTEX_M0_LARGE,
    &RISCV32IMC,
    &CORTEX_M3,
    &CORTEX_M33,
    &CORTEX_M4F,
    &CORTEX_M7,
];
/// Those with an FPU.
const WITH_FPU: [&Board; 3] = [&CORTEX_M33, &CORTEX_M4F, &CORTEX_M7];
/// Those that run the image with dense layers in assembly, which is the same for each of [`WITH_FPU`].
const IN_ASSEMBLY: [&Board; 2] = [&CORTEX_M4F, &CORTEX_M7];
/// The feature of the firmware for the memory of [`BOARDS`].
const LARGE: &str = "large";
/// How long a run may take on a slow machine.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// Most rows of a panel in assembly.
const PANEL_ROWS: usize = 12;

/// Runs the image on every board, and again with dense layers in assembly, beside the twins: panels in assembly against those in Rust.
///
/// # Errors
/// If a build or a run fails, or a bit differs.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    firmware::build(toolchain, &TARGETS, Level::Three, LARGE, &["corpus"])?;
    run(&BOARDS, "")?;
    let features = [LARGE, ASSEMBLY].join(",");
    let build = |targets: &[&str], binary| {
        firmware::build(toolchain, targets, Level::Three, &features, &[binary])
    };
    build(&[CORTEX_M4F.target], "corpus")?;
    run(&IN_ASSEMBLY, " in assembly")?;
    build(&[CORTEX_M4F.target, CORTEX_M33.target], "twins")?;
    side_by_side(&WITH_FPU, |board| twins(board))?;
    Ok(())
}

fn run(boards: &[&Board], how: &str) -> Result<()> {
    side_by_side(boards, |board| {
        let count = golden::run(board, "corpus", TIME_LIMIT);
        let count = count.with_context(|| format!("corpus on {}{how}", board.name))?;
        println!("{}{how}: {count} models have the frozen bits", board.name);
        Ok(())
    })?;
    Ok(())
}

/// Holds dense layers in assembly against those in Rust.
fn twins(board: &Board) -> Result<()> {
    let elf = Elf::read(&device::elf(board.target, "twins"))?;
    // Rust would have the bits of Rust.
    for rows in 1..=PANEL_ROWS {
        elf.require(&format!("flow_panel_{rows}"))?;
        elf.require(&format!("flow_panel_relu_{rows}"))?;
    }
    let count = golden::run(board, "twins", TIME_LIMIT);
    let count = count.with_context(|| format!("panels in assembly on {}", board.name))?;
    if count != PANEL_ROWS {
        bail!("{}: {count} panels of {PANEL_ROWS}", board.name);
    }
    println!(
        "{}: {count} panels in assembly have the bits of Rust",
        board.name
    );
    Ok(())
}
