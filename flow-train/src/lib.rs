//! Fits normalizing flows to recorded data.
//!
//! - [`model`]: trainable flows, their likelihood and its gradient
//! - [`fit`](mod@fit): maximum likelihood, from standardised rows to the best checkpoint
//! - [`export`]: from a trained model to the bytes of `model.flow`, and back
//! - [`bench`](mod@bench): the time of one training step

pub mod bench;
pub mod export;
pub mod fit;
pub mod model;
mod random;
