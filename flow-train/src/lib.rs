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
//! - [`artefact`]: the bytes of `model.flow`, owned
//! - [`export`]: between a trained flow and its artefact
//! - [`quantise`](mod@quantise): smaller weights, and thresholds of the code that then runs
//! - [`import`](mod@import): flows that other libraries fitted
//! - [`train`](mod@train): all of this in one go
//! - [`posterior`](mod@posterior): flows of a model's parameters, from its density or from a simulator
//! - [`noise`](mod@noise): how a sensor's noise behaves over time
//! - [`bench`](mod@bench): the time of one training step
//! - [`atomic_file`]: files that are there completely or not at all
//! - [`foreign`]: strings that others chose, as they may be printed
//!
//! Each of these is a crate of its own, and this one puts them together.
#![forbid(unsafe_code)]

pub use flow_artefact as artefact;
pub use flow_calibrate as calibrate;
pub use flow_data as data;
pub use flow_evaluate as evaluate;
pub use flow_export as export;
pub use flow_fit as fit;
pub use flow_fit::bench;
pub use flow_host::{atomic_file, foreign};
pub use flow_import as import;
pub use flow_model as model;
pub use flow_noise as noise;
pub use flow_posterior as posterior;
pub use flow_quantise as quantise;
pub use flow_recipe as train;
pub use flow_recipe::auto;

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
