//! Evaluation of a loaded flow: the kernels over run-time lengths.
//!
//! Weights are consumed in the order in which they are stored, so there is
//! nothing to index and nothing to fail.

mod blocks;
mod categorical;
mod image;

use super::blocks::{Block, Blocks};
use super::layout::Layout;
use super::{
    Activation, Autoregressive, Conditioner, Coupling, Direction, Domain, Form, Header, Layer,
    MAX_HIDDEN_LAYERS, Permutation, Shape, Transformer,
};
use crate::kernels::{
    affine_forward, affine_inverse, category, category_log_prob, circle, circular_forward,
    circular_inverse, conclude, dot, element_wise_generate, element_wise_normalize,
    floored_spline_forward, floored_spline_inverse_and_log_det, linear_generate, linear_normalize,
    pointwise_generate, pointwise_normalize, scaled_forward, scaled_inverse, spline_forward,
    spline_inverse, spline_inverse_and_log_det,
};
use crate::math::Math;
use blocks::PreActivationBlocks;
use core::marker::PhantomData;
use image::plane_values;
use rand_core::Rng;

/// The caller's memory, split into what one evaluation needs.
pub(super) struct Scratch<'s> {
    /// The event on its way through the layers, then the surprise of each categorical
    /// channel; at the end of scoring, the latents.
    event: &'s mut [f32],
    /// What a layer's conditioner works in.
    conditioning: Conditioning<'s>,
}

/// Memory of one conditioner.
struct Conditioning<'s> {
    /// Its input: features of the context, then of the event.
    input: &'s mut [f32],
    /// The hidden layers, one behind the other.
    hidden: &'s mut [f32],
    /// The parameters of one channel's transformer, or the logits of a head.
    parameters: &'s mut [f32],
}

impl<'s> Scratch<'s> {
    /// Splits memory for an event of so many channels.
    pub(super) fn split(event: usize, layout: &Layout, memory: &'s mut [f32]) -> Option<Self> {
        let (event, rest) = memory.split_at_mut_checked(event)?;
        let (input, rest) = rest.split_at_mut_checked(layout.input)?;
        let (hidden, rest) = rest.split_at_mut_checked(layout.hidden)?;
        let (parameters, _) = rest.split_at_mut_checked(layout.parameters)?;
        Some(Self {
            event,
            conditioning: Conditioning {
                input,
                hidden,
                parameters,
            },
        })
    }
}

/// Weights in the order of their use.
type Weights<'w> = core::slice::Iter<'w, [u8; 4]>;

/// What a transformer is to do.
#[derive(Clone, Copy)]
enum Way {
    /// Forward, with the log-determinant.
    Forward,
    /// Inverse; the log-determinant is not wanted.
    Inverse,
    /// Inverse, with the log-determinant.
    InverseAndLogDet,
}

/// One header and its weights, evaluated with the backend `M`.
pub(super) struct Walk<'w, M> {
    header: &'w Header<'w>,
    layout: &'w Layout,
    shape: &'w Shape,
    discrete: &'w [[u8; 4]],
    weights: &'w [[u8; 4]],
    base: &'w [[u8; 4]],
    math: PhantomData<M>,
}

