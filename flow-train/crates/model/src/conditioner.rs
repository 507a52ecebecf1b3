//! The multilayer perceptron that conditions a bijection, with a staircase of visible inputs in each dense layer.
//!
//! Rows are evaluated block by block: a coupling has one block, an autoregressive layer one for each group of
//! channels. In the direction that knows all channels the blocks run as one; in the other they run one after the
//! other, as the groups become known, and each unit is evaluated once.

use super::activation;
use super::matmul::{self, Staircase, Then, Update};
use super::panel::Panel;
use super::parts::{ConditionerParts, DenseParts};
use super::real::Real;
use flow_embedded::artefact::{Activation, Form, Role};
use flow_host::random::Random;
use std::ops::Range;

/// The initial weights of output layers are this fraction of the usual, so that a flow starts near the identity.
const OUTPUT_GAIN: f64 = 0.1;

/// One dense layer; its parameters lie in the flow's flat vector, weights `[outputs x inputs]` row-major, then biases.
#[derive(Clone, Debug, PartialEq)]
struct Dense {
    inputs: usize,
    prefix: Vec<usize>,
    offset: usize,
    /// Where each block of rows ends.
    ends: Vec<usize>,
}

impl Dense {
    fn outputs(&self) -> usize {
        self.prefix.len()
    }

    /// Number of parameters, masked ones included.
    fn parameters(&self) -> usize {
        self.outputs() * (self.inputs + 1)
    }

    fn staircase<'a, T>(&'a self, parameters: &'a [T]) -> (Staircase<'a, T>, &'a [T]) {
        let own = &parameters[self.offset..][..self.parameters()];
        let (weights, biases) = own.split_at(self.outputs() * self.inputs);
        let staircase = Staircase {
            weights,
            prefix: &self.prefix,
            inputs: self.inputs,
        };
        (staircase, biases)
    }

    /// Weights and biases within the flat vector.
    fn split_mut<'a, T>(&self, parameters: &'a mut [T]) -> (&'a mut [T], &'a mut [T]) {
        parameters[self.offset..][..self.parameters()].split_at_mut(self.outputs() * self.inputs)
    }

    fn rows(&self, blocks: &Range<usize>) -> Range<usize> {
        let end = |block: usize| block.checked_sub(1).map_or(0, |before| self.ends[before]);
        end(blocks.start)..end(blocks.end)
    }
}

/// Dense layers with an activation between them; the last one is linear.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conditioner {
    activation: Activation,
    form: Form,
    /// What each dense layer is there for.
    roles: Vec<Role>,
    dense: Vec<Dense>,
}

/// A conditioner without its parameters.
pub(crate) struct Perceptron {
    pub(crate) activation: Activation,
    pub(crate) form: Form,
    /// The leading inputs that each row of each dense layer sees; non-decreasing.
    pub(crate) staircases: Vec<Vec<usize>>,
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub(crate) struct Trace<T> {
    pub(crate) input: Panel<T>,
    /// What each dense layer before the output gives; the units of pre-activation blocks as the blocks leave them.
    hidden: Vec<Panel<T>>,
    /// Derivatives of the activations, where the hidden layer alone doesn't tell them; else without rows.
    slopes: Vec<Panel<T>>,
    /// What each pre-activation block begins with, and the derivatives likewise.
    begun: Vec<Panel<T>>,
    begun_slopes: Vec<Panel<T>>,
    pub(crate) output: Panel<T>,
}

/// The gradients of a backward pass: by the input, then by the output of each dense layer. Every panel is as high as
/// the highest that any layer of the flow needs in its place.
#[derive(Debug)]
pub(crate) struct Scratch<T> {
    panels: Vec<Panel<T>>,
    /// The gradient by the features of the context, where they are learned; else without rows.
    context: Panel<T>,
}

impl<T: Real> Scratch<T> {
    /// For conditioners of the given [`Conditioner::heights`], and so many learned features of the context.
    pub(crate) fn new(
        heights: impl Iterator<Item = Vec<usize>>,
        context: usize,
        columns: usize,
    ) -> Self {
        let mut highest: Vec<usize> = Vec::new();
        for heights in heights {
            highest.resize(highest.len().max(heights.len()), 0);
            for (highest, height) in highest.iter_mut().zip(heights) {
                *highest = height.max(*highest);
            }
        }
        let panels = highest.into_iter();
        Self {
            panels: panels.map(|rows| Panel::new(rows, columns)).collect(),
            context: Panel::new(context, columns),
        }
    }

