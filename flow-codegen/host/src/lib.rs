//! What the host programs of Flow share.
//!
//! - [`foreign`]: strings that others chose, as they may be printed
//! - [`shown`]: such strings within sentences
//! - [`atomic_file`]: files that are there completely or not at all
//! - `random`, with the feature of that name: seeded random numbers
#![forbid(unsafe_code)]

pub mod atomic_file;
pub mod foreign;
#[cfg(feature = "random")]
pub mod random;
pub mod shown;

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
