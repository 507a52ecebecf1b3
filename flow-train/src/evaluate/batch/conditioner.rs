//! The multi-layer perceptron of a bijection, over a chunk.

use super::activation;
use super::dense::Dense;
use super::lanes::LaneMath;
use crate::model::matmul::Then;
use crate::model::panel::Panel;
use flow_embedded::artefact::{self, Activation, Form, Layer, Role, Shape, Transformer};

/// Memory of the conditioners of a flow, for one chunk.
#[derive(Debug)]
pub(super) struct Memory {
    /// Features of the context, then of the event.
    pub(super) input: Panel<f32>,
    /// Hidden layers; of pre-activation blocks the units, and then by turns what the two dense layers of a block read.
    hidden: Vec<Panel<f32>>,
    /// Sums on their way, and what the context adds to them or multiplies them by.
    sums: Panel<f32>,
    terms: Panel<f32>,
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
        let (mut inputs, mut parameters, mut working) = (inputs, 0, 0);
        let mut units: Vec<usize> = Vec::new();
        for conditioner in conditioners {
            parameters = parameters.max(conditioner.parameters);
            for (index, dense) in conditioner.hidden.iter().enumerate() {
                match conditioner.writes(index) {
                    Some(place) => {
                        units.resize(units.len().max(place + 1), 0);
                        units[place] = dense.rows().max(units[place]);
                    }
                    None => working = dense.rows().max(working),
                }
                if let Some(place) = conditioner.begins(index) {
                    units.resize(units.len().max(place + 1), 0);
                    units[place] = dense.rows().max(units[place]);
                }
            }
            let first = conditioner.hidden.first().unwrap_or(&conditioner.output);
            inputs = inputs.max(first.inputs());
        }
        // A panel without rows has no width to speak of.
        let panel = |rows: usize| Panel::new(rows.max(1), columns);
        Self {
            input: panel(inputs),
            hidden: units.into_iter().map(panel).collect(),
            sums: panel(working),
            terms: panel(working),
            parameters: panel(parameters),
        }
    }
}

