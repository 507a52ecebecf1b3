//! A loaded flow with its weights decoded and laid out for whole chunks.

use super::categorical::{Head, Vocabulary};
use super::conditioner::Conditioner;
use super::image::{Convolutional, Pointwise};
use super::linear::Linear;
use crate::model::image::Planes;
use flow_embedded::artefact::{Channel, Direction, Layer, LoadedFlow, Shape, Transformer};
use std::ops::Range;

/// What a loaded flow evaluates, layer by layer.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) vocabularies: Vec<Vocabulary>,
    pub(super) heads: Vec<Head>,
    /// The event channels that bijections act on.
    pub(super) continuous: Vec<usize>,
    /// What they are, and the channels of the context.
    pub(super) channels: Vec<Channel<'static>>,
    pub(super) context: Vec<Channel<'static>>,
    pub(super) layers: Vec<Bijection>,
    /// The numbers of the base distribution.
    pub(super) base: Vec<f32>,
    pub(super) shape: Shape,
}

/// One bijection.
#[derive(Debug)]
pub(super) enum Bijection {
    Coupling {
        kept: Vec<usize>,
        conditional: Conditional,
    },
    Autoregressive {
        /// Each group's places in the order of the channels.
        groups: Vec<Range<usize>>,
        direction: Direction,
        conditional: Conditional,
    },
    Linear(Vec<usize>, Linear),
    ElementWise(Vec<[f32; 2]>),
    Permutation(Vec<usize>),
    /// A coupling over an image, and the number of the memory that it works in.
    Convolutional(Convolutional, usize),
    Pointwise(Pointwise),
}

/// A transformer and what gives its parameters.
#[derive(Debug)]
pub(super) struct Conditional {
    pub(super) transformer: Transformer,
    /// The transformed channels in the order of their parameters.
    pub(super) channels: Vec<usize>,
    pub(super) conditioner: Conditioner,
}

impl Plan {
    pub(super) fn new(flow: &LoadedFlow<'_>) -> Self {
        let shape = flow.header().shape();
        let header = flow.header();
        let layers = header.layers.iter().enumerate();
        let event = header.event.iter().enumerate();
        let continuous = event.filter(|(_, channel)| channel.vocabulary().is_none());
        let (continuous, channels) = continuous
            .map(|(index, channel)| (index, without_texts(channel)))
            .unzip();
        let mut plan = Self {
            vocabularies: Vocabulary::all(flow),
            heads: Head::all(flow),
            continuous,
            channels,
            context: header.context.iter().map(without_texts).collect(),
            layers: Vec::new(),
            base: flow.base_weights().collect(),
            shape,
        };
        for (index, layer) in layers {
            let mut own = Bijection::new(&layer, &shape, flow.layer_weights(index));
            if let Bijection::Convolutional(own, memory) = &mut own {
                let known = plan.images();
                let shared = known.iter().position(|other| other.shares_memory(own));
                *memory = shared.unwrap_or(known.len());
            }
            plan.layers.push(own);
        }
        plan
    }

    /// All conditioners.
    pub(super) fn conditioners(&self) -> impl Iterator<Item = &Conditioner> {
        let heads = self.heads.iter().map(|head| &head.conditioner);
        let layers = self.layers.iter().filter_map(|layer| match layer {
            Bijection::Coupling { conditional, .. }
            | Bijection::Autoregressive { conditional, .. } => Some(&conditional.conditioner),
            _ => None,
        });
        heads.chain(layers)
    }

    /// A coupling over an image for each memory that is needed.
    pub(super) fn images(&self) -> Vec<&Convolutional> {
        let mut firsts = Vec::new();
        for layer in &self.layers {
            if let Bijection::Convolutional(own, memory) = layer
                && *memory == firsts.len()
            {
                firsts.push(own);
            }
        }
        firsts
    }

    /// The features of the context and of all channels.
    pub(super) fn features(&self) -> usize {
        let event = (0..self.shape.event).map(|channel| self.shape.features(channel));
        self.shape.context + event.sum::<usize>()
    }
}

impl Bijection {
    fn new(layer: &Layer<'_>, shape: &Shape, mut stored: impl Iterator<Item = f32>) -> Self {
        let stored = &mut stored;
        match layer {
            Layer::Coupling(own) => {
                let channels = places(own.transformed);
                let kept = (0..shape.event).filter(|channel| !channels.contains(channel));
                Self::Coupling {
                    kept: kept.collect(),
                    conditional: Conditional {
                        transformer: own.transformer,
                        conditioner: Conditioner::new(
                            layer,
                            own.transformer,
                            &own.conditioner,
                            shape,
                            stored,
                        ),
                        channels,
                    },
                }
            }
            Layer::Autoregressive(own) => {
                let ends = own.groups.iter().scan(0, |end, group| {
                    let start = *end;
                    *end += usize::from(*group);
                    Some(start..*end)
                });
                Self::Autoregressive {
                    groups: ends.collect(),
                    direction: own.direction,
                    conditional: Conditional {
                        transformer: own.transformer,
                        channels: places(own.order),
                        conditioner: Conditioner::new(
                            layer,
                            own.transformer,
                            &own.conditioner,
                            shape,
                            stored,
                        ),
                    },
                }
            }
            Layer::Linear(permutation) => {
                Self::Linear(places(permutation.0), Linear::new(shape.event, stored))
            }
            Layer::ElementWise => {
                let numbers: Vec<f32> = stored.collect();
                Self::ElementWise(numbers.as_chunks::<2>().0.to_vec())
            }
            Layer::Permutation(permutation) => Self::Permutation(places(permutation.0)),
            Layer::Convolutional(own) => {
                Self::Convolutional(Convolutional::new(own, shape.context, stored), 0)
            }
            Layer::Pointwise(planes) => {
                Self::Pointwise(Pointwise::new(Planes::from(planes), stored))
            }
        }
    }
}

/// What a channel does to numbers.
fn without_texts(channel: Channel<'_>) -> Channel<'static> {
    Channel {
        name: "",
        unit: "",
        domain: channel.domain,
        grid: channel.grid,
        mean: channel.mean,
        inv_std: channel.inv_std,
    }
}

fn places(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().map(|byte| usize::from(*byte)).collect()
}
