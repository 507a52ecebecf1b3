//! Frozen vectors: artefacts, inputs, and the bits that the project computed when they were frozen.
//!
//! The loader, the batch evaluator, the interpreter and generated code are compared with each other
//! elsewhere. A mistake that they share would pass there. Here each of them is compared with bits of
//! the past. This crate therefore depends on no other crate of the project.
//!
//! `vectors.bin` holds the entries, compressed. It is append-only: [`append`] adds entries and refuses
//! to replace one. `index.txt` lists the entries with a digest each, so that a changed entry shows in
//! a text difference.
//!
//! Inputs are not stored. [`draw`] makes them from a seed with integer operations and `f32` additions
//! and multiplications, which have the same bits on every machine. Random words for samples come from
//! [`Words`].
//!
//! A build script makes what it needs from the entries:
//!
//! ```
//! for entry in flow_frozen::entries()? {
//!     if !entry.is_float() {
//!         continue;
//!     }
//!     let (name, artefact) = (entry.name(), entry.artefact());
//!     for (input, bits) in entry.inputs().zip(entry.log_probs()) {
//!         assert_eq!(input.event.len(), entry.event().len());
//!         let expected = f32::from_bits(*bits);
//!         // Compare with `flow_frozen::same`: all NaNs count as equal.
//!     }
//! }
//! # Ok::<(), flow_frozen::Error>(())
//! ```
//!
//! Firmware can draw the inputs itself: [`draw`], [`Channel`], [`Words`] and [`same`] need neither
//! `alloc` nor the feature `file`, so that only [`Channel`]s, a seed and the expected bits take flash.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "file")]
extern crate alloc;

#[cfg(feature = "file")]
mod bits;
mod channel;
mod draw;
#[cfg(feature = "file")]
mod entry;
#[cfg(feature = "file")]
mod file;
mod words;

pub use channel::Channel;
pub use draw::draw;
#[cfg(feature = "file")]
pub use entry::{Entry, Input, Outputs, Recipe};
#[cfg(feature = "file")]
pub use file::{Error, append, entries, read};
pub use words::Words;

/// Whether a number has the frozen bits. All NaNs count as equal: their payload differs between machines.
pub fn same(found: f32, frozen: u32) -> bool {
    found.to_bits() == frozen || (found.is_nan() && f32::from_bits(frozen).is_nan())
}
