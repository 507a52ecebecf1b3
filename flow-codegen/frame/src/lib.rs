//! What a firmware needs on an emulated board beside a model: the start, the end, a console on the
//! host, the depth of the stack, and a counter of instructions.
//!
//! Firmwares read the same on every chip: what differs between the architectures is in
//! `cortex_m.rs` and `riscv.rs`, one of which is the module `chip`, and in the memory map that the
//! build script writes for the target's board.
#![no_std]

#[cfg_attr(target_arch = "arm", path = "cortex_m.rs")]
#[cfg_attr(target_arch = "riscv32", path = "riscv.rs")]
mod chip;
pub mod counter;
pub mod print;
mod report;
pub mod stack;
pub mod stop;

pub use chip::{bench_loop, entry};
pub use report::Report;
