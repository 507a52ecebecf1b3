//! The header of format 9: sections, each with a kind and a length.

use super::parts::{Flow, take_categories, take_features};
use super::{EncodeError, Header, List, LoadError, Provenance};
use serde::{Deserialize, Serialize};

/// The bit of a kind that says that a reader may leave out a section whose kind it doesn't know: it
/// changes nothing of what the flow computes and promises.
pub const MAY_BE_LEFT_OUT: u16 = 1 << 15;

/// What the flow computes: always there, and first.
const FLOW: u16 = 1;
/// The model's name, and where it comes from: always there, and second.
const ORIGIN: u16 = 2;
/// Vocabularies, and the heads of categorical event channels.
const CATEGORIES: u16 = 3;
const FEATURES: u16 = 4;
const CALIBRATION: u16 = 5;
const SEQUENTIAL: u16 = 6;
const MONDRIAN: u16 = 7;
const NOISE: u16 = 8;
const QUANTISATION: u16 = 9;
const EVALUATION: u16 = MAY_BE_LEFT_OUT | 1;

/// Bytes before a payload: kind, zeros, length.
const PREAMBLE: usize = 8;

/// A section of a header.
struct Section<'a> {
    kind: u16,
    payload: &'a [u8],
}

impl<'a> Section<'a> {
    /// Takes a section from the front.
    fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let ([a, b, c, d, length @ ..], rest) = bytes.split_first_chunk::<PREAMBLE>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (payload, rest) = rest.split_at_checked(length)?;
        let (padding, rest) = rest.split_at_checked(padding(length))?;
        let section = Self {
            kind: u16::from_le_bytes([*a, *b]),
            payload,
        };
        let zeros = [c, d].into_iter().chain(padding).all(|byte| *byte == 0);
        zeros.then_some((section, rest))
    }

    /// What is taken from the front of the payload, and is all of it.
    fn all<T>(&self, take: impl FnOnce(&'a [u8]) -> Option<(T, &'a [u8])>) -> Result<T, LoadError> {
        let own = take(self.payload).filter(|(_, rest)| rest.is_empty());
        own.map(|(own, _)| own).ok_or(LoadError::BadHeader)
    }

    /// The payload as one value.
    fn value<T: Deserialize<'a>>(&self) -> Result<T, LoadError> {
        self.all(|bytes| postcard::take_from_bytes(bytes).ok())
    }
}

/// Zeros up to a multiple of 4.
const fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

/// Decodes a header.
pub(super) fn decode(bytes: &[u8]) -> Result<Header<'_>, LoadError> {
    let mut rest = bytes;
    let mut last = 0;
    // Kinds ascend: the same header has the same bytes, and none is there twice.
    let mut next = || {
        if rest.is_empty() {
            return Ok(None);
        }
        let section = Section::take(rest).filter(|(own, _)| own.kind > last);
        let (section, behind) = section.ok_or(LoadError::BadHeader)?;
        (rest, last) = (behind, section.kind);
        Ok(Some(section))
    };
    let mut required = |kind| {
        let section = next()?.filter(|own: &Section<'_>| own.kind == kind);
        section.ok_or(LoadError::BadHeader)
    };
    let flow = required(FLOW)?.all(Flow::take)?;
    let (name, provenance) = required(ORIGIN)?.value::<(&str, Provenance<'_>)>()?;
    let mut header = Header {
        name,
        event: flow.event,
        context: flow.context,
        layers: flow.layers,
        base: flow.base,
        math: flow.math,
        log_norm: flow.log_norm,
        calibration: None,
        evaluation: None,
        provenance,
        quantisation: None,
        features: List::default(),
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: List::default(),
        heads: List::default(),
    };
    while let Some(section) = next()? {
        match section.kind {
            CATEGORIES => (header.vocabularies, header.heads) = section.all(take_categories)?,
            FEATURES => header.features = section.all(take_features)?,
            CALIBRATION => header.calibration = Some(section.value()?),
            SEQUENTIAL => header.sequential = Some(section.value()?),
            MONDRIAN => header.mondrian = Some(section.value()?),
            NOISE => header.noise = Some(section.value()?),
            QUANTISATION => header.quantisation = Some(section.value()?),
            EVALUATION => header.evaluation = Some(section.value()?),
            kind if kind & MAY_BE_LEFT_OUT != 0 => {}
            kind => return Err(LoadError::UnknownSection { kind }),
        }
    }
    Ok(header)
}

/// Takes the sections of a header as they are to be written.
trait Sink {
    fn section(&mut self, kind: u16, payload: &impl Serialize) -> Result<(), EncodeError>;
}

/// Only counts the bytes.
struct Length(usize);

impl Sink for Length {
    fn section(&mut self, _: u16, payload: &impl Serialize) -> Result<(), EncodeError> {
        let length = postcard::experimental::serialized_size(payload);
        let length = length.map_err(|_| EncodeError::TooLarge)?;
        let sum = length.checked_next_multiple_of(4);
        let sum = sum.and_then(|length| self.0.checked_add(PREAMBLE)?.checked_add(length));
        self.0 = sum.ok_or(EncodeError::TooLarge)?;
        Ok(())
    }
}

/// What is left of a buffer.
struct Writer<'b>(&'b mut [u8]);

