//! The noise of a sensor, sample after sample.
//!
//! A flow that was fitted to a sensor at rest, given the past of its own samples,
//! generates noise that behaves over time as the sensor's does: its Allan
//! deviation, the correlation between channels, what temperature does to it, and
//! the steps of the converter. [`NoiseSource`] feeds each sample that it draws
//! back as the past of the next one.
//!
//! # Stability
//! Whatever a model has learnt, its feedback can't run away: each number that the
//! flow is conditioned on is confined to the range that it had in the training
//! data. A sample is then the base distribution's under one of a bounded set of
//! maps, and an average of such samples. Slow parts of the noise, such as a random
//! walk, therefore stay within what the recording showed of them.
//!
//! # Warm-up
//! A source starts as if the sensor had always shown its mean: the first sample
//! has all the past that it needs. Slow parts of the noise build up from there, as
//! after a warm start of the sensor, and have forgotten the start after
//! [`NoiseSource::warm_up`] samples: draw that many and leave them, where the start
//! should not show.

use crate::density::Sampler;
use crate::state::{Identified, Kind, StateError};
use crate::window::{Window, Windowed};
use rand_core::Rng;

/// A flow over `D` channels given `C` context channels, fitted to the noise of a
/// sensor. Generated code implements it for models of `flow train --noise`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model of the noise of a sensor: run `flow train recording.csv --noise -o model.flow` and generate its module",
    label = "no model of noise",
    note = "`flow codegen --functions score` leaves out what generates noise, and so do integers (`--weights i8` or `i16`)"
)]
pub trait Noise<const D: usize, const C: usize>: Sampler<D, C> {
    /// The mean of each channel in the training data.
    const START: &'static [f32; D];

    /// The least and the largest value of each context channel there.
    const RANGES: &'static [[f32; 2]; C];
}

impl<F: Noise<D, C>, const D: usize, const C: usize> Noise<D, C> for &F {
    const START: &'static [f32; D] = F::START;
    const RANGES: &'static [[f32; 2]; C] = F::RANGES;
}

/// Confines each value to its range, in place. A NaN stays one.
pub fn confine(values: &mut [f32], ranges: impl IntoIterator<Item = [f32; 2]>) {
    for (value, [low, high]) in values.iter_mut().zip(ranges) {
        // Not `clamp`, which panics where a range is none.
        if *value < low {
            *value = low;
        } else if *value > high {
            *value = high;
        }
    }
}

/// Generates the noise of a sensor of `D` channels; `N` samples and `A` moving
/// averages are its past. The generated module of the flow `F` decides on them.
///
/// The same seed gives the same samples, on the desk and on the chip, where `flow
/// sample` draws with the same generator.
///
/// ```ignore
/// let mut source = NoiseSource::new(Gyroscope);
/// let [x, y, z] = source.next(&mut rng, &[temperature]);
/// ```
#[derive(Clone, Debug)]
pub struct NoiseSource<F, const D: usize, const N: usize, const A: usize> {
    flow: F,
    window: Window<D, N, A>,
}

impl<F, const D: usize, const N: usize, const A: usize> NoiseSource<F, D, N, A> {
    /// Bytes of a [saved](Self::save) state.
    pub const BYTES: usize = Window::<D, N, A>::BYTES;

    /// A source that starts from the mean of the training data.
    pub fn new<const C: usize, const W: usize>(flow: F) -> Self
    where
        F: Noise<D, C> + Windowed<D, W, N, A>,
    {
        let window = Window::filled(&F::FEATURES, F::START);
        Self { flow, window }
    }

    /// A source that goes on where another one was [saved](Self::save).
    ///
    /// # Errors
    /// The bytes are no state of a source of this model: see [`StateError`].
    pub fn restore<const C: usize, const W: usize>(
        flow: F,
        state: &[u8],
    ) -> Result<Self, StateError>
    where
        F: Noise<D, C> + Windowed<D, W, N, A> + Identified,
    {
        let window = Window::open(Kind::Noise, flow.digest(), state)?;
        match window.is_primed(&F::FEATURES) {
            true => Ok(Self { flow, window }),
            false => Err(StateError::Impossible),
        }
    }

    /// Writes the state to the first [`BYTES`](Self::BYTES) bytes of `buffer`, in the frame of
    /// [`state`](crate::state), and gives them. The generator of random numbers is not part of it.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn save<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError>
    where
        F: Identified,
    {
        self.window.seal(Kind::Noise, self.flow.digest(), buffer)
    }

    /// The next sample, in the units of the training data and on the grid of the
    /// converter, given the `G` context channels that are not the past: what the
    /// model was trained with as `--context`, in that order.
    ///
    /// Takes as many words from the generator as
    /// [`Sampler::sample`]. A context outside the range of
    /// the training data counts as the nearest value in it. A context that is not
    /// finite gives a sample of NaN, and the source goes on as if it had not been
    /// asked.
    pub fn next<R, const C: usize, const W: usize, const G: usize>(
        &mut self,
        rng: &mut R,
        context: &[f32; G],
    ) -> [f32; D]
    where
        R: Rng + ?Sized,
        F: Noise<D, C> + Windowed<D, W, N, A>,
    {
        const { assert!(W + G == C, "as many context channels as the model has") };
        let given = match context.iter().all(|x| x.is_finite()) {
            true => self.window.context::<C>(&F::FEATURES, context),
            false => None,
        };
        let mut context = given.unwrap_or([f32::NAN; C]);
        confine(&mut context, F::RANGES.iter().copied());
        let mut sample = self.flow.sample(rng, &context);
        self.flow.round_to_grid(&mut sample);
        if sample.iter().all(|x| x.is_finite()) {
            self.window.push(&F::FEATURES, &sample);
        }
        sample
    }

    /// The samples after which the start is forgotten.
    pub fn warm_up<const C: usize, const W: usize>(&self) -> usize
    where
        F: Noise<D, C> + Windowed<D, W, N, A>,
    {
        F::FEATURES
            .iter()
            .fold(0, |longest, feature| longest.max(feature.warm_up()))
    }

    /// Starts again from the mean of the training data.
    pub fn reset<const C: usize, const W: usize>(&mut self)
    where
        F: Noise<D, C> + Windowed<D, W, N, A>,
    {
        self.window = Window::filled(&F::FEATURES, F::START);
    }
}
