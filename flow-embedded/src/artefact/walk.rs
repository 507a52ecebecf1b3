//! Evaluation of a loaded flow: the kernels over run-time lengths.
//!
//! Weights are consumed in the order in which they are stored, so there is
//! nothing to index and nothing to fail.

use super::blocks::{Block, Blocks};
use super::{Activation, Coupling, Header, Layer, MAX_HIDDEN_LAYERS, MaskedAutoregressive};
use crate::base;
use crate::kernels::{Relu, Tanh, affine_generate, affine_normalize, conclude, dot, log_prob_of};
use crate::math::Math;
use core::marker::PhantomData;
use rand_core::Rng;

/// The caller's memory, split into what one evaluation needs.
pub(super) struct Scratch<'s> {
    /// The event on its way through the layers.
    event: &'s mut [f32],
    /// The conditioner's input: standardised context, then event inputs.
    input: &'s mut [f32],
    /// The hidden layers of one conditioner, one behind the other.
    hidden: &'s mut [f32],
}

impl<'s> Scratch<'s> {
    pub(super) fn len(header: &Header<'_>) -> usize {
        2 * header.event.len() + header.context.len() + hidden_len(header)
    }

    pub(super) fn split(header: &Header<'_>, memory: &'s mut [f32]) -> Option<Self> {
        let (event, context) = (header.event.len(), header.context.len());
        let (own, rest) = memory.split_at_mut_checked(event)?;
        let (input, rest) = rest.split_at_mut_checked(context + event)?;
        let (hidden, _) = rest.split_at_mut_checked(hidden_len(header))?;
        Some(Self {
            event: own,
            input,
            hidden,
        })
    }
}

fn hidden_len(header: &Header<'_>) -> usize {
    let units = |layer: &Layer<'_>| {
        layer
            .conditioner()
            .hidden
            .iter()
            .map(|units| units.total())
            .sum::<usize>()
    };
    header.layers.iter().map(units).max().unwrap_or_default()
}

/// Weights in the order of their use.
type Weights<'w> = core::slice::Iter<'w, [u8; 4]>;

/// One header and its weights, evaluated with the backend `M`.
pub(super) struct Walk<'w, M> {
    header: &'w Header<'w>,
    weights: &'w [[u8; 4]],
    math: PhantomData<M>,
}

impl<'w, M: Math> Walk<'w, M> {
    pub(super) fn new(header: &'w Header<'_>, weights: &'w [[u8; 4]]) -> Self {
        Self {
            header,
            weights,
            math: PhantomData,
        }
    }

    pub(super) fn log_prob(&self, event: &[f32], context: &[f32], scratch: Scratch<'_>) -> f32 {
        let Scratch {
            event: x,
            input,
            hidden,
        } = scratch;
        for ((x, raw), channel) in x.iter_mut().zip(event).zip(&self.header.event) {
            *x = (raw - channel.mean) * channel.inv_std;
        }
        self.standardise_context(context, input);
        let mut weights = self.weights.iter();
        let mut log_det = 0.0;
        for layer in &self.header.layers {
            log_det += self.normalize(layer, &mut weights, x, input, hidden);
        }
        conclude(
            log_prob_of(self.header.log_norm, log_det, x.iter()),
            event,
            context,
        )
    }

    pub(super) fn sample<R: Rng + ?Sized>(
        &self,
        rng: &mut R,
        context: &[f32],
        event: &mut [f32],
        scratch: Scratch<'_>,
    ) {
        let Scratch {
            event: x,
            input,
            hidden,
        } = scratch;
        for z in x.iter_mut() {
            *z = base::normal::<M, R>(rng);
        }
        self.standardise_context(context, input);
        let mut rest = self.weights.len() - self.table_len();
        for layer in self.header.layers.iter().rev() {
            rest = rest.saturating_sub(layer.weights(x.len(), context.len()));
            let weights = self.weights.get(rest..).unwrap_or_default().iter();
            self.generate(layer, weights, x, input, hidden);
        }
        for ((raw, x), channel) in event.iter_mut().zip(x.iter()).zip(&self.header.event) {
            *raw = x / channel.inv_std + channel.mean;
        }
    }

    fn table_len(&self) -> usize {
        self.header
            .calibration
            .map_or(0, |c| 2 * usize::from(c.entries))
    }

    fn standardise_context(&self, context: &[f32], input: &mut [f32]) {
        for ((x, raw), channel) in input.iter_mut().zip(context).zip(&self.header.context) {
            *x = (raw - channel.mean) * channel.inv_std;
        }
    }

