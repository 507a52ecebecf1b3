//! The parts of the test firmware that its binaries share.
//!
//! | binary | what it does |
//! |---|---|
//! | `bits` | prints the bits of every row's log-likelihood and of many samples, and the painted stack |
//! | `bench` | a few calls of `bench_*` functions, for the instruction counter |
//! | `empty` | the same start-up with no model, for its size |
#![no_std]

pub mod model;
pub mod random;

#[cfg(target_os = "none")]
pub mod print;
#[cfg(target_os = "none")]
pub mod stack;
#[cfg(target_os = "none")]
mod stop;

pub use model::{CHANNELS, MODEL};

include!(concat!(env!("OUT_DIR"), "/rows.rs"));

/// Seed of the samples that `bits` prints.
pub const SEED: u32 = 0x5eed_f104;
/// How many samples `bits` prints.
pub const SAMPLES: usize = 1000;
