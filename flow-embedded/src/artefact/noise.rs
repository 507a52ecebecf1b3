//! What an artefact of a sensor's noise adds to its flow.

use super::error::invalid;
use super::{Fault, Header, LoadError, Place};
use serde::{Deserialize, Serialize};

/// A flow that generates the noise of a sensor from its own past: see
/// [`noise`](crate::noise). Numbers are little-endian `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise<'a> {
    /// Four bytes for each event channel: its mean in the training data.
    pub start: &'a [u8],
    /// Eight bytes for each context channel: its least and its largest value in
    /// the training data.
    pub ranges: &'a [u8],
}

impl<'a> Noise<'a> {
    /// The mean of each event channel.
    pub fn start(&self) -> impl ExactSizeIterator<Item = f32> + Clone + 'a {
        let (numbers, _) = self.start.as_chunks::<4>();
        numbers.iter().map(|bytes| f32::from_le_bytes(*bytes))
    }

    /// The least and the largest value of each context channel.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = [f32; 2]> + Clone + 'a {
        let (pairs, _) = self.ranges.as_chunks::<8>();
        pairs.iter().map(|[a, b, c, d, e, f, g, h]| {
            [[*a, *b, *c, *d], [*e, *f, *g, *h]].map(f32::from_le_bytes)
        })
    }
}

/// Whether there is a number for each channel, and a past to generate from.
pub(super) fn check(header: &Header<'_>) -> Result<(), LoadError> {
    let fail = |fault| Err(invalid(Place::Noise, fault));
    let Some(own) = &header.noise else {
        return Ok(());
    };
    if header.features.is_empty() {
        return fail(Fault::BadFeature);
    }
    let sizes = [4 * header.event.len(), 8 * header.context.len()];
    if [own.start.len(), own.ranges.len()] != sizes {
        return fail(Fault::WrongWeightCount);
    }
    let finite = |x: f32| x.is_finite();
    if !own.start().all(finite) || !own.ranges().flatten().all(finite) {
        return fail(Fault::NotFinite);
    }
    match own.ranges().all(|[low, high]| low <= high) {
        true => Ok(()),
        false => fail(Fault::BadDomain),
    }
}
