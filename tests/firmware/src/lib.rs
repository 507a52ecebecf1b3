//! The parts of the test firmware that its binaries share.
//!
//! | binary | what it does |
//! |---|---|
//! | `bits` | prints the bits of every row's log-likelihood and of many samples, and the painted stack |
//! | `bench` | a few calls of `bench_*` functions, for the instruction counter |
//! | `families` | the same for a flow of each family |
//! | `reference` | the same for one small flow in every format |
//! | `maf_4` … | one flow of that name that only scores, for its size: all are `score.rs` |
//! | `alone_maf_4` … | one flow of that name: its calls for the instruction counter, its stack, its size |
//! | `corpus` | every committed model through the loader, and some of the golden modules, with the feature `large` |
//! | `golden` … | the self-tests of all golden modules, in five binaries for the smallest flash |
//! | `twins` | dense layers in assembly against those in Rust, with the feature `asm` |
//! | `empty` | the same start-up with no model, for its size |
//!
//! What they need beside models is in `flow_frame`.
#![no_std]

pub mod alone;
pub mod damage;
mod flows;
pub mod golden;
