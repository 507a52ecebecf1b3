//! The header of formats 7 and 8: everything in a row, encoded by postcard. What is new in format 8
//! are values of enumerations behind those of format 7, so that both decode alike.

use super::parts::{Flow, take_categories, take_features};
use super::{Calibration, Evaluation, Header, LoadError, Provenance, Quantisation};

/// Decodes a header.
pub(super) fn decode(bytes: &[u8]) -> Result<Header<'_>, LoadError> {
    let (header, rest) = take(bytes).ok_or(LoadError::BadHeader)?;
    match rest {
        [] => Ok(header),
        _ => Err(LoadError::BadHeader),
    }
}

/// What stands between the layers and the features.
type Middle<'a> = (
    Option<Calibration>,
    Option<Evaluation>,
    Provenance<'a>,
    Option<Quantisation<'a>>,
);

fn take(bytes: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let (name, rest) = postcard::take_from_bytes(bytes).ok()?;
    let (flow, rest) = Flow::take(rest)?;
    let (middle, rest) = postcard::take_from_bytes::<Middle<'_>>(rest).ok()?;
    let (calibration, evaluation, provenance, quantisation) = middle;
    let (features, rest) = take_features(rest)?;
    let ((sequential, noise, mondrian), rest) = postcard::take_from_bytes(rest).ok()?;
    let ((vocabularies, heads), rest) = take_categories(rest)?;
    let header = Header {
        name,
        event: flow.event,
        context: flow.context,
        layers: flow.layers,
        base: flow.base,
        math: flow.math,
        log_norm: flow.log_norm,
        calibration,
        evaluation,
        provenance,
        quantisation,
        features,
        sequential,
        noise,
        mondrian,
        vocabularies,
        heads,
    };
    Some((header, rest))
}
