//! Integer arithmetic for cores without a floating-point unit.
//!
//! A compiled `i8` or `i16` model runs on integers from the bits of its input
//! to the bits of its log-likelihood. Integers wrap, round and saturate the
//! same everywhere, so desk and chip agree by construction, and the laws of
//! [`crate::kernels`] hold up to the errors below. The measure is a Cortex-M0:
//! one 32-bit multiplication a cycle, no division, and products of 64 bits by
//! a call of some 35 instructions. Dense rows therefore keep to 32 bits;
//! 64-bit products are spent once or twice a channel.
//!
//! # Formats
//! | what | type | unit |
//! |---|---|---|
//! | channels, log-determinants, energies | `i32` | Q16: `x / 2^16`, so ±32768 in steps of 1.5e-5 |
//! | channels between their domain's map and their standardisation | `i64` | Q24 within ±2^14 |
//! | activations | `i16` | `x / 2^f`, with `f` of the layer |
//! | weights | `i8`, `i16` | of the row, see [`Row`] |
//! | weights of linear layers | `i32` | Q24: ±128 in steps of 6e-8 |
//! | one over a bound | `u32` | Q30: below 4 in steps of 9e-10 |
//!
//! # Rounding
//! To the nearest, halves towards +∞, where a doc says "rounded"; what does
//! not fit saturates. An *ulp* is one step of the result's format.
//!
//! # Errors
//! Largest errors against exact arithmetic on the given integers, measured by
//! `tests/fixed`, which fails when one is exceeded:
//!
//! | function | error |
//! |---|---|
//! | [`requantise`], [`to_activation`], [`element_wise_normalize`], [`to_f32`] | ½ ulp, which is none but the rounding |
//! | [`Standardise::apply`], [`Standardise::apply_mapped`] | 0.50002 ulp |
//! | [`Positive`], [`SoftPositive`], [`Bounded`], [`HeavyTailed`] | 1.5e-7 of the value or of 1, log-determinant 8e-6 nats |
//! | [`mul_exp`] | ½ ulp + 7e-8 of the result |
//! | [`ln`] | 0.51 ulp |
//! | [`sqrt`] | ½ ulp |
//! | [`tanh`], [`silu`], [`softplus`] | 1.2 ulp, 1.1 ulp, 1.2 ulp of Q16 |
//! | [`soft_clip`] to within ±16 | 0.51 ulp |
//! | [`wrap`], [`circle`] | 0.6 ulp, 1.5 ulp |
//! | [`normal_energy`] | ½ ulp |
//! | [`laplace_energy`] | none |
//! | [`logistic_energy`] | 2 ulp a channel |
//! | [`StudentT::energy`] | 0.51 ulp + 2.5e-8 nats a channel times `(ν + 1) / 2` |
//! | [`mixture_energy`] | 2.5 ulp times `1 + √energy` (4 channels, 5 components) |
//! | [`affine_forward`], values within ±20, scales within e^±3 | 0.8 ulp |
//! | [`ScaleMap`] | 0.52 ulp of the logarithm, [`SoftplusScale`] 0.61 |
//! | [`scaled_forward`], values within ±20, parameters within ±8 | 0.6 ulp |
//! | [`sigmoid`] | 1.3 ulp |
//! | [`gated`] | 1.3 ulp times one more than the size of the sum |
//! | [`linear_normalize`], 3 channels, weights within ±2 | 2 ulp |
//! | [`spline_forward`], parameters within ±0.3 | 0.53 ulp, log-determinant 1e-5 nats |
//! | [`spline_forward`], parameters within ±3 | 0.6 ulp, log-determinant 6e-4 nats (1e-4 for 999 in 1000) |
//! | [`spline_inverse_and_log_det`], parameters within ±3 | 0.7 ulp, log-determinant 2.5e-3 nats (4e-4) |
//! | [`floored_spline_forward`], parameters within ±0.3 | 0.53 ulp, log-determinant 1e-5 nats |
//! | [`floored_spline_forward`], floors of 1e-3, parameters within ±3 | 1 ulp, log-determinant 8e-3 nats (8e-4 for 999 in 1000) |
//! | [`floored_spline_inverse_and_log_det`], the same | 5 ulp, log-determinant 1.5e-2 nats (1.6e-3) |
//!
//! Parameters without measure give splines that bend within an ulp. They stay
//! monotone and within their ends, and the forward one for 999 values in 1000
//! within 40 ulp and 0.1 nats.
//!
//! # Examples
//! One affine layer of a flow over two channels, as a compiler would write it:
//!
//! ```
//! use flow_embedded::fixed::{self, Relu, Row, Saturation, Standardise};
//!
//! static CHANNELS: [Standardise; 2] =
//!     [Standardise::new(101_325.0, 0.1), Standardise::new(21.5, 0.5)];
//! // Inputs have 12 bits behind the point, weights 7, hidden units 10.
//! static HIDDEN: [Row<i8, 1>; 2] = [
//!     Row { bias: 9_000, multiplier: 1 << 14, shift: 7, weights: [90] },
//!     Row { bias: -700, multiplier: 1 << 14, shift: 7, weights: [-45] },
//! ];
//! // Shift and log-scale of the second channel.
//! static OUT: [Row<i8, 2>; 2] = [
//!     Row { bias: 1_311, multiplier: 1 << 14, shift: -1, weights: [12, -30] },
//!     Row { bias: 0, multiplier: 1 << 14, shift: -1, weights: [5, 64] },
//! ];
//! /// One over the bound 3 of log-scales, in Q30.
//! const INV_BOUND: u32 = 357_913_941;
//!
//! fn energy(event: &[f32; 2], saturation: &mut Saturation) -> Option<i32> {
//!     let mut x = fixed::standardise(event, &CHANNELS, saturation)?;
//!     let input = fixed::to_activations(&x, 12, saturation);
//!     let mut hidden = [0; 2];
//!     fixed::dense::<Relu, 0, _, _, _, _, _>(&HIDDEN, &input, &mut hidden, saturation);
//!     let mut parameters = [0; 2];
//!     fixed::dense_q16::<0, _, _, _, _, _>(&OUT, &hidden, &mut parameters);
//!     let [shift, a] = parameters;
//!     let (z, log_det) = fixed::affine_forward(x[1], shift, a, INV_BOUND, saturation);
//!     x[1] = z;
//!     Some(log_det.saturating_sub(fixed::normal_energy(&x)))
//! }
//!
//! let mut saturation = Saturation::new();
//! let log_prob = fixed::conclude(energy(&[101_330.0, 22.0], &mut saturation));
//! assert!((-1.0..0.0).contains(&log_prob), "{log_prob}");
//! assert_eq!(saturation.count(), 0);
//! assert!(fixed::conclude(energy(&[f32::NAN, 22.0], &mut saturation)).is_nan());
//! ```

