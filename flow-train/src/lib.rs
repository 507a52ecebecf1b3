//! Fits normalizing flows to recorded data.
//!
//! - [`model`]: trainable flows, their likelihood and its gradient

pub mod model;
mod random;
