//! Between a trained flow and its artefact.
//!
//! [`set_flow`] packs a flow's layers into a [`Draft`](flow_artefact::Draft), [`to_flow`] puts a draft's
//! layers together again as a flow in `f64`.
//!
//! `flow-train` re-exports this crate as `flow_train::export`.
#![forbid(unsafe_code)]

mod pack;
mod unpack;

pub use pack::set_flow;
pub use unpack::to_flow;

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
