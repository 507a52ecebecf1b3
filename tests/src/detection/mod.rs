//! Detectors of streams beside each other: what faults look like, control charts, and the real
//! recordings that promises and delays are measured on.

pub mod charts;
pub mod faults;
pub mod gaussian;
pub mod picture;
pub mod sets;
pub mod subject;
pub mod trials;
