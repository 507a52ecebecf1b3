//! What every evaluation needs of a header, found once.

use super::blocks::total;
use super::{Conditioner, Form, Header, Layer, MAX_LAYERS, PreActivation, Shape};
use core::ops::Range;

/// Sizes and places that a header says, but not at once: lists are decoded item by item.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    /// Features of the context, without the embeddings of categorical event channels.
    pub(super) context: usize,
    /// Numbers stored for all embedding tables.
    pub(super) embeddings: usize,
    /// The numbers of a conditioner's input.
    pub(super) input: usize,
    /// The most units of a conditioner's hidden layers, as far as they are kept.
    pub(super) hidden: usize,
    /// The most parameters of a channel's transformer, or logits of a head.
    pub(super) parameters: usize,
    layers: [Place; MAX_LAYERS],
}

/// Where a layer stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// In the list of layers.
    header: u32,
    /// Where its weights end.
    weights: u32,
}

impl Layout {
    /// The layout of a header whose layers are not placed yet.
    pub(super) fn new(header: &Header<'_>) -> Self {
        let shape = header.shape();
        let event: usize = (0..shape.event).map(|c| shape.features(c)).sum();
        let heads = header.categorical().map(|head| head.categories);
        let units = header.heads.iter().map(|own| units(&own));
        Self {
            shape,
            context: header.context_features(),
            embeddings: header.embedding_weights(),
            input: shape.context + event,
            hidden: units.max().unwrap_or_default(),
            parameters: heads.max().unwrap_or_default(),
            layers: [Place::default(); MAX_LAYERS],
        }
    }

    /// Notes a layer, whose place in the list and whose weights are known.
    pub(super) fn place(&mut self, index: usize, layer: &Layer<'_>, header: usize, weights: usize) {
        let (hidden, parameters) = match layer {
            Layer::Convolutional(own) => {
                let (hidden, _) = own.conditioner.hidden.as_chunks::<2>();
                let features = hidden.iter().map(|[features, _]| usize::from(*features));
                let units = features.sum::<usize>() * own.given.positions();
                (units, own.transformer.parameters())
            }
            _ => layer.conditional().map_or((0, 0), |(transformer, own)| {
                (units(own), transformer.parameters())
            }),
        };
        self.hidden = self.hidden.max(hidden);
        self.parameters = self.parameters.max(parameters);
        if let Some(own) = self.layers.get_mut(index) {
            // The lengths of header and weights were read from 32 bits.
            *own = Place {
                header: header as u32,
                weights: weights as u32,
            };
        }
    }

    /// The floats of scratch memory for an event of so many channels.
    pub(super) fn scratch(&self, event: usize) -> usize {
        event + self.input + self.hidden + self.parameters
    }

    /// The weights of a layer; none past the last.
    pub(super) fn weights(&self, index: usize) -> Range<usize> {
        let end = |index: usize| self.layers.get(index).map_or(0, |own| own.weights as usize);
        index.checked_sub(1).map_or(0, end)..end(index)
    }

    /// A layer of the header.
    #[inline]
    pub(super) fn layer<'a>(&self, header: &Header<'a>, index: usize) -> Option<Layer<'a>> {
        header.layers.at(self.layers.get(index)?.header as usize)
    }
}

/// The numbers that a conditioner's hidden layers are kept in.
fn units(conditioner: &Conditioner<'_>) -> usize {
    let units = total(conditioner.hidden.iter().map(|units| units.total()));
    match conditioner.form {
        Form::PreActivation(form) => units * conditioner.arrays(form),
        _ => units,
    }
}

impl Conditioner<'_> {
    /// How many times its units a conditioner of blocks holds: the units, and of each block what
    /// its two dense layers read. All at once, a block has no use for the memory of the one
    /// before.
    fn arrays(&self, form: PreActivation) -> usize {
        let kept = match self.has_one_group() {
            true => 1,
            false => usize::from(form.blocks),
        };
        1 + 2 * kept
    }

    /// Whether there is one group of units.
    pub(super) fn has_one_group(&self) -> bool {
        let units = self.hidden.first();
        units.is_none_or(|units| units.blocks().len() <= 1)
    }
}
