//! The multilayer perceptron that conditions a bijection, with a staircase of visible inputs in each dense layer.

use super::matmul::{self, Staircase};
use super::panel::Panel;
use super::parts::DenseParts;
use super::real::Real;
use super::spec::Activation;

/// One dense layer; its parameters lie in the flow's flat vector, weights `[outputs x inputs]` row-major, then biases.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dense {
    pub(crate) inputs: usize,
    pub(crate) prefix: Vec<usize>,
    pub(crate) offset: usize,
}

impl Dense {
    pub(crate) fn outputs(&self) -> usize {
        self.prefix.len()
    }

    /// Number of parameters, masked ones included.
    pub(crate) fn parameters(&self) -> usize {
        self.outputs() * (self.inputs + 1)
    }

    /// Weights and biases within the flat vector.
    pub(crate) fn split<'a, T>(&self, parameters: &'a [T]) -> (&'a [T], &'a [T]) {
        parameters[self.offset..][..self.parameters()].split_at(self.outputs() * self.inputs)
    }

    /// Weights and biases within the flat vector.
    pub(crate) fn split_mut<'a, T>(&self, parameters: &'a mut [T]) -> (&'a mut [T], &'a mut [T]) {
        parameters[self.offset..][..self.parameters()].split_at_mut(self.outputs() * self.inputs)
    }

    fn staircase<'a, T>(&'a self, parameters: &'a [T]) -> (Staircase<'a, T>, &'a [T]) {
        let (weights, biases) = self.split(parameters);
        (
            Staircase {
                weights,
                prefix: &self.prefix,
                inputs: self.inputs,
            },
            biases,
        )
    }
}

/// Dense layers with an activation between them; the last one is linear.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conditioner {
    pub(crate) activation: Activation,
    pub(crate) dense: Vec<Dense>,
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub(crate) struct Trace<T> {
    pub(crate) input: Panel<T>,
    pub(crate) hidden: Vec<Panel<T>>,
    pub(crate) output: Panel<T>,
}

/// Two panels that gradients pass between; both as high as the highest layer.
#[derive(Debug)]
pub(crate) struct Scratch<T> {
    /// Holds the gradient of the output before a backward pass, and that of the input after it.
    pub(crate) gradient: Panel<T>,
    other: Panel<T>,
}

impl<T: Real> Scratch<T> {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        Self {
            gradient: Panel::new(rows, columns),
            other: Panel::new(rows, columns),
        }
    }
}

impl Conditioner {
    /// Lays out dense layers of the given staircases from `offset` on; `inputs` is the width of the input.
    pub(crate) fn new(
        activation: Activation,
        inputs: usize,
        staircases: Vec<Vec<usize>>,
        mut offset: usize,
    ) -> Self {
        let mut inputs = inputs;
        let dense = staircases
            .into_iter()
            .map(|prefix| {
                let dense = Dense {
                    inputs,
                    prefix,
                    offset,
                };
                inputs = dense.outputs();
                offset += dense.parameters();
                dense
            })
            .collect();
        Self { activation, dense }
    }

    pub(crate) fn parameters(&self) -> usize {
        self.dense.iter().map(Dense::parameters).sum()
    }

    /// Rows of the highest panel of a pass.
    pub(crate) fn height(&self) -> usize {
        self.dense
            .iter()
            .map(|dense| dense.inputs.max(dense.outputs()))
            .max()
            .unwrap_or(0)
    }

    pub(crate) fn trace<T: Real>(&self, columns: usize) -> Trace<T> {
        let (last, hidden) = self
            .dense
            .split_last()
            .expect("a conditioner has a linear layer");
        Trace {
            input: Panel::new(self.dense[0].inputs, columns),
            hidden: hidden
                .iter()
                .map(|dense| Panel::new(dense.outputs(), columns))
                .collect(),
            output: Panel::new(last.outputs(), columns),
        }
    }

    /// Fills `trace` from `trace.input`.
    pub(crate) fn forward<T: Real>(&self, parameters: &[T], trace: &mut Trace<T>) {
        for (index, dense) in self.dense.iter().enumerate() {
            let (staircase, biases) = dense.staircase(parameters);
            let (before, after) = trace.hidden.split_at_mut(index);
            let input = before.last().unwrap_or(&trace.input);
            if let Some(hidden) = after.first_mut() {
                matmul::forward(staircase, biases, input, hidden);
                self.activation.apply(hidden);
            } else {
                matmul::forward(staircase, biases, input, &mut trace.output);
            }
        }
    }

    /// From the gradient of the output in `scratch.gradient` to that of the input, rows `from..`, in the same place.
    ///
    /// Writes the gradient of the parameters (sums over the batch) at their places; masked entries aren't touched.
    pub(crate) fn backward<T: Real>(
        &self,
        parameters: &[T],
        trace: &Trace<T>,
        scratch: &mut Scratch<T>,
        from: usize,
        gradient: &mut [T],
    ) {
        let Scratch {
            gradient: current,
            other,
        } = scratch;
        for (index, dense) in self.dense.iter().enumerate().rev() {
            let (staircase, _) = dense.staircase(parameters);
            let (d_weights, d_biases) = dense.split_mut(gradient);
            let hidden = index.checked_sub(1).map(|before| &trace.hidden[before]);
            matmul::backward_weights(
                &dense.prefix,
                current,
                hidden.unwrap_or(&trace.input),
                d_weights,
                d_biases,
            );
            matmul::backward_input(staircase, current, other, if index == 0 { from } else { 0 });
            if let Some(hidden) = hidden {
                self.activation.backward(hidden, other);
            }
            std::mem::swap(current, other);
        }
    }

    /// The output for one event, accumulated in ascending input order from the bias.
    pub(crate) fn evaluate<T: Real>(&self, parameters: &[T], input: &[T]) -> Vec<T> {
        let mut values = input.to_vec();
        for (index, dense) in self.dense.iter().enumerate() {
            let (weights, biases) = dense.split(parameters);
            let rows = weights
                .chunks_exact(dense.inputs)
                .zip(biases)
                .zip(&dense.prefix);
            values = rows
                .map(|((row, &bias), &prefix)| {
                    let sum = row
                        .iter()
                        .zip(&values)
                        .take(prefix)
                        .fold(bias, |sum, (&w, &v)| sum + w * v);
                    match self.activation {
                        _ if index + 1 == self.dense.len() => sum,
                        Activation::Relu if sum > T::ZERO => sum,
                        Activation::Relu => T::ZERO,
                        Activation::Tanh => sum.tanh(),
                    }
                })
                .collect();
        }
        values
    }

    /// Copies of the dense layers, masked weights as zeros.
    pub(crate) fn to_parts<T: Real>(&self, parameters: &[T]) -> Vec<DenseParts<T>> {
        self.dense
            .iter()
            .map(|dense| {
                let (weights, biases) = dense.split(parameters);
                DenseParts {
                    inputs: dense.inputs,
                    prefix: dense.prefix.clone(),
                    weights: weights.to_vec(),
                    biases: biases.to_vec(),
                }
            })
            .collect()
    }
}