    /// One layer from data to base, in place; returns its log-determinant.
    fn normalize(
        &self,
        layer: &Layer<'_>,
        weights: &mut Weights<'w>,
        x: &mut [f32],
        input: &mut [f32],
        hidden: &mut [f32],
    ) -> f32 {
        let (channels, bound) = self.fill_input(layer, x, input);
        let inv_bound = 1.0 / bound;
        self.hidden_layers(layer, weights, input, hidden);
        let last = last_hidden(layer, input, hidden);
        let mut log_det = 0.0;
        let inputs = self
            .blocks(layer, layer.dense_layers() - 1)
            .flat_map(per_pair);
        for (channel, inputs) in channels.iter().zip(inputs) {
            let (shift, a) = shift_and_scale(weights, inputs, last);
            if let Some(x) = x.get_mut(usize::from(*channel)) {
                let (z, log_scale) = affine_normalize::<M>(*x, shift, a, inv_bound);
                *x = z;
                log_det += log_scale;
            }
        }
        log_det
    }

    /// One layer from base to data, in place.
    fn generate(
        &self,
        layer: &Layer<'_>,
        weights: Weights<'w>,
        x: &mut [f32],
        input: &mut [f32],
        hidden: &mut [f32],
    ) {
        match layer {
            Layer::Coupling(_) => self.generate_coupling(layer, weights, x, input, hidden),
            Layer::MaskedAutoregressive(own) => {
                self.generate_autoregressive(layer, own, weights, x, input, hidden);
            }
        }
    }

    fn generate_coupling(
        &self,
        layer: &Layer<'_>,
        mut weights: Weights<'w>,
        x: &mut [f32],
        input: &mut [f32],
        hidden: &mut [f32],
    ) {
        let (channels, bound) = self.fill_input(layer, x, input);
        let inv_bound = 1.0 / bound;
        self.hidden_layers(layer, &mut weights, input, hidden);
        let last = last_hidden(layer, input, hidden);
        let inputs = self
            .blocks(layer, layer.dense_layers() - 1)
            .flat_map(per_pair);
        for (channel, inputs) in channels.iter().zip(inputs) {
            let (shift, a) = shift_and_scale(&mut weights, inputs, last);
            if let Some(x) = x.get_mut(usize::from(*channel)) {
                *x = affine_generate::<M>(*x, shift, a, inv_bound);
            }
        }
    }

    /// Rank by rank: as soon as a channel is known, the hidden units that wait
    /// for it are evaluated, each once.
    fn generate_autoregressive(
        &self,
        layer: &Layer<'_>,
        own: &MaskedAutoregressive<'_>,
        weights: Weights<'w>,
        x: &mut [f32],
        input: &mut [f32],
        hidden: &mut [f32],
    ) {
        let inv_bound = 1.0 / own.log_scale_bound;
        let mut stages = heapless::Vec::<Stage<'_, 'w>, { MAX_HIDDEN_LAYERS + 1 }>::new();
        let mut start = weights;
        for dense in 0..layer.dense_layers() {
            let blocks = self.blocks(layer, dense);
            let size: usize = blocks.clone().map(Block::weights).sum();
            let weights = start.clone();
            // The capacity is the schema's limit of hidden layers, plus one.
            let _ = stages.push(Stage {
                weights,
                blocks,
                filled: 0,
            });
            start = start.as_slice().get(size..).unwrap_or_default().iter();
        }
        for (rank, channel) in own.order.iter().enumerate() {
            let mut rest = &mut *hidden;
            let mut previous = &*input;
            let units = layer.conditioner().hidden.iter();
            let mut stages = stages.iter_mut();
            for (units, stage) in units.zip(stages.by_ref()) {
                let Some((current, behind)) =
                    core::mem::take(&mut rest).split_at_mut_checked(units.total())
                else {
                    return;
                };
                stage.advance::<M>(layer.conditioner().activation, previous, current);
                previous = current;
                rest = behind;
            }
            let Some(output) = stages.next() else { return };
            let Some(block) = output.blocks.next() else {
                return;
            };
            let (shift, a) = shift_and_scale(&mut output.weights, block.inputs, previous);
            if let Some(x) = x.get_mut(usize::from(*channel)) {
                *x = affine_generate::<M>(*x, shift, a, inv_bound);
                if let Some(slot) = input.get_mut(self.header.context.len() + rank) {
                    *slot = *x;
                }
            }
        }
    }

