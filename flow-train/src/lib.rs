//! Fits normalizing flows to recorded data.
//!
//! - [`data`]: from a file of rows to training, validation and calibration parts

pub mod data;
