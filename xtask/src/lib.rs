//! The workspace's tasks, as a library: install the device toolchain, build firmware, run it under
//! emulation, count its instructions, weigh its sections, and prove that it cannot panic. Boards,
//! toolchains, emulators and ELFs are those of `flow_measure`.
//!
//! The binary `cargo xtask` is a thin command line over these modules, and tests in other crates
//! use them to talk to an emulated chip. The way of a device build through the modules:
//!
//! ```text
//! setup (packages) ──► toolchain ──► device ──► elf       section sizes, symbols
//!                                        │   └──► qemu    output, painted stack
//!                                        │   └──► count   instructions per call
//!                                        └──────► figures compared with the committed ones
//! ```

pub mod bars;
pub mod corpus;
pub mod cost;
pub mod count;
pub mod demo;
pub mod device;
pub mod environment;
pub mod examples;
pub mod families;
pub mod figures;
pub mod firmware;
pub mod flash;
pub mod fleet;
pub mod golden;
pub mod imported;
pub mod no_panic;
pub mod packages;
pub mod parallel;
pub mod peers;
pub mod python;
pub mod quick;
pub mod quick_start;
pub mod setup;
pub mod stages;
pub mod suite;
pub mod workspace;
