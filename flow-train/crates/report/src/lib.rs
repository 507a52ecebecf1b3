//! Plots and pictures of reports.
#![forbid(unsafe_code)]

pub mod picture;
pub mod plot;

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
