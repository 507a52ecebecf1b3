//! Categorical channels over a chunk: embeddings, and heads.

use super::conditioner::{Conditioner, Memory};
use super::dense::Dense;
use super::lanes::LaneMath;
use flow_embedded::artefact::LoadedFlow;
use flow_embedded::kernels::{category_at, category_log_prob, embedding};
use flow_model::panel::Panel;

/// Categories with their embeddings, row by row.
#[derive(Debug)]
pub(super) struct Vocabulary {
    size: usize,
    pub(super) width: usize,
    table: Vec<f32>,
}

impl Vocabulary {
    pub(super) fn all(flow: &LoadedFlow<'_>) -> Vec<Self> {
        let own = flow.header().vocabularies.iter().enumerate();
        own.map(|(index, own)| Self {
            size: own.size(),
            width: own.embedding(),
            table: flow.embeddings(index).collect(),
        })
        .collect()
    }

    /// Writes the embeddings of codes to the rows of `input` from `slot` on.
    pub(super) fn embed(
        &self,
        codes: impl Iterator<Item = f32>,
        slot: usize,
        input: &mut Panel<f32>,
    ) {
        for (column, code) in codes.enumerate() {
            let row = embedding(&self.table, self.size, self.width, code);
            for (place, x) in row.enumerate() {
                input.row_mut(slot + place)[column] = x;
            }
        }
    }
}

/// What gives the logits of a categorical event channel.
#[derive(Debug)]
pub(super) struct Head {
    /// The event channel.
    pub(super) channel: usize,
    /// The place of its vocabulary.
    pub(super) vocabulary: usize,
    /// The features that it sees: its own embedding comes behind them.
    pub(super) inputs: usize,
    categories: usize,
    pub(super) conditioner: Conditioner,
}

impl Head {
    pub(super) fn all(flow: &LoadedFlow<'_>) -> Vec<Self> {
        let header = flow.header();
        let heads = header.categorical().enumerate();
        heads
            .map(|(index, own)| {
                let mut stored = flow.head_weights(index);
                Self {
                    channel: own.channel,
                    vocabulary: own.vocabulary,
                    inputs: own.inputs,
                    categories: own.categories,
                    conditioner: Conditioner::of(&own.conditioner, own.categories, |dense| {
                        Dense::new(own.blocks(dense), &mut stored)
                    }),
                }
            })
            .collect()
    }

    /// The logits of each column, into the parameters of `memory`.
    pub(super) fn evaluate<M: LaneMath>(&self, memory: &mut Memory) {
        self.conditioner.evaluate::<M>(memory);
        self.conditioner.parameters(0, memory);
    }

    /// `ln P(code)` by the logits of a column; `own` is room for them.
    pub(super) fn log_prob<M: LaneMath>(
        &self,
        code: f32,
        logits: &Panel<f32>,
        column: usize,
        own: &mut Vec<f32>,
    ) -> f32 {
        self.gather(logits, column, own);
        category_log_prob::<M>(code, own)
    }

    /// The code at a quantile by the logits of a column; `own` is room for them.
    pub(super) fn code<M: LaneMath>(
        &self,
        quantile: f32,
        logits: &Panel<f32>,
        column: usize,
        own: &mut Vec<f32>,
    ) -> f32 {
        self.gather(logits, column, own);
        category_at::<M>(quantile, own)
    }

    fn gather(&self, logits: &Panel<f32>, column: usize, own: &mut Vec<f32>) {
        own.clear();
        own.extend((0..self.categories).map(|category| logits.row(category)[column]));
    }
}
