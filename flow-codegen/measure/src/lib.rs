//! What a compiled flow costs on a chip, measured rather than estimated: a
//! firmware around it is built for the core, weighed, and run on an emulated
//! board that counts its instructions and looks how deep its stack went.
//!
//! ```text
//! artefact ──► probe ──► package ──► toolchain ──► elf      flash
//!                                        └───────► qemu     instructions, stack
//! ```
//!
//! It needs what every firmware needs, a Rust toolchain with the core's target
//! ([`toolchain`] finds one), and for instructions and stack the emulator of the
//! core's [`board`]. [`Bench`] is the whole way.

mod bench;
pub mod board;
pub mod elf;
pub mod level;
mod package;
mod probe;
pub mod process;
pub mod qemu;
pub mod toolchain;
pub mod version;

pub use bench::{Bench, Built, Figures, TARGET};
pub use probe::{Probe, events};

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
