//! Rows drawn from a model, each for itself or from those before it.

use super::{BatchFlow, Source};
use flow_data::warm_up;
use flow_embedded::artefact::ShapeError;
use flow_embedded::window::Feature;
use rand_core::Rng;

/// How the rows of a model are drawn.
pub struct Draw<'b, 'f, 'a>(Kind<'b, 'f, 'a>);

enum Kind<'b, 'f, 'a> {
    /// Each for itself, and perhaps rounded.
    Apart {
        batch: &'b BatchFlow<'f, 'a>,
        round: bool,
    },
    /// A sensor's noise: each from those before it.
    Noise {
        source: Source<'f, 'a>,
        /// Rows to leave before the first.
        leave: usize,
    },
}

impl<'b, 'f, 'a> Draw<'b, 'f, 'a> {
    /// Draws from this flow, with the columns that it knows as rounded back on their grid if `round` says so. Noise
    /// always is, and builds up over so many rows before the first; as many as its past reaches back, if nothing is
    /// said.
    pub fn new(batch: &'b BatchFlow<'f, 'a>, round: bool, leave: Option<usize>) -> Self {
        let flow = batch.flow();
        Self(match Source::new(flow) {
            Some(source) => Kind::Noise {
                source,
                leave: leave.unwrap_or_else(|| {
                    let features: Vec<Feature> = flow.header().features.iter().collect();
                    warm_up(&features)
                }),
            },
            None => Kind::Apart { batch, round },
        })
    }

    /// Draws as many rows as there is room for in `events`, given as many `contexts`: of noise without the channels
    /// that are its past.
    ///
    /// # Errors
    /// Contexts of noise have the wrong number of channels.
    ///
    /// # Panics
    /// If a slice doesn't hold whole rows, or those of another model than noise are not as many of one as of the other.
    pub fn fill<R: Rng + ?Sized>(
        &mut self,
        rng: &mut R,
        contexts: &[f32],
        events: &mut [f32],
    ) -> Result<(), ShapeError> {
        if events.is_empty() {
            return Ok(());
        }
        match &mut self.0 {
            Kind::Apart { batch, round } => {
                batch.sample(rng, contexts, events);
                let channels = batch.flow().header().event.len();
                for event in events.chunks_exact_mut(channels).filter(|_| *round) {
                    batch.flow().round_to_grid(event);
                }
            }
            Kind::Noise { source, leave } => {
                let channels = source.channels();
                let rows = events.len() / channels;
                let given = contexts.len() / rows;
                let first = &contexts[..given];
                for _ in 0..std::mem::take(leave) {
                    source.next(rng, first)?;
                }
                for (row, event) in events.chunks_exact_mut(channels).enumerate() {
                    let own = &contexts[row * given..][..given];
                    event.copy_from_slice(source.next(rng, own)?);
                }
            }
        }
        Ok(())
    }
}
