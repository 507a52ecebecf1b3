//! Elementary functions: one trait, three backends as types.
//!
//! Features only *add* backends; which one a model runs is part of the model,
//! because thresholds are calibrated through it.
//!
//! Largest error against the exact value, over the ranges that flows use
//! (`tests/accuracy.rs` of this crate measures and enforces it):
//!
//! | function, range | [`Polynomial`] | `Libm` | `Micromath` |
//! |---|---|---|---|
//! | `exp`, −87 ..= 87, relative | 8e-8 | 8e-8 | 2.5e-3 |
//! | `ln`, all normal numbers, relative (absolute near 1) | 8e-8 | 8e-8 | 0.12 |
//! | `tanh`, all numbers, relative (`Micromath`: absolute) | 1.4e-7 | 1.6e-7 | 1.3e-3 |
//! | `sqrt`, all normal numbers, relative | 9e-8 | 6e-8 | 6.2e-2 |
//! | `sin_cos`, −7 ..= 7, absolute | 8e-8 | 8e-8 (ours) | 1.1e-3 |
//!
//! A model that runs on `Micromath` is a slightly different density: its
//! `ln` is off by up to 0.12 nat and shifts thresholds. Calibrate through the
//! backend that ships (the artefact names it, so the tools do this for you).

#[cfg(feature = "libm")]
mod libm;
#[cfg(feature = "micromath")]
mod micromath;
mod polynomial;

#[cfg(feature = "libm")]
pub use self::libm::Libm;
#[cfg(feature = "micromath")]
pub use self::micromath::Micromath;
pub use self::polynomial::Polynomial;

use serde::{Deserialize, Serialize};

/// The elementary functions that a flow needs, in `f32`.
///
/// Implementations use no fused multiply-add and no state, so that a backend
/// gives the same bits on every target. NaN in, NaN out.
pub trait Math {
    /// The name that an artefact records for this backend.
    const BACKEND: Backend;

    /// `e^x`. Overflows to infinity, underflows to zero.
    fn exp(x: f32) -> f32;
    /// Natural logarithm. Zero gives −∞, a negative number NaN.
    fn ln(x: f32) -> f32;
    /// Hyperbolic tangent, within −1 ..= 1.
    fn tanh(x: f32) -> f32;
    /// Square root. A negative number gives NaN.
    fn sqrt(x: f32) -> f32;
    /// Sine and cosine of an angle in radians, for angles of a few turns.
    fn sin_cos(x: f32) -> (f32, f32);
}

/// Names a [`Math`] backend in an artefact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Backend {
    /// [`Polynomial`]: our own, always available.
    #[default]
    Polynomial,
    /// `Libm`: the crate `libm`, feature `libm`.
    Libm,
    /// `Micromath`: the crate `micromath`, feature `micromath`.
    Micromath,
}

impl Backend {
    /// Whether this build of the crate holds the backend.
    pub const fn is_available(self) -> bool {
        match self {
            Self::Polynomial => true,
            Self::Libm => cfg!(feature = "libm"),
            Self::Micromath => cfg!(feature = "micromath"),
        }
    }

    /// The name used on the command line and in documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Polynomial => "polynomial",
            Self::Libm => "libm",
            Self::Micromath => "micromath",
        }
    }
}
