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
//! | zuko 1.6 | `MAF`, `NSF`, `NICE` and what has their transforms: masked autoregressive or coupling, affine or spline, plain or residual networks |
//! | nflows 0.14 | masked autoregressive and coupling transforms, affine, additive and rational-quadratic; `MADE`, `ResidualNet` and `MLP`; permutations, `LULinear`, `BatchNorm`, `ActNorm`, affine maps, `InverseTransform` |
//! | normflows 1.7 | `MaskedAffineAutoregressive`, `AutoregressiveRationalQuadraticSpline`, `CoupledRationalQuadraticSpline`, `AffineCouplingBlock`, `MaskedAffineFlow`, `LULinearPermute`, `Permute`, `ActNorm`; diagonal and mixture bases |
//! | FlowJAX 19 | `masked_autoregressive_flow` and `coupling_flow`, affine or rational-quadratic, either way |
//!
//! All of them given a context or not, with one channel, and with a base of another location and scale.
//!
//! `flow-train` re-exports this crate as `flow_train::import`.
#![forbid(unsafe_code)]

mod check;
mod dense;
mod draws;
mod error;
#[cfg(test)]
mod faults;
mod flowjax;
#[cfg(test)]
mod laws;
mod layers;
mod lu;
mod made;
mod mismatch;
mod net;
mod nflows;
mod normflows;
mod npz;
mod rounding;
mod settings;
mod signs;
mod source;
mod spline;
mod state;
mod zuko;

pub use check::{Imported, Parity};
pub use error::ImportError;
pub use mismatch::{Mismatch, Stage};
pub use settings::{LayerSettings, Settings};
pub use source::{Golden, Source, Standardise};
pub use state::{State, Tensor};

use flow_model::{BaseParts, CategoricalParts, FlowParts, LayerParts, ScalesParts};
use settings::{Choice, Guess};

/// The numbers of channels of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) event: usize,
    pub(crate) context: usize,
}

/// What is stated, and what is taken where nothing is.
struct Choices<'a> {
    all: &'a Settings,
    layers: &'a [LayerSettings],
    guess: Guess,
}

impl<'a> Choices<'a> {
    /// Those of a layer.
    fn at(&self, key: &'a str) -> Result<Choice<'a>, ImportError> {
        Choice::new(self.all, self.layers, key, self.guess)
    }
}

/// What takes a flow of a library apart: layers from data to base, and the base.
type Parts = fn(
    &mut State,
    Shape,
    &Choices<'_>,
) -> Result<(Vec<LayerParts<f64>>, BaseParts<f64>), ImportError>;

/// A library that can be imported.
struct Library {
    name: &'static str,
    /// The version that its conventions are known of.
    version: &'static str,
    parts: Parts,
}

const LIBRARIES: [Library; 4] = [
    Library {
        name: "zuko",
        version: zuko::VERSION,
        parts: zuko::parts,
    },
    Library {
        name: "nflows",
        version: nflows::VERSION,
        parts: nflows::parts,
    },
    Library {
        name: "normflows",
        version: normflows::VERSION,
        parts: normflows::parts,
    },
    Library {
        name: "flowjax",
        version: flowjax::VERSION,
        parts: flowjax::parts,
    },
];

/// Puts together the flow of a source, holds it to the golden rows, and makes an artefact of it.
///
/// What the source does not state is tried: the library's default, and what is usual besides.
///
/// # Errors
/// A tensor is missing, has another shape or holds what an artefact can't represent; or the golden rows are too few
/// or are not reproduced.
pub fn import(source: &Source) -> Result<Imported, ImportError> {
    check::imported(source, understood(source)?)
}

/// The flow of a source that reproduces the golden rows in `f64`.
fn understood(source: &Source) -> Result<check::Reproduced, ImportError> {
    let library = LIBRARIES.iter().find(|own| own.name == source.library);
    let library = library.ok_or_else(|| ImportError::Library {
        library: source.library.clone(),
        known: LIBRARIES.map(|own| own.name).join(", "),
    })?;
    check::enough(source)?;
    // The guess that reproduces the most rows, the first of several.
    let mut nearest: Option<check::Reproduced> = None;
    for guess in settings::guesses() {
        let found = check::reproduced(source, parts(source, library, guess)?)?;
        if found.differing == 0 {
            return Ok(found);
        }
        let nearer = |own: &check::Reproduced| found.differing < own.differing;
        if nearest.as_ref().is_none_or(nearer) {
            nearest = Some(found);
        }
    }
    Err(match nearest {
        Some(found) => check::misunderstood(source, &found, library.version),
        // There is at least one guess.
        None => ImportError::Format("nothing was tried".into()),
    })
}

/// The parts of a source, all of whose tensors are used.
fn parts(source: &Source, library: &Library, guess: Guess) -> Result<FlowParts<f64>, ImportError> {
    let mut state = source.state.clone();
    let shape = source.shape();
    let choices = Choices {
        all: &source.settings,
        layers: &source.layers,
        guess,
    };
    let (layers, mut base) = (library.parts)(&mut state, shape, &choices)?;
    let layers = signs::absorbed(shape.event, layers, &mut base);
    match state.left() {
        None => Ok(FlowParts {
            event: shape.event,
            context: shape.context,
            circular: Vec::new(),
            categorical: CategoricalParts::default(),
            layers,
            base,
        }),
        Some(key) => Err(ImportError::unsupported(
            key,
            "is no part of a flow that is known",
        )),
    }
}

/// What was found in the place of a layer.
fn unknown(state: &State, name: &str) -> ImportError {
    let key = state.within(name).map_or(name, |(key, _)| key);
    ImportError::unsupported(key, "belongs to no layer that is known")
}

/// The parameters of each of so many channels.
fn per_channel(key: &str, parameters: usize, channels: usize) -> Result<usize, ImportError> {
    match parameters.checked_div(channels) {
        Some(count) if count > 0 && count * channels == parameters => Ok(count),
        _ => Err(ImportError::unsupported(
            key,
            &format!("{parameters} parameters are not those of {channels} channels"),
        )),
    }
}

/// `(x − mean) / e^log_std` of each channel.
fn standardised(mean: &[f64], log_std: &[f64]) -> LayerParts<f64> {
    let scale: Vec<f64> = log_std.iter().map(|own| (-own).exp()).collect();
    LayerParts::ElementWise(ScalesParts {
        shift: mean
            .iter()
            .zip(&scale)
            .map(|(own, scale)| -own * scale)
            .collect(),
        scale,
    })
}

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
