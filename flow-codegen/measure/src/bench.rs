//! Builds the firmwares and reads what they show.

use crate::board::Board;
use crate::elf::Elf;
use crate::level::Level;
use crate::package::{self, EMPTY};
use crate::toolchain::Toolchain;
use crate::{Probe, process, qemu};
use anyhow::{Context, Result, bail};
use flow_codegen::cost::{Counted, Measured};
use flow_codegen::{Core, OptLevel, Optimise};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is added to the stack that was seen.
const STACK_MARGIN: f64 = 0.07;
/// What the stack is aligned to, bytes.
const STACK_UNIT: usize = 8;
/// Where in the folder of a [`Bench`] cargo builds, for all cores and levels: `core` is compiled once
/// for each.
pub const TARGET: &str = "target";
/// How long a run may take.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// What was measured of a model on a board at a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Flash that the model adds to a firmware that computes nothing else, bytes.
    pub flash: f64,
    /// Instructions of a `log_prob`, in the mean; zero if there is none.
    pub log_prob: f64,
    /// Worst stack of a `log_prob`, bytes.
    pub log_prob_stack: f64,
    /// Instructions of a `sample`, in the mean; zero if there is none.
    pub sample: f64,
    /// Worst stack of a `sample`, bytes.
    pub sample_stack: f64,
}

impl Figures {
    /// What takes the place of the compiler's estimates. The stack has a margin of
    /// 7 %: what a firmware inlines around a call changes its frame.
    #[must_use]
    pub fn measured(&self, core: Core, level: OptLevel, optimise: Optimise) -> Measured {
        let counted = |instructions: f64, stack: f64| {
            let stack = (1.0 + STACK_MARGIN) * stack;
            (instructions > 0.0).then_some(Counted {
                instructions: instructions as usize,
                stack_bytes: (stack.ceil() as usize).next_multiple_of(STACK_UNIT),
            })
        };
        Measured {
            core,
            level,
            optimise,
            flash_bytes: self.flash.max(0.0) as usize,
            log_prob: counted(self.log_prob, self.log_prob_stack),
            sample: counted(self.sample, self.sample_stack),
        }
    }

    /// Every figure with its name.
    #[must_use]
    pub fn all(&self) -> [(&'static str, f64); 5] {
        [
            ("flash", self.flash),
            ("log_prob", self.log_prob),
            ("log_prob stack", self.log_prob_stack),
            ("sample", self.sample),
            ("sample stack", self.sample_stack),
        ]
    }
}

/// Where models are measured.
#[derive(Debug)]
pub struct Bench<'t> {
    /// What builds the firmwares.
    pub toolchain: &'t Toolchain,
    /// A folder for what is generated and built; what it has makes the next time
    /// quicker. One bench at a time may use it.
    pub folder: PathBuf,
    /// Features of `flow-embedded` that the firmwares turn on.
    pub features: Vec<String>,
}

impl Bench<'_> {
    /// Builds a firmware around each model. The next build of the folder replaces these firmwares:
    /// read what they show before it.
    ///
    /// # Errors
    /// The package cannot be written or built.
    pub fn build<'p>(
        &self,
        board: &'static Board,
        level: OptLevel,
        probes: &'p [Probe],
    ) -> Result<Built<'p>> {
        let package = self.folder.join("package");
        package::write(&package, probes, &self.features)?;
        let target = self.folder.join(TARGET);
        let mut command = self.toolchain.build(&package, &[board.target], &target);
        process::run(Level::from(level).apply(&mut command))
            .with_context(|| format!("building for {} at {level}", board.name))?;
        let folder = target.join(board.target).join("release");
        let empty = Elf::read(&folder.join(EMPTY))?.sizes().flash();
        Ok(Built {
            board,
            level,
            folder,
            empty,
            probes,
        })
    }
}

/// Built firmwares.
#[derive(Debug)]
pub struct Built<'p> {
    board: &'static Board,
    level: OptLevel,
    folder: PathBuf,
    empty: u64,
    probes: &'p [Probe],
}

impl<'p> Built<'p> {
    /// What there is, in the order that was given.
    pub fn probes(&self) -> impl Iterator<Item = &'p Probe> {
        self.probes.iter()
    }

    /// The flash that a model adds, bytes.
    ///
    /// # Errors
    /// The firmware cannot be read.
    pub fn flash(&self, probe: &Probe) -> Result<f64> {
        let flash = Elf::read(&self.folder.join(&probe.name))?.sizes().flash();
        let events = probe.events.iter().map(|(e, c)| 4 * (e.len() + c.len()));
        Ok(flash as f64 - self.empty as f64 - events.sum::<usize>() as f64)
    }

    /// What takes the place of the compiler's estimates for a core that the board
    /// stands for; without the emulator, flash alone.
    ///
    /// # Errors
    /// The firmware cannot be read, or the run fails.
    pub fn measured(&self, core: Core, probe: &Probe) -> Result<Measured> {
        let own = match self.board.can_run() {
            true => self.figures(probe)?,
            false => Figures {
                flash: self.flash(probe)?,
                ..Figures::default()
            },
        };
        Ok(own.measured(core, self.level, probe.optimise))
    }

    /// Everything, by a run on the emulated board.
    ///
    /// # Errors
    /// The firmware cannot be read, the emulator is missing, or the run fails.
    pub fn figures(&self, probe: &Probe) -> Result<Figures> {
        let place = || format!("{} on {}", probe.name, self.board.name);
        let figures = run(self.board, &self.folder.join(&probe.name)).with_context(place)?;
        Ok(Figures {
            flash: self.flash(probe)?,
            ..figures
        })
    }
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
