//! States that are saved over a reboot, and the frame around each of them.
//!
//! [`Window`](crate::window::Window), [`NoiseSource`](crate::NoiseSource),
//! [`SequentialTest`](crate::detect::SequentialTest), [`StreamDetector`](crate::StreamDetector),
//! [`Recalibrator`](crate::detect::adaptive::Recalibrator) and
//! [`AdaptiveDetector`](crate::detect::adaptive::AdaptiveDetector) have `save` and `restore`.
//! All of them write the same frame, little-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 1 | format: [`FORMAT`] |
//! | 1 | [`Kind`] of the state |
//! | 4 | [`Digest`] of the model |
//! | 4 | length of the content in bytes |
//! | … | content |
//! | 4 | CRC-32 (IEEE 802.3) of all bytes before |
//!
//! The checksum recognises damage: every change of up to 32 neighbouring bits, and all others but
//! one in 2^32. So a write that power loss has cut off is recognised, whether the rest of the memory
//! is missing, erased, or left of the state before. It is no protection against someone who forges a
//! state on purpose.
//!
//! # Models
//! The digest follows from the whole artefact: channels, weights, calibration, and the text of its
//! provenance. [`Identified::digest`] gives it, the same for the generated module and the loaded
//! artefact of one model. A model that was trained, calibrated or exported again has another digest;
//! its states start anew.
//!
//! # Order of checks
//! `restore` refuses bytes by the first check that fails: format, length, checksum, kind, model,
//! content. So [`StateError::Kind`] and [`StateError::Model`] are about undamaged bytes.

mod digest;
mod error;
mod frame;

pub use digest::{Digest, Identified};
pub use error::StateError;
pub use frame::{FORMAT, Kind, OVERHEAD};
pub(crate) use frame::{Reader, Writer, open, seal};
