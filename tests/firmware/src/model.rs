//! The flow under test: one elementwise affine layer over standardised channels, written by hand
//! with the runtime's kernels in the shape of a generated module.

use flow_embedded::kernels::{
    affine_generate, affine_normalize, conclude, destandardise, log_prob_of, standardise,
};
use flow_embedded::math::Polynomial;
use flow_embedded::rand_core::Rng;
use flow_embedded::{Density, Sampler, base};

/// Event channels.
pub const CHANNELS: usize = 6;
/// The flow under test.
pub const MODEL: Elementwise = Elementwise;

const MEAN: [f32; CHANNELS] = [0.5, -0.1, 0.3, 0.0, 0.1, -0.2];
const INV_STD: [f32; CHANNELS] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
const SHIFT: [f32; CHANNELS] = [0.1, -0.2, 0.3, -0.4, 0.5, -0.6];
const SCALE: [f32; CHANNELS] = [-0.5, 0.4, -0.3, 0.2, -0.1, 0.05];
const INV_BOUND: f32 = 0.25;
const LOG_NORM: f32 = -9.5;

/// An elementwise affine flow.
pub struct Elementwise;

impl Density<CHANNELS> for Elementwise {
    fn log_prob(&self, event: &[f32; CHANNELS], context: &[f32; 0]) -> f32 {
        let mut x = standardise(event, &MEAN, &INV_STD);
        let mut log_det = 0.0;
        for (x, (&shift, &a)) in x.iter_mut().zip(SHIFT.iter().zip(&SCALE)) {
            let (z, log_scale) = affine_normalize::<Polynomial>(*x, shift, a, INV_BOUND);
            *x = z;
            log_det += log_scale;
        }
        conclude(log_prob_of(LOG_NORM, log_det, &x), event, context)
    }
}

impl Sampler<CHANNELS> for Elementwise {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, _context: &[f32; 0]) -> [f32; CHANNELS] {
        let mut z = [0.0; CHANNELS];
        for (z, (&shift, &a)) in z.iter_mut().zip(SHIFT.iter().zip(&SCALE)) {
            let drawn = base::normal::<Polynomial, R>(rng);
            *z = affine_generate::<Polynomial>(drawn, shift, a, INV_BOUND);
        }
        destandardise(&z, &MEAN, &INV_STD)
    }
}
