//! Why a flow could not be imported.

use super::mismatch::Mismatch;
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
    #[error("{0}")]
    Differs(Box<Mismatch>),
    /// The artefact draws events that the flow does not have for the same base values.
    #[error(
        "draw {draw}: the base value {expected} of channel {channel} is {found} of the event that the chip draws for it,          where {tolerated:.1e} apart are tolerated; log-likelihoods agree, so {cause}"
    )]
    Draws {
        /// The draw, from 0.
        draw: usize,
        /// The base's channel.
        channel: usize,
        /// The base value of what is drawn.
        found: f64,
        /// That which it is drawn for.
        expected: f64,
        /// What is tolerated, in standard deviations of the base.
        tolerated: f64,
        /// What it points to.
        cause: String,
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
