//! Figures that somebody measured, in place of estimates.

use super::{Core, Cost, OptLevel, Run};
use crate::Optimise;

/// What the figures of a [`Cost`] come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// Estimated from the plan.
    #[default]
    Estimated,
    /// Flash of a linked firmware; instructions and stack estimated.
    Linked,
    /// Flash of a linked firmware, instructions and stack of its run.
    Measured,
}

impl Basis {
    /// In one word, for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Linked => "linked",
            Self::Measured => "measured",
        }
    }
}

/// What was measured of a compiled model: with it, model cards and budgets state
/// and hold what is so (see `flow-measure`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The core that it was compiled for.
    pub core: Core,
    /// The level of the compiler.
    pub level: OptLevel,
    /// What the code was made for.
    pub optimise: Optimise,
    /// Tables and code in flash, bytes.
    pub flash_bytes: usize,
    /// A `log_prob`, if it was run.
    pub log_prob: Option<Counted>,
    /// A `sample`, if it was run.
    pub sample: Option<Counted>,
}

/// What was counted of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Instructions, in the mean over events.
    pub instructions: usize,
    /// The worst stack, bytes.
    pub stack_bytes: usize,
}

impl Measured {
    /// Whether it is what a cost speaks of.
    pub(crate) fn is_of(&self, cost: &Cost) -> bool {
        (self.core, self.level, self.optimise) == (cost.chip.core, cost.chip.level, cost.optimise)
    }

    /// Replaces what was estimated.
    pub(crate) fn replace(&self, cost: &mut Cost) {
        cost.code_bytes = Some(self.flash_bytes.saturating_sub(cost.table_bytes));
        cost.basis = Basis::Linked;
        for (run, counted) in [
            (&mut cost.log_prob, self.log_prob),
            (&mut cost.sample, self.sample),
        ] {
            if let (Some(run), Some(counted)) = (run.as_mut(), counted) {
                *run = Run {
                    instructions: counted.instructions,
                    cycles: (run.cycles as f64 / run.instructions as f64
                        * counted.instructions as f64)
                        .ceil() as usize,
                    stack_bytes: counted.stack_bytes,
                };
                cost.basis = Basis::Measured;
            }
        }
    }
}