impl<'w, M: Math> Walk<'w, M> {
    pub(super) fn new(
        header: &'w Header<'_>,
        layout: &'w Layout,
        [discrete, weights, base]: [&'w [[u8; 4]]; 3],
    ) -> Self {
        Self {
            header,
            layout,
            shape: &layout.shape,
            discrete,
            weights,
            base,
            math: PhantomData,
        }
    }

    pub(super) fn log_prob(&self, event: &[f32], context: &[f32], scratch: Scratch<'_>) -> f32 {
        let Scratch {
            event: own,
            mut conditioning,
        } = scratch;
        let (x, surprises) = self.parts(own);
        let mut log_det = 0.0;
        self.context_features(context, conditioning.input);
        self.each_head(&mut conditioning, |channel, surprise, logits| {
            let code = event.get(channel).copied().unwrap_or(f32::NAN);
            let log_prob = category_log_prob::<M>(code, logits);
            log_det += log_prob;
            if let Some(slot) = surprises.get_mut(surprise) {
                *slot = -log_prob;
            }
            code
        });
        let raw = event.iter().zip(self.header.event.standardisations());
        let raw = raw.filter(|(_, channel)| channel.domain.vocabulary().is_none());
        for (x, (raw, channel)) in x.iter_mut().zip(raw) {
            *x = *raw;
            log_det += channel.standardise::<M>(x);
        }
        for index in 0..self.header.layers.len() {
            let weights = self.weights.get(self.layout.weights(index));
            log_det += match (&self.layout.layer(self.header, index), weights) {
                (Some(layer), Some(own)) => self.normalize(layer, own, x, &mut conditioning),
                _ => f32::NAN,
            };
        }
        let base = self.header.base;
        let energy = base.energy::<M, _>(self.shape, self.base, x);
        let log_prob = (self.header.log_norm + log_det) - energy;
        conclude(log_prob, event, context)
    }

    pub(super) fn sample<R: Rng + ?Sized>(
        &self,
        rng: &mut R,
        context: &[f32],
        event: &mut [f32],
        scratch: Scratch<'_>,
    ) {
        let Scratch {
            event: own,
            mut conditioning,
        } = scratch;
        let (x, _) = self.parts(own);
        self.context_features(context, conditioning.input);
        self.each_head(&mut conditioning, |channel, _, logits| {
            let code = category::<M, R>(rng, logits);
            if let Some(slot) = event.get_mut(channel) {
                *slot = code;
            }
            code
        });
        let base = self.header.base;
        base.draw::<M, R, _>(self.shape, self.base, rng, x);
        for index in (0..self.header.layers.len()).rev() {
            let weights = self.weights.get(self.layout.weights(index));
            match (&self.layout.layer(self.header, index), weights) {
                (Some(layer), Some(own)) => self.generate(layer, own, x, &mut conditioning),
                _ => x.fill(f32::NAN),
            }
        }
        let raw = event.iter_mut().zip(self.header.event.standardisations());
        let raw = raw.filter(|(_, channel)| channel.domain.vocabulary().is_none());
        for (x, (raw, channel)) in x.iter().zip(raw) {
            *raw = channel.destandardise::<M>(*x);
        }
    }

    /// The context's part of a conditioner's input.
    fn context_features(&self, context: &[f32], input: &mut [f32]) {
        let mut slots = input.iter_mut();
        for (raw, channel) in context.iter().zip(self.header.context.standardisations()) {
            if let Some(vocabulary) = channel.domain.vocabulary() {
                self.embed(vocabulary, *raw, &mut slots);
                continue;
            }
            let mut x = *raw;
            channel.standardise::<M>(&mut x);
            fill::<M>(&mut slots, x, channel.domain == Domain::Circular);
        }
    }

    /// One layer from data to base, in place; returns its log-determinant
    /// without what is constant.
    fn normalize(
        &self,
        layer: &Layer<'_>,
        weights: &[[u8; 4]],
        x: &mut [f32],
        memory: &mut Conditioning<'_>,
    ) -> f32 {
        match layer {
            Layer::Coupling(own) => self.coupling(layer, own, Way::Forward, weights, x, memory),
            Layer::Autoregressive(own) => match own.direction {
                Direction::Normalizing => self.at_once(layer, own, weights, x, memory),
                Direction::Generative => {
                    self.by_group(layer, own, Way::InverseAndLogDet, weights, x, memory)
                }
            },
            Layer::Linear(permutation) => {
                let (upper, lower) = halves(weights);
                gather(*permutation, x, self.event_input(memory));
                linear_normalize(x, upper, lower);
                0.0
            }
            Layer::ElementWise => {
                element_wise_normalize(x, weights.as_chunks::<2>().0);
                0.0
            }
            Layer::Permutation(permutation) => {
                gather(*permutation, x, self.event_input(memory));
                0.0
            }
            Layer::Convolutional(own) => self.convolutional(own, Way::Forward, weights, x, memory),
            Layer::Pointwise(planes) => {
                let (upper, lower) = halves(weights);
                let values = plane_values(planes, self.event_input(memory));
                pointwise_normalize(x, planes.places, upper, lower, values);
                0.0
            }
        }
    }

    /// One layer from base to data, in place.
    fn generate(
        &self,
        layer: &Layer<'_>,
        weights: &[[u8; 4]],
        x: &mut [f32],
        memory: &mut Conditioning<'_>,
    ) {
        match layer {
            Layer::Coupling(own) => {
                self.coupling(layer, own, Way::Inverse, weights, x, memory);
            }
            Layer::Autoregressive(own) => {
                match own.direction {
                    Direction::Normalizing => {
                        self.by_group(layer, own, Way::Inverse, weights, x, memory)
                    }
                    Direction::Generative => self.at_once(layer, own, weights, x, memory),
                };
            }
            Layer::Linear(permutation) => {
                let (upper, lower) = halves(weights);
                linear_generate(x, upper, lower);
                scatter(*permutation, x, self.event_input(memory));
            }
            Layer::ElementWise => element_wise_generate(x, weights.as_chunks::<2>().0),
            Layer::Permutation(permutation) => {
                scatter(*permutation, x, self.event_input(memory));
            }
            Layer::Convolutional(own) => {
                self.convolutional(own, Way::Inverse, weights, x, memory);
            }
            Layer::Pointwise(planes) => {
                let (upper, lower) = halves(weights);
                let values = plane_values(planes, self.event_input(memory));
                pointwise_generate(x, planes.places, upper, lower, values);
            }
        }
    }

    fn coupling(
        &self,
        layer: &Layer<'_>,
        own: &Coupling<'_>,
        way: Way,
        weights: &[[u8; 4]],
        x: &mut [f32],
        memory: &mut Conditioning<'_>,
    ) -> f32 {
        let mut slots = memory.input.iter_mut().skip(self.shape.context);
        for (channel, x) in x.iter().enumerate().filter(|(c, _)| own.keeps(*c)) {
            fill::<M>(&mut slots, *x, self.shape.is_circular(channel));
        }
        self.transform_all(layer, own.transformed, way, weights, x, memory)
    }

    /// An autoregressive layer in the direction that needs one pass: forward.
    fn at_once(
        &self,
        layer: &Layer<'_>,
        own: &Autoregressive<'_>,
        weights: &[[u8; 4]],
        x: &mut [f32],
        memory: &mut Conditioning<'_>,
    ) -> f32 {
        self.features(own.order, x, self.event_input(memory).iter_mut());
        self.transform_all(layer, own.order, Way::Forward, weights, x, memory)
    }

    /// Evaluates the conditioner from its input and transforms `channels`.
    fn transform_all(
        &self,
        layer: &Layer<'_>,
        channels: &[u8],
        way: Way,
        weights: &[[u8; 4]],
        x: &mut [f32],
        memory: &mut Conditioning<'_>,
    ) -> f32 {
        let Some((transformer, conditioner)) = layer.conditional() else {
            return 0.0;
        };
        let weights = &mut weights.iter();
        hidden_layers::<M>(conditioner, self.shape.context, weights, memory, |dense| {
            self.blocks(layer, dense)
        });
        let last = last_hidden(conditioner, memory.input, memory.hidden);
        let parameters = parameters_of(memory.parameters, transformer);
        let per_channel = |block: Block| {
            let channels = block.rows.checked_div(transformer.parameters());
            core::iter::repeat_n(block.inputs, channels.unwrap_or_default())
        };
        let inputs = self
            .blocks(layer, layer.dense_layers() - 1)
            .flat_map(per_channel);
        let mut log_det = 0.0;
        for (channel, inputs) in channels.iter().zip(inputs) {
            for parameter in parameters.iter_mut() {
                *parameter = row(weights, inputs, last);
            }
            log_det += self.transform(transformer, way, usize::from(*channel), x, parameters);
        }
        log_det
    }

    /// An autoregressive layer in the direction that goes group by group: as
    /// soon as a group is known, the hidden units that wait for it are
    /// evaluated, each once.
    fn by_group(
        &self,
        layer: &Layer<'_>,
        own: &Autoregressive<'_>,
        way: Way,
        weights: &[[u8; 4]],
        x: &mut [f32],
        memory: &mut Conditioning<'_>,
    ) -> f32 {
        let Conditioning {
            input,
            hidden,
            parameters,
        } = memory;
        let parameters = parameters_of(parameters, own.transformer);
        let mut rest = weights;
        let context = self.shape.context;
        let mut units = UnitsByGroup::new(&own.conditioner, context, &mut rest, |dense| {
            self.blocks(layer, dense)
        });
        let mut outputs = self.blocks(layer, layer.dense_layers() - 1);
        let output = &mut rest.iter();
        let mut order = own.order;
        let mut filled = self.shape.context;
        let mut log_det = 0.0;
        for group in own.groups {
            units.advance::<M>(&own.conditioner, input, hidden);
            let last = last_hidden(&own.conditioner, input, hidden);
            let Some(block) = outputs.next() else {
                return f32::NAN;
            };
            let (now, later) = order
                .split_at_checked(usize::from(*group))
                .unwrap_or((order, &[]));
            order = later;
            for channel in now {
                for parameter in parameters.iter_mut() {
                    *parameter = row(output, block.inputs, last);
                }
                log_det +=
                    self.transform(own.transformer, way, usize::from(*channel), x, parameters);
            }
            filled += self.features(now, x, input.iter_mut().skip(filled));
        }
        log_det
    }

    /// One channel, in place; returns its log-determinant where the way has it.
    fn transform(
        &self,
        transformer: Transformer,
        way: Way,
        channel: usize,
        x: &mut [f32],
        parameters: &mut [f32],
    ) -> f32 {
        let Some(x) = x.get_mut(channel) else {
            return f32::NAN;
        };
        let (value, log_det) = match (transformer, &mut *parameters, way) {
            (Transformer::Scaled { scale, direction }, [shift, a], way) => {
                match direction.as_it_stands(matches!(way, Way::Forward)) {
                    true => scaled_forward::<M, _>(*x, *shift, *a, scale),
                    false => scaled_inverse::<M, _>(*x, *shift, *a, scale),
                }
            }
            (Transformer::FlooredSpline(spline), own, way) => {
                let floor = spline.floor();
                match spline.direction.as_it_stands(matches!(way, Way::Forward)) {
                    true => floored_spline_forward::<M>(*x, own, spline.bound, floor),
                    false => floored_spline_inverse_and_log_det::<M>(*x, own, spline.bound, floor),
                }
            }
            (Transformer::Shift, [shift], Way::Forward) => (*x + *shift, 0.0),
            (Transformer::Shift, [shift], _) => (*x - *shift, 0.0),
            (Transformer::Affine { log_scale_bound }, [shift, a], Way::Forward) => {
                affine_forward::<M>(*x, *shift, *a, 1.0 / log_scale_bound)
            }
            (Transformer::Affine { log_scale_bound }, [shift, a], _) => {
                affine_inverse::<M>(*x, *shift, *a, 1.0 / log_scale_bound)
            }
            (Transformer::Spline { .. }, own, Way::Forward) if self.shape.is_circular(channel) => {
                circular_forward::<M>(*x, own)
            }
            (Transformer::Spline { .. }, own, _) if self.shape.is_circular(channel) => {
                (circular_inverse::<M>(*x, own), 0.0)
            }
            (Transformer::Spline { bound, .. }, own, Way::Forward) => {
                spline_forward::<M>(*x, own, bound)
            }
            (Transformer::Spline { bound, .. }, own, Way::Inverse) => {
                (spline_inverse::<M>(*x, own, bound), 0.0)
            }
            (Transformer::Spline { bound, .. }, own, Way::InverseAndLogDet) => {
                spline_inverse_and_log_det::<M>(*x, own, bound)
            }
            _ => (f32::NAN, 0.0),
        };
        *x = value;
        log_det
    }

    /// The part of a conditioner's input that the event fills.
    fn event_input<'m>(&self, memory: &'m mut Conditioning<'_>) -> &'m mut [f32] {
        memory
            .input
            .get_mut(self.shape.context..)
            .unwrap_or_default()
    }

    /// Writes the features of some channels; returns how many there are.
    fn features<'s>(
        &self,
        channels: &[u8],
        x: &[f32],
        mut slots: impl Iterator<Item = &'s mut f32>,
    ) -> usize {
        let mut count = 0;
        for channel in channels.iter().map(|channel| usize::from(*channel)) {
            let value = x.get(channel).copied().unwrap_or(f32::NAN);
            fill::<M>(&mut slots, value, self.shape.is_circular(channel));
            count += self.shape.features(channel);
        }
        count
    }

