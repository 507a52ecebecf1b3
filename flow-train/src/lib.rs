//! Fits normalizing flows to recorded data.
//!
//! ```text
//! data ──► model + fit ──► evaluate, calibrate ──► export ──► model.flow
//! └──────────────────────── train ───────────────────────┘
//! ```
//!
//! - [`data`]: from a file of rows to training, validation and calibration parts
//! - [`model`]: trainable flows, their likelihood and its gradient
//! - [`fit`](mod@fit): maximum likelihood, from standardised rows to the best checkpoint
//! - [`auto`]: smoothing, family and size where nothing is said
//! - [`evaluate`]: held-out likelihood and detection quality
//! - [`calibrate`]: the false-alarm promise
//! - [`export`]: from a trained model to the bytes of `model.flow`
//! - [`quantise`](mod@quantise): smaller weights, and thresholds of the code that then runs
//! - [`import`](mod@import): flows that other libraries fitted
//! - [`train`](mod@train): all of this in one go
//! - [`posterior`](mod@posterior): flows of a model's parameters, from its density or from a simulator
//! - [`bench`](mod@bench): the time of one training step
//! - [`atomic_file`]: files that are there completely or not at all
//! - [`cli`]: the command `flow`

pub mod auto;
pub mod bench;
pub mod calibrate;
pub mod cli;
pub mod data;
mod error;
pub mod evaluate;
pub mod export;
pub mod fit;
pub mod import;
pub mod model;
pub mod noise;
mod plot;
pub mod posterior;
pub mod quantise;
pub mod train;

pub use error::Error;
pub use flow_host::{atomic_file, foreign};

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
