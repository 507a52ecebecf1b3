//! Dense layers with masks, as the trainer has them: each row sees the leading inputs, and rows that see more come
//! later.

use super::ImportError;
use super::state::{State, Tensor};
use crate::model::DenseParts;

/// A dense layer as a library has it.
#[derive(Debug, Clone)]
pub(super) struct Dense {
    /// Columns.
    inputs: usize,
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
        let Tensor { shape, mut values } = state.matrix(&key, inputs)?;
        let biases = state.vector(&format!("{name}.bias"), shape[0])?;
        let mask = format!("{name}.mask");
        let seen = match state.has(&mask) {
            true => {
                let mask = state.shaped(&mask, &shape)?;
                mask.iter().map(|own| *own != 0.0).collect()
            }
            false => vec![true; values.len()],
        };
        for (weight, seen) in values.iter_mut().zip(&seen) {
            if !seen {
                *weight = 0.0;
            }
        }
        Ok(Self {
            inputs,
            weights: values,
            seen,
            biases,
        })
    }

    /// Its rows.
    pub(super) fn rows(&self) -> usize {
        self.biases.len()
    }

    /// The layer with its columns in another order, and its rows in that which is asked for, or else by what they see:
    /// the parts, and the row that stands at each place.
    pub(super) fn ordered(
        &self,
        columns: &[usize],
        rows: Option<Vec<usize>>,
    ) -> (DenseParts<f64>, Vec<usize>) {
        let inputs = self.inputs;
        // Up to the last column that a row sees; what is masked before it has the weight 0.
        let prefix = |row: &usize| {
            let own = &self.seen[row * inputs..][..inputs];
            let last = columns.iter().rposition(|column| own[*column]);
            last.map_or(0, |last| last + 1)
        };
        let rows = rows.unwrap_or_else(|| {
            let mut rows: Vec<usize> = (0..self.rows()).collect();
            rows.sort_by_key(prefix);
            rows
        });
        let mut seen = 0;
        let parts = DenseParts {
            inputs,
            prefix: rows
                .iter()
                .map(|row| {
                    seen = seen.max(prefix(row));
                    seen
                })
                .collect(),
            weights: rows
                .iter()
                .flat_map(|row| {
                    columns
                        .iter()
                        .map(move |column| self.weights[row * inputs + column])
                })
                .collect(),
            biases: rows.iter().map(|row| self.biases[*row]).collect(),
        };
        (parts, rows)
    }
}

/// The layers of a multilayer perceptron: the columns of the first and the rows of the last in the order that is asked
/// for, hidden units by what they see.
pub(super) fn chain(
    layers: &[Dense],
    columns: Vec<usize>,
    rows: Vec<usize>,
) -> Vec<DenseParts<f64>> {
    let mut columns = columns;
    let last = layers.len().saturating_sub(1);
    let layers = layers.iter().enumerate();
    layers
        .map(|(index, layer)| {
            let wanted = (index == last).then(|| rows.clone());
            let (parts, order) = layer.ordered(&columns, wanted);
            columns = order;
            parts
        })
        .collect()
}

/// Adds columns that no row sees.
pub(super) fn add_columns(parts: &mut DenseParts<f64>, count: usize) {
    let rows = parts.weights.chunks(parts.inputs.max(1));
    let rows = rows.map(|row| [row, &vec![0.0; count]].concat());
    parts.weights = rows.collect::<Vec<_>>().concat();
    parts.inputs += count;
}
