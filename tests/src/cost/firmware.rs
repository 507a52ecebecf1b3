//! What flows of the test firmware cost there, each alone in a binary: by other calls, another
//! counter and another start than those by which `flow codegen --measure` measures.

use super::measure::Place;
use anyhow::{Context, Result, bail};
use flow_measure::board::{self, Board};
use flow_measure::elf::Elf;
use flow_measure::level::Level;
use flow_measure::toolchain::Toolchain;
use flow_measure::{Figures, qemu};
use std::path::Path;
use std::time::Duration;
use xtask::parallel::side_by_side;
use xtask::{count, device, firmware};

/// How many instructions a traced run may take.
const INSTRUCTION_LIMIT: u64 = 50_000_000;
/// How long a run may take.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Measures flows, of [`ALONE`](super::models::ALONE), on a board at a level.
///
/// # Errors
/// A firmware does not build or run.
pub fn measure(
    toolchain: &Toolchain,
    board: &Board,
    level: Level,
    flows: &[&str],
) -> Result<Place> {
    // The board with the memory that the test firmware is linked for.
    let mut boards = board::BOARDS.into_iter();
    let board = boards
        .find(|own| own.name == board.name)
        .context("a board")?;
    let names = flows.iter().map(|name| format!("{PREFIX}{name}"));
    let names: Vec<String> = names.collect();
    let baselines = [false, true].map(|scored| baseline(scored).to_owned());
    let binaries: Vec<&str> = names.iter().chain(&baselines).map(String::as_str).collect();
    firmware::build(toolchain, &[board.target], level, "", &binaries)?;
    let elf = |name: &str| device::elf(board.target, name);
    let flash = |name: &str| Ok::<_, anyhow::Error>(Elf::read(&elf(name))?.sizes().flash());
    let place = side_by_side(&names, |name| {
        let mut figures = operations(board, &elf(name)).with_context(|| name.clone())?;
        let without = flash(baseline(figures.sample == 0.0))?;
        figures.flash = flash(name)? as f64 - without as f64;
        Ok((name[PREFIX.len()..].to_owned(), figures))
    })?;
    Ok(place.into_iter().collect())
}

/// Begins the name of each binary.
const PREFIX: &str = "alone_";

/// The same firmware without a flow.
fn baseline(scored: bool) -> &'static str {
    match scored {
        true => "alone_nothing_scored",
        false => "alone_nothing",
    }
}

/// Instructions and stack of the operations.
fn operations(board: &Board, path: &Path) -> Result<Figures> {
    let calls = count::calls(board, &Elf::read(path)?, INSTRUCTION_LIMIT)?;
    let counted = count::means(&calls);
    let instructions = |operation: &str| {
        let own = counted.get(&format!("{operation}_instructions"));
        own.copied().unwrap_or_default() as f64
    };
    let mut figures = Figures {
        log_prob: instructions("log_prob"),
        sample: instructions("sample"),
        ..Figures::default()
    };
    let text = qemu::run(board, path, TIME_LIMIT)?;
    for line in text.lines() {
        match line.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
            ["stack", "log_prob", depth] => figures.log_prob_stack = depth.parse()?,
            ["stack", "sample", depth] => figures.sample_stack = depth.parse()?,
            ["end"] => return Ok(figures),
            _ => bail!("not a line of this firmware: {line}"),
        }
    }
    bail!("the output stops before its end: {text}")
}