    pub(crate) fn input(&mut self) -> &mut Panel<T> {
        &mut self.panels[0]
    }

    /// Whether the gradient by the context is wanted.
    pub(crate) fn learns_context(&self) -> bool {
        self.context.rows() > 0
    }

    /// The gradient by the context so far.
    pub(crate) fn context(&self) -> &Panel<T> {
        &self.context
    }

    /// The same, to be added to; none where it isn't wanted.
    pub(crate) fn context_mut(&mut self) -> Option<&mut Panel<T>> {
        self.learns_context().then_some(&mut self.context)
    }

    /// Starts it anew.
    pub(crate) fn clear_context(&mut self) {
        for row in 0..self.context.rows() {
            self.context.row_mut(row).fill(T::ZERO);
        }
    }

    /// Adds the first rows of the gradient by the input to that by the context.
    pub(crate) fn keep_context(&mut self, rows: usize) {
        for row in 0..rows.min(self.context.rows()) {
            let to = self.context.row_mut(row).iter_mut();
            let from = self.panels[0].row(row);
            to.zip(from).for_each(|(sum, &d)| *sum += d);
        }
    }
}

impl Conditioner {
    /// Lays out dense layers from `offset` on. Each block sees so many of the `inputs` as `visible` says, and ends
    /// in so many rows of the last layer as `outputs` says.
    pub(crate) fn new(
        form: Perceptron,
        mut inputs: usize,
        mut visible: Vec<usize>,
        outputs: &[usize],
        mut offset: usize,
    ) -> Self {
        let hidden = form.staircases.len() - form.form.dense_layers(0);
        let roles = (0..form.staircases.len()).map(|dense| form.form.role(hidden, dense));
        let roles: Vec<Role> = roles.collect();
        // A hidden unit belongs to the first block that sees all it sees.
        let ends_of = |prefix: &[usize], visible: &[usize]| -> Vec<usize> {
            let end = |&visible: &usize| prefix.partition_point(|&seen| seen <= visible);
            visible.iter().map(end).collect()
        };
        let first = &form.staircases[usize::from(form.form.has_start())];
        let units = ends_of(first, &visible);
        let mut dense = Vec::with_capacity(form.staircases.len());
        for (&role, prefix) in roles.iter().zip(form.staircases) {
            let ends = match role {
                Role::Hidden(_) => ends_of(&prefix, &visible),
                Role::Output => {
                    let ends = outputs.iter().scan(0, |end, rows| {
                        *end += rows;
                        Some(*end)
                    });
                    ends.collect()
                }
                _ => units.clone(),
            };
            let own = Dense {
                // Rows of the context see all of it.
                inputs: match role.sees_context() {
                    true => prefix.first().copied().unwrap_or(0),
                    false => inputs,
                },
                prefix,
                offset,
                ends,
            };
            offset += own.parameters();
            if !role.sees_context() {
                visible.clone_from(&own.ends);
                inputs = own.outputs();
            }
            dense.push(own);
        }
        Self {
            activation: form.activation,
            form: form.form,
            roles,
            dense,
        }
    }

    /// Number of parameters, masked ones included.
    pub(crate) fn parameters(&self) -> usize {
        self.dense.iter().map(Dense::parameters).sum()
    }

    /// Where the weights of each row lie in the flow's flat vector, masked ones left out.
    pub(crate) fn weight_rows(&self) -> impl Iterator<Item = Range<usize>> {
        self.dense.iter().flat_map(|dense| {
            let rows = dense.prefix.iter().enumerate();
            rows.map(|(row, prefix)| {
                let start = dense.offset + row * dense.inputs;
                start..start + prefix
            })
        })
    }

    /// Rows of the gradients that a backward pass needs: by the input, by each dense layer's output, and then by what a
    /// pre-activation block begins with.
    pub(crate) fn heights(&self) -> Vec<usize> {
        let first = &self.dense[self.units()];
        let begun = self.form.pre_activation().map(|_| first.outputs());
        let outputs = self.dense.iter().map(Dense::outputs);
        [first.inputs]
            .into_iter()
            .chain(outputs)
            .chain(begun)
            .collect()
    }

