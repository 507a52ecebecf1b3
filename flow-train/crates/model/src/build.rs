//! Lays out the layers of a family.

use super::autoregressive::{self, Autoregressive};
use super::bijection::{Dimensions, Layer};
use super::coupling::Coupling;
use super::element_wise::ElementWise;
use super::image::{ConvolutionalCoupling, Form, Pointwise, Scale, scales};
use super::linear::Linear;
use super::spec::{ConditionerSpec, Family, ImageSpec, Order, Spec};
use flow_embedded::artefact::{Direction, Transformer};
use flow_host::random::Random;

/// The layers of a flow, each with its parameters behind those of the layers before.
pub(crate) struct Builder<'s> {
    spec: &'s Spec,
    layers: Vec<Layer>,
    parameters: usize,
}

impl<'s> Builder<'s> {
    /// All layers of the spec, and the number of their parameters. `random` decides on random orders.
    pub(crate) fn layers(spec: &'s Spec, random: &mut Random) -> (Vec<Layer>, usize) {
        let mut builder = Self {
            spec,
            layers: Vec::new(),
            parameters: 0,
        };
        if spec.regression {
            builder.regression();
        }
        match &spec.image {
            Some(image) => builder.image(image),
            None => builder.channels(random),
        }
        if spec.family == Family::Nice {
            let layer = ElementWise::new(spec.event, builder.parameters);
            builder.push(Layer::ElementWise(layer));
        }
        (builder.layers, builder.parameters)
    }

    /// Layers over the channels of an event.
    fn channels(&mut self, random: &mut Random) {
        let spec = self.spec;
        let mut order = Vec::new();
        for index in 0..spec.layers {
            if spec.linear && index > 0 {
                self.mix();
            }
            // The halves of a random coupling change by turns.
            let turn = spec.family.is_coupling() && index % 2 == 1;
            if !(spec.order == Order::Random && turn) {
                order = channels(spec, index, random);
            }
            if spec.family.is_coupling() && spec.event > 1 {
                self.coupling(index, &order);
            } else {
                self.autoregressive(
                    &order,
                    spec.passes.unwrap_or(spec.event),
                    spec.family.direction(),
                    spec.transformer(),
                    &spec.conditioner,
                );
            }
        }
    }

    /// Layers over an image, scale by scale.
    fn image(&mut self, image: &ImageSpec) {
        let (spec, transformer) = (self.spec, self.spec.transformer());
        for Scale { planes, splits } in scales(image, spec.event, spec.layers) {
            for split in splits {
                if spec.linear && !self.layers.is_empty() {
                    let layer = Pointwise::new(planes.clone(), self.parameters);
                    self.push(Layer::Pointwise(layer));
                }
                let [given, transformed] = split.map(|own| planes.select(&own));
                let kernel = image.kernel_at(planes.width, planes.height);
                let hidden = spec.conditioner.hidden.iter();
                let outputs = transformed.count() * transformer.parameters();
                let form = Form {
                    activation: spec.conditioner.activation,
                    residual: spec.conditioner.residual,
                    by_position: image.by_position,
                    layers: hidden
                        .map(|features| (*features, kernel))
                        .chain([(outputs, 1)])
                        .collect(),
                };
                let layer = ConvolutionalCoupling::new(
                    spec.context,
                    given,
                    transformed,
                    transformer,
                    &form,
                    self.parameters,
                );
                self.push(Layer::Convolutional(layer));
            }
        }
    }

    fn dimensions(&self) -> Dimensions<'s> {
        Dimensions {
            event: self.spec.event,
            context: self.spec.context,
            circular: &self.spec.circular,
        }
    }

    fn push(&mut self, layer: Layer) {
        self.parameters += layer.get::<f32>().parameters();
        self.layers.push(layer);
    }

    /// An element-wise layer and a linear one.
    fn mix(&mut self) {
        let event = self.spec.event;
        let layer = ElementWise::new(event, self.parameters);
        self.push(Layer::ElementWise(layer));
        let layer = Linear::new((0..event).collect(), self.parameters);
        self.push(Layer::Linear(layer));
    }

    fn coupling(&mut self, index: usize, order: &[usize]) {
        let (dimensions, transformer) = (self.dimensions(), self.spec.transformer());
        let places = order.iter().skip(1 - index % 2).step_by(2);
        let mut transformed: Vec<usize> = places.copied().collect();
        transformed.sort_unstable();
        let form = Coupling::form(
            dimensions,
            &transformed,
            transformer,
            &self.spec.conditioner,
        );
        let layer = Coupling::new(dimensions, &transformed, transformer, form, self.parameters);
        self.push(Layer::Coupling(layer));
    }

    /// A linear prediction of each channel from the context and the channels before it, and a scale.
    fn regression(&mut self) {
        let channels: Vec<usize> = (0..self.spec.event).collect();
        let transformer = Transformer::Affine {
            log_scale_bound: self.spec.log_scale_bound as f32,
        };
        let linear = ConditionerSpec {
            hidden: Vec::new(),
            residual: false,
            ..self.spec.conditioner
        };
        let direction = Direction::Normalizing;
        self.autoregressive(&channels, channels.len(), direction, transformer, &linear);
    }

    fn autoregressive(
        &mut self,
        channels: &[usize],
        passes: usize,
        direction: Direction,
        transformer: Transformer,
        conditioner: &ConditionerSpec,
    ) {
        let dimensions = self.dimensions();
        let size = self.spec.event.div_ceil(passes);
        let groups: Vec<usize> = channels.chunks(size).map(<[usize]>::len).collect();
        let order = autoregressive::Order {
            channels,
            groups: &groups,
        };
        let form = Autoregressive::form(dimensions, order, transformer, conditioner);
        let layer = Autoregressive::new(
            dimensions,
            order,
            direction,
            transformer,
            form,
            self.parameters,
        );
        self.push(Layer::Autoregressive(layer));
    }
}

/// The order of the channels in one layer.
fn channels(spec: &Spec, index: usize, random: &mut Random) -> Vec<usize> {
    let mut channels: Vec<usize> = (0..spec.event).collect();
    match spec.order {
        // The parity of the places turns by itself.
        Order::Alternate if spec.family.is_coupling() => {}
        Order::Alternate if index.is_multiple_of(2) => {}
        Order::Alternate | Order::Reversed => channels.reverse(),
        Order::Random => random.shuffle(&mut channels),
    }
    channels
}
