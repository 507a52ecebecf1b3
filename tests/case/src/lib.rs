//! What the desk and the chips both run, so that their bits can be compared: a compiled flow, the
//! rows it scores, and the seed of its samples.
//!
//! `tests/firmware` puts it on a chip; `tests/firmware.rs` of flow-tests runs it on the desk.
#![no_std]
#![forbid(unsafe_code)]

mod random;

pub use random::XorShift;

/// The flow, as the compiler wrote it.
#[allow(dead_code)]
pub mod model {
    include!("../../golden/maf.rs");
}

include!(concat!(env!("OUT_DIR"), "/rows.rs"));

/// Channels of an event.
pub const CHANNELS: usize = 6;
/// The flow under test.
pub const MODEL: model::Random = model::Random;
/// Seed of the samples.
pub const SEED: u32 = 0x5eed_f104;
/// How many samples are compared.
pub const SAMPLES: usize = 1000;
