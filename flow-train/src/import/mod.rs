//! Flows that were fitted elsewhere.
//!
//! ```text
//! state dictionary + manifest ──► Source ──► parts ──► Flow<f64> ──► golden rows ──► Draft ──► model.flow
//!   by the user's Python          layout of            reproduced,                   f32,
//!                                 a library            or refused                    checked again
//! ```
//!
//! A state dictionary does not say everything about a flow, and a wrong guess gives numbers that look right. So a
//! source comes with golden rows, events with the log-likelihoods that the library gave: a flow that does not
//! reproduce them is refused.
//!
//! | library | what |
//! |---|---|
//! | zuko 1.6 | `MAF`, `NSF` and what has their transforms: masked autoregressive or coupling, affine or spline, given a context or not; one channel; a base of another location and scale |

mod check;
mod dense;
mod error;
mod source;
mod state;
mod zuko;

pub use check::{Imported, Parity};
pub use error::ImportError;
pub use source::{Golden, Settings, Source, Standardise};
pub use state::{State, Tensor};

use crate::model::FlowParts;
use flow_embedded::artefact::Activation;

/// The numbers of channels of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) event: usize,
    pub(crate) context: usize,
}

/// The activations that are tried, in this order, where a source names none.
const ACTIVATIONS: [Activation; 3] = [Activation::Relu, Activation::Tanh, Activation::Silu];

/// Puts together the flow of a source, holds it to the golden rows, and makes an artefact of it.
///
/// # Errors
/// A tensor is missing, has another shape or holds what an artefact can't represent; or the golden rows are too few
/// or are not reproduced.
pub fn import(source: &Source) -> Result<Imported, ImportError> {
    let mut first = None;
    for activation in source
        .settings
        .activation
        .map_or(ACTIVATIONS.to_vec(), |own| vec![own])
    {
        match check::imported(source, parts(source, activation)?) {
            Ok(imported) => return Ok(imported),
            Err(fault) => first = first.or(Some(fault)),
        }
    }
    Err(first.unwrap_or(ImportError::Golden {
        found: source.golden.log_probs.len(),
        needed: check::NEEDED,
    }))
}

/// The layers of a source, all of whose tensors are used.
fn parts(source: &Source, activation: Activation) -> Result<FlowParts<f64>, ImportError> {
    let mut state = source.state.clone();
    let parts = match source.library.as_str() {
        "zuko" => zuko::parts(&mut state, source.shape(), activation)?,
        library => {
            return Err(ImportError::Library {
                library: library.to_owned(),
                known: "zuko".to_owned(),
            });
        }
    };
    match state.left() {
        None => Ok(parts),
        Some((key, _)) => Err(ImportError::unsupported(
            key,
            "is no part of a flow that is known",
        )),
    }
}