    fn blocks<'l>(&'l self, layer: &Layer<'l>, dense: usize) -> Blocks<'l> {
        layer.blocks(dense, self.shape)
    }
}

/// All hidden layers of a conditioner, given so many features of the context.
fn hidden_layers<'l, M: Math>(
    conditioner: &Conditioner<'l>,
    context: usize,
    weights: &mut Weights<'_>,
    memory: &mut Conditioning<'_>,
    blocks: impl Fn(usize) -> Blocks<'l>,
) {
    let mut stored = weights.as_slice();
    if let Form::PreActivation(form) = conditioner.form {
        let mut own = PreActivationBlocks::new(form, conditioner, context, &mut stored, blocks);
        while own.advance::<M>(memory.input, memory.hidden) {}
        *weights = stored.iter();
        return;
    }
    let mut start = Start::take(conditioner.form, context, &mut stored, &blocks);
    let first = usize::from(start.is_some());
    let mut rest = &mut *memory.hidden;
    let mut previous = &*memory.input;
    for (dense, units) in conditioner.hidden.iter().enumerate() {
        let Some((current, behind)) =
            core::mem::take(&mut rest).split_at_mut_checked(units.total())
        else {
            return;
        };
        let mut stage = Stage {
            weights: stored.iter(),
            blocks: blocks(first + dense),
            filled: 0,
            residual: dense > 0 && conditioner.form == Form::Residual,
            start: start.take(),
        };
        while stage.advance::<M>(conditioner.activation, previous, current) {}
        stored = stage.weights.as_slice();
        previous = current;
        rest = behind;
    }
    *weights = stored.iter();
}

