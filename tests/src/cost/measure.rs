//! Measures the models.

use super::models::Model;
use anyhow::Result;
use flow_codegen::{Chip, OptLevel};
use flow_measure::board::{Board, CORTEX_M0_LARGE, CORTEX_M3, CORTEX_M4F, CORTEX_M33, RISCV32IMC};
use flow_measure::level::Level;
use flow_measure::toolchain::Toolchain;
use flow_measure::{Bench, Figures, Probe};
use std::collections::BTreeMap;
use xtask::parallel::side_by_side;
use xtask::workspace;

/// The boards that models are measured on.
pub static BOARDS: [Board; 5] = [
    CORTEX_M0_LARGE,
    CORTEX_M3,
    CORTEX_M4F,
    CORTEX_M33,
    RISCV32IMC,
];

/// The boards that coefficients are fitted on: the Cortex-M33 has those of the Cortex-M4F, and models
/// that hold them to account.
#[must_use]
pub fn fitted() -> Vec<&'static Board> {
    let boards = BOARDS.iter();
    boards
        .filter(|board| board.target != CORTEX_M33.target)
        .collect()
}

/// The optimisation levels.
pub const LEVELS: [Level; 2] = [Level::Three, Level::S];

/// The chip of the compiler that a board stands for.
///
/// # Errors
/// The compiler does not know the core.
pub fn chip(board: &Board, level: Level) -> Result<Chip> {
    Ok(Chip {
        core: board.name.parse()?,
        clock_hz: None,
        level: match level {
            Level::S => OptLevel::S,
            _ => OptLevel::Three,
        },
    })
}

/// Figures by model, those of one board at one level.
pub type Place = BTreeMap<String, Figures>;

/// Measures models on a board at a level.
///
/// # Errors
/// A firmware does not build or run, or the counter is off.
pub fn measure(
    toolchain: &Toolchain,
    board: &'static Board,
    level: Level,
    models: &[&Model],
) -> Result<Place> {
    let bench = Bench {
        toolchain,
        folder: workspace::measure(),
        features: Vec::new(),
    };
    let probes: Vec<Probe> = models
        .iter()
        .map(|own| Probe::at(&own.name, &own.artefact, &own.options, own.events.clone()))
        .collect::<Result<_>>()?;
    let built = bench.build(board, chip(board, level)?.level, &probes)?;
    let probes: Vec<&Probe> = built.probes().collect();
    let figures = side_by_side(&probes, |probe| {
        Ok((probe.name.clone(), built.figures(probe)?))
    })?;
    Ok(figures.into_iter().collect())
}
