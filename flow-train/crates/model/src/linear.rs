//! The linear layer with a factored matrix, `z = L U P x + bias` (Kingma & Dhariwal 2018, "Glow"; Oliva et al. 2018).
//!
//! L is unit lower triangular, U upper triangular with a positive diagonal (kept as its logarithm), P a fixed
//! permutation. The log-determinant is the sum of the logarithms of U's diagonal.

use super::bijection::{Bijection, Forward, Reverse};
use super::matmul::{self, Staircase, Then, Update};
use super::panel::Panel;
use super::parts::{FactorsParts, LayerParts};
use super::permutation::Permutation;
use super::real::Real;
use flow_embedded::artefact::Direction;
use flow_host::random::Random;

/// Initial entries off the diagonal lie within this much of 0.
const SPREAD: f64 = 0.05;

/// L and U as full matrices, row-major, then the bias, from `offset` on. What is no parameter is 0: of L the diagonal
/// and above, of U what is below the diagonal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear {
    permutation: Permutation,
    offset: usize,
    /// All inputs are visible to each row.
    all: Vec<usize>,
}

/// What a pass leaves for the backward pass, and memory for it.
#[derive(Debug)]
pub(crate) struct LinearTrace<T> {
    permuted: Panel<T>,
    /// `U P x`.
    between: Panel<T>,
    d_between: Panel<T>,
    /// L with its diagonal, and U with its diagonal.
    lower: Vec<T>,
    upper: Vec<T>,
    zeros: Vec<T>,
    /// Gradients by all entries.
    d_matrix: Vec<T>,
    d_bias: Vec<T>,
}

impl Linear {
    pub(crate) fn new(permutation: Vec<usize>, offset: usize) -> Self {
        let channels = permutation.len();
        Self {
            permutation: Permutation::new(permutation),
            offset,
            all: vec![channels; channels],
        }
    }

    fn channels(&self) -> usize {
        self.all.len()
    }

