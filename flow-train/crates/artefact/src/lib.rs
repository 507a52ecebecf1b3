//! The artefact of a trained flow, owned.
//!
//! A [`Draft`] owns what the artefact's header borrows, and is read from an artefact, changed, and
//! encoded to one. It knows how weights are laid out: masked weights are left out, rows follow each
//! other with their bias in front.
//!
//! `flow-train` re-exports this crate as `flow_train::artefact`.
#![forbid(unsafe_code)]

mod base;
mod categorical;
mod draft;
mod fold;
mod layer;
mod mondrian;
mod planes;
mod rescale;
mod stored;

pub use base::{log_norm, student_t_log_norm};
pub use categorical::DraftVocabulary;
pub use draft::{
    Draft, DraftCalibration, DraftChannel, DraftNoise, DraftQuantisation, DraftSequential,
    ExportError, noted,
};
pub use fold::fold;
pub use layer::{Conditioned, Known, Layer, Map, Weights};
pub use mondrian::{DraftCategory, DraftMondrian};
pub use planes::Planes;
pub use rescale::{RescaleError, Scaling};
pub use stored::{
    DraftConditioner, DraftConvolutions, DraftFactors, DraftLayer, MaskedRow, Stored, byte,
    upper_rows,
};

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
