use super::{CalibrationTable, Judged, LoadedFlow, ShapeError};
use crate::density::{Density, Latents, Sampler};
use crate::detect::Calibrated;
use crate::state::{Digest, Identified};
use rand_core::Rng;

/// A loaded flow whose shape is known at compile time: `D` event channels, `C`
/// context channels, and `S` floats of scratch memory taken from the stack in
/// each call.
#[derive(Clone, Debug)]
pub struct ShapedFlow<'a, const D: usize, const C: usize, const S: usize> {
    flow: LoadedFlow<'a>,
}

impl<'a> LoadedFlow<'a> {
    /// Fixes the shape: see [`ShapedFlow`].
    ///
    /// # Errors
    /// The flow has other numbers of channels, needs more scratch memory than
    /// `S` floats, or is quantised to integers.
    pub fn shaped<const D: usize, const C: usize, const S: usize>(
        self,
    ) -> Result<ShapedFlow<'a, D, C, S>, ShapeError> {
        let (event, context) = (self.header().event.len(), self.header().context.len());
        if self.is_integer() {
            return Err(ShapeError::Quantised);
        }
        if event != D {
            return Err(ShapeError::Event {
                expected: event,
                found: D,
            });
        }
        if context != C {
            return Err(ShapeError::Context {
                expected: context,
                found: C,
            });
        }
        if S < self.scratch_len() {
            return Err(ShapeError::Scratch {
                expected: self.scratch_len(),
                found: S,
            });
        }
        Ok(ShapedFlow { flow: self })
    }
}

impl<'a, const D: usize, const C: usize, const S: usize> ShapedFlow<'a, D, C, S> {
    /// The flow with its calibration, ready for a
    /// [`Detector`](crate::Detector); `None` if it was not calibrated, or on lines of a
    /// text.
    pub fn calibrated(self) -> Option<CalibratedFlow<'a, D, C, S>> {
        let calibration = self.flow.header().calibration;
        calibration.filter(|own| own.judges == Judged::Events)?;
        let table = self.flow.calibration()?;
        Some(CalibratedFlow { flow: self, table })
    }
}

// The shape was checked in `shaped`, so the errors below cannot occur.
impl<const D: usize, const C: usize, const S: usize> Density<D, C> for ShapedFlow<'_, D, C, S> {
    fn log_prob(&self, event: &[f32; D], context: &[f32; C]) -> f32 {
        self.flow
            .log_prob(event, context, &mut [0.0; S])
            .unwrap_or(f32::NAN)
    }
}

impl<const D: usize, const C: usize, const S: usize> Latents<D, C> for ShapedFlow<'_, D, C, S> {
    fn log_prob_and_latents(
        &self,
        event: &[f32; D],
        context: &[f32; C],
        latents: &mut [f32; D],
    ) -> f32 {
        self.flow
            .log_prob_and_latents(event, context, latents, &mut [0.0; S])
            .unwrap_or(f32::NAN)
    }
}

impl<const D: usize, const C: usize, const S: usize> Sampler<D, C> for ShapedFlow<'_, D, C, S> {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, context: &[f32; C]) -> [f32; D] {
        let mut event = [f32::NAN; D];
        match self.flow.sample(rng, context, &mut event, &mut [0.0; S]) {
            Ok(()) => event,
            Err(_) => [f32::NAN; D],
        }
    }

    fn round_to_grid(&self, event: &mut [f32; D]) {
        self.flow.round_to_grid(event);
    }
}

impl<const D: usize, const C: usize, const S: usize> Identified for ShapedFlow<'_, D, C, S> {
    fn digest(&self) -> Digest {
        self.flow.digest()
    }
}

/// A [`ShapedFlow`] and its calibration table.
#[derive(Clone, Debug)]
pub struct CalibratedFlow<'a, const D: usize, const C: usize, const S: usize> {
    flow: ShapedFlow<'a, D, C, S>,
    table: CalibrationTable<'a>,
}

impl<const D: usize, const C: usize, const S: usize> Density<D, C> for CalibratedFlow<'_, D, C, S> {
    fn log_prob(&self, event: &[f32; D], context: &[f32; C]) -> f32 {
        self.flow.log_prob(event, context)
    }
}

impl<const D: usize, const C: usize, const S: usize> Latents<D, C> for CalibratedFlow<'_, D, C, S> {
    fn log_prob_and_latents(
        &self,
        event: &[f32; D],
        context: &[f32; C],
        latents: &mut [f32; D],
    ) -> f32 {
        self.flow.log_prob_and_latents(event, context, latents)
    }
}

impl<const D: usize, const C: usize, const S: usize> Identified for CalibratedFlow<'_, D, C, S> {
    fn digest(&self) -> Digest {
        self.flow.digest()
    }
}

impl<const D: usize, const C: usize, const S: usize> Calibrated for CalibratedFlow<'_, D, C, S> {
    fn alpha(&self) -> f32 {
        self.table.alpha()
    }

    fn p_value(&self, log_prob: f32) -> f32 {
        self.table.p_value(log_prob)
    }

    fn p_value_given(&self, log_prob: f32, context: &[f32]) -> f32 {
        let table = self.flow.flow.calibration_given(context);
        table.unwrap_or(self.table).p_value(log_prob)
    }
}
