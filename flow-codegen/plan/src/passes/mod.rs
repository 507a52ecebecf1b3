//! What makes the code of a plan small and fast: each pass is a function from
//! plan to plan. None but `quantise`, which the artefact asks for, changes a bit
//! of what is computed.
//!
//! | pass | what it saves |
//! |---|---|
//! | `fold` | the moves of permutations |
//! | `pack` | masked weights, in flash and in work |
//! | `schedule` | all but one pass of the conditioner in the sequential direction |
//! | `quantise` | flash, and floating point where there is no unit for it |
//! | `layout` | loads of inputs, or code: as [`Optimise`] says |

mod fold;
mod layout;
mod pack;
mod quantise;
mod schedule;

pub use quantise::weight_scale;

use crate::plan::Layout;
use crate::{Error, Optimise, Plan};
use flow_embedded::artefact::Quantisation;

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

/// Runs the passes that are switched on, and those that the model and the
/// layout ask for.
///
/// # Errors
/// The model can't have the form that `quantisation` asks for.
pub fn run(
    mut plan: Plan,
    passes: Passes,
    optimise: Optimise,
    quantisation: Option<&Quantisation<'_>>,
) -> Result<Plan, Error> {
    if passes.fold {
        plan = fold::run(plan);
    }
    if passes.pack {
        plan = pack::run(plan);
    }
    if passes.schedule {
        plan = schedule::run(plan);
    }
    if let Some(quantisation) = quantisation {
        plan = quantise::run(plan, quantisation)?;
    }
    let layout = match optimise {
        Optimise::Speed | Optimise::Auto => Layout::Wide,
        Optimise::Size => Layout::Small,
    };
    Ok(layout::run(plan, layout))
}
