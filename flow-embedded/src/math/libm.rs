use super::{Backend, Math, Polynomial};

/// The crate `libm`: the most accurate backend, and the largest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Libm;

impl Math for Libm {
    const BACKEND: Backend = Backend::Libm;

    fn exp(x: f32) -> f32 {
        ::libm::expf(x)
    }

    fn ln(x: f32) -> f32 {
        ::libm::logf(x)
    }

    fn tanh(x: f32) -> f32 {
        ::libm::tanhf(x)
    }

    fn sqrt(x: f32) -> f32 {
        ::libm::sqrtf(x)
    }

    fn sin_cos(x: f32) -> (f32, f32) {
        // The crate's sine and cosine compute in double precision, which no
        // chip here has.
        Polynomial::sin_cos(x)
    }
}
