//! Posteriors: flows of a model's parameters rather than of a recording's rows.
//!
//! - [`variational`]: one posterior, from the log-density that it is proportional to
//! - [`importance`]: how well draws stand for the density they are meant for, and draws that stand for it better
//!
//! What comes out is an artefact like any other: it can be loaded, compiled and sampled on a chip.

pub mod importance;
mod pareto;
pub mod variational;
