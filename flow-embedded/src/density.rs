//! What a compiled or loaded flow can do: score events and draw them.

use rand_core::Rng;

/// An exact log-likelihood over events of `D` channels given `C` context
/// channels.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not score such events: generate its module by `flow codegen model.flow -o model.rs`, without `--functions sample`, and give it as many channels as it has",
    label = "no model that scores such events",
    note = "the documentation of a generated type lists the channels of its events and of its context",
    note = "a loaded model has a shape after `LoadedFlow::shaped`"
)]
pub trait Density<const D: usize, const C: usize = 0> {
    /// The log-likelihood of one event in nats, in the units of the raw data.
    ///
    /// NaN if the event or the context holds a NaN or an infinity; −∞ if
    /// finite input lies so far out that `f32` overflows on the way; never +∞.
    fn log_prob(&self, event: &[f32; D], context: &[f32; C]) -> f32;
}

/// A density by a flow, which has latent coordinates: the event carried to the
/// base distribution (the normalizing direction).
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no latent coordinates of such events: generate its module by `flow codegen model.flow -o model.rs`, without `--functions sample`, and give it as many channels as it has",
    label = "no model with such latents"
)]
pub trait Latents<const D: usize, const C: usize = 0>: Density<D, C> {
    /// The log-likelihood of one event, the bits of
    /// [`log_prob`](Density::log_prob), and in `latents` its coordinates in the
    /// base distribution, in the order of the artefact's last bijection.
    ///
    /// Events that the model describes well have independent latents that are
    /// distributed as its base: with a normal base a latent of 3 is as unusual as
    /// three standard deviations. Angles are in radians. Categorical channels are behind
    /// all others, each with its surprise `−ln p` in nats. Where the log-likelihood
    /// is not finite, neither need the latents be.
    fn log_prob_and_latents(
        &self,
        event: &[f32; D],
        context: &[f32; C],
        latents: &mut [f32; D],
    ) -> f32;
}

/// Exact samples of `D` channels given `C` context channels.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not draw such events: generate its module by `flow codegen model.flow -o model.rs`, without `--functions score` and `--weights i8` or `i16`, and give it as many channels as it has",
    label = "no model that draws such events",
    note = "the documentation of a generated type lists the channels of its events and of its context",
    note = "a model that `flow quantise` made of integers scores only: generate from the model before"
)]
pub trait Sampler<const D: usize, const C: usize = 0> {
    /// Draws one event, in the units of the raw data.
    ///
    /// Takes a fixed number of 32-bit words from the generator, so that a seed gives the
    /// same sample everywhere: one word a categorical channel, then in the order of
    /// the other channels one each, or two where the base distribution is Student's t and the
    /// channel no angle; for a mixture one more in front, which chooses the
    /// component. [`crate::base`] has the maps. A non-finite context gives
    /// non-finite samples.
    ///
    /// Samples are continuous also where the data were rounded: see
    /// [`round_to_grid`](Self::round_to_grid).
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, context: &[f32; C]) -> [f32; D];

    /// Rounds the channels that the training data had rounded, such as counts
    /// of an ADC, to the nearest of the values that they can take, in place.
    /// Other channels stay as they are.
    fn round_to_grid(&self, event: &mut [f32; D]) {
        let _ = event;
    }
}

impl<F: Density<D, C>, const D: usize, const C: usize> Density<D, C> for &F {
    fn log_prob(&self, event: &[f32; D], context: &[f32; C]) -> f32 {
        F::log_prob(self, event, context)
    }
}

impl<F: Latents<D, C>, const D: usize, const C: usize> Latents<D, C> for &F {
    fn log_prob_and_latents(
        &self,
        event: &[f32; D],
        context: &[f32; C],
        latents: &mut [f32; D],
    ) -> f32 {
        F::log_prob_and_latents(self, event, context, latents)
    }
}

impl<F: Sampler<D, C>, const D: usize, const C: usize> Sampler<D, C> for &F {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, context: &[f32; C]) -> [f32; D] {
        F::sample(self, rng, context)
    }

    fn round_to_grid(&self, event: &mut [f32; D]) {
        F::round_to_grid(self, event);
    }
}
