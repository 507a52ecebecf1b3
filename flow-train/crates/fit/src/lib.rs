//! Maximum likelihood: from rows to the parameters that do best on validation rows.
//!
//! ```text
//! Rows ──► Preparation ──► smoothing ──► Objective ──► clipping, AdamW ──► average ──► checkpoint
//!  raw,     cells, domain,   noise        weighted       cosine rate        of the       best on the
//!  shuffled mean, std                     mean of −ln p                     parameters   validation rows
//! ```
//!
//! [`fit`] runs AdamW over shuffled batches, with a learning-rate schedule and gradient-norm clipping. After each
//! epoch it measures the validation rows with the moving average of the parameters; it ends when they haven't
//! improved for a while, when its epochs are used up, or when it is asked to stop, and leaves the flow at its best
//! checkpoint. A step whose loss isn't finite is not taken: training restarts from the best checkpoint at half the
//! rate.
//!
//! **Weights.** The loss of a batch is the weighted mean of its rows, so a row of weight 2 counts as two, in the
//! standardisation, the loss and the choice of the checkpoint alike. Rows of weight 0 are left out.
//!
//! **Rounded columns** get new noise within their cells in every batch; the validation rows get the same noise in
//! every epoch, so that checkpoints are compared on the same numbers ([`flow_data::grid`] says what that means
//! for a likelihood).
//!
//! Given a second flow ([`Split::dequantiser`]), that noise is drawn by it and learnt along, on the bound of variational
//! dequantisation.
//!
//! **Extrapolation.** The mean of `-ln p` is ruined by one event far outside the training data, if an affine flow
//! extrapolates a scale for it: autoregressive layers compound this, since a channel that has exploded conditions
//! the next. The bound on each layer's log-scale ([`flow_model::Spec::log_scale_bound`]) is what holds it down. For
//! a MAF on the normal rows of a smartwatch's motions (default settings but 60 epochs, one seed), the mean over
//! test recordings and the worst row were, in nats, with a bound of 6.9: 9.1 and 5,745 (13,074 and 26 million with
//! slightly larger batches and no weight decay); 3.0: 6.1 and 509; 2.0: 5.9 and 98; 1.0: 5.8 and 75, but with a worse
//! validation mean. Hence the default of 2. It is no guarantee: with a few hundred rows that repeat (breastw), a
//! RealNVP still put single normal rows at 1,500 nats. [`Config::noise`] is no remedy for this either, but keeps a
//! flow from spiking on rows that repeat.
//!
//! `flow-train` re-exports this crate as `flow_train::fit`, and [`bench`](mod@bench) beside it.
#![forbid(unsafe_code)]

mod adam;
mod average;
pub mod bench;
mod config;
mod dequantise;
mod rounded;
mod rows;
mod run;
mod schedule;

pub use config::{Config, FitError, Overrides, Schedule};
pub use rows::{InMemory, Order, Rows, RowsError};
pub use run::{Epoch, Report, Split, Stop, fit};

pub use adam::{Adam, norm};
pub use average::Average;
pub use dequantise::spec as dequantiser;
pub use run::RESTARTS;
pub use schedule::Factor;

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
