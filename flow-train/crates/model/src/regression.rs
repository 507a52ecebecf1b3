//! Least squares on the inputs of a conditioner: where a linear one starts.

use super::panel::Panel;
use super::real::Real;
use nalgebra::{Cholesky, DMatrix, DVector};

/// Added to the diagonal, for each row, in standardised units: inputs that are sums of others share
/// their weight.
const RIDGE: f64 = 1e-9;

/// Sums of products of a conditioner's inputs, a constant 1 before them.
#[derive(Debug)]
pub(crate) struct Regression {
    rows: usize,
    products: DMatrix<f64>,
}

/// The best linear prediction of one input from those before it.
#[derive(Debug)]
pub(crate) struct Prediction {
    pub(crate) intercept: f64,
    pub(crate) weights: Vec<f64>,
    /// Standard deviation of what is left.
    pub(crate) residual: f64,
}

impl Regression {
    pub(crate) fn new(inputs: usize) -> Self {
        Self {
            rows: 0,
            products: DMatrix::zeros(1 + inputs, 1 + inputs),
        }
    }

    /// Adds the first `rows` columns of a conditioner's input.
    pub(crate) fn add<T: Real>(&mut self, input: &Panel<T>, rows: usize) {
        let value = |index: usize, row: usize| match index.checked_sub(1) {
            Some(own) => input.row(own)[row].to_f64(),
            None => 1.0,
        };
        let own = DMatrix::from_fn(self.products.nrows(), rows, value);
        self.products += &own * own.transpose();
        self.rows += rows;
    }

    /// Predicts input `target` from the first `visible` ones; nothing without rows, or if the sums
    /// are not finite.
    pub(crate) fn predict(&self, target: usize, visible: usize) -> Option<Prediction> {
        let known = 1 + visible;
        let n = self.rows as f64;
        let products = self.products.view((0, 0), (known, known));
        let products = products + DMatrix::identity(known, known) * (RIDGE * n);
        let with = DVector::from(self.products.view((0, 1 + target), (known, 1)).column(0));
        let solution = Cholesky::new(products)?.solve(&with);
        let explained = solution.dot(&with);
        let residual = (self.products[(1 + target, 1 + target)] - explained).max(0.0) / n;
        let (intercept, weights) = solution.as_slice().split_first()?;
        let sound = residual.is_finite() && solution.iter().all(|x| x.is_finite());
        sound.then(|| Prediction {
            intercept: *intercept,
            weights: weights.to_vec(),
            residual: residual.sqrt(),
        })
    }
}
