//! Fits normalizing flows to recorded data.
//!
//! - [`data`]: from a file of rows to training, validation and calibration parts
//! - [`evaluate`]: held-out likelihood and detection quality
//! - [`calibrate`]: the false-alarm promise
//! - [`export`]: from a trained model to the bytes of `model.flow`

pub mod calibrate;
pub mod data;
pub mod evaluate;
pub mod export;
