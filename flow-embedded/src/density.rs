//! What a compiled or loaded flow can do: score events and draw them.

use rand_core::Rng;

/// An exact log-likelihood over events of `D` channels given `C` context
/// channels.
pub trait Density<const D: usize, const C: usize = 0> {
    /// The log-likelihood of one event in nats, in the units of the raw data.
    ///
    /// NaN if the event or the context holds a NaN or an infinity; −∞ if
    /// finite input lies so far out that `f32` overflows on the way.
    fn log_prob(&self, event: &[f32; D], context: &[f32; C]) -> f32;
}

/// Exact samples of `D` channels given `C` context channels.
pub trait Sampler<const D: usize, const C: usize = 0> {
    /// Draws one event, in the units of the raw data.
    ///
    /// Takes `D` numbers of 32 bits from the generator, one for each channel
    /// in ascending order ([`crate::base::normal`] maps each to the base
    /// distribution), so that a seed gives the same sample everywhere. A
    /// non-finite context gives non-finite samples.
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, context: &[f32; C]) -> [f32; D];
}

impl<F: Density<D, C>, const D: usize, const C: usize> Density<D, C> for &F {
    fn log_prob(&self, event: &[f32; D], context: &[f32; C]) -> f32 {
        F::log_prob(self, event, context)
    }
}

impl<F: Sampler<D, C>, const D: usize, const C: usize> Sampler<D, C> for &F {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, context: &[f32; C]) -> [f32; D] {
        F::sample(self, rng, context)
    }
}
