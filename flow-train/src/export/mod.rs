//! From a trained model to the bytes of `model.flow`.
//!
//! A [`Draft`] owns what the artefact's header borrows. It knows how weights
//! are packed: masked weights are left out, rows follow each other with their
//! bias in front.

mod categorical;
mod draft;
mod fold;
mod layer;
mod mondrian;
mod pack;
mod rescale;
mod unpack;

pub use categorical::DraftVocabulary;
pub(crate) use draft::noted;
pub use draft::{
    Draft, DraftCalibration, DraftChannel, DraftNoise, DraftQuantisation, DraftSequential,
    ExportError,
};
pub use layer::{DraftConditioner, DraftConvolutions, DraftLayer, DraftPlanes, MaskedRow};
pub use mondrian::{DraftCategory, DraftMondrian};
pub use rescale::{RescaleError, Scaling};
