//! Categorical channels: the names and embeddings of their categories, and the heads
//! that give the probabilities of those of the event.

use super::blocks::total;
use super::channel::Standardisation;
use super::list::Iter;
use super::{Block, Blocks, Channel, Conditioner, Domain, Header, List};
use crate::window::Feature;
use serde::Serialize;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

/// The sizes of a vocabulary, without the names, which take time to decode.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) size: u16,
    pub(super) embedding: u8,
}

impl From<Vocabulary<'_>> for Sizes {
    fn from(own: Vocabulary<'_>) -> Self {
        Self {
            size: own.size,
            embedding: own.embedding,
        }
    }
}

impl Sizes {
    pub(super) fn categories(self) -> usize {
        usize::from(self.size)
    }

    pub(super) fn embedding(self) -> usize {
        usize::from(self.embedding)
    }

    fn weights(self) -> usize {
        self.categories() * self.embedding()
    }
}

impl<'a> List<'a, Vocabulary<'a>> {
    fn sizes(&self) -> Iter<'a, Vocabulary<'a>, Sizes> {
        self.parts()
    }
}

/// What gives the probabilities of a categorical event channel: a conditioner that
/// sees the context and the embeddings of the categorical event channels before it,
/// and puts out a logit for each category (see
/// [`category_log_prob`](crate::kernels::category_log_prob)).
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// The event channel.
    pub channel: usize,
    /// The place of its vocabulary in the header's list.
    pub vocabulary: usize,
    /// How many categories it has.
    pub categories: usize,
    /// The numbers of their embeddings.
    pub embedding: usize,
    /// The leading features that the conditioner sees.
    pub inputs: usize,
    /// The conditioner; each hidden layer is one block of units.
    pub conditioner: Conditioner<'a>,
}

impl<'a> Head<'a> {
    /// The dense layers of the conditioner, the output included.
    pub fn dense_layers(&self) -> usize {
        self.conditioner.hidden.len() + 1
    }

    /// The block of dense layer `dense` (from 0; the last is the output).
    pub fn blocks(&self, dense: usize) -> Blocks<'a> {
        Blocks::of_head(&self.conditioner, dense, self.inputs, self.categories)
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
    pub fn continuous(&self) -> impl Iterator<Item = Channel<'a>> + Clone + use<'a> {
        let event = self.event.iter();
        event.filter(|channel| channel.vocabulary().is_none())
    }

    /// What the channels do to numbers that [`continuous`](Self::continuous) has.
    pub(super) fn bijected(&self) -> impl Iterator<Item = Standardisation> + Clone + use<'a> {
        let event = self.event.standardisations();
        event.filter(|channel| channel.domain.vocabulary().is_none())
    }

    /// The vocabulary of a channel, if it is categorical.
    pub fn vocabulary_of(&self, channel: &Channel<'_>) -> Option<Vocabulary<'a>> {
        self.vocabularies.get(channel.vocabulary()?)
    }

    /// The sizes of the vocabulary of a domain, if it has one.
    fn sizes_of(&self, domain: Domain) -> Option<Sizes> {
        self.vocabularies.sizes().nth(domain.vocabulary()?)
    }

    /// The code of the line break, of a model of a text with lines: of one categorical
    /// channel with the name `"\n"`, given its newest lags and nothing else.
    pub fn line_break(&self) -> Option<usize> {
        let text = self.event.first().filter(|_| self.event.len() == 1)?;
        let vocabulary = self.vocabulary_of(&text)?;
        let shared = |own: Channel<'_>| own.vocabulary() == text.vocabulary();
        let newest = |(own, steps): (Feature, u16)| own == Feature::Lag { channel: 0, steps };
        let mut lags = self.features.iter().zip(1..).map(newest);
        let given = self.context.len() == self.features.len() && self.context.iter().all(shared);
        let mut names = segments(vocabulary.names.as_bytes());
        let code = names.position(|name| name == b"\n");
        code.filter(|_| given && lags.all(|own| own))
    }

    /// The heads of the categorical event channels, in order.
    pub fn categorical(&self) -> impl Iterator<Item = Head<'a>> + Clone + use<'_, 'a> {
        self.heads_behind(self.context_features())
    }

    /// The heads, given the features of the context.
    pub(super) fn heads_behind(
        &self,
        mut inputs: usize,
    ) -> impl Iterator<Item = Head<'a>> + Clone + use<'_, 'a> {
        let channels = self.event.standardisations().enumerate();
        let channels = channels.filter_map(|(index, own)| {
            let sizes = self.sizes_of(own.domain)?;
            Some((index, own.domain.vocabulary()?, sizes))
        });
        channels
            .zip(self.heads)
            .map(move |((channel, vocabulary, sizes), conditioner)| {
                let head = Head {
                    channel,
                    vocabulary,
                    categories: sizes.categories(),
                    embedding: sizes.embedding(),
                    inputs,
                    conditioner,
                };
                inputs += head.embedding;
                head
            })
    }

    /// The numbers that the channels of the context feed to a conditioner.
    pub fn context_features(&self) -> usize {
        let features = |own: Standardisation| match own.domain {
            Domain::Circular => 2,
            domain => self.sizes_of(domain).map_or(1, Sizes::embedding),
        };
        self.context.standardisations().map(features).sum()
    }

    /// The numbers that the categorical event channels feed to a conditioner.
    pub fn event_embeddings(&self) -> usize {
        let event = self.event.standardisations();
        event
            .filter_map(|own| self.sizes_of(own.domain))
            .map(Sizes::embedding)
            .sum()
    }

    /// The numbers stored for all embedding tables.
    pub fn embedding_weights(&self) -> usize {
        total(self.vocabularies.sizes().map(Sizes::weights))
    }

    /// The sizes of a vocabulary, and its embedding table among what is stored; none past the last.
    pub(super) fn embeddings<'w>(
        &self,
        vocabulary: usize,
        stored: &'w [[u8; 4]],
    ) -> Option<(Sizes, &'w [[u8; 4]])> {
        let mut sizes = self.vocabularies.sizes();
        let before = sizes.by_ref().take(vocabulary).map(Sizes::weights);
        let start = before.sum::<usize>();
        let own = sizes.next()?;
        let table = stored.get(start..)?.get(..own.weights())?;
        Some((own, table))
    }

    /// The numbers stored for embedding tables and heads.
    pub fn discrete_weights(&self) -> usize {
        let heads = total(self.categorical().map(|head| head.weights()));
        self.embedding_weights().saturating_add(heads)
    }
}