/// Gives the parameters of each transformed channel.
#[derive(Debug)]
pub(super) struct Conditioner {
    activation: Activation,
    form: Form,
    /// What each dense layer is there for.
    roles: Vec<Role>,
    /// The dense layers before the output.
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
        shape: &Shape,
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
            form: own.form,
            roles: (0..own.dense_layers())
                .map(|index| own.role(index))
                .collect(),
            hidden: (0..own.dense_layers() - 1).map(&mut dense).collect(),
            output: dense(own.dense_layers() - 1),
            parameters,
        }
    }

    /// All dense layers before the output.
    pub(super) fn evaluate<M: LaneMath>(&self, memory: &mut Memory) {
        for (index, dense) in self.hidden.iter().enumerate() {
            for block in 0..dense.blocks().len() {
                self.units::<M>(index, block, memory);
            }
        }
    }

    /// One block of units of every dense layer before the output: those that the blocks before, and the inputs so far, decide.
    pub(super) fn advance<M: LaneMath>(&self, block: usize, memory: &mut Memory) {
        for index in 0..self.hidden.len() {
            self.units::<M>(index, block, memory);
        }
    }

    fn units<M: LaneMath>(&self, index: usize, block: usize, memory: &mut Memory) {
        let dense = &self.hidden[index];
        let Some(rows) = dense.blocks().get(block).cloned() else {
            return;
        };
        let Memory {
            input,
            hidden,
            sums,
            terms,
            ..
        } = memory;
        if let Some(place) = self.begins(index) {
            let (units, begun) = hidden.split_at_mut(place);
            let begun = begun[0].rows_mut(rows.clone());
            begun.copy_from_slice(units[0].rows_of(rows.clone()));
            if self.form.pre_activation().is_some_and(|own| own.activated) {
                activation::apply::<M>(self.activation, begun);
            }
        }
        match self.roles[index] {
            Role::Start | Role::Term(_) => {
                dense.block(rows.clone(), input, terms, Then::Nothing);
                if self.roles[index] == Role::Start {
                    activation::apply::<M>(self.activation, terms.rows_mut(rows));
                }
            }
            Role::Outer(_) => {
                let place = self.reads(index).unwrap_or_default();
                dense.block(rows.clone(), &hidden[place], sums, Then::Nothing);
                if !self.roles.contains(&Role::Gate(0)) {
                    add(hidden[0].rows_mut(rows.clone()), sums.rows_of(rows));
                }
            }
            Role::Gate(_) => {
                dense.block(rows.clone(), input, terms, Then::Nothing);
                let gates = terms.rows_mut(rows.clone());
                activation::gate::<M>(gates);
                let products = sums.rows_mut(rows.clone());
                products
                    .iter_mut()
                    .zip(gates)
                    .for_each(|(v, gate)| *v *= *gate);
                add(hidden[0].rows_mut(rows), products);
            }
            Role::Hidden(_) | Role::Inner(_) | Role::Output => {
                let place = self.writes(index).unwrap_or_default();
                let (before, rest) = hidden.split_at_mut(place);
                let read = self.reads(index).map_or(&*input, |place| &before[place]);
                let output = &mut rest[0];
                let before = index.checked_sub(1).map(|before| self.roles[before]);
                let added = matches!(before, Some(Role::Start | Role::Term(_)));
                let linear =
                    self.roles[index] == Role::Hidden(0) && self.form.pre_activation().is_some();
                // In the kernel's registers, where it can be done there.
                let fused = self.activation == Activation::Relu && !added && !linear;
                let then = if fused {
                    Then::ReluOfChip
                } else {
                    Then::Nothing
                };
                dense.block(rows.clone(), read, output, then);
                let values = output.rows_mut(rows.clone());
                if added {
                    add(values, terms.rows_of(rows.clone()));
                }
                if !linear && !fused {
                    activation::apply::<M>(self.activation, values);
                }
                if self.form == Form::Residual && index > 0 {
                    add(values, read.rows_of(rows));
                }
            }
        }
    }

    /// The hidden panel that a dense layer reads; none for the input, which the context leads.
    fn reads(&self, index: usize) -> Option<usize> {
        match self.roles[index] {
            Role::Start | Role::Term(_) | Role::Gate(_) => None,
            Role::Hidden(place) => place.checked_sub(1),
            Role::Inner(block) => Some(1 + 2 * block),
            Role::Outer(block) => Some(2 + 2 * block),
            Role::Output if self.form.pre_activation().is_some() => Some(0),
            Role::Output => {
                let start = usize::from(self.form.has_start());
                (index - start).checked_sub(1)
            }
        }
    }

    /// The hidden panel that a dense layer writes; none for a working panel.
    fn writes(&self, index: usize) -> Option<usize> {
        match self.roles[index] {
            Role::Hidden(place) => Some(place),
            Role::Inner(block) => Some(2 + 2 * block),
            Role::Start | Role::Term(_) | Role::Outer(_) | Role::Gate(_) | Role::Output => None,
        }
    }

    /// The hidden panel that a block's first dense layer fills before it reads it.
    fn begins(&self, index: usize) -> Option<usize> {
        match self.roles[index] {
            Role::Inner(_) => self.reads(index),
            _ => None,
        }
    }

    /// The parameters of the transformed channel in place `place`, into `memory.parameters`.
    pub(super) fn parameters(&self, place: usize, memory: &mut Memory) {
        let last = self.reads(self.hidden.len());
        let input = last.map_or(&memory.input, |last| &memory.hidden[last]);
        let first = place * self.parameters;
        self.output
            .leading(first, self.parameters, input, &mut memory.parameters);
    }
}

fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut()
        .zip(values)
        .for_each(|(sum, value)| *sum += value);
}
