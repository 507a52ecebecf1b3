//! Compiles a trained normalizing flow into fixed-size, allocation-free,
//! readable Rust.
//!
//! ```text
//! model.flow ──► Checked ──► Plan ──► source ──► OUT_DIR/model.rs
//!               (validated)  (tables,  (text)
//!                             shapes)
//! ```
//!
//! Each stage is a type and each arrow one function, so that weights that were
//! not validated cannot reach the emitter. The generated module needs nothing
//! but `flow-embedded`.
//!
//! From `build.rs`:
//!
//! ```no_run
//! fn main() -> Result<(), flow_codegen::Error> {
//!     flow_codegen::Builder::new("model.flow").generate()
//! }
//! ```
//!
//! and in the firmware:
//!
//! ```ignore
//! mod model {
//!     flow_embedded::include_flow!("model");
//! }
//! ```
//!
//! The module holds one type, named after the model, with what [`Options`] asks
//! for, and `PROVENANCE` ([`flow_embedded::Provenance`]), a constant that costs
//! nothing until it is used.
#![forbid(unsafe_code)]

mod builder;
pub mod cost;
mod emit;
mod error;
mod name;
mod options;
mod planned;
mod remedies;

pub use builder::{Builder, compile, survey, work};
pub use cost::{Budget, Chip, Core, Cost, OptLevel};
pub use error::Error;
pub use flow_host::foreign;
pub use flow_plan::Error as PlanError;
pub use flow_plan::{
    Activations, Checked, Functions, Interpreter, Optimise, Passes, Plan, weight_scale,
};
pub use options::{Defmt, Options, Visibility};

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
