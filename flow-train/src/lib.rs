//! Fits normalizing flows to recorded data.
//!
//! - [`data`]: from a file of rows to training, validation and calibration parts
//! - [`model`]: trainable flows, their likelihood and its gradient
//! - [`evaluate`]: held-out likelihood and detection quality
//! - [`calibrate`]: the false-alarm promise
//! - [`export`]: from a trained model to the bytes of `model.flow`
//! - [`cli`]: the command `flow`

pub mod calibrate;
pub mod cli;
pub mod data;
mod error;
pub mod evaluate;
pub mod export;
pub mod model;
mod random;

pub use error::Error;
