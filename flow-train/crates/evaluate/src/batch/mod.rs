//! Many rows at once, with the bits of the chip.
//!
//! A [`BatchFlow`] evaluates a loaded flow over chunks of rows, one vector register holding one value of several events.
//! Each event goes through the operations of [`LoadedFlow`] in the same order: products rounded before they are
//! added, sums in ascending order from the bias, the elementary functions of the model's backend. Its results are
//! therefore those of [`LoadedFlow::log_prob`] and [`LoadedFlow::sample`], bit for bit, however many threads share
//! the chunks.
//!
//! ```text
//! plan (decoded weights) ──► chunk (rows, layer by layer) ──► conditioner ──► dense, activation
//!                             ├ categorical ──► conditioner
//!                             ├ linear                        transformer ──► spline
//!                             └ image
//!                                                             lanes ──► polynomial
//! ```

mod activation;
mod categorical;
mod chunk;
mod conditioner;
mod dense;
mod image;
mod lanes;
mod linear;
mod plan;
mod polynomial;
mod spline;
mod transformer;

use chunk::Chunk;
use flow_embedded::artefact::LoadedFlow;
use flow_embedded::base::uniform;
use flow_embedded::math::{Backend, Libm, Micromath, Polynomial};
use lanes::LaneMath;
use plan::Plan;
use rand_core::Rng;
use rayon::prelude::*;

/// Rows that are evaluated together: what a conditioner works in stays in a core's own cache.
const CHUNK: usize = 128;

/// A loaded flow, ready for many rows.
///
/// The chunks of a call are shared by the threads of the present rayon pool.
#[derive(Debug)]
pub struct BatchFlow<'f, 'a> {
    flow: &'f LoadedFlow<'a>,
    plan: Plan,
}

impl<'f, 'a> BatchFlow<'f, 'a> {
    /// Decodes the flow's weights.
    pub fn new(flow: &'f LoadedFlow<'a>) -> Self {
        Self {
            flow,
            plan: Plan::new(flow),
        }
    }

    /// The flow.
    pub fn flow(&self) -> &'f LoadedFlow<'a> {
        self.flow
    }

    /// The log-likelihood of every row in nats, in the units of the raw data: the bits of
    /// [`LoadedFlow::log_prob`], its answers to non-finite input and to values outside a domain included.
    ///
    /// `events` are row-major, rows × D, `contexts` rows × C.
    ///
    /// # Panics
    /// If a slice's length is not that of `log_probs.len()` rows.
    pub fn log_prob(&self, events: &[f32], contexts: &[f32], log_probs: &mut [f32]) {
        let header = self.flow.header();
        let (event, context) = (header.event.len(), header.context.len());
        let rows = log_probs.len();
        assert_eq!(events.len(), rows * event, "the events of {rows} rows");
        assert_eq!(
            contexts.len(),
            rows * context,
            "the contexts of {rows} rows"
        );
        let evaluate = match header.math {
            Backend::Polynomial => Chunk::log_prob::<Polynomial>,
            Backend::Libm => Chunk::log_prob::<Libm>,
            Backend::Micromath => Chunk::log_prob::<Micromath>,
        };
        log_probs
            .par_chunks_mut(CHUNK)
            .zip(events.par_chunks(CHUNK * event))
            .enumerate()
            .for_each_init(
                || Chunk::new(&self.plan, rows.min(CHUNK)),
                |chunk, (index, (log_probs, events))| {
                    let own = context * log_probs.len();
                    let contexts = &contexts[index * CHUNK * context..][..own];
                    evaluate(chunk, header, events, contexts, log_probs);
                },
            );
    }

    /// Draws events in the units of the raw data: the bits of one [`LoadedFlow::sample`] after the other with the
    /// same generator.
    ///
    /// `events` are row-major, rows × D, `contexts` rows × C.
    ///
    /// # Panics
    /// If a slice's length is not that of whole rows, as many of one as of the other.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R, contexts: &[f32], events: &mut [f32]) {
        match self.flow.header().math {
            Backend::Polynomial => self.sample_by::<Polynomial, R>(rng, contexts, events),
            Backend::Libm => self.sample_by::<Libm, R>(rng, contexts, events),
            Backend::Micromath => self.sample_by::<Micromath, R>(rng, contexts, events),
        }
    }

    fn sample_by<M: LaneMath, R: Rng + ?Sized>(
        &self,
        rng: &mut R,
        contexts: &[f32],
        events: &mut [f32],
    ) {
        let header = self.flow.header();
        let (event, context) = (header.event.len(), header.context.len());
        let rows = events.len() / event;
        assert_eq!(events.len(), rows * event, "the events of whole rows");
        assert_eq!(
            contexts.len(),
            rows * context,
            "the contexts of {rows} rows"
        );
        let (shape, heads) = (&self.plan.shape, &self.plan.heads);
        let mut z = vec![0.0; shape.event];
        for event in events.chunks_exact_mut(event) {
            // The quantile of a category stands in its place until it is known.
            heads
                .iter()
                .for_each(|head| event[head.channel] = uniform(rng));
            let base = &self.plan.base;
            header.base.draw::<M, R, _>(shape, base, rng, &mut z);
            for (channel, z) in self.plan.continuous.iter().zip(&z) {
                event[*channel] = *z;
            }
        }
        events
            .par_chunks_mut(CHUNK * event)
            .enumerate()
            .for_each_init(
                || Chunk::new(&self.plan, rows.min(CHUNK)),
                |chunk, (index, events)| {
                    let own = context * (events.len() / event);
                    let contexts = &contexts[index * CHUNK * context..][..own];
                    chunk.generate_from::<M>(header, contexts, events);
                },
            );
    }
}
