//! The parts of the test firmware that its binaries share.
//!
//! | binary | what it does |
//! |---|---|
//! | `bits` | prints the bits of every row's log-likelihood and of many samples, and the painted stack |
//! | `bench` | a few calls of `bench_*` functions, for the instruction counter |
//! | `families` | the same for a flow of each family, with the feature of that name |
//! | `reference` | the same for one small flow in every format |
//! | `maf_4` … | one flow of that name that only scores, for its size: all are `score.rs` |
//! | `golden` … | the self-tests of all golden modules, in three binaries for the smallest flash |
//! | `twins` | dense layers in assembly against those in Rust, with the feature `asm` |
//! | `empty` | the same start-up with no model, for its size |
//!
//! They read the same on every chip: what differs between the architectures is in `cortex_m.rs`
//! and `riscv.rs`, one of which is the module `chip`.
#![no_std]

#[cfg_attr(target_arch = "arm", path = "cortex_m.rs")]
#[cfg_attr(target_arch = "riscv32", path = "riscv.rs")]
mod chip;
mod flows;
pub mod golden;
pub mod print;
pub mod stack;
pub mod stop;

pub use chip::{bench_loop, entry};
