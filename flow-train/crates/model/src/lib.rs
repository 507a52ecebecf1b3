//! Trainable flows over standardised data.
//!
//! A [`Flow`] is a list of layers, a base distribution and one flat vector of parameters.
//! [`Flow::normalize_and_log_det`] maps data to base and gives `ln |dz/dx|`; [`Flow::generate_and_log_det`] maps base
//! to data. [`Objective`] is the negative mean log-likelihood of a batch and its gradient, by a backward pass written
//! out by hand: nothing is recorded and nothing is allocated within a step. `path` has the gradient of the reverse
//! Kullback-Leibler divergence to a given density.
//!
//! Rows are events; slices of events are row-major `[rows x channels]`. All densities are in nats and in
//! standardised units: the log-determinants of standardisation and domains are the caller's.
//!
//! ```text
//! spec, parts ──► build ──► flow ──► pass ──► objective, path
//!                            │ layers: coupling, autoregressive ──► conditional ──► conditioner ──► matmul
//!                            │         linear, element_wise, permutation   └──► transformer
//!                            │         image (coupling, pointwise) ──► convolution ──► matmul
//!                            ├ base
//!                            └ categorical: embeddings, heads ──► conditioner
//! ```
//!
//! A new kind of layer is one file that implements the trait in `bijection`, an arm in its `Layer`, and an arm in
//! `flow`; a new family is an arm in `spec` and `build`.
//!
//! `flow-train` re-exports this crate as `flow_train::model`.
#![forbid(unsafe_code)]

mod activation;
mod autoregressive;
mod base;
mod bijection;
mod build;
mod categorical;
mod conditional;
mod conditioner;
mod coupling;
mod element_wise;
mod elementary;
mod features;
mod flow;
#[doc(hidden)]
pub mod image;
mod linear;
#[doc(hidden)]
pub mod matmul;
mod narrow;
mod objective;
#[doc(hidden)]
pub mod panel;
mod parts;
mod pass;
#[doc(hidden)]
pub mod path;
mod permutation;
#[doc(hidden)]
pub mod real;
mod regression;
mod spec;
#[doc(hidden)]
pub mod transformer;

pub use base::{BaseSpec, NoSuchBase};
pub use bijection::Precision;
pub use flow::Flow;
pub use image::{ConvolutionParts, ConvolutionsParts, Planes};
pub use objective::{Batch, Objective, Threads};
pub use parts::{
    BaseParts, CategoricalParts, ConditionerParts, Dense, DenseParts, EmbeddingParts, FactorsParts,
    FlowParts, LayerParts, ScalesParts,
};
pub use pass::Sizes;
pub use real::Real;
pub use spec::{
    CategoricalSpec, ConditionerSpec, Family, ImageSpec, ModelError, Order, Spec, VocabularySpec,
};

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
