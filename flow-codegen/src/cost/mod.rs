//! What a model costs, before it is flashed.
//!
//! Tables and multiply-accumulates are exact. Code, stack and instructions are
//! counts of what a plan compiles to (`work`), times coefficients that were
//! fitted to firmware around many random models, built with link-time
//! optimisation and run under emulation (`cargo xtask cost`). How far they are
//! off on models that they were not fitted to is tested, and listed in
//! `docs/cost.md`. Cycles are estimates from a [timing table](Timing).
//!
//! Flash is what a model adds to a firmware that computes nothing else: with
//! floating point in software, that includes its routines.
//!
//! Where estimates do not serve, [`Measured`] figures take their place.

mod budget;
mod coefficients;
mod core;
mod fitted;
mod measured;
mod predict;
mod tables;
mod timing;
mod work;

pub use self::core::{Core, UnknownCore};
pub use budget::{Budget, Excess, Overrun, Remedy, Resource, Seconds};
pub use fitted::Unmodelled;
pub use measured::{Basis, Counted, Measured};
pub use timing::{Mix, Timing};
pub use work::{Operation, Tally, Work};

use crate::{Optimise, Plan};
use predict::{Coefficients, total};
use std::fmt;

/// The optimisation level at which the firmware is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OptLevel {
    /// `opt-level = 3`.
    #[default]
    Three,
    /// `opt-level = "s"`.
    S,
}

impl OptLevel {
    /// Both levels.
    pub const ALL: [Self; 2] = [Self::Three, Self::S];

    /// As a profile has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Three => "3",
            Self::S => "s",
        }
    }
}

impl fmt::Display for OptLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The chip that a model is to run on, and how its firmware is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chip {
    /// The core.
    pub core: Core,
    /// Its clock in Hz; by default [`Core::clock_hz`].
    pub clock_hz: Option<u64>,
    /// The level of the compiler.
    pub level: OptLevel,
}

impl Chip {
    /// The clock in Hz, given or usual.
    pub fn clock(&self) -> u64 {
        self.clock_hz.unwrap_or(self.core.clock_hz())
    }
}

/// What a compiled model costs on a chip.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// The chip.
    pub chip: Chip,
    /// What the code is made for.
    pub optimise: Optimise,
    /// What the figures come from; tables and multiply-accumulates are exact.
    pub basis: Basis,
    /// Weights, standardisation and calibration table in flash, bytes.
    pub table_bytes: usize,
    /// What keeps code, instructions and stack from being estimated, if anything does: they are none until they are
    /// measured.
    pub unmodelled: Option<Unmodelled>,
    /// Code in flash, bytes.
    pub code_bytes: Option<usize>,
    /// Multiply-accumulates of one `log_prob`; of one `sample` as well, since
    /// each hidden unit is evaluated once there too.
    pub macs: usize,
    /// One `log_prob`, if the module scores and it is known.
    pub log_prob: Option<Run>,
    /// One `sample`, if the module draws samples and it is known.
    pub sample: Option<Run>,
}

/// One call of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Instructions.
    pub instructions: usize,
    /// Estimated cycles, by the core's [`Timing`].
    pub cycles: usize,
    /// Worst stack, bytes.
    pub stack_bytes: usize,
}

impl Cost {
    /// Reads the cost off a plan.
    pub(crate) fn of(plan: &Plan, optimise: Optimise, chip: Chip) -> Self {
        let work = Work::of(plan);
        let unmodelled = Unmodelled::of(plan, chip.core);
        let coefficients = match unmodelled {
            Some(_) => None,
            None => Coefficients::of(chip.core, chip.level, work.integer),
        };
        let timing = chip.core.timing().zip(chip.core.mix(work.integer));
        let run = |operation: &Option<Operation>| {
            let (own, operation) = coefficients.zip(operation.as_ref())?;
            let instructions = total(own.steps, &operation.steps);
            let (timing, mix) = timing?;
            Some(Run {
                instructions,
                cycles: timing.cycles_of(&mix, instructions),
                stack_bytes: total(own.stack, &operation.stack),
            })
        };
        Self {
            chip,
            optimise,
            basis: Basis::Estimated,
            table_bytes: work.table_bytes,
            unmodelled,
            code_bytes: coefficients.map(|own| total(own.code, &work.code)),
            macs: tables::macs(plan),
            log_prob: run(&work.log_prob),
            sample: run(&work.sample),
        }
    }

    /// Everything in flash, bytes.
    pub fn flash_bytes(&self) -> Option<usize> {
        Some(self.table_bytes + self.code_bytes?)
    }

    /// The worst stack of scoring or sampling, bytes. There is no other RAM:
    /// generated code has no mutable statics.
    pub fn ram_bytes(&self) -> Option<usize> {
        self.runs().map(|run| run.stack_bytes).max()
    }

    /// The time of the slower operation at the chip's clock, seconds.
    pub fn seconds(&self) -> Option<f64> {
        let slower = self.runs().map(|run| run.cycles).max()?;
        Some(slower as f64 / self.chip.clock() as f64)
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        self.log_prob.iter().chain(&self.sample)
    }
}
