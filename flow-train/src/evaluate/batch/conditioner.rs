//! The multi-layer perceptron of a bijection, over a chunk.

use super::activation;
use super::dense::Dense;
use super::lanes::LaneMath;
use crate::model::panel::Panel;
use flow_embedded::artefact::{self, Activation, Layer, MAX_HIDDEN_LAYERS, Shape, Transformer};

/// Memory of the conditioners of a flow, for one chunk.
#[derive(Debug)]
pub(super) struct Memory {
    /// Features of the context, then of the event.
    pub(super) input: Panel<f32>,
    hidden: Vec<Panel<f32>>,
    /// The parameters of one channel's transformer.
    pub(super) parameters: Panel<f32>,
}

impl Memory {
    /// For all of `conditioners`, over chunks of `columns` rows.
    pub(super) fn new<'c>(
        conditioners: impl Iterator<Item = &'c Conditioner>,
        inputs: usize,
        columns: usize,
    ) -> Self {
        let (mut inputs, mut parameters, mut units) = (inputs, 0, [0; MAX_HIDDEN_LAYERS]);
        for conditioner in conditioners {
            parameters = parameters.max(conditioner.parameters);
            for (units, dense) in units.iter_mut().zip(&conditioner.hidden) {
                *units = dense.rows().max(*units);
            }
            let first = conditioner.hidden.first().unwrap_or(&conditioner.output);
            inputs = inputs.max(first.inputs());
        }
        // A panel without rows has no width to speak of.
        let panel = |rows: usize| Panel::new(rows.max(1), columns);
        Self {
            input: panel(inputs),
            hidden: units.into_iter().map(panel).collect(),
            parameters: panel(parameters),
        }
    }
}

/// Gives the parameters of each transformed channel.
#[derive(Debug)]
pub(super) struct Conditioner {
    activation: Activation,
    residual: bool,
    hidden: Vec<Dense>,
    output: Dense,
    /// The parameters of one channel.
    parameters: usize,
}

impl Conditioner {
    /// Takes its weights from the front of `stored`.
    pub(super) fn new(
        layer: &Layer<'_>,
        transformer: Transformer,
        own: &artefact::Conditioner<'_>,
        shape: Shape,
        stored: &mut impl Iterator<Item = f32>,
    ) -> Self {
        Self::of(own, transformer.parameters(), |index| {
            Dense::new(layer.blocks(index, shape), stored)
        })
    }

    /// From its dense layers, asked for in order; so many parameters for each channel.
    pub(super) fn of(
        own: &artefact::Conditioner<'_>,
        parameters: usize,
        mut dense: impl FnMut(usize) -> Dense,
    ) -> Self {
        Self {
            activation: own.activation,
            residual: own.residual,
            hidden: (0..own.hidden.len()).map(&mut dense).collect(),
            output: dense(own.hidden.len()),
            parameters,
        }
    }

    /// All hidden layers.
    pub(super) fn evaluate<M: LaneMath>(&self, memory: &mut Memory) {
        for (index, dense) in self.hidden.iter().enumerate() {
            for block in 0..dense.blocks().len() {
                self.units::<M>(index, block, memory);
            }
        }
    }

    /// One block of units of every hidden layer: those that the blocks before, and the inputs so far, decide.
    pub(super) fn advance<M: LaneMath>(&self, block: usize, memory: &mut Memory) {
        for index in 0..self.hidden.len() {
            self.units::<M>(index, block, memory);
        }
    }

    fn units<M: LaneMath>(&self, index: usize, block: usize, memory: &mut Memory) {
        let dense = &self.hidden[index];
        let Some(rows) = dense.blocks().get(block) else {
            return;
        };
        let (before, rest) = memory.hidden.split_at_mut(index);
        let (input, output) = (before.last().unwrap_or(&memory.input), &mut rest[0]);
        dense.block(rows.clone(), input, output);
        let values = output.rows_mut(rows.clone());
        activation::apply::<M>(self.activation, values);
        if self.residual && index > 0 {
            for (unit, input) in values.iter_mut().zip(input.rows_of(rows.clone())) {
                *unit += input;
            }
        }
    }

    /// The parameters of the transformed channel in place `place`, into `memory.parameters`.
    pub(super) fn parameters(&self, place: usize, memory: &mut Memory) {
        let last = self.hidden.len().checked_sub(1);
        let input = last.map_or(&memory.input, |last| &memory.hidden[last]);
        let first = place * self.parameters;
        self.output
            .leading(first, self.parameters, input, &mut memory.parameters);
    }
}
