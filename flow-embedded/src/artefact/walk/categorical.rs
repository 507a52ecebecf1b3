//! The heads of categorical event channels, and embeddings.

use super::{Conditioning, Walk, hidden_layers, last_hidden, row, take};
use crate::artefact::Channel;
use crate::kernels::embedding;
use crate::math::Math;

impl<M: Math> Walk<'_, M> {
    /// What bijections act on, and a slot for each categorical event channel.
    pub(super) fn parts<'s>(&self, event: &'s mut [f32]) -> (&'s mut [f32], &'s mut [f32]) {
        event
            .split_at_mut_checked(self.shape.event)
            .unwrap_or_default()
    }

    /// Evaluates the heads one after the other. `then` is told the event channel, its
    /// place among the categorical ones and the logits, and says the code, which the
    /// heads behind and the bijections are conditioned by.
    pub(super) fn each_head(
        &self,
        memory: &mut Conditioning<'_>,
        mut then: impl FnMut(usize, usize, &mut [f32]) -> f32,
    ) {
        let tables = self.header.embedding_weights();
        let mut stored = self.discrete.get(tables..).unwrap_or_default();
        for (place, head) in self.header.categorical().enumerate() {
            let own = take(&mut stored, head.weights());
            let weights = &mut own.iter();
            hidden_layers::<M>(head.conditioner, head.inputs, weights, memory, |dense| {
                head.blocks(dense)
            });
            let last = last_hidden(head.conditioner, memory.input, memory.hidden);
            let output = head.blocks(head.dense_layers() - 1).next();
            let inputs = output.map_or(0, |block| block.inputs);
            let logits = memory.parameters.get_mut(..head.vocabulary.size());
            let logits = logits.unwrap_or_default();
            for logit in logits.iter_mut() {
                *logit = row(weights, inputs, last);
            }
            let code = then(head.channel, place, logits);
            let slots = memory.input.iter_mut().skip(head.inputs);
            let channel = self.header.event.get(head.channel);
            self.embed(channel.and_then(Channel::vocabulary), code, slots);
        }
    }

    /// Writes the embedding of a code to the next slots.
    pub(super) fn embed<'s>(
        &self,
        vocabulary: Option<usize>,
        code: f32,
        slots: impl Iterator<Item = &'s mut f32>,
    ) {
        let Some((index, own)) =
            vocabulary.and_then(|index| Some((index, self.header.vocabularies.get(index)?)))
        else {
            return;
        };
        let table = self.header.embeddings(index, self.discrete);
        let row = embedding(table, own.size(), own.embedding(), code);
        for (slot, weight) in slots.zip(row) {
            *slot = weight;
        }
    }
}