/// The hidden layers of a conditioner whose units are evaluated as soon as a group of
/// channels is known.
// One of them on the stack, and nothing to box the larger in.
#[allow(clippy::large_enum_variant)]
enum UnitsByGroup<'l, 'w> {
    Chain(heapless::Vec<Stage<'l, 'w>, MAX_HIDDEN_LAYERS>),
    Blocks(PreActivationBlocks<'l, 'w>),
}

impl<'l, 'w> UnitsByGroup<'l, 'w> {
    /// Takes their weights from the front of what is stored.
    fn new(
        conditioner: &Conditioner<'l>,
        context: usize,
        stored: &mut &'w [[u8; 4]],
        blocks: impl Fn(usize) -> Blocks<'l>,
    ) -> Self {
        if let Form::PreActivation(form) = conditioner.form {
            let own = PreActivationBlocks::new(form, conditioner, context, stored, blocks);
            return Self::Blocks(own);
        }
        let mut start = Start::take(conditioner.form, context, stored, &blocks);
        let first = usize::from(start.is_some());
        let mut stages = heapless::Vec::new();
        for dense in 0..conditioner.hidden.len() {
            let blocks = blocks(first + dense);
            let size = blocks.clone().map(Block::weights).sum();
            // The capacity is the schema's limit of hidden layers.
            let _ = stages.push(Stage {
                weights: take(stored, size).iter(),
                blocks,
                filled: 0,
                residual: dense > 0 && conditioner.form == Form::Residual,
                start: start.take(),
            });
        }
        Self::Chain(stages)
    }

