//! Posteriors: flows of a model's parameters rather than of a recording's rows.
//!
//! - [`variational`]: one posterior, from the log-density that it is proportional to
//! - [`importance`]: how well draws stand for the density they are meant for, and draws that stand for it better
//! - [`amortised`]: a posterior for every observation, from a simulator and a prior
//! - [`sbc`]: whether such a posterior is calibrated
//!
//! What comes out is an artefact like any other: it can be loaded, compiled and sampled on a chip.
//!
//! `flow-train` re-exports this crate as `flow_train::posterior`.
#![forbid(unsafe_code)]

pub mod amortised;
pub mod importance;
mod pareto;
pub mod sbc;
pub mod variational;

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