impl Sink for Writer<'_> {
    fn section(&mut self, kind: u16, payload: &impl Serialize) -> Result<(), EncodeError> {
        let buffer = core::mem::take(&mut self.0);
        let (preamble, body) = buffer
            .split_first_chunk_mut::<PREAMBLE>()
            .ok_or(EncodeError::BufferTooSmall)?;
        let length = postcard::to_slice(payload, body)
            .map_err(|_| EncodeError::BufferTooSmall)?
            .len();
        let field = u32::try_from(length).map_err(|_| EncodeError::TooLarge)?;
        let [a, b] = kind.to_le_bytes();
        let [c, d, e, f] = field.to_le_bytes();
        *preamble = [a, b, 0, 0, c, d, e, f];
        let (_, rest) = body
            .split_at_mut_checked(length)
            .ok_or(EncodeError::BufferTooSmall)?;
        let (zeros, rest) = rest
            .split_at_mut_checked(padding(length))
            .ok_or(EncodeError::BufferTooSmall)?;
        zeros.fill(0);
        self.0 = rest;
        Ok(())
    }
}

/// The bytes of an encoded header.
pub(super) fn encoded_len(header: &Header<'_>) -> Result<usize, EncodeError> {
    let mut length = Length(0);
    write(header, &mut length)?;
    Ok(length.0)
}

/// Encodes a header; returns its bytes.
pub(super) fn encode(header: &Header<'_>, buffer: &mut [u8]) -> Result<usize, EncodeError> {
    let room = buffer.len();
    let mut writer = Writer(buffer);
    write(header, &mut writer)?;
    Ok(room - writer.0.len())
}

fn write(header: &Header<'_>, sink: &mut impl Sink) -> Result<(), EncodeError> {
    let Header {
        name,
        event,
        context,
        layers,
        base,
        math,
        log_norm,
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
    } = header;
    sink.section(FLOW, &(event, context, layers, base, math, log_norm))?;
    sink.section(ORIGIN, &(name, provenance))?;
    if !(vocabularies.is_empty() && heads.is_empty()) {
        sink.section(CATEGORIES, &(vocabularies, heads))?;
    }
    if !features.is_empty() {
        sink.section(FEATURES, features)?;
    }
    section(sink, CALIBRATION, calibration)?;
    section(sink, SEQUENTIAL, sequential)?;
    section(sink, MONDRIAN, mondrian)?;
    section(sink, NOISE, noise)?;
    section(sink, QUANTISATION, quantisation)?;
    section(sink, EVALUATION, evaluation)
}

/// A section that there may be.
fn section(
    sink: &mut impl Sink,
    kind: u16,
    payload: &Option<impl Serialize>,
) -> Result<(), EncodeError> {
    match payload {
        Some(payload) => sink.section(kind, payload),
        None => Ok(()),
    }
}
