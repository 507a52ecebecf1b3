//! A sensor's noise from an artefact, with the bits of [`flow_embedded::noise::NoiseSource`].

use flow_data::Past;
use flow_embedded::artefact::{LoadedFlow, ShapeError};
use flow_embedded::noise::confine;
use flow_embedded::window::Feature;
use rand_core::Rng;

/// Generates noise of as many channels as the artefact has.
#[derive(Debug)]
pub struct Source<'f, 'a> {
    flow: &'f LoadedFlow<'a>,
    past: Past,
    ranges: Vec<[f32; 2]>,
    /// Past, then what is given.
    context: Vec<f32>,
    sample: Vec<f32>,
    scratch: Vec<f32>,
}

impl<'f, 'a> Source<'f, 'a> {
    /// A source that starts from the mean of the training data; nothing if the model is none of noise.
    pub fn new(flow: &'f LoadedFlow<'a>) -> Option<Self> {
        let header = flow.header();
        let noise = header.noise?;
        let start: Vec<f32> = noise.start().collect();
        let features: Vec<Feature> = header.features.iter().collect();
        Some(Self {
            flow,
            past: Past::filled(&features, &start),
            ranges: noise.ranges().collect(),
            context: vec![0.0; header.context.len()],
            sample: start,
            scratch: vec![0.0; flow.scratch_len()],
        })
    }

    /// The channels of a sample.
    pub fn channels(&self) -> usize {
        self.sample.len()
    }

    /// The next sample, given the context channels that are not the past; as
    /// [`NoiseSource::next`](flow_embedded::noise::NoiseSource::next).
    ///
    /// # Errors
    /// The context has the wrong number of channels, or the model is quantised to integers.
    pub fn next<R: Rng + ?Sized>(
        &mut self,
        rng: &mut R,
        given: &[f32],
    ) -> Result<&[f32], ShapeError> {
        let features = self.flow.header().features.len();
        let (past, rest) = self.context.split_at_mut(features);
        if rest.len() != given.len() {
            return Err(ShapeError::Context {
                expected: rest.len(),
                found: given.len(),
            });
        }
        rest.copy_from_slice(given);
        match self
            .past
            .features()
            .filter(|_| given.iter().all(|x| x.is_finite()))
        {
            Some(own) => past.copy_from_slice(own),
            None => self.context.fill(f32::NAN),
        }
        confine(&mut self.context, self.ranges.iter().copied());
        self.flow
            .sample(rng, &self.context, &mut self.sample, &mut self.scratch)?;
        self.flow.round_to_grid(&mut self.sample);
        if self.sample.iter().all(|x| x.is_finite()) {
            self.past.push(&self.sample);
        }
        Ok(&self.sample)
    }
}
