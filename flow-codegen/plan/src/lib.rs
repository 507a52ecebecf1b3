//! What the code of a compiled flow computes, free of the artefact's encoding.
//!
//! ```text
//! model.flow ──► Checked ──► Plan ──► passes ──► flow-codegen: text
//!               (validated)  (tables,        └─► Interpreter: log-likelihoods
//!                             shapes)
//! ```
//!
//! Models of integers have no form on a host but their plan, so [`Interpreter`] is how a host scores them, with
//! the bits of the chip.
#![forbid(unsafe_code)]

mod checked;
mod error;
pub mod interpret;
mod options;
pub mod passes;
pub mod plan;

pub use checked::Checked;
pub use error::Error;
pub use interpret::{Activations, Interpreter};
pub use options::{Functions, Optimise};
pub use passes::{Passes, weight_scale};
pub use plan::Plan;

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
