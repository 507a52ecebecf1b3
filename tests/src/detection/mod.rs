//! Detectors of streams beside each other: what faults look like, control charts, and the simulated
//! streams and real recordings that promises and delays are measured on.

pub mod charts;
pub mod faults;
pub mod gaussian;
pub mod picture;
pub mod sets;
pub mod simulated;
pub mod subject;
pub mod trials;
