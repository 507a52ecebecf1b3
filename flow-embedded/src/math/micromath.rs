use super::{Backend, Math};
use ::micromath::F32;

/// The crate `micromath`: small, and coarse (see the table of the parent
/// module before you choose it).
#[derive(Clone, Copy, Debug, Default)]
pub struct Micromath;

impl Math for Micromath {
    const BACKEND: Backend = Backend::Micromath;

    fn exp(x: f32) -> f32 {
        // Outside the range of finite results the crate's own arithmetic wraps. Of a NaN it makes
        // a number that depends on the NaN's sign, and machines differ in that.
        if x > 88.7 {
            f32::INFINITY
        } else if x >= -87.3 {
            F32(x).exp().0
        } else if x < -87.3 {
            0.0
        } else {
            x
        }
    }

    fn ln(x: f32) -> f32 {
        if x > 0.0 && x < f32::INFINITY {
            F32(x).ln().0
        } else if x < 0.0 {
            f32::NAN
        } else if x == 0.0 {
            f32::NEG_INFINITY
        } else {
            x
        }
    }

    fn tanh(x: f32) -> f32 {
        // micromath has no tanh of its own; its exp gives one.
        let size = 1.0 - 2.0 / (Self::exp(2.0 * x.abs()) + 1.0);
        if x.is_nan() { x } else { size.copysign(x) }
    }

    fn sqrt(x: f32) -> f32 {
        if x > 0.0 && x < f32::INFINITY {
            F32(x).sqrt().0
        } else if x < 0.0 {
            f32::NAN
        } else {
            x
        }
    }
    fn sin_cos(x: f32) -> (f32, f32) {
        // Far out the crate's own range reduction overflows.
        if x.abs() < 1e6 {
            (F32(x).sin().0, F32(x).cos().0)
        } else {
            (f32::NAN, f32::NAN)
        }
    }
}
