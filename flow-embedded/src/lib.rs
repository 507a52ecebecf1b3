//! Normalizing flows on microcontrollers: exact log-likelihoods, exact samples
//! and anomaly detection in `no_std`, without allocation, without unsafe code,
//! and with no panic that can be reached.
//!
//! A flow is trained and calibrated on the desk (`flow-train`, the command
//! `flow`), compiled to a Rust module (`flow-codegen`) and run with the
//! arithmetic of this crate. Firmware compiles this half only.
//!
//! | module | what lives there |
//! |---|---|
//! | [`artefact`] | the file `model.flow`: schema, encoder, and [`LoadedFlow`], which borrows it in place |
//! | [`Categories`] | the names of categories in generated code |
//! | [`density`] | the traits [`Density`], [`Latents`] and [`Sampler`] over `[f32; D]` given a context `[f32; C]` |
//! | [`detect`] | [`Detector`]: sample in; log-likelihood, conformal p-value and alarm out |
//! | [`base`] | the base distribution and its sampler |
//! | [`golden`] | the generator that draws the golden samples of a self-test |
//! | [`kernels`] | the arithmetic that generated code and the loader share |
//! | [`fixed`] | the kernels in integers, for cores without a floating-point unit |
//! | [`provenance`] | [`Provenance`]: what a compiled module was made from |
//! | [`noise`] | [`NoiseSource`]: the noise of a sensor, from its own past |
//! | [`state`] | the frame around what is saved over a reboot: which model, and whether it is undamaged |
//! | [`posterior`] | [`Posterior`]: parameters of a device, inferred from its readings |
//! | [`window`] | [`Window`](window::Window): a stream's own past as context |
//! | [`math`] | `exp`, `ln`, `tanh`: three backends with measured error bounds |
//!
//! # Same model, same bits
//! Generated code and the loader run the same kernels in the same order of
//! operations with the same elementary functions, and no fused multiply-add.
//! An `f32` model therefore gives the same bits on the desk, in the firmware
//! and when loaded over the air.
//!
//! # Reading a log-likelihood
//! `log_prob` is the natural logarithm of a probability *density* (in nats),
//! per event, in the units of the raw data. A density can exceed one, so a
//! log-likelihood can be positive: recorded in volts rather than millivolts,
//! the same channel's log-likelihood grows by `ln 1000`. Compare values of one
//! model only with each other, or use [`Detector`]'s p-value.
//!
//! # Non-finite values
//! A bare density answers NaN when the event or the context holds a NaN or an
//! infinity, and −∞ when finite input lies so far out that `f32` overflows. It never answers +∞,
//! which a detector would take for the most normal of samples.
//! [`Detector`] refuses non-finite samples with an error naming the channel.
//!
//! # Features
//! They only add: `libm` and `micromath` a backend for the elementary functions
//! (our own polynomials are always there), `defmt` its `Format` for verdicts,
//! errors and [`Provenance`].
#![no_std]
#![forbid(unsafe_code)]

pub mod artefact;
pub mod base;
mod categories;
mod crc;
pub mod density;
pub mod detect;
pub mod fixed;
pub mod golden;
pub mod kernels;
pub mod math;
pub mod noise;
pub mod posterior;
pub mod provenance;
pub mod state;
pub mod window;

pub use artefact::{LoadError, LoadedFlow, ShapedFlow};
pub use categories::Categories;
pub use density::{Density, Latents, Sampler};
pub use detect::{
    Calibrated, CalibratedLines, Change, Detector, LineDetector, LineVerdict, ObserveError,
    StreamDetector, StreamVerdict, Verdict,
};
pub use noise::NoiseSource;
pub use posterior::Posterior;
pub use provenance::Provenance;
pub use rand_core;
pub use state::{Digest, Identified, StateError};

/// Includes the module that `flow_codegen::Builder` wrote to `OUT_DIR` in
/// `build.rs`.
///
/// `include_flow!("model")` includes `$OUT_DIR/model.rs`, which the builder wrote
/// for `model.flow`; the name may be any that a file can have. It hides nothing
/// but that path: cargo rebuilds the module when the artefact changes, because
/// the builder told it to.
///
/// Each model wants a module of its own:
///
/// ```ignore
/// mod pump {
///     flow_embedded::include_flow!("pump");
/// }
/// mod fan {
///     flow_embedded::include_flow!("2nd fan");
/// }
/// ```
#[macro_export]
macro_rules! include_flow {
    ($name:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $name, ".rs"));
    };
}

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