    /// Multiply-accumulates of one event in one direction, masked ones left out.
    pub(crate) fn macs(&self) -> usize {
        self.dense.iter().flat_map(|dense| &dense.prefix).sum()
    }

    /// Weights but for masked ones, and biases.
    pub(crate) fn stored(&self) -> usize {
        self.macs() + self.dense.iter().map(Dense::outputs).sum::<usize>()
    }

    pub(crate) fn trace<T: Real>(&self, columns: usize) -> Trace<T> {
        let (last, hidden) = self.hidden();
        let slopes = |index: usize, dense: &Dense| match self.keeps_slope(index) {
            true => dense.outputs(),
            false => 0,
        };
        let first = &self.dense[self.units()];
        let blocks = self
            .form
            .pre_activation()
            .map_or(0, |own| own.blocks.into());
        let panels = |rows: usize| (0..blocks).map(|_| Panel::new(rows, columns)).collect();
        Trace {
            input: Panel::new(first.inputs, columns),
            begun: panels(first.outputs()),
            begun_slopes: panels(if self.keeps_slope_of_blocks() {
                first.outputs()
            } else {
                0
            }),
            slopes: hidden
                .iter()
                .enumerate()
                .map(|(index, dense)| Panel::new(slopes(index, dense), columns))
                .collect(),
            hidden: hidden
                .iter()
                .map(|dense| Panel::new(dense.outputs(), columns))
                .collect(),
            output: Panel::new(last.outputs(), columns),
        }
    }

    /// Weights and biases uniform within `1 / sqrt(visible inputs)`, those of the output layer a tenth of that.
    pub(crate) fn initialise<T: Real>(&self, parameters: &mut [T], random: &mut Random) {
        for (index, dense) in self.dense.iter().enumerate() {
            let gain = match index + 1 == self.dense.len() {
                true => OUTPUT_GAIN,
                false => 1.0,
            };
            let (weights, biases) = dense.split_mut(parameters);
            let rows = weights.chunks_exact_mut(dense.inputs).zip(biases);
            for ((row, bias), &prefix) in rows.zip(&dense.prefix) {
                let reach = gain / (prefix.max(1) as f64).sqrt();
                let mut draw = || T::from_f64(reach * (2.0 * random.uniform() - 1.0));
                row[..prefix].fill_with(&mut draw);
                *bias = draw();
            }
        }
    }

    /// Takes zeros for the output layer, so that what is conditioned starts as the identity itself.
    pub(crate) fn initialise_as_identity<T: Real>(&self, parameters: &mut [T]) {
        let (output, _) = self.hidden();
        let (weights, biases) = output.split_mut(parameters);
        weights.fill(T::ZERO);
        biases.fill(T::ZERO);
    }

    /// Fills the given blocks of `trace` from `trace.input` and the blocks before.
    pub(crate) fn forward<T: Real>(
        &self,
        parameters: &[T],
        trace: &mut Trace<T>,
        blocks: Range<usize>,
    ) {
        let Trace {
            input,
            hidden,
            slopes,
            begun,
            begun_slopes,
            output,
        } = trace;
        let (last, layers) = self.hidden();
        let units = self.units();
        for (index, dense) in layers.iter().enumerate() {
            let (staircase, biases) = dense.staircase(parameters);
            let rows = dense.rows(&blocks);
            if let Role::Inner(block) = self.roles[index] {
                let values = begun[block].rows_mut(rows.clone());
                values.copy_from_slice(hidden[units].rows_of(rows.clone()));
                if self.keeps_slope_of_blocks() {
                    let slopes = begun_slopes[block].rows_mut(rows.clone());
                    activation::apply_with_slope(self.activation, values, slopes);
                } else if self.activates_blocks() {
                    activation::apply(self.activation, values);
                }
            }
            let (before, after) = hidden.split_at_mut(index);
            let own = &mut after[0];
            let read = match self.reads(index) {
                Source::Input => &*input,
                Source::Dense(index) => &before[index],
                Source::Begun(block) => &begun[block],
            };
            let term = self.adds_term(index);
            let then = match self.is_plain_relu(index) && term.is_none() {
                true => Then::Relu,
                false => Then::Nothing,
            };
            matmul::forward(staircase, biases, read, own, rows.clone(), then);
            let values = own.rows_mut(rows.clone());
            if let Some(term) = term {
                add(values, before[term].rows_of(rows.clone()));
            }
            if self.keeps_slope(index) {
                let slopes = slopes[index].rows_mut(rows.clone());
                activation::apply_with_slope(self.activation, values, slopes);
            } else if self.activates(index) && then == Then::Nothing {
                activation::apply(self.activation, values);
            }
            if self.adds_input(index) {
                add(values, read.rows_of(rows.clone()));
            }
            match self.roles[index] {
                Role::Outer(_) if !self.gates() => add(before[units].rows_mut(rows), values),
                Role::Gate(_) => {
                    activation::gate(values);
                    let (before, outer) = before.split_at_mut(index - 1);
                    let products = outer[0].rows_of(rows.clone()).iter().zip(&*values);
                    let sums = before[units].rows_mut(rows).iter_mut().zip(products);
                    sums.for_each(|(t, (&v, &gate))| *t += v * gate);
                }
                _ => {}
            }
        }
        let (staircase, biases) = last.staircase(parameters);
        let before = match self.reads(layers.len()) {
            Source::Dense(index) => &hidden[index],
            _ => input,
        };
        let rows = last.rows(&blocks);
        matmul::forward(staircase, biases, before, output, rows, Then::Nothing);
    }

