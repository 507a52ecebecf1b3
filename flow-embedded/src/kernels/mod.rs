//! The arithmetic that generated code and the loader share.
//!
//! Every kernel is written once and instantiated twice: over arrays of `f32`,
//! whose constant sizes let the compiler unroll (generated code), and over
//! slices of run-time length whose little-endian weights are decoded in place
//! (the loader). The order of operations is that of the one source, so both
//! give the same bits.
//!
//! The order: a dot product starts from the bias and adds inputs in ascending
//! order into one accumulator, product rounded, sum rounded.

mod affine;
mod dense;

pub use affine::{
    affine_generate, affine_generate_each, affine_normalize, affine_normalize_each, conclude,
    destandardise, log_prob_of, standardise,
};
pub use dense::{Activation, Identity, Relu, Tanh, Weight, dense, dot};