    /// Evaluates the units that the next group has waited for.
    fn advance<M: Math>(
        &mut self,
        conditioner: &Conditioner<'_>,
        input: &[f32],
        hidden: &mut [f32],
    ) {
        let stages = match self {
            Self::Chain(stages) => stages,
            Self::Blocks(own) => {
                own.advance::<M>(input, hidden);
                return;
            }
        };
        let (mut previous, mut rest) = (input, hidden);
        for (units, stage) in conditioner.hidden.iter().zip(stages) {
            let Some((current, behind)) =
                core::mem::take(&mut rest).split_at_mut_checked(units.total())
            else {
                return;
            };
            stage.advance::<M>(conditioner.activation, previous, current);
            previous = current;
            rest = behind;
        }
    }
}

/// A dense layer of the context, at whose units another begins.
struct Start<'w> {
    weights: Weights<'w>,
    context: usize,
}

impl<'w> Start<'w> {
    /// The first dense layer of a form that has one, from the front of what is stored.
    fn take<'l>(
        form: Form,
        context: usize,
        stored: &mut &'w [[u8; 4]],
        blocks: &impl Fn(usize) -> Blocks<'l>,
    ) -> Option<Self> {
        form.has_start().then(|| Self {
            weights: take(stored, blocks(0).map(Block::weights).sum()).iter(),
            context,
        })
    }

    /// What the next row adds to that of the other layer.
    fn next<M: Math>(&mut self, activation: Activation, input: &[f32]) -> f32 {
        activation.of::<M>(row(&mut self.weights, self.context, input))
    }
}

