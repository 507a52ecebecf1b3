//! Log-likelihoods with the bits of the chip.

use super::BatchFlow;
use crate::data::Dataset;
use flow_embedded::artefact::{LoadedFlow, ShapeError};

/// Scores rows with an artefact, with the bits of the firmware.
#[derive(Debug)]
pub struct Scorer<'f, 'a> {
    batch: BatchFlow<'f, 'a>,
}

impl<'f, 'a> Scorer<'f, 'a> {
    /// Makes the flow ready for many rows.
    pub fn new(flow: &'f LoadedFlow<'a>) -> Self {
        Self {
            batch: BatchFlow::new(flow),
        }
    }

    /// The log-likelihood of every row in nats, in the units of the raw data.
    ///
    /// # Errors
    /// The data have another number of channels than the model.
    pub fn log_probs(&self, data: &Dataset) -> Result<Vec<f32>, ShapeError> {
        let header = self.batch.flow().header();
        let (event, context) = (header.event.len(), header.context.len());
        if data.event_dim() != event {
            return Err(ShapeError::Event {
                expected: event,
                found: data.event_dim(),
            });
        }
        if data.context_dim() != context {
            return Err(ShapeError::Context {
                expected: context,
                found: data.context_dim(),
            });
        }
        Ok(self.log_probs_of(data.events(), data.contexts()))
    }

    /// The log-likelihood of every row of `events` (row-major, rows × D) given `contexts` (rows × C); for tables
    /// that are read piece by piece.
    ///
    /// # Panics
    /// If the slices don't hold whole rows, as many of one as of the other.
    pub fn log_probs_of(&self, events: &[f32], contexts: &[f32]) -> Vec<f32> {
        let event = self.batch.flow().header().event.len();
        let mut log_probs = vec![0.0; events.len() / event];
        self.batch.log_prob(events, contexts, &mut log_probs);
        log_probs
    }
}
