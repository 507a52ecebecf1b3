//! Log-likelihoods with the bits of the chip.

use crate::data::Dataset;
use flow_embedded::artefact::{LoadedFlow, ShapeError};

/// Scores rows with an artefact, through the same arithmetic as the firmware.
#[derive(Debug)]
pub struct Scorer<'f, 'a> {
    flow: &'f LoadedFlow<'a>,
    scratch: Vec<f32>,
}

impl<'f, 'a> Scorer<'f, 'a> {
    /// Lends the flow its scratch memory.
    pub fn new(flow: &'f LoadedFlow<'a>) -> Self {
        Self {
            flow,
            scratch: vec![0.0; flow.scratch_len()],
        }
    }

    /// The log-likelihood of one event in nats, in the units of the raw data.
    ///
    /// # Errors
    /// The row has another number of channels than the model.
    pub fn log_prob(&mut self, event: &[f32], context: &[f32]) -> Result<f32, ShapeError> {
        self.flow.log_prob(event, context, &mut self.scratch)
    }

    /// The log-likelihood of every row.
    ///
    /// # Errors
    /// The data have another number of channels than the model.
    pub fn log_probs(&mut self, data: &Dataset) -> Result<Vec<f32>, ShapeError> {
        (0..data.rows())
            .map(|row| self.log_prob(data.event(row), data.context(row)))
            .collect()
    }
}