    /// The panel for the gradient of the output.
    pub(crate) fn d_output<'s, T>(&self, scratch: &'s mut Scratch<T>) -> &'s mut Panel<T> {
        &mut scratch.panels[self.dense.len()]
    }

    /// From the gradient of the output in [`Conditioner::d_output`] to that of the `inputs` in [`Scratch::input`],
    /// by way of the given blocks and those behind them, which have been through this already.
    pub(crate) fn backward<T: Real>(
        &self,
        parameters: &[T],
        trace: &Trace<T>,
        scratch: &mut Scratch<T>,
        blocks: Range<usize>,
        inputs: Range<usize>,
    ) {
        for (index, dense) in self.dense.iter().enumerate().rev() {
            if !matches!(self.roles[index], Role::Hidden(_) | Role::Output) {
                self.backward_block(index, parameters, trace, scratch, dense.rows(&blocks));
                continue;
            }
            let (below, above) = scratch.panels.split_at_mut(index + 1);
            let d_output = &mut above[0];
            let before = match self.reads(index) {
                Source::Dense(before) => Some(before),
                _ => None,
            };
            let (d_input, rows) = match before {
                Some(before) => (&mut below[before + 1], self.dense[before].rows(&blocks)),
                None => (&mut below[0], inputs.clone()),
            };
            let mut update = Update::Replace;
            if self.activates(index) {
                let own = dense.rows(&blocks);
                if self.adds_input(index) {
                    d_input
                        .rows_mut(own.clone())
                        .copy_from_slice(d_output.rows_of(own.clone()));
                    update = Update::Add;
                }
                let gradient = d_output.rows_mut(own.clone());
                if self.keeps_slope(index) {
                    activation::backward_with_slope(trace.slopes[index].rows_of(own), gradient);
                } else if !self.is_plain_relu(index) {
                    activation::backward(
                        self.activation,
                        trace.hidden[index].rows_of(own),
                        gradient,
                    );
                }
            }
            let (staircase, _) = dense.staircase(parameters);
            // Through the ReLUs of the layer before on the way.
            let relus = before.filter(|before| self.is_plain_relu(*before));
            let relus = relus.map(|before| &trace.hidden[before]);
            matmul::backward_input(staircase, d_output, d_input, rows, update, relus);
        }
        // The context's rows of the input, where they are wanted: other dense layers see them too.
        for (index, dense) in self.dense.iter().enumerate() {
            if self.roles[index].sees_context() && inputs.start < dense.inputs {
                let (below, above) = scratch.panels.split_at_mut(index + 1);
                let (d_input, rows) = (&mut below[0], inputs.start..dense.inputs);
                let (staircase, _) = dense.staircase(parameters);
                matmul::backward_input(staircase, &above[0], d_input, rows, Update::Add, None);
            }
        }
    }

    /// The part of [`Conditioner::backward`] that a dense layer has which is neither a hidden one nor the output: `own`
    /// are its rows. Leaves the gradient by its sums, and passes on what it has read but for the context.
    fn backward_block<T: Real>(
        &self,
        index: usize,
        parameters: &[T],
        trace: &Trace<T>,
        scratch: &mut Scratch<T>,
        own: Range<usize>,
    ) {
        let (staircase, _) = self.dense[index].staircase(parameters);
        let units = self.units() + 1;
        let (below, above) = scratch.panels.split_at_mut(index + 1);
        match self.roles[index] {
            // Its sums are those of the hidden layer, which comes behind it.
            Role::Start => {
                let (start, behind) = above.split_at_mut(1);
                let gradient = start[0].rows_mut(own.clone());
                gradient.copy_from_slice(behind[0].rows_of(own.clone()));
                self.backward_activation(index, trace, &mut start[0], own);
            }
            Role::Gate(_) => activation::backward_gate(
                trace.hidden[index].rows_of(own.clone()),
                trace.hidden[index - 1].rows_of(own.clone()),
                below[units].rows_of(own.clone()),
                above[0].rows_mut(own),
            ),
            Role::Outer(_) => {
                let gradient = above[0].rows_mut(own.clone());
                gradient.copy_from_slice(below[units].rows_of(own.clone()));
                if self.gates() {
                    let gates = trace.hidden[index + 1].rows_of(own.clone());
                    activation::backward_with_slope(gates, gradient);
                }
                let relus = self.is_plain_relu(index - 1);
                let relus = relus.then(|| &trace.hidden[index - 1]);
                let d_inner = &mut below[index];
                matmul::backward_input(staircase, &above[0], d_inner, own, Update::Replace, relus);
            }
            Role::Inner(block) => {
                let (inner, rest) = above.split_at_mut(1);
                if !self.is_plain_relu(index) {
                    self.backward_activation(index, trace, &mut inner[0], own.clone());
                }
                if let Some(term) = self.adds_term(index) {
                    let term = below[term + 1].rows_mut(own.clone());
                    term.copy_from_slice(inner[0].rows_of(own.clone()));
                }
                // Behind the gradients of all dense layers.
                let begun = &mut rest[self.dense.len() - 1 - index];
                let keeps = self.keeps_slope_of_blocks();
                let relu = self.activates_blocks() && self.activation == Activation::Relu;
                let relus = relu.then(|| &trace.begun[block]);
                matmul::backward_input(
                    staircase,
                    &inner[0],
                    begun,
                    own.clone(),
                    Update::Replace,
                    relus,
                );
                let gradient = begun.rows_mut(own.clone());
                if keeps {
                    let slopes = trace.begun_slopes[block].rows_of(own.clone());
                    activation::backward_with_slope(slopes, gradient);
                } else if self.activates_blocks() && !relu {
                    let begun = trace.begun[block].rows_of(own.clone());
                    activation::backward(self.activation, begun, gradient);
                }
                add(below[units].rows_mut(own), gradient);
            }
            // The block's first layer has left it.
            Role::Term(_) | Role::Hidden(_) | Role::Output => {}
        }
    }

    /// From the gradient by activations to that by their sums.
    fn backward_activation<T: Real>(
        &self,
        index: usize,
        trace: &Trace<T>,
        gradient: &mut Panel<T>,
        own: Range<usize>,
    ) {
        let gradient = gradient.rows_mut(own.clone());
        match self.keeps_slope(index) {
            true => {
                activation::backward_with_slope(trace.slopes[index].rows_of(own), gradient);
            }
            false => {
                activation::backward(self.activation, trace.hidden[index].rows_of(own), gradient);
            }
        }
    }

    /// Writes the gradient of the parameters (sums over the batch) at their places, after [`Conditioner::backward`]
    /// of all blocks; masked entries aren't touched.
    pub(crate) fn backward_parameters<T: Real>(
        &self,
        trace: &Trace<T>,
        scratch: &Scratch<T>,
        gradient: &mut [T],
    ) {
        for (index, dense) in self.dense.iter().enumerate() {
            let input = match self.reads(index) {
                Source::Input => &trace.input,
                Source::Dense(before) => &trace.hidden[before],
                Source::Begun(block) => &trace.begun[block],
            };
            let (d_weights, d_biases) = dense.split_mut(gradient);
            let d_output = &scratch.panels[index + 1];
            matmul::backward_weights(&dense.prefix, d_output, input, d_weights, d_biases);
        }
    }

    /// Weights `[outputs x inputs]` and biases of a conditioner without hidden layers, and the leading inputs that
    /// each row sees.
    pub(crate) fn linear_mut<'a, T>(
        &'a self,
        parameters: &'a mut [T],
    ) -> Option<(&'a mut [T], &'a mut [T], &'a [usize])> {
        let [dense] = self.dense.as_slice() else {
            return None;
        };
        let (weights, biases) = dense.split_mut(parameters);
        Some((weights, biases, &dense.prefix))
    }

    /// Whether there are no hidden layers.
    pub(crate) fn is_linear(&self) -> bool {
        self.dense.len() == 1
    }

    /// Copies of the dense layers, masked weights as zeros.
    pub(crate) fn to_parts<T: Real>(&self, parameters: &[T]) -> ConditionerParts<T> {
        let dense = self.dense.iter().map(|dense| {
            let (Staircase { weights, .. }, biases) = dense.staircase(parameters);
            DenseParts {
                inputs: dense.inputs,
                prefix: dense.prefix.clone(),
                weights: weights.to_vec(),
                biases: biases.to_vec(),
            }
        });
        ConditionerParts {
            activation: self.activation,
            form: self.form,
            dense: dense.collect(),
        }
    }

    fn hidden(&self) -> (&Dense, &[Dense]) {
        self.dense
            .split_last()
            .expect("a conditioner has a linear layer")
    }

    /// Where the first hidden layer is, or the output without one.
    fn units(&self) -> usize {
        self.form.has_start().into()
    }

    fn reads(&self, index: usize) -> Source {
        match self.roles[index] {
            Role::Start | Role::Hidden(0) | Role::Term(_) | Role::Gate(_) => Source::Input,
            Role::Inner(block) => Source::Begun(block),
            Role::Output if self.form.pre_activation().is_some() => Source::Dense(self.units()),
            Role::Hidden(_) | Role::Outer(_) | Role::Output => match index.checked_sub(1) {
                Some(before) => Source::Dense(before),
                None => Source::Input,
            },
        }
    }

    /// The dense layer of the context that a layer's sums begin at or add.
    fn adds_term(&self, index: usize) -> Option<usize> {
        let before = index.checked_sub(1)?;
        matches!(self.roles[before], Role::Start | Role::Term(_)).then_some(before)
    }

    /// Whether the context gates the second dense layer of each block.
    fn gates(&self) -> bool {
        self.roles.contains(&Role::Gate(0))
    }

    /// Whether blocks begin with the activation.
    fn activates_blocks(&self) -> bool {
        self.form.pre_activation().is_some_and(|own| own.activated)
    }

    fn keeps_slope_of_blocks(&self) -> bool {
        self.activates_blocks() && !activation::slope_from_output(self.activation)
    }

    /// Whether the sums of a dense layer go through the activation.
    fn activates(&self, index: usize) -> bool {
        match self.roles[index] {
            Role::Start | Role::Inner(_) => true,
            Role::Hidden(_) => self.form.pre_activation().is_none(),
            Role::Term(_) | Role::Outer(_) | Role::Gate(_) | Role::Output => false,
        }
    }

    /// Whether a hidden layer adds its input to its output.
    fn adds_input(&self, index: usize) -> bool {
        self.form == Form::Residual && index > 0 && self.activates(index)
    }

    /// Whether a dense layer gives the ReLUs of its sums, and nothing is added to them.
    fn is_plain_relu(&self, index: usize) -> bool {
        self.activation == Activation::Relu && self.activates(index) && !self.keeps_slope(index)
    }

    fn keeps_slope(&self, index: usize) -> bool {
        let told = activation::slope_from_output(self.activation);
        self.adds_input(index) || (self.activates(index) && !told)
    }
}

/// What a dense layer reads.
#[derive(Clone, Copy)]
enum Source {
    /// The conditioner's input, or the context that leads it.
    Input,
    /// What another dense layer gives.
    Dense(usize),
    /// What a pre-activation block begins with.
    Begun(usize),
}

fn add<T: Real>(sums: &mut [T], values: &[T]) {
    sums.iter_mut()
        .zip(values)
        .for_each(|(sum, &value)| *sum += value);
}
