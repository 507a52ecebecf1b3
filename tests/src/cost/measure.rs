//! Builds the firmwares and reads what they show.

use super::models::Model;
use super::package::{self, EMPTY};
use anyhow::{Context, Result, bail};
use flow_codegen::{Chip, OptLevel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use xtask::board::{Board, CORTEX_M0, CORTEX_M3, CORTEX_M4F, CORTEX_M33, RISCV32IMC};
use xtask::elf::Elf;
use xtask::level::Level;
use xtask::toolchain::Toolchain;
use xtask::{process, qemu};

/// The boards that models are measured on. The code of a Cortex-M0 runs on the board of
/// the Cortex-M4, whose memory holds every model and whose timer counts alike.
pub const BOARDS: [Board; 5] = [
    Board {
        machine: CORTEX_M4F.machine,
        ..CORTEX_M0
    },
    CORTEX_M3,
    CORTEX_M4F,
    CORTEX_M33,
    RISCV32IMC,
];

/// The boards that coefficients are fitted on: the Cortex-M33 has those of the Cortex-M4F, and models
/// that hold them to account.
#[must_use]
pub fn fitted() -> Vec<Board> {
    let boards = BOARDS.into_iter();
    boards
        .filter(|board| board.target != CORTEX_M33.target)
        .collect()
}

/// The optimisation levels.
pub const LEVELS: [Level; 2] = [Level::Three, Level::S];

/// How long a run may take.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// What was measured of a model on a board at a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Flash that the model adds to a firmware, bytes.
    pub flash: f64,
    /// Instructions of a `log_prob`, zero if there is none.
    pub log_prob: f64,
    /// Worst stack of a `log_prob`, bytes.
    pub log_prob_stack: f64,
    /// Instructions of a `sample`, zero if there is none.
    pub sample: f64,
    /// Worst stack of a `sample`, bytes.
    pub sample_stack: f64,
}

impl Figures {
    /// Every figure with its name.
    pub(super) fn all(&self) -> [(&'static str, f64); 5] {
        [
            ("flash", self.flash),
            ("log_prob", self.log_prob),
            ("log_prob stack", self.log_prob_stack),
            ("sample", self.sample),
            ("sample stack", self.sample_stack),
        ]
    }
}

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
    board: &Board,
    level: Level,
    models: &[Model],
) -> Result<Place> {
    package::write(models)?;
    let built = build(toolchain, board, level)?;
    let empty = Elf::read(&built.join(EMPTY))?.sizes().flash();
    let figures = models.iter().map(|model| {
        let elf = built.join(&model.name);
        let place = || format!("{} on {} at {level}", model.name, board.name);
        let mut own = run(board, &elf).with_context(place)?;
        let flash = Elf::read(&elf)?.sizes().flash();
        let events = model.events.iter().map(|(e, c)| 4 * (e.len() + c.len()));
        own.flash = flash as f64 - empty as f64 - events.sum::<usize>() as f64;
        Ok((model.name.clone(), own))
    });
    figures.collect()
}

fn build(toolchain: &Toolchain, board: &Board, level: Level) -> Result<PathBuf> {
    // A folder of its own for each level, so that none is built twice.
    let target = package::folder().join(level.name());
    let mut command = toolchain.build(&package::package(), board.target);
    process::run(level.apply(&mut command).env("CARGO_TARGET_DIR", &target))
        .with_context(|| format!("building for {} at {level}", board.name))?;
    Ok(target.join(board.target).join("release"))
}

fn run(board: &Board, elf: &Path) -> Result<Figures> {
    let mut command = qemu::command(board, elf);
    command.args(["-icount", "shift=5"]);
    let done = process::capture_within(&mut command, TIME_LIMIT)?;
    if !done.status.success() {
        bail!("failed ({}): {}{}", done.status, done.stdout, done.stderr);
    }
    parse(&done.stdout)
}

/// Reads what a firmware prints: ticks of a loop of `2 n + 2` instructions at two lengths, then
/// the operations.
fn parse(text: &str) -> Result<Figures> {
    let mut figures = Figures::default();
    let mut loops = Vec::new();
    let mut ended = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let numbers: Vec<f64> = words
            .iter()
            .skip(1)
            .filter_map(|w| w.parse().ok())
            .collect();
        match (
            words.first().copied().unwrap_or_default(),
            numbers.as_slice(),
        ) {
            ("loop", [rounds, ticks]) => loops.push((2.0 * rounds + 2.0, *ticks)),
            (name @ ("log_prob" | "sample"), [ticks, calls, stack]) => {
                let [(few, short), (many, long)] = loops.as_slice() else {
                    bail!("no calibration before {line}");
                };
                let tick = (many - few) / (long - short);
                let overhead = short - few / tick;
                let instructions = (ticks / calls - overhead) * tick;
                let (place, depth) = match name {
                    "log_prob" => (&mut figures.log_prob, &mut figures.log_prob_stack),
                    _ => (&mut figures.sample, &mut figures.sample_stack),
                };
                (*place, *depth) = (instructions.round(), *stack);
            }
            ("end", []) => ended = true,
            _ => bail!("not a line of this firmware: {line}"),
        }
    }
    if !ended {
        bail!("the output stops before its end: {text}");
    }
    Ok(figures)
}
