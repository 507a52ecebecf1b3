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
use crate::random::Random;
use flow_embedded::artefact::Activation;
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
    residual: bool,
    dense: Vec<Dense>,
}

/// The form of a conditioner, without its parameters.
pub(crate) struct Form {
    pub(crate) activation: Activation,
    pub(crate) residual: bool,
    /// The leading inputs that each row of each dense layer sees; non-decreasing.
    pub(crate) staircases: Vec<Vec<usize>>,
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub(crate) struct Trace<T> {
    pub(crate) input: Panel<T>,
    hidden: Vec<Panel<T>>,
    /// Derivatives of the activations, where the hidden layer alone doesn't tell them; else without rows.
    slopes: Vec<Panel<T>>,
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
        form: Form,
        mut inputs: usize,
        mut visible: Vec<usize>,
        outputs: &[usize],
        mut offset: usize,
    ) -> Self {
        let last = form.staircases.len() - 1;
        let mut dense = Vec::with_capacity(form.staircases.len());
        for (index, prefix) in form.staircases.into_iter().enumerate() {
            let ends: Vec<usize> = if index == last {
                let ends = outputs.iter().scan(0, |end, rows| {
                    *end += rows;
                    Some(*end)
                });
                ends.collect()
            } else {
                // A hidden unit belongs to the first block that sees all it sees.
                let end = |&visible: &usize| prefix.partition_point(|&seen| seen <= visible);
                visible.iter().map(end).collect()
            };
            visible.clone_from(&ends);
            let own = Dense {
                inputs,
                prefix,
                offset,
                ends,
            };
            inputs = own.outputs();
            offset += own.parameters();
            dense.push(own);
        }
        Self {
            activation: form.activation,
            residual: form.residual,
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

    /// Rows of the gradients that a backward pass needs: by the input, then by each dense layer's output.
    pub(crate) fn heights(&self) -> Vec<usize> {
        let inputs = self.dense.first().map(|dense| dense.inputs);
        inputs
            .into_iter()
            .chain(self.dense.iter().map(Dense::outputs))
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
        Trace {
            input: Panel::new(self.dense[0].inputs, columns),
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
            output,
        } = trace;
        let (last, layers) = self.hidden();
        for (index, dense) in layers.iter().enumerate() {
            let (staircase, biases) = dense.staircase(parameters);
            let rows = dense.rows(&blocks);
            let (before, after) = hidden.split_at_mut(index);
            let (own, before) = (&mut after[0], before.last().unwrap_or(input));
            let then = match self.is_plain_relu(index) {
                true => Then::Relu,
                false => Then::Nothing,
            };
            matmul::forward(staircase, biases, before, own, rows.clone(), then);
            let values = own.rows_mut(rows.clone());
            if self.keeps_slope(index) {
                let slopes = slopes[index].rows_mut(rows.clone());
                activation::apply_with_slope(self.activation, values, slopes);
            } else if then == Then::Nothing {
                activation::apply(self.activation, values);
            }
            if self.adds_input(index) {
                let inputs = before.rows_of(rows.clone());
                let values = own.rows_mut(rows);
                values.iter_mut().zip(inputs).for_each(|(h, &x)| *h += x);
            }
        }
        let (staircase, biases) = last.staircase(parameters);
        let before = hidden.last().unwrap_or(input);
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
            let (below, above) = scratch.panels.split_at_mut(index + 1);
            let (d_input, d_output) = (&mut below[index], &mut above[0]);
            let rows = match index.checked_sub(1) {
                Some(before) => self.dense[before].rows(&blocks),
                None => inputs.clone(),
            };
            let mut update = Update::Replace;
            if index + 1 < self.dense.len() {
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
            let relus = index
                .checked_sub(1)
                .filter(|before| self.is_plain_relu(*before));
            let relus = relus.map(|before| &trace.hidden[before]);
            matmul::backward_input(staircase, d_output, d_input, rows, update, relus);
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
            let input = match index.checked_sub(1) {
                Some(before) => &trace.hidden[before],
                None => &trace.input,
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
            residual: self.residual,
            dense: dense.collect(),
        }
    }

    fn hidden(&self) -> (&Dense, &[Dense]) {
        self.dense
            .split_last()
            .expect("a conditioner has a linear layer")
    }

    /// Whether a hidden layer adds its input to its output.
    fn adds_input(&self, index: usize) -> bool {
        self.residual && index > 0
    }

    /// Whether a hidden layer's activation runs within its matrix product.
    fn is_plain_relu(&self, index: usize) -> bool {
        self.activation == Activation::Relu && !self.keeps_slope(index)
    }

    fn keeps_slope(&self, index: usize) -> bool {
        self.adds_input(index) || !activation::slope_from_output(self.activation)
    }
}