    fn split<'a, T>(&self, parameters: &'a [T]) -> [&'a [T]; 3] {
        let size = self.channels() * self.channels();
        let (lower, rest) = parameters[self.offset..].split_at(size);
        let (upper, rest) = rest.split_at(size);
        [lower, upper, &rest[..self.channels()]]
    }

    fn split_mut<'a, T>(&self, parameters: &'a mut [T]) -> [&'a mut [T]; 3] {
        let size = self.channels() * self.channels();
        let (lower, rest) = parameters[self.offset..].split_at_mut(size);
        let (upper, rest) = rest.split_at_mut(size);
        [lower, upper, &mut rest[..self.channels()]]
    }

    /// The sum of the logarithms of U's diagonal.
    fn log_det<T: Real>(&self, parameters: &[T]) -> T {
        let [_, upper, _] = self.split(parameters);
        upper.iter().step_by(self.channels() + 1).copied().sum()
    }

    /// Both matrices with their diagonals.
    fn fill<T: Real>(&self, parameters: &[T], trace: &mut LinearTrace<T>) {
        let [lower, upper, _] = self.split(parameters);
        trace.lower.copy_from_slice(lower);
        trace.upper.copy_from_slice(upper);
        let step = self.channels() + 1;
        let diagonals = trace.lower.iter_mut().zip(&mut trace.upper);
        for (one, diagonal) in diagonals.step_by(step) {
            *one = T::ONE;
            *diagonal = diagonal.exp();
        }
    }

    fn staircase<'a, T>(&'a self, weights: &'a [T]) -> Staircase<'a, T> {
        Staircase {
            weights,
            prefix: &self.all,
            inputs: self.channels(),
        }
    }

    /// L, U with its diagonal, and the bias.
    pub(super) fn factors<T: Real>(&self, parameters: &[T]) -> FactorsParts<T> {
        let [lower, upper, bias] = self.split(parameters);
        let mut upper = upper.to_vec();
        for diagonal in upper.iter_mut().step_by(self.channels() + 1) {
            *diagonal = diagonal.exp();
        }
        FactorsParts {
            lower: lower.to_vec(),
            upper,
            bias: bias.to_vec(),
        }
    }

    /// A layer's parameters from dense matrices.
    pub(crate) fn parameters_of<T: Real>(factors: &FactorsParts<T>) -> Vec<T> {
        let FactorsParts { lower, upper, bias } = factors;
        let channels = bias.len();
        let entry = |matrix: &[T], keep: fn(usize, usize) -> bool| {
            let entries = matrix.iter().enumerate();
            entries
                .map(
                    |(index, &value)| match (index / channels, index % channels) {
                        (row, column) if keep(row, column) => value,
                        _ => T::ZERO,
                    },
                )
                .collect::<Vec<T>>()
        };
        let lower = entry(lower, |row, column| column < row);
        let mut upper = entry(upper, |row, column| column >= row);
        for diagonal in upper.iter_mut().step_by(channels + 1) {
            *diagonal = T::from_f64(diagonal.to_f64().ln());
        }
        [lower.as_slice(), &upper, bias].concat()
    }

    fn normalize<T: Real>(&self, pass: Forward<'_, T>, trace: &mut LinearTrace<T>) {
        let Forward {
            parameters,
            from: x,
            to: z,
            log_det,
            ..
        } = pass;
        self.fill(parameters, trace);
        let LinearTrace {
            permuted,
            between,
            lower,
            upper,
            zeros,
            ..
        } = trace;
        let [_, _, bias] = self.split(parameters);
        let rows = 0..self.channels();
        self.permutation.gather(x, permuted);
        matmul::forward(
            self.staircase(upper),
            zeros,
            permuted,
            between,
            rows.clone(),
            Then::Nothing,
        );
        matmul::forward(self.staircase(lower), bias, between, z, rows, Then::Nothing);
        let constant = self.log_det(parameters);
        log_det.iter_mut().for_each(|sum| *sum += constant);
    }

    fn generate<T: Real>(&self, pass: Forward<'_, T>, trace: &mut LinearTrace<T>) {
        let Forward {
            parameters,
            from: z,
            to: x,
            log_det,
            ..
        } = pass;
        let [lower, upper, bias] = self.split(parameters);
        let channels = self.channels();
        let between = &mut trace.between;
        for row in 0..channels {
            let own = between.row_mut(row).iter_mut().zip(z.row(row));
            own.for_each(|(u, &z)| *u = z + -bias[row]);
            for column in 0..row {
                between.add_row(row, -lower[row * channels + column], column);
            }
        }
        for row in (0..channels).rev() {
            for column in row + 1..channels {
                between.add_row(row, -upper[row * channels + column], column);
            }
            let scale = (-upper[row * (channels + 1)]).exp();
            between.row_mut(row).iter_mut().for_each(|x| *x *= scale);
        }
        self.permutation.scatter(between, x);
        let constant = -self.log_det(parameters);
        log_det.iter_mut().for_each(|sum| *sum += constant);
    }

    fn normalize_backward<T: Real>(&self, pass: Reverse<'_, T>, trace: &mut LinearTrace<T>) {
        let Reverse {
            d_log_det,
            gradient,
            d_parameters,
            ..
        } = pass;
        let LinearTrace {
            permuted,
            between,
            d_between,
            lower,
            upper,
            d_matrix,
            d_bias,
            ..
        } = trace;
        let channels = self.channels();
        let [d_lower, d_upper, d_own_bias] = self.split_mut(d_parameters);
        matmul::backward_weights(&self.all, gradient, between, d_matrix, d_own_bias);
        let rows = || d_matrix.chunks_exact(channels).enumerate();
        for ((row, from), to) in rows().zip(d_lower.chunks_exact_mut(channels)) {
            to[..row].copy_from_slice(&from[..row]);
        }
        matmul::backward_input(
            self.staircase(lower),
            gradient,
            d_between,
            0..channels,
            Update::Replace,
            None,
        );
        matmul::backward_weights(&self.all, d_between, permuted, d_matrix, d_bias);
        let rows = || d_matrix.chunks_exact(channels).enumerate();
        let d_constant: T = d_log_det.iter().copied().sum();
        for ((row, from), to) in rows().zip(d_upper.chunks_exact_mut(channels)) {
            to[row..].copy_from_slice(&from[row..]);
            to[row] = from[row] * upper[row * (channels + 1)] + d_constant;
        }
        matmul::backward_input(
            self.staircase(upper),
            d_between,
            gradient,
            0..channels,
            Update::Replace,
            None,
        );
        self.permutation.scatter_in_place(gradient);
    }

    fn generate_backward<T: Real>(&self, pass: Reverse<'_, T>, trace: &mut LinearTrace<T>) {
        let Reverse {
            parameters,
            to: x,
            d_log_det,
            gradient,
            d_parameters,
            ..
        } = pass;
        self.fill(parameters, trace);
        let LinearTrace {
            permuted,
            between,
            lower,
            upper,
            zeros,
            d_matrix,
            d_bias,
            ..
        } = trace;
        let channels = self.channels();
        let [d_lower, d_upper, d_own_bias] = self.split_mut(d_parameters);
        self.permutation.gather(x, permuted);
        matmul::forward(
            self.staircase(upper),
            zeros,
            permuted,
            between,
            0..channels,
            Then::Nothing,
        );
        // By U P x: U^-T times the gradient by P x.
        self.permutation.gather_in_place(gradient);
        for row in 0..channels {
            for column in 0..row {
                gradient.add_row(row, -upper[column * channels + row], column);
            }
            let scale = T::ONE / upper[row * (channels + 1)];
            gradient.row_mut(row).iter_mut().for_each(|g| *g *= scale);
        }
        matmul::backward_weights(&self.all, gradient, permuted, d_matrix, d_bias);
        let d_constant: T = d_log_det.iter().copied().sum();
        let rows = || d_matrix.chunks_exact(channels).enumerate();
        for ((row, from), to) in rows().zip(d_upper.chunks_exact_mut(channels)) {
            let pairs = to[row..].iter_mut().zip(&from[row..]);
            pairs.for_each(|(to, &from)| *to = -from);
            to[row] = to[row] * upper[row * (channels + 1)] - d_constant;
        }
        // By z: L^-T times that.
        for row in (0..channels).rev() {
            for column in row + 1..channels {
                gradient.add_row(row, -lower[column * channels + row], column);
            }
        }
        matmul::backward_weights(&self.all, gradient, between, d_matrix, d_bias);
        let rows = || d_matrix.chunks_exact(channels).enumerate();
        for ((row, from), to) in rows().zip(d_lower.chunks_exact_mut(channels)) {
            let pairs = to[..row].iter_mut().zip(&from[..row]);
            pairs.for_each(|(to, &from)| *to = -from);
        }
        let biases = d_own_bias.iter_mut().zip(d_bias);
        biases.for_each(|(to, from)| *to = -*from);
    }
}

