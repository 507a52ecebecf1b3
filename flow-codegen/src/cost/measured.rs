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

    /// Replaces what was estimated, and fills in what was not.
    pub(crate) fn replace(&self, cost: &mut Cost, integer: bool) {
        cost.code_bytes = Some(self.flash_bytes.saturating_sub(cost.table_bytes));
        cost.basis = Basis::Linked;
        let core = cost.chip.core;
        let Some((timing, mix)) = core.timing().zip(core.mix(integer)) else {
            return;
        };
        for (run, counted) in [
            (&mut cost.log_prob, self.log_prob),
            (&mut cost.sample, self.sample),
        ] {
            if let Some(counted) = counted {
                *run = Some(Run {
                    instructions: counted.instructions,
                    cycles: timing.cycles_of(&mix, counted.instructions),
                    stack_bytes: counted.stack_bytes,
                });
                cost.basis = Basis::Measured;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Basis, Counted, Measured};
    use crate::cost::{Chip, Core, Cost, OptLevel, Unmodelled};
    use crate::{Budget, Optimise};
    use std::time::Duration;

    /// What was not estimated, as the code of weights of half precision, is known once it is measured: a budget then
    /// passes or not by that.
    #[test]
    fn what_is_not_estimated_is_filled_in_by_measurement() {
        let mut cost = Cost {
            chip: Chip {
                core: Core::CortexM4F,
                ..Chip::default()
            },
            optimise: Optimise::Speed,
            basis: Basis::Estimated,
            table_bytes: 1_000,
            unmodelled: Some(Unmodelled::HalfPrecision),
            code_bytes: None,
            macs: 100,
            log_prob: None,
            sample: None,
        };
        let budget = Budget {
            flash: Some(4_000),
            ram: Some(500),
            latency: Some(Duration::from_millis(1)),
        };
        assert_eq!(budget.unknown(&cost).len(), 3);
        let counted = |instructions| Counted {
            instructions,
            stack_bytes: 400,
        };
        let measured = Measured {
            core: Core::CortexM4F,
            level: OptLevel::Three,
            optimise: Optimise::Speed,
            flash_bytes: 3_000,
            log_prob: Some(counted(10_000)),
            sample: None,
        };
        measured.replace(&mut cost, false);
        assert!(budget.unknown(&cost).is_empty() && budget.excesses(&cost).is_empty());
        assert_eq!((cost.code_bytes, cost.sample), (Some(2_000), None));
        let run = cost.log_prob.expect("measured");
        assert!((20_000..25_000).contains(&run.cycles), "{run:?}");
        assert_eq!(cost.basis, Basis::Measured);
        // 1 ms at 168 MHz are 168,000 cycles.
        let slow = Measured {
            log_prob: Some(counted(100_000)),
            ..measured
        };
        slow.replace(&mut cost, false);
        assert_eq!(budget.excesses(&cost).len(), 1);
    }
}
