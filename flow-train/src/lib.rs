//! Fits normalizing flows to recorded data.

pub mod export;
