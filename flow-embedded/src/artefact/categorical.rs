//! Categorical channels: the names and embeddings of their categories, and the heads
//! that give the probabilities of those of the event.

use super::blocks::total;
use super::{Block, Blocks, Channel, Conditioner, Domain, Header};
use crate::window::Feature;

/// The most vocabularies, and the most categorical event channels, of an artefact.
pub const MAX_VOCABULARIES: usize = 16;
/// The most categories of a vocabulary.
pub const MAX_CATEGORIES: usize = 256;
/// The most numbers of a category's embedding.
pub const MAX_EMBEDDING: usize = 64;
/// What stands between the names of a vocabulary: the unit separator of ASCII.
pub const SEPARATOR: char = '\u{1f}';

/// The categories of one or more channels: the lags of a channel share its own.
///
/// Category `k` has the code `k` in events and contexts. Where a channel conditions,
/// it is seen as a row of a learned table, its embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Vocabulary<'a> {
    /// The names of the categories, ascending, with a [`SEPARATOR`] between them.
    pub names: &'a str,
    /// How many there are, 2 ..= [`MAX_CATEGORIES`].
    pub size: u16,
    /// The numbers of an embedding, 1 ..= [`MAX_EMBEDDING`].
    pub embedding: u8,
}

impl<'a> Vocabulary<'a> {
    /// The names, by code.
    pub fn names(self) -> impl Iterator<Item = &'a str> + Clone {
        self.names.split(SEPARATOR)
    }

    /// The code of a name.
    pub fn code(self, name: &str) -> Option<usize> {
        self.names().position(|own| own == name)
    }

    /// The name of a code.
    pub fn name(self, code: f32) -> Option<&'a str> {
        let code = crate::kernels::code(code, self.size())?;
        self.names().nth(code)
    }

    /// The number of categories.
    pub fn size(self) -> usize {
        usize::from(self.size)
    }

    /// The numbers of an embedding.
    pub fn embedding(self) -> usize {
        usize::from(self.embedding)
    }

    /// The numbers stored for the embeddings.
    pub fn weights(self) -> usize {
        self.size() * self.embedding()
    }

    /// Whether it is within its limits.
    pub(super) fn is_valid(self) -> bool {
        (2..=MAX_CATEGORIES).contains(&self.size())
            && (1..=MAX_EMBEDDING).contains(&self.embedding())
            && ascending_names(self.names.as_bytes()) == Some(self.size())
    }
}

/// How many names there are, if they ascend.
fn ascending_names(names: &[u8]) -> Option<usize> {
    let mut before = None;
    let mut ascends = |own| before.replace(own).is_none_or(|before| before < own);
    let mut count = 0;
    for own in segments(names) {
        if !ascends(own) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// The names, byte by byte: the search of `str` brings panics along.
fn segments(names: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(names);
    core::iter::from_fn(move || {
        let own = rest?;
        let end = own.iter().position(|byte| *byte == SEPARATOR as u8);
        let (name, behind) = own.split_at_checked(end.unwrap_or(own.len()))?;
        rest = behind.split_first().map(|(_, behind)| behind);
        Some(name)
    })
}

/// What gives the probabilities of a categorical event channel: a conditioner that
/// sees the context and the embeddings of the categorical event channels before it,
/// and puts out a logit for each category (see
/// [`category_log_prob`](crate::kernels::category_log_prob)).
#[derive(Clone, Copy, Debug)]
pub struct Head<'h, 'a> {
    /// The event channel.
    pub channel: usize,
    /// Its categories.
    pub vocabulary: Vocabulary<'a>,
    /// The leading features that the conditioner sees.
    pub inputs: usize,
    /// The conditioner; each hidden layer is one block of units.
    pub conditioner: &'h Conditioner<'a>,
}

impl<'a> Head<'_, 'a> {
    /// The dense layers of the conditioner, the output included.
    pub fn dense_layers(&self) -> usize {
        self.conditioner.hidden.len() + 1
    }

    /// The block of dense layer `dense` (from 0; the last is the output).
    pub fn blocks(&self, dense: usize) -> Blocks<'a> {
        let outputs = self.vocabulary.size();
        Blocks::of_head(self.conditioner, dense, self.inputs, outputs)
    }

    /// The numbers stored for the conditioner.
    pub fn weights(&self) -> usize {
        let blocks = (0..self.dense_layers()).flat_map(|dense| self.blocks(dense));
        total(blocks.map(Block::weights))
    }
}

