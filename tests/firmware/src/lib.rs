//! The parts of the test firmware that its binaries share.
//!
//! | binary | what it does |
//! |---|---|
//! | `bits` | prints the bits of every row's log-likelihood and of many samples, and the painted stack |
//! | `bench` | a few calls of `bench_*` functions, for the instruction counter |
//! | `families` | the same for a flow of each family, with the feature of that name |
//! | `golden` | the self-tests of all golden modules, with the same feature |
//! | `empty` | the same start-up with no model, for its size |
#![no_std]

pub mod print;
pub mod stack;
mod stop;
