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
        self.within(beginning).is_some()
    }

    /// The first key with this beginning, and the tensor.
    pub(super) fn within(&self, beginning: &str) -> Option<(&str, &Tensor)> {
        let mut behind = self.0.range(beginning.to_owned()..);
        let (key, tensor) = behind.next()?;
        key.starts_with(beginning).then_some((key, tensor))
    }

    /// The first key that is left.
    pub(super) fn left(&self) -> Option<&str> {
        self.keys().next()
    }

    /// All keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How the keys of a list's members begin, from the first on.
    pub(super) fn members(&self, list: &str) -> Vec<String> {
        let members = (0..).map(|index| format!("{list}{index}."));
        members.take_while(|own| self.has(own)).collect()
    }

    /// One of the tensors that are stacked along the leading axis.
    pub(super) fn slice(&self, key: &str, index: usize) -> Result<Tensor, ImportError> {
        let tensor = self.0.get(key).ok_or_else(|| ImportError::Missing {
            key: key.to_owned(),
        })?;
        let shape = tensor.shape.get(1..).unwrap_or_default().to_vec();
        let size: usize = shape.iter().product();
        let values = tensor.values.get(index * size..(index + 1) * size);
        let own = values.map(|values| Tensor {
            shape,
            values: values.to_vec(),
        });
        own.ok_or_else(|| ImportError::shape(key, tensor, &format!("more than {index} layers")))?
            .finite(key)
    }

    /// Drops all keys with this beginning.
    pub(super) fn forget(&mut self, beginning: &str) {
        self.0.retain(|key, _| !key.starts_with(beginning));
    }

    /// Takes a tensor of any shape, if it is there.
    pub(super) fn take(&mut self, key: &str) -> Option<Tensor> {
        self.0.remove(key)
    }

    /// Takes numbers of any shape.
    pub(super) fn all(&mut self, key: &str) -> Result<Vec<f64>, ImportError> {
        Ok(self.needed(key)?.finite(key)?.values)
    }

    /// Takes whole numbers below a bound.
    pub(super) fn indices(&mut self, key: &str, below: usize) -> Result<Vec<usize>, ImportError> {
        let tensor = self.needed(key)?;
        let index = |own: &f64| (0..below).find(|index| *index as f64 == *own);
        let found: Option<Vec<usize>> = tensor.values.iter().map(index).collect();
        found.ok_or_else(|| ImportError::shape(key, &tensor, &format!("numbers below {below}")))
    }

    /// Takes a permutation of so many channels.
    pub(super) fn permutation(
        &mut self,
        key: &str,
        channels: usize,
    ) -> Result<Vec<usize>, ImportError> {
        let order = self.indices(key, channels)?;
        let mut sorted = order.clone();
        sorted.sort_unstable();
        match sorted.into_iter().eq(0..channels) {
            true => Ok(order),
            false => Err(ImportError::unsupported(
                key,
                &format!("is no permutation of {channels} channels"),
            )),
        }
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
