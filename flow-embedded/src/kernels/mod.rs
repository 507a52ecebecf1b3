//! The arithmetic that generated code and the loader share.
//!
//! The kernels of transformers, domains and linear layers are written once and
//! instantiated twice: over arrays of `f32`, whose constant sizes let the compiler
//! unroll (generated code), and over slices of run-time length whose little-endian
//! weights are decoded in place (the loader). Dense layers have twins: [`dot`] row
//! by row for the loader, and the panels of [`dense`] and [`dense_small`] for
//! generated code. The order of operations is the same, and so are the bits.
//!
//! The order: a dot product starts from the bias and adds inputs in ascending
//! order into one accumulator, product rounded, sum rounded.

mod activation;
mod affine;
mod categorical;
mod circular;
mod convolution;
mod dense;
mod domain;
mod linear;
mod panel;
mod scale;
mod shift;
mod spline;

pub use activation::*;
pub use affine::{
    affine_forward, affine_forward_each, affine_inverse, affine_inverse_each, conclude,
    destandardise, standardise,
};
pub use categorical::{category, category_at, category_log_prob, code, embed, embedding};
pub use circular::{circle, circular_forward, circular_inverse, wrap};
pub use convolution::{
    Convolution, Run, convolve, convolve_at, gather_places, pointwise_generate,
    pointwise_normalize, transform_places,
};
pub use dense::{Half, Weight, activate, add, dot, multiply};
pub use domain::{
    bounded_generate, bounded_normalize, heavy_tailed_generate, heavy_tailed_normalize,
    positive_generate, positive_normalize, round_to_grid, soft_positive_generate,
    soft_positive_normalize,
};
pub use linear::{
    element_wise_generate, element_wise_normalize, linear_generate, linear_normalize,
};
pub use panel::{PANEL_ROWS, dense, dense_small};
pub use scale::{
    ExponentialScale, ScaleMap, SigmoidScale, SoftplusScale, scaled_forward, scaled_forward_each,
    scaled_inverse, scaled_inverse_each,
};
pub use shift::{shift_forward_each, shift_inverse_each};
pub use spline::{
    Floor, floored_spline_forward, floored_spline_inverse, floored_spline_inverse_and_log_det,
    spline_forward, spline_inverse, spline_inverse_and_log_det,
};
