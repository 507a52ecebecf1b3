//! What the host and the chips both run, so that their bits can be compared: a compiled flow, the
//! rows it scores, and the seed of its samples.
//!
//! The flow is the one that `flow demo` trains on a smartwatch's recording; the rows are of the same
//! recording (source and licence: `flow-train/crates/cli/data/README.md`).
//!
//! `tests/firmware` puts it on a chip; `tests/all/firmware.rs` of flow-tests runs it on the host.
#![no_std]
#![forbid(unsafe_code)]

mod digest;
mod random;

pub use digest::sample_digest;
pub use random::XorShift;

/// The flow, as the compiler wrote it.
pub mod model {
    flow_embedded::include_flow!("model");
}

/// The artefact that the flow was compiled from; firmware that doesn't read it doesn't hold it.
pub static ARTEFACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/model.flow"));

include!(concat!(env!("OUT_DIR"), "/rows.rs"));

/// Channels of an event.
pub const CHANNELS: usize = 6;
/// The flow under test.
pub const MODEL: model::Model = model::Model;
/// Seed of the samples.
pub const SEED: u32 = 0x5eed_f104;
/// How many samples are compared.
pub const SAMPLES: usize = 1000;
