//! Dense layers with masks as libraries have them, and their way to the trainer's: each row sees the leading inputs,
//! and rows that see more come later.

use super::ImportError;
use super::state::{State, Tensor};
use flow_model::DenseParts;

/// A dense layer as a library has it.
#[derive(Debug, Clone)]
pub(super) struct Dense {
    /// Columns.
    pub(super) inputs: usize,
    /// Row-major, 0 where it is masked.
    weights: Vec<f64>,
    /// Whether a row sees a column.
    seen: Vec<bool>,
    biases: Vec<f64>,
}

impl Dense {
    /// Takes `NAME.weight`, `NAME.bias` and, if there is one, `NAME.mask`.
    pub(super) fn take(state: &mut State, name: &str, inputs: usize) -> Result<Self, ImportError> {
        let key = format!("{name}.weight");
        let Tensor { shape, values } = state.matrix(&key, inputs)?;
        let biases = state.vector(&format!("{name}.bias"), shape[0])?;
        let mask = format!("{name}.mask");
        let mask = match state.has(&mask) {
            true => Some(state.shaped(&mask, &shape)?),
            false => None,
        };
        Ok(Self::new(inputs, values, biases, mask.as_deref()))
    }

    /// Without a mask every row sees every column.
    pub(super) fn new(
        inputs: usize,
        weights: Vec<f64>,
        biases: Vec<f64>,
        mask: Option<&[f64]>,
    ) -> Self {
        let seen = match mask {
            Some(mask) => mask.iter().map(|own| *own != 0.0).collect(),
            None => vec![true; weights.len()],
        };
        let mut own = Self {
            inputs,
            weights,
            seen,
            biases,
        };
        for (weight, seen) in own.weights.iter_mut().zip(&own.seen) {
            if !seen {
                *weight = 0.0;
            }
        }
        own
    }

    /// Numbers that depend on nothing.
    pub(super) fn constant(inputs: usize, values: Vec<f64>) -> Self {
        let none = vec![0.0; inputs * values.len()];
        Self::new(inputs, none.clone(), values, Some(&none))
    }

    /// Its rows.
    pub(super) fn rows(&self) -> usize {
        self.biases.len()
    }

    /// The columns that a row sees.
    pub(super) fn sees(&self, row: usize) -> &[bool] {
        &self.seen[row * self.inputs..][..self.inputs]
    }

    /// Multiplies a row, its bias included.
    pub(super) fn scale_row(&mut self, row: usize, factor: f64) {
        let weights = &mut self.weights[row * self.inputs..][..self.inputs];
        weights.iter_mut().for_each(|own| *own *= factor);
        self.biases[row] *= factor;
    }

    /// Adds to a row's bias.
    pub(super) fn shift_row(&mut self, row: usize, by: f64) {
        self.biases[row] += by;
    }

    /// The sum of two layers of as many rows, over the columns of both.
    pub(super) fn beside(&self, other: &Self) -> Self {
        let rows = 0..self.rows();
        let row = |own: &Self, row: usize| own.weights[row * own.inputs..][..own.inputs].to_vec();
        let biases = self.biases.iter().zip(&other.biases);
        Self {
            inputs: self.inputs + other.inputs,
            weights: rows
                .clone()
                .flat_map(|own| [row(self, own), row(other, own)].concat())
                .collect(),
            seen: rows
                .flat_map(|own| [self.sees(own), other.sees(own)].concat())
                .collect(),
            biases: biases.map(|(a, b)| a + b).collect(),
        }
    }

    /// These columns of it.
    pub(super) fn of_columns(&self, columns: &[usize]) -> Self {
        let rows = 0..self.rows();
        let row = |row: usize| columns.iter().map(move |column| row * self.inputs + column);
        let places: Vec<usize> = rows.flat_map(row).collect();
        Self {
            inputs: columns.len(),
            weights: places.iter().map(|own| self.weights[*own]).collect(),
            seen: places.iter().map(|own| self.seen[*own]).collect(),
            biases: self.biases.clone(),
        }
    }

    /// The same behind so many columns that no row sees.
    pub(super) fn behind(&self, columns: usize) -> Self {
        Self::constant(columns, vec![0.0; self.rows()]).beside(self)
    }

    /// The rows of both, over the same columns.
    pub(super) fn above(mut self, other: Self) -> Self {
        self.weights.extend(other.weights);
        self.seen.extend(other.seen);
        self.biases.extend(other.biases);
        self
    }

    /// The rows of both, each over columns of its own.
    pub(super) fn apart(&self, other: &Self) -> Self {
        let unseen = |inputs, rows| Self::constant(inputs, vec![0.0; rows]);
        let first = self.beside(&unseen(other.inputs, self.rows()));
        first.above(other.behind(self.inputs))
    }

    /// This layer and then `next`, without anything between.
    pub(super) fn then(&self, next: &Self) -> Self {
        let inner = 0..self.rows();
        let sum = |row: usize, column: usize| -> f64 {
            inner
                .clone()
                .map(|unit| {
                    next.weights[row * next.inputs + unit]
                        * self.weights[unit * self.inputs + column]
                })
                .sum()
        };
        let sees = |row: usize, column: usize| {
            inner
                .clone()
                .any(|unit| next.sees(row)[unit] && self.sees(unit)[column])
        };
        let places = (0..next.rows()).flat_map(|row| (0..self.inputs).map(move |own| (row, own)));
        let biases = (0..next.rows()).map(|row| {
            let own = inner.clone();
            let sum: f64 = own
                .map(|unit| next.weights[row * next.inputs + unit] * self.biases[unit])
                .sum();
            next.biases[row] + sum
        });
        Self {
            inputs: self.inputs,
            weights: places.clone().map(|(row, own)| sum(row, own)).collect(),
            seen: places.map(|(row, own)| sees(row, own)).collect(),
            biases: biases.collect(),
        }
    }

    /// The layer with other columns, none for one that no row sees, and its rows in the order that is asked for, or else
    /// by what they see: the parts, and the row that stands at each place.
    pub(super) fn ordered(
        &self,
        columns: &[Option<usize>],
        rows: Option<&[usize]>,
    ) -> (DenseParts<f64>, Vec<usize>) {
        let inputs = self.inputs;
        // Up to the last column that a row sees; what is masked before it has the weight 0.
        let prefix = |row: &usize| {
            let own = self.sees(*row);
            let last = columns
                .iter()
                .rposition(|column| column.is_some_and(|column| own[column]));
            last.map_or(0, |last| last + 1)
        };
        let rows = match rows {
            Some(rows) => rows.to_vec(),
            None => {
                let mut rows: Vec<usize> = (0..self.rows()).collect();
                rows.sort_by_key(prefix);
                rows
            }
        };
        let mut seen = 0;
        let weight = |row: usize, column: &Option<usize>| {
            column.map_or(0.0, |column| self.weights[row * inputs + column])
        };
        let parts = DenseParts {
            inputs: columns.len(),
            prefix: rows
                .iter()
                .map(|row| {
                    seen = seen.max(prefix(row));
                    seen
                })
                .collect(),
            weights: rows
                .iter()
                .flat_map(|row| columns.iter().map(move |column| weight(*row, column)))
                .collect(),
            biases: rows.iter().map(|row| self.biases[*row]).collect(),
        };
        (parts, rows)
    }
}
