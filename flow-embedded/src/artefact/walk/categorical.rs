//! The heads of categorical event channels, and embeddings.

use super::{Conditioning, Walk, hidden_layers, last_hidden, row, take};
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
        let tables = self.layout.embeddings;
        let mut stored = self.discrete.get(tables..).unwrap_or_default();
        let heads = self.header.heads_behind(self.layout.context);
        for (place, head) in heads.enumerate() {
            let own = take(&mut stored, head.weights());
            let weights = &mut own.iter();
            hidden_layers::<M>(&head.conditioner, head.inputs, weights, memory, |dense| {
                head.blocks(dense)
            });
            let last = last_hidden(&head.conditioner, memory.input, memory.hidden);
            let output = head.blocks(head.dense_layers() - 1).next();
            let inputs = output.map_or(0, |block| block.inputs);
            let logits = memory.parameters.get_mut(..head.categories);
            let logits = logits.unwrap_or_default();
            for logit in logits.iter_mut() {
                *logit = row(weights, inputs, last);
            }
            let code = then(head.channel, place, logits);
            let slots = memory.input.iter_mut().skip(head.inputs);
            self.embed(head.vocabulary, code, slots);
        }
    }

    /// Writes the embedding of a code to the next slots.
    pub(super) fn embed<'s>(
        &self,
        vocabulary: usize,
        code: f32,
        slots: impl Iterator<Item = &'s mut f32>,
    ) {
        let Some((own, table)) = self.header.embeddings(vocabulary, self.discrete) else {
            return;
        };
        let row = embedding(table, own.categories(), own.embedding(), code);
        for (weight, slot) in row.zip(slots) {
            *slot = weight;
        }
    }
}