impl<T: Real> Bijection<T> for Linear {
    type Trace = LinearTrace<T>;

    fn trace(&self, columns: usize) -> LinearTrace<T> {
        let channels = self.channels();
        let panel = || Panel::new(channels, columns);
        let zeros = |count: usize| vec![T::ZERO; count];
        LinearTrace {
            permuted: panel(),
            between: panel(),
            d_between: panel(),
            lower: zeros(channels * channels),
            upper: zeros(channels * channels),
            zeros: zeros(channels),
            d_matrix: zeros(channels * channels),
            d_bias: zeros(channels),
        }
    }

    fn forward(&self, direction: Direction, pass: Forward<'_, T>, trace: &mut LinearTrace<T>) {
        match direction {
            Direction::Normalizing => self.normalize(pass, trace),
            Direction::Generative => self.generate(pass, trace),
        }
    }

    fn reverse(&self, direction: Direction, pass: Reverse<'_, T>, trace: &mut LinearTrace<T>) {
        match direction {
            Direction::Normalizing => self.normalize_backward(pass, trace),
            Direction::Generative => self.generate_backward(pass, trace),
        }
    }

    fn parameters(&self) -> usize {
        self.channels() * (2 * self.channels() + 1)
    }

    fn macs(&self) -> usize {
        self.channels() * self.channels()
    }

    fn stored(&self) -> usize {
        self.channels() * (self.channels() + 1)
    }

    fn initialise(&self, parameters: &mut [T], random: &mut Random) {
        let channels = self.channels();
        let [lower, upper, bias] = self.split_mut(parameters);
        let mut draw = || T::from_f64(SPREAD * (2.0 * random.uniform() - 1.0));
        for row in 0..channels {
            lower[row * channels..][..row].fill_with(&mut draw);
            upper[row * channels..][row + 1..channels].fill_with(&mut draw);
            upper[row * (channels + 1)] = T::ZERO;
        }
        bias.fill(T::ZERO);
    }

    fn to_parts(&self, parameters: &[T]) -> LayerParts<T> {
        LayerParts::Linear {
            permutation: self.permutation.order().to_vec(),
            factors: self.factors(parameters),
        }
    }
}