    /// Writes a layer's event inputs behind the context. Returns the channels
    /// that it transforms, in the order of the outputs, and its bound.
    fn fill_input<'l>(&self, layer: &Layer<'l>, x: &[f32], input: &mut [f32]) -> (&'l [u8], f32) {
        let slots = input.iter_mut().skip(self.header.context.len());
        match layer {
            Layer::Coupling(Coupling {
                transformed,
                log_scale_bound,
                ..
            }) => {
                let identity = x
                    .iter()
                    .zip(0u8..)
                    .filter(|(_, c)| !transformed.contains(c));
                for (slot, (x, _)) in slots.zip(identity) {
                    *slot = *x;
                }
                (transformed, *log_scale_bound)
            }
            Layer::MaskedAutoregressive(MaskedAutoregressive {
                order,
                log_scale_bound,
                ..
            }) => {
                let ranked = order.iter().map(|c| x.get(usize::from(*c)));
                for (slot, x) in slots.zip(ranked) {
                    *slot = x.copied().unwrap_or(f32::NAN);
                }
                (order, *log_scale_bound)
            }
        }
    }

    /// All hidden layers of a layer's conditioner.
    fn hidden_layers(
        &self,
        layer: &Layer<'_>,
        weights: &mut Weights<'w>,
        input: &[f32],
        hidden: &mut [f32],
    ) {
        let mut rest = hidden;
        let mut previous = input;
        for (dense, units) in layer.conditioner().hidden.iter().enumerate() {
            let Some((current, behind)) = rest.split_at_mut_checked(units.total()) else {
                return;
            };
            let mut outputs = current.iter_mut();
            for block in self.blocks(layer, dense) {
                let outputs = outputs.by_ref().take(block.rows);
                rows::<M>(
                    layer.conditioner().activation,
                    weights,
                    block,
                    previous,
                    outputs,
                );
            }
            previous = current;
            rest = behind;
        }
    }

    fn blocks<'l>(&self, layer: &'l Layer<'_>, dense: usize) -> Blocks<'l> {
        layer.blocks(dense, self.header.event.len(), self.header.context.len())
    }
}

/// One dense layer while an autoregressive layer generates.
struct Stage<'l, 'w> {
    weights: Weights<'w>,
    blocks: Blocks<'l>,
    filled: usize,
}

impl Stage<'_, '_> {
    /// Evaluates the units of the next degree.
    fn advance<M: Math>(&mut self, activation: Activation, input: &[f32], units: &mut [f32]) {
        if let Some(block) = self.blocks.next() {
            let outputs = units.iter_mut().skip(self.filled).take(block.rows);
            rows::<M>(activation, &mut self.weights, block, input, outputs);
            self.filled += block.rows;
        }
    }
}

/// The rows of one block.
fn rows<'o, M: Math>(
    activation: Activation,
    weights: &mut Weights<'_>,
    block: Block,
    input: &[f32],
    outputs: impl Iterator<Item = &'o mut f32>,
) {
    match activation {
        Activation::Relu => rows_as::<Relu>(weights, block, input, outputs),
        Activation::Tanh => rows_as::<Tanh<M>>(weights, block, input, outputs),
    }
}

fn rows_as<'o, A: crate::kernels::Activation>(
    weights: &mut Weights<'_>,
    block: Block,
    input: &[f32],
    outputs: impl Iterator<Item = &'o mut f32>,
) {
    for output in outputs {
        *output = A::apply(row(weights, block.inputs, input));
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

/// The two output rows of one channel.
fn shift_and_scale(weights: &mut Weights<'_>, inputs: usize, last: &[f32]) -> (f32, f32) {
    let shift = row(weights, inputs, last);
    let a = row(weights, inputs, last);
    (shift, a)
}

/// The inputs of each pair of output rows in a block.
fn per_pair(block: Block) -> impl Iterator<Item = usize> {
    core::iter::repeat_n(block.inputs, block.rows / 2)
}

/// What the output layer sees: the last hidden layer, or the input without one.
fn last_hidden<'h>(layer: &Layer<'_>, input: &'h [f32], hidden: &'h [f32]) -> &'h [f32] {
    let Some((last, before)) = layer.conditioner().hidden.split_last() else {
        return input;
    };
    let start: usize = before.iter().map(|units| units.total()).sum();
    hidden.get(start..start + last.total()).unwrap_or_default()
}
