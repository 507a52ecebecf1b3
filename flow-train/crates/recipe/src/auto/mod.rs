//! What to train when nothing is said: how much smoothing, which family, and how large.
//!
//! ```text
//! prepared rows ──► smoothing ──► size ──► compare ──► spec, config
//!                   σ by a kernel  within   short trainings,
//!                   density        a budget validation rows decide
//! ```
//!
//! No labels are used anywhere. Out of the box a flow is no better at detecting anomalies than a mixture of normals:
//! it spikes on values that repeat, trusts dependences that a few hundred rows do not show, and extrapolates. Noise on
//! the training rows is the lever against all three, and [`smoothing`] finds its size from the rows alone. The base is
//! a contaminated normal, so that the cost of what lies far out is bounded by a quadratic that is sixteen times as
//! flat.

mod compare;
mod size;
pub mod smoothing;

pub use compare::Candidate;
pub(crate) use compare::{Ground, Trial, choose};

/// What the model and the comparison may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Numbers that the model may store. With header and calibration table, 14,000 keep it below 64 KiB.
    pub weights: usize,
    /// Steps of the final training.
    pub steps: usize,
    /// Steps of each training that is compared.
    pub trial_steps: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            weights: 14_000,
            steps: 3000,
            trial_steps: 400,
        }
    }
}
