//! Categorical channels: vocabularies, and the heads of those of the event.

use super::layer::Conditional;
use super::table::{Layout, Table};
use crate::Checked;
use flow_embedded::artefact::{Block, Transformer};

/// The categorical channels of a model; nothing for most.
pub struct CategoricalPlan {
    /// The vocabularies, of event and context.
    pub vocabularies: Vec<VocabularyPlan>,
    /// One for each categorical event channel, in order.
    pub heads: Vec<HeadPlan>,
    /// Where the other channels, which bijections act on, lie in the event.
    pub continuous: Vec<usize>,
}

/// Categories and their embeddings.
pub struct VocabularyPlan {
    /// Their names.
    pub names: Vec<String>,
    /// A row for each category.
    pub rows: Vec<Vec<f32>>,
}

/// What gives the logits of a categorical event channel.
pub struct HeadPlan {
    /// The event channel.
    pub channel: usize,
    /// Its vocabulary, by place.
    pub vocabulary: usize,
    /// The features that the conditioner sees; the embedding of the channel's own code
    /// lies behind them.
    pub inputs: usize,
    /// A conditioner whose parameters are logits; it transforms no channel.
    pub conditioner: Conditional,
}

impl CategoricalPlan {
    pub(super) fn new(checked: &Checked<'_>) -> Self {
        let header = checked.flow.header();
        let vocabularies = header.vocabularies.iter().enumerate();
        let vocabularies = vocabularies.map(|(index, own)| {
            let numbers: Vec<f32> = checked.flow.embeddings(index).collect();
            let rows = numbers.chunks_exact(own.embedding());
            VocabularyPlan {
                names: own.names().map(str::to_owned).collect(),
                rows: rows.map(<[f32]>::to_vec).collect(),
            }
        });
        let heads = header.categorical().enumerate().map(|(index, own)| {
            let mut weights = checked.flow.head_weights(index);
            let mut tables = (0..own.dense_layers()).map(|dense| {
                let blocks = own.blocks(dense);
                let tables = blocks.map(|Block { rows, inputs }| Table {
                    inputs,
                    stored: inputs,
                    layout: Layout::Small,
                    rows: (0..rows)
                        .map(|_| weights.by_ref().take(inputs + 1).collect())
                        .collect(),
                    integers: Vec::new(),
                });
                tables.collect::<Vec<_>>()
            });
            let mut conditioner =
                Conditional::new(Transformer::Shift, &own.conditioner, Vec::new());
            let hidden = own.dense_layers() - 1;
            conditioner.hidden = tables.by_ref().take(hidden).collect();
            conditioner.output = tables.collect();
            conditioner.groups = vec![Vec::new()];
            HeadPlan {
                channel: own.channel,
                vocabulary: own.vocabulary,
                inputs: own.inputs,
                conditioner,
            }
        });
        let event = header.event.iter().enumerate();
        let continuous = event.filter(|(_, channel)| channel.vocabulary().is_none());
        Self {
            vocabularies: vocabularies.collect(),
            heads: heads.collect(),
            continuous: continuous.map(|(index, _)| index).collect(),
        }
    }

    /// The width of a vocabulary's embedding.
    pub fn width(&self, vocabulary: usize) -> usize {
        self.vocabularies[vocabulary].rows[0].len()
    }

    /// The numbers that the categories of the event feed to a conditioner.
    pub fn embeddings(&self) -> usize {
        let heads = self.heads.iter();
        heads.map(|own| self.width(own.vocabulary)).sum()
    }

    /// Whether the code of a head's channel conditions anything.
    pub fn conditions(&self, head: usize) -> bool {
        head + 1 < self.heads.len() || !self.continuous.is_empty()
    }
}

impl HeadPlan {
    /// The number of categories.
    pub fn categories(&self) -> usize {
        self.conditioner.parameters()
    }
}
