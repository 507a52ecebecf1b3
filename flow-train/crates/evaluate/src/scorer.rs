//! Log-likelihoods with the bits of the chip.

use super::BatchFlow;
use flow_data::Dataset;
use flow_embedded::artefact::{LoadedFlow, ShapeError};
use flow_plan::Interpreter;
use rayon::prelude::*;

/// Scores rows with an artefact, with the bits of the firmware.
pub struct Scorer<'f, 'a> {
    flow: &'f LoadedFlow<'a>,
    by: By<'f, 'a>,
}

enum By<'f, 'a> {
    Batch(Box<BatchFlow<'f, 'a>>),
    /// A model of integers.
    Interpreter(Box<Interpreter>),
}

impl<'f, 'a> Scorer<'f, 'a> {
    /// Makes the flow ready for many rows.
    ///
    /// # Errors
    /// It is quantised in a way that its weights do not allow.
    pub fn new(flow: &'f LoadedFlow<'a>) -> Result<Self, flow_plan::Error> {
        let by = match flow.is_integer() {
            false => By::Batch(Box::new(BatchFlow::new(flow))),
            true => By::Interpreter(Box::new(Interpreter::of(flow)?)),
        };
        Ok(Self { flow, by })
    }

    /// The model.
    pub fn flow(&self) -> &'f LoadedFlow<'a> {
        self.flow
    }

    /// The flow for many rows, which samples too; `None` for a model of integers.
    pub fn batch(&self) -> Option<&BatchFlow<'f, 'a>> {
        match &self.by {
            By::Batch(batch) => Some(batch),
            By::Interpreter(_) => None,
        }
    }

    /// The log-likelihood of one event given its context, on this thread.
    ///
    /// # Panics
    /// If a slice's length does not fit the model.
    pub fn log_prob_of(&self, event: &[f32], context: &[f32]) -> f32 {
        match &self.by {
            By::Batch(_) => {
                let scratch = &mut vec![0.0; self.flow.scratch_len()];
                let scored = self.flow.log_prob(event, context, scratch);
                scored.expect("slices of the flow's sizes")
            }
            By::Interpreter(interpreter) => interpreter.log_prob(event, context).0,
        }
    }

    /// The log-likelihood of every row in nats, in the units of the raw data.
    ///
    /// # Errors
    /// The data have another number of channels than the model.
    pub fn log_probs(&self, data: &Dataset) -> Result<Vec<f32>, ShapeError> {
        let header = self.flow.header();
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

    /// The latent coordinates of every row, row-major: see
    /// [`Latents`](flow_embedded::Latents).
    ///
    /// # Panics
    /// As [`log_probs_of`](Self::log_probs_of).
    pub fn latents_of(&self, events: &[f32], contexts: &[f32]) -> Vec<f32> {
        let header = self.flow.header();
        let (event, context) = (header.event.len(), header.context.len());
        let rows = events.par_chunks_exact(event).enumerate();
        let rows = rows.map(|(row, event)| (event, &contexts[row * context..][..context]));
        let latents = rows.map_init(
            || vec![0.0; self.flow.scratch_len()],
            |scratch, (event, context)| match &self.by {
                By::Interpreter(interpreter) => interpreter.log_prob_and_latents(event, context).1,
                By::Batch(_) => {
                    let mut own = vec![0.0; event.len()];
                    let scored = self
                        .flow
                        .log_prob_and_latents(event, context, &mut own, scratch);
                    scored.expect("slices of the flow's sizes");
                    own
                }
            },
        );
        latents.flatten_iter().collect()
    }

    /// The log-likelihood of every row of `events` (row-major, rows × D) given `contexts` (rows × C); for tables
    /// that are read piece by piece.
    ///
    /// # Panics
    /// If the slices don't hold whole rows, as many of one as of the other.
    pub fn log_probs_of(&self, events: &[f32], contexts: &[f32]) -> Vec<f32> {
        let header = self.flow.header();
        let (event, context) = (header.event.len(), header.context.len());
        match &self.by {
            By::Batch(batch) => {
                let mut log_probs = vec![0.0; events.len() / event];
                batch.log_prob(events, contexts, &mut log_probs);
                log_probs
            }
            By::Interpreter(interpreter) => events
                .par_chunks_exact(event)
                .enumerate()
                .map(|(row, event)| {
                    let context = &contexts[row * context..][..context];
                    interpreter.log_prob(event, context).0
                })
                .collect(),
        }
    }
}
