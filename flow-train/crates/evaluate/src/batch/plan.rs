//! A loaded flow with its weights decoded and laid out for whole chunks.

use super::categorical::{Head, Vocabulary};
use super::conditioner::Conditioner;
use super::dense::Dense;
use super::image::Convolutional;
use super::linear::Linear;
use flow_artefact::{Conditioned, Layer, Map, Planes, Weights};
use flow_embedded::artefact::{self, Channel, LoadedFlow, Shape};
use std::convert::Infallible;

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
    pub(super) layers: Vec<Layer<Panels>>,
    /// The numbers of the base distribution.
    pub(super) base: Vec<f32>,
    pub(super) shape: Shape,
}

/// Weights laid out for whole chunks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Panels {}

impl Weights for Panels {
    type Conditioner = Conditional;
    type Convolutions = Convolutional;
    type Factors = Linear;
    /// Pairs `[scale, shift]`.
    type Scales = Vec<[f32; 2]>;
}

/// What gives a transformer its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Conditional {
    /// The channels that feed the conditioner after the context, in the order of its inputs.
    pub(super) reads: Vec<usize>,
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
            let own = Layer::from(&layer).map_all(&mut Fill {
                layer: &layer,
                shape: &plan.shape,
                numbers: flow.layer_weights(index),
                images: plan.images(),
            });
            plan.layers.push(own);
        }
        plan
    }

    /// All conditioners.
    pub(super) fn conditioners(&self) -> impl Iterator<Item = &Conditioner> {
        let heads = self.heads.iter().map(|head| &head.conditioner);
        let layers = self.layers.iter().filter_map(Layer::conditioner);
        heads.chain(layers.map(|own| &own.conditioner))
    }

    /// A coupling over an image for each memory that is needed.
    pub(super) fn images(&self) -> Vec<&Convolutional> {
        let mut firsts = Vec::new();
        for layer in &self.layers {
            if let Layer::Convolutional { conditioner, .. } = layer
                && conditioner.memory == firsts.len()
            {
                firsts.push(conditioner);
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

/// Fills a layer with the numbers that an artefact stores for it.
struct Fill<'l, I> {
    layer: &'l artefact::Layer<'l>,
    shape: &'l Shape,
    numbers: I,
    /// Couplings over images before this one, each with memory of its own.
    images: Vec<&'l Convolutional>,
}

impl<I: Iterator<Item = f32>> Map<(), Panels> for Fill<'_, I> {
    type Fault = Infallible;

    fn conditioner(&mut self, own: Conditioned<'_>, (): ()) -> Result<Conditional, Infallible> {
        let (transformer, conditioner) = self.layer.conditional().expect("a conditioner");
        let dense = |index| Dense::new(self.layer.blocks(index, self.shape), &mut self.numbers);
        Ok(Conditional {
            reads: own.reads(self.shape.event),
            conditioner: Conditioner::of(conditioner, transformer.parameters(), dense),
        })
    }

    fn convolutions(&mut self, _: &Planes, _: usize, (): ()) -> Result<Convolutional, Infallible> {
        let artefact::Layer::Convolutional(own) = self.layer else {
            unreachable!("a bijection with convolutions");
        };
        let mut made = Convolutional::new(own, self.shape.context, self.numbers.by_ref());
        let shared = self.images.iter().position(|own| own.shares_memory(&made));
        made.memory = shared.unwrap_or(self.images.len());
        Ok(made)
    }

    fn factors(&mut self, rows: usize, (): ()) -> Result<Linear, Infallible> {
        Ok(Linear::new(rows, &mut self.numbers))
    }

    fn scales(&mut self, (): ()) -> Result<Vec<[f32; 2]>, Infallible> {
        let numbers: Vec<f32> = self.numbers.by_ref().collect();
        Ok(numbers.as_chunks().0.to_vec())
    }
}
