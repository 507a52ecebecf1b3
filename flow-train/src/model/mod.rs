//! Trainable flows over standardised data, with a standard normal base.
//!
//! A [`Flow`] is a list of layers and one flat vector of parameters. [`Flow::normalize_and_log_det`] maps data to
//! base and gives `ln |dz/dx|`; [`Flow::generate`] maps base to data. [`Objective`] is the negative mean
//! log-likelihood of a batch and its gradient, by a backward pass written out by hand: nothing is recorded and
//! nothing is allocated within a step.
//!
//! Rows are events; slices of events are row-major `[rows x channels]`. All densities are in nats and in
//! standardised units: the standardisation's own log-determinant is the caller's.
//!
//! A new family is one file that implements the trait in `bijection`, an arm in its `Layer`, and a constructor in
//! `flow`.

mod activation;
mod affine;
mod autoregressive;
mod bijection;
mod conditioner;
mod coupling;
mod flow;
mod matmul;
mod objective;
mod panel;
mod parts;
mod pass;
mod real;
mod spec;

pub use flow::Flow;
pub use objective::{Batch, Objective, Threads};
pub use parts::{DenseParts, LayerKind, LayerParts};
pub use real::Real;
pub use spec::{Activation, Family, ModelError, Spec};
