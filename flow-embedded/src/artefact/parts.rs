//! Parts of a header that have the same bytes in all formats.

use super::{
    Base, Channels, Conditioner, Layer, List, MAX_CHANNELS, MAX_LAYERS, MAX_VOCABULARIES,
    Vocabulary,
};
use crate::math::Backend;
use crate::window::Feature;

/// What the flow computes.
pub(super) struct Flow<'a> {
    pub(super) event: Channels<'a>,
    pub(super) context: Channels<'a>,
    pub(super) layers: List<'a, Layer<'a>>,
    pub(super) base: Base,
    pub(super) math: Backend,
    pub(super) log_norm: f32,
}

impl<'a> Flow<'a> {
    /// Takes it from the front of bytes.
    pub(super) fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (event, rest) = List::take(bytes, MAX_CHANNELS)?;
        let (context, rest) = List::take(rest, MAX_CHANNELS)?;
        let (layers, rest) = List::take(rest, MAX_LAYERS)?;
        let ((base, math, log_norm), rest) = postcard::take_from_bytes(rest).ok()?;
        let own = Self {
            event,
            context,
            layers,
            base,
            math,
            log_norm,
        };
        Some((own, rest))
    }
}

/// Vocabularies, and the heads of categorical event channels.
pub(super) type Categories<'a> = (List<'a, Vocabulary<'a>>, List<'a, Conditioner<'a>>);

pub(super) fn take_categories(bytes: &[u8]) -> Option<(Categories<'_>, &[u8])> {
    let (vocabularies, rest) = List::take(bytes, MAX_VOCABULARIES)?;
    let (heads, rest) = List::take(rest, MAX_VOCABULARIES)?;
    Some(((vocabularies, heads), rest))
}

pub(super) fn take_features(bytes: &[u8]) -> Option<(List<'_, Feature>, &[u8])> {
    List::take(bytes, MAX_CHANNELS)
}