mod activation;
mod affine;
mod base;
mod block;
mod channel;
mod circular;
mod dense;
mod domain;
mod elementary;
mod float;
mod linear;
mod magnitude;
mod number;
mod scale;
mod shift;
mod spline;

pub use activation::*;
pub use affine::{
    affine_forward, affine_forward_each, affine_inverse, affine_inverse_each, soft_clip,
};
pub use base::{
    StudentT, conclude, laplace_energy, logistic_energy, mixture_energy, normal_energy,
};
pub use block::{activate_q16, add_q16, apply_q16, gate_q16, gated, sigmoid};
pub use channel::{Standardise, standardise, to_activation, to_activations};
pub use circular::{circle, circular_forward, wrap};
pub use dense::{
    Row, RowOf, Weight, add, dense, dense_q16, dense_q16_small, dense_small, dot, requantise,
};
pub use domain::{Bounded, HeavyTailed, Mapped, Positive, SoftPositive};
pub use elementary::{ln, mul_exp, sqrt};
pub use float::to_f32;
pub use linear::{element_wise_normalize, linear_normalize};
pub use number::{ONE, Saturation};
pub use scale::{
    ExponentialScale, ScaleMap, SigmoidScale, SoftplusScale, scaled_forward, scaled_forward_each,
    scaled_inverse, scaled_inverse_each,
};
pub use shift::{shift_forward_each, shift_inverse_each};
pub use spline::{
    Floor, floored_spline_forward, floored_spline_inverse_and_log_det, spline_forward,
    spline_inverse_and_log_det,
};
