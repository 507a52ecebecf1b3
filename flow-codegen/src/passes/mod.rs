//! What makes the code of a plan small and fast: each pass is a function from
//! plan to plan, and none changes a bit of what is computed.
//!
//! | pass | what it saves |
//! |---|---|
//! | `fold` | the moves of permutations |
//! | `pack` | masked weights, in flash and in work |
//! | `schedule` | all but one pass of the conditioner in the sequential direction |
//! | `layout` | loads of inputs, or code: as [`Optimise`] says |

mod fold;
mod layout;
mod pack;
mod schedule;

use crate::plan::Layout;
use crate::{Optimise, Plan};

/// Which passes run: all of them, unless one is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Permutations move nothing.
    pub fold: bool,
    /// Masked weights are neither stored nor multiplied.
    pub pack: bool,
    /// Each hidden unit is evaluated once, also in the sequential direction.
    pub schedule: bool,
}

impl Default for Passes {
    fn default() -> Self {
        Self {
            fold: true,
            pack: true,
            schedule: true,
        }
    }
}

/// Runs the passes that are switched on, and the one that lays tables out.
pub(crate) fn run(mut plan: Plan, passes: Passes, optimise: Optimise) -> Plan {
    if passes.fold {
        plan = fold::run(plan);
    }
    if passes.pack {
        plan = pack::run(plan);
    }
    if passes.schedule {
        plan = schedule::run(plan);
    }
    let layout = match optimise {
        Optimise::Speed => Layout::Wide,
        Optimise::Size => Layout::Small,
    };
    layout::run(plan, layout)
}
