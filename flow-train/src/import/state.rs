//! The tensors of a fitted flow, by key.

use super::ImportError;
use std::collections::BTreeMap;

/// One tensor. Integers and booleans are numbers, too: all that are in a state dictionary are exact in `f64`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its sizes; empty for a scalar.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f64>,
}

/// A state dictionary, from which an importer takes what it understands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State(BTreeMap<String, Tensor>);

impl State {
    /// Adds a tensor.
    pub fn insert(&mut self, key: String, tensor: Tensor) {
        self.0.insert(key, tensor);
    }

    /// Whether there is a key with this beginning.
    pub(super) fn has(&self, beginning: &str) -> bool {
        let mut behind = self.0.range(beginning.to_owned()..);
        behind
            .next()
            .is_some_and(|(key, _)| key.starts_with(beginning))
    }

    /// The first key that is left, and how many are.
    pub(super) fn left(&self) -> Option<(&str, usize)> {
        let (key, _) = self.0.first_key_value()?;
        Some((key, self.0.len()))
    }

    /// Takes a tensor of any shape, if it is there.
    pub(super) fn take(&mut self, key: &str) -> Option<Tensor> {
        self.0.remove(key)
    }

    /// Takes a vector of so many finite numbers.
    pub(super) fn vector(&mut self, key: &str, length: usize) -> Result<Vec<f64>, ImportError> {
        self.shaped(key, &[length])
    }

    /// Takes a matrix with so many columns.
    pub(super) fn matrix(&mut self, key: &str, columns: usize) -> Result<Tensor, ImportError> {
        let tensor = self.needed(key)?;
        match tensor.shape.as_slice() {
            [_, found] if *found == columns => tensor.finite(key),
            _ => Err(ImportError::shape(
                key,
                &tensor,
                &format!("rows of {columns}"),
            )),
        }
    }

    /// Takes numbers of a shape; axes of size 1 do not count.
    pub(super) fn shaped(&mut self, key: &str, shape: &[usize]) -> Result<Vec<f64>, ImportError> {
        let tensor = self.needed(key)?;
        let squeezed = |own: &[usize]| -> Vec<usize> {
            own.iter().copied().filter(|size| *size != 1).collect()
        };
        if squeezed(&tensor.shape) != squeezed(shape) {
            return Err(ImportError::shape(key, &tensor, &format!("{shape:?}")));
        }
        Ok(tensor.finite(key)?.values)
    }

    fn needed(&mut self, key: &str) -> Result<Tensor, ImportError> {
        self.take(key).ok_or_else(|| ImportError::Missing {
            key: key.to_owned(),
        })
    }
}

impl Tensor {
    fn finite(self, key: &str) -> Result<Self, ImportError> {
        match self.values.iter().all(|value| value.is_finite()) {
            true => Ok(self),
            false => Err(ImportError::NotFinite {
                key: key.to_owned(),
            }),
        }
    }
}
