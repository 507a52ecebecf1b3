//! An artefact on the host, over many rows and with the bits of the chip; and how good it is: likelihood
//! on rows it has not seen, and, with labels, detection.
//!
//! - [`Scorer`] has log-likelihoods and latents by whatever the model is, floats or integers; [`BatchFlow`]
//!   draws rows, too
//! - [`Draw`] draws rows one after another, [`Source`] the noise of a sensor from its own past
//! - [`Stream`] weighs rows as the chip's detector of streams does, [`Lines`] adds them up to lines of a text
//! - [`exact_log_probs`] is the density in `f64`, [`Bits`] what an image costs to store
//! - [`Mean`], [`auroc`] and [`average_precision`] sum up
//!
//! A log-likelihood is in nats per row, in the units of the raw data; sums over rows are in `f64`. It may
//! be positive: a density may exceed one, and does where the data's unit is large against their
//! spread. Only differences between models on the same rows and units mean something, which is why
//! [`gaussian_log_likelihood`] gives a fixed point to compare with.
//!
//! `flow-train` re-exports this crate as `flow_train::evaluate`.
#![forbid(unsafe_code)]

mod batch;
mod bits;
mod draw;
mod exact;
mod gaussian;
mod lines;
mod mean;
mod ranking;
mod scorer;
mod source;
mod stream;

pub use batch::BatchFlow;
pub use bits::{Bits, NotItsDequantiser};
pub use draw::Draw;
pub use exact::{exact_log_probs, normalize};
pub use gaussian::gaussian_log_likelihood;
pub use lines::{Lines, judged};
pub use mean::Mean;
pub use ranking::{auroc, average_precision};
pub use scorer::Scorer;
pub use source::Source;
pub use stream::{Stream, StreamError};

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
