//! How the noise of a sensor behaves over time, and how near generated noise comes to it.
//!
//! ```text
//! Table ──► Signal ──► report ──► NoiseReport ──► page of tables and plots, or JSON
//!           segments   Allan deviation and its coefficients, spectrum,
//!           in time    quantiles, correlation; real beside generated
//! ```
//!
//! `flow-train` re-exports this crate as `flow_train::noise`.
#![forbid(unsafe_code)]

mod allan;
mod coefficients;
mod correlation;
mod page;
mod quantiles;
mod report;
mod signal;
mod spectrum;

pub use allan::{AllanError, AllanPoint, MIN_SAMPLES, NoiseKind, allan_deviation};
pub use coefficients::{BiasInstability, Coefficients, coefficients};
pub use correlation::{Peak, autocorrelation, cross_correlation};
pub use quantiles::quantiles;
pub use report::{
    ChannelNoise, ChannelReport, NoiseError, NoiseReport, PairReport, Summary, allan_error, report,
};
pub use signal::Signal;
pub use spectrum::{block_length, power_spectral_density};

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