/// Writes the features of a channel to the next slots.
fn fill<'s, M: Math>(slots: &mut impl Iterator<Item = &'s mut f32>, x: f32, circular: bool) {
    let (first, second) = match circular {
        true => {
            let [cos, sin] = circle::<M>(x);
            (cos, Some(sin))
        }
        false => (x, None),
    };
    if let Some(slot) = slots.next() {
        *slot = first;
    }
    if let Some(second) = second
        && let Some(slot) = slots.next()
    {
        *slot = second;
    }
}

/// `x_i ← x_p(i)`, by way of scratch memory.
fn gather(Permutation(order): Permutation<'_>, x: &mut [f32], scratch: &mut [f32]) {
    for (slot, channel) in scratch.iter_mut().zip(order) {
        *slot = x.get(usize::from(*channel)).copied().unwrap_or(f32::NAN);
    }
    for (x, slot) in x.iter_mut().zip(scratch) {
        *x = *slot;
    }
}

/// `x_p(i) ← x_i`, by way of scratch memory.
fn scatter(Permutation(order): Permutation<'_>, x: &mut [f32], scratch: &mut [f32]) {
    for (slot, x) in scratch.iter_mut().zip(x.iter()) {
        *slot = *x;
    }
    for (slot, channel) in scratch.iter().zip(order) {
        if let Some(x) = x.get_mut(usize::from(*channel)) {
            *x = *slot;
        }
    }
}

/// The next `count` weights.
fn take<'w>(weights: &mut &'w [[u8; 4]], count: usize) -> &'w [[u8; 4]] {
    let (own, rest) = weights.split_at_checked(count).unwrap_or((weights, &[]));
    *weights = rest;
    own
}

/// The upper and the lower factor of a linear layer.
fn halves(weights: &[[u8; 4]]) -> (&[[u8; 4]], &[[u8; 4]]) {
    weights
        .split_at_checked(weights.len() / 2)
        .unwrap_or((weights, &[]))
}

/// As many slots as the transformer has parameters.
fn parameters_of(memory: &mut [f32], transformer: Transformer) -> &mut [f32] {
    memory
        .get_mut(..transformer.parameters())
        .unwrap_or_default()
}

/// One dense layer, evaluated block by block.
struct Stage<'l, 'w> {
    weights: Weights<'w>,
    blocks: Blocks<'l>,
    filled: usize,
    residual: bool,
    start: Option<Start<'w>>,
}

impl Stage<'_, '_> {
    /// Evaluates the units of the next block; false after the last.
    fn advance<M: Math>(
        &mut self,
        activation: Activation,
        input: &[f32],
        units: &mut [f32],
    ) -> bool {
        let Some(block) = self.blocks.next() else {
            return false;
        };
        let now = self.filled..self.filled + block.rows;
        let outputs = units.get_mut(now).unwrap_or_default();
        for output in outputs.iter_mut() {
            *output = row(&mut self.weights, block.inputs, input);
            if let Some(start) = &mut self.start {
                *output += start.next::<M>(activation, input);
            }
        }
        activation.apply::<M>(outputs);
        if self.residual {
            let pairs = units.iter_mut().zip(input);
            for (unit, input) in pairs.skip(self.filled).take(block.rows) {
                *unit += input;
            }
        }
        self.filled += block.rows;
        true
    }
}

/// One row: the next bias and `inputs` weights.
fn row(weights: &mut Weights<'_>, inputs: usize, input: &[f32]) -> f32 {
    let rest = weights.as_slice();
    let (row, rest) = rest
        .split_at_checked(inputs.saturating_add(1))
        .unwrap_or((rest, &[]));
    *weights = rest.iter();
    dot(row, input)
}

/// What the output layer sees: the last hidden layer, which blocks have changed, or the
/// input without one.
fn last_hidden<'h>(
    conditioner: &Conditioner<'_>,
    input: &'h [f32],
    hidden: &'h [f32],
) -> &'h [f32] {
    let Some((last, before)) = conditioner.hidden.split_last() else {
        return input;
    };
    let start: usize = before.iter().map(|units| units.total()).sum();
    hidden.get(start..start + last.total()).unwrap_or_default()
}
