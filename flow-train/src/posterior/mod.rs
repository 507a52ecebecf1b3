//! Posteriors by flows: parameters of a simulator, given what was observed.

pub mod amortised;
pub mod sbc;