impl<'a> Header<'a> {
    /// The event channels that bijections act on, in order: all but the categorical
    /// ones.
    pub fn continuous(&self) -> impl Iterator<Item = &Channel<'a>> + Clone {
        let event = self.event.iter();
        event.filter(|channel| channel.vocabulary().is_none())
    }

    /// The vocabulary of a channel, if it is categorical.
    pub fn vocabulary_of(&self, channel: &Channel<'_>) -> Option<Vocabulary<'a>> {
        let index = channel.vocabulary()?;
        self.vocabularies.get(index).copied()
    }

    /// The code of the line break, of a model of a text with lines: of one categorical
    /// channel with the name `"\n"`, given its newest lags and nothing else.
    pub fn line_break(&self) -> Option<usize> {
        let [text] = self.event.as_slice() else {
            return None;
        };
        let vocabulary = self.vocabulary_of(text)?;
        let shared = |own: &Channel<'_>| own.vocabulary() == text.vocabulary();
        let newest = |(own, steps): (&Feature, u16)| *own == Feature::Lag { channel: 0, steps };
        let mut lags = self.features.iter().zip(1..).map(newest);
        let given = self.context.len() == self.features.len() && self.context.iter().all(shared);
        let mut names = segments(vocabulary.names.as_bytes());
        let code = names.position(|name| name == b"\n");
        code.filter(|_| given && lags.all(|own| own))
    }

    /// The heads of the categorical event channels, in order.
    pub fn categorical(&self) -> impl Iterator<Item = Head<'_, 'a>> + Clone {
        let mut inputs = self.context_features();
        let channels = self.event.iter().enumerate();
        let channels =
            channels.filter_map(|(index, own)| self.vocabulary_of(own).map(|own| (index, own)));
        channels
            .zip(&self.heads)
            .map(move |((channel, vocabulary), conditioner)| {
                let head = Head {
                    channel,
                    vocabulary,
                    inputs,
                    conditioner,
                };
                inputs += vocabulary.embedding();
                head
            })
    }

    /// The numbers that the channels of the context feed to a conditioner.
    pub fn context_features(&self) -> usize {
        let features = |own: &Channel<'_>| match own.domain {
            Domain::Circular => 2,
            _ => self.vocabulary_of(own).map_or(1, Vocabulary::embedding),
        };
        self.context.iter().map(features).sum()
    }

    /// The numbers that the categorical event channels feed to a conditioner.
    pub fn event_embeddings(&self) -> usize {
        let event = self.event.iter();
        event
            .filter_map(|own| self.vocabulary_of(own))
            .map(Vocabulary::embedding)
            .sum()
    }

    /// The numbers stored for all embedding tables.
    pub fn embedding_weights(&self) -> usize {
        total(self.vocabularies.iter().map(|own| own.weights()))
    }

    /// The embedding table of a vocabulary among what is stored; none past the last.
    pub(super) fn embeddings<'w>(&self, vocabulary: usize, stored: &'w [[u8; 4]]) -> &'w [[u8; 4]] {
        let before = self.vocabularies.iter().take(vocabulary);
        let start: usize = before.map(|own| own.weights()).sum();
        let length = self.vocabularies.get(vocabulary);
        let length = length.map_or(0, |own| own.weights());
        let own = stored.get(start..).unwrap_or_default();
        own.get(..length).unwrap_or_default()
    }

    /// The numbers stored for embedding tables and heads.
    pub fn discrete_weights(&self) -> usize {
        let heads = total(self.categorical().map(|head| head.weights()));
        self.embedding_weights().saturating_add(heads)
    }
}

impl Channel<'_> {
    /// The place of its vocabulary, if it is categorical.
    pub fn vocabulary(&self) -> Option<usize> {
        match self.domain {
            Domain::Categorical { vocabulary } => Some(usize::from(vocabulary)),
            _ => None,
        }
    }
}
