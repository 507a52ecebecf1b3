//! Plots and pictures of reports.
#![forbid(unsafe_code)]

pub mod picture;
pub mod plot;
