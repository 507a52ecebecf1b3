//! Why a flow could not be imported.

use super::state::Tensor;

/// Why a flow could not be imported.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file is not what it should be.
    #[error("{0}")]
    Format(String),
    /// The manifest is no JSON, or not of its form.
    #[error("the manifest can't be read: {0}")]
    Manifest(String),
    /// A library that no importer knows.
    #[error("{library} is none of the libraries that can be imported: {known}")]
    Library {
        /// Its name.
        library: String,
        /// Those that can be.
        known: String,
    },
    /// A tensor is missing.
    #[error("`{key}` is missing")]
    Missing {
        /// Its key.
        key: String,
    },
    /// A tensor of another shape than expected.
    #[error("`{key}` has the shape {found:?}, expected {expected}")]
    Shape {
        /// Its key.
        key: String,
        /// Its shape.
        found: Vec<usize>,
        /// What was expected.
        expected: String,
    },
    /// A tensor with a NaN or an infinity.
    #[error("`{key}` holds a number that is not finite")]
    NotFinite {
        /// Its key.
        key: String,
    },
    /// Something that an artefact can't represent.
    #[error("`{key}`: {reason}")]
    Unsupported {
        /// The key of the tensor, or the name of the setting.
        key: String,
        /// Why not.
        reason: String,
    },
    /// There are no golden rows, or too few.
    #[error(
        "{found} golden rows, and {needed} are needed: without them no convention can be checked"
    )]
    Golden {
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The imported flow has other log-likelihoods than the golden rows.
    #[error(
        "golden row {row}: the imported flow has log_prob {found}, the library has {expected}; the flow is of \
         {exported}, and what is known is version {known}: if they are the same, state in the manifest what the \
         tensors do not say (activation, bound, …)"
    )]
    Differs {
        /// The row, from 0.
        row: usize,
        /// What the imported flow gives.
        found: f64,
        /// What the library gave.
        expected: f64,
        /// The library and the version that exported it.
        exported: String,
        /// The version that its conventions are known of.
        known: String,
    },
}

impl ImportError {
    pub(super) fn shape(key: &str, tensor: &Tensor, expected: &str) -> Self {
        Self::Shape {
            key: key.to_owned(),
            found: tensor.shape.clone(),
            expected: expected.to_owned(),
        }
    }

    pub(super) fn unsupported(key: &str, reason: &str) -> Self {
        Self::Unsupported {
            key: key.to_owned(),
            reason: reason.to_owned(),
        }
    }
}
