//! The frame around the content of a state.

use super::{Digest, StateError};
use crate::crc::crc32;

/// The first byte of every state that this release saves. The high half marks a state, so that it
/// differs from erased and from cleared memory; the low half counts formats.
pub const FORMAT: u8 = 0xa1;

/// Bytes of a saved state beside its content.
pub const OVERHEAD: usize = HEADER + CHECKSUM;

/// Format, kind, digest, length.
const HEADER: usize = 10;
const CHECKSUM: usize = 4;

/// What a state is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum Kind {
    /// [`Window`](crate::window::Window).
    Window = 1,
    /// [`NoiseSource`](crate::NoiseSource).
    Noise = 2,
    /// [`SequentialTest`](crate::detect::SequentialTest).
    Test = 3,
    /// [`StreamDetector`](crate::StreamDetector).
    Stream = 4,
    /// [`Recalibrator`](crate::detect::adaptive::Recalibrator).
    Recalibrator = 5,
    /// [`AdaptiveDetector`](crate::detect::adaptive::AdaptiveDetector).
    Adaptive = 6,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Window,
        Self::Noise,
        Self::Test,
        Self::Stream,
        Self::Recalibrator,
        Self::Adaptive,
    ];

    /// The kind of a byte in a frame.
    pub fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|own| *own as u8 == byte)
    }

    /// The name of the type that saves it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Window => "a Window",
            Self::Noise => "a NoiseSource",
            Self::Test => "a SequentialTest",
            Self::Stream => "a StreamDetector",
            Self::Recalibrator => "a Recalibrator",
            Self::Adaptive => "an AdaptiveDetector",
        }
    }
}

/// Writes a state of `length` bytes of content, which `fill` writes, to the front of a buffer; gives
/// the bytes written.
pub(crate) fn seal(
    kind: Kind,
    digest: Digest,
    length: usize,
    buffer: &mut [u8],
    fill: impl FnOnce(&mut Writer<'_>),
) -> Result<&[u8], StateError> {
    let (needed, found) = (length.saturating_add(OVERHEAD), buffer.len());
    let Some(frame) = buffer.get_mut(..needed) else {
        return Err(StateError::BufferTooShort { needed, found });
    };
    let mut writer = Writer(frame);
    writer.put([FORMAT, kind as u8]);
    writer.put(digest.value().to_le_bytes());
    // No window has so many bytes that they are not counted by 32 bits.
    writer.put((length as u32).to_le_bytes());
    fill(&mut writer);
    let checksum = checksum(frame);
    if let Some(end) = frame.last_chunk_mut::<CHECKSUM>() {
        *end = checksum;
    }
    Ok(frame)
}

/// The content of a state of a kind and a model with `length` bytes of content.
pub(crate) fn open(
    kind: Kind,
    digest: Digest,
    length: usize,
    bytes: &[u8],
) -> Result<Reader<'_>, StateError> {
    let (expected, found) = (length.saturating_add(OVERHEAD), bytes.len());
    let cut_off = StateError::Length {
        needed: expected,
        found,
    };
    let mut reader = Reader(bytes);
    let [format] = reader.take().ok_or(cut_off)?;
    if format != FORMAT {
        return Err(StateError::Format { found: format });
    }
    let [own_kind] = reader.take().ok_or(cut_off)?;
    let own_digest = reader.take().map(u32::from_le_bytes);
    let own_digest = own_digest.ok_or(cut_off)?;
    let own_length = reader.take().map(u32::from_le_bytes);
    let own_length = own_length.ok_or(cut_off)?;
    let own_length = usize::try_from(own_length).unwrap_or(usize::MAX);
    let needed = own_length.saturating_add(OVERHEAD);
    // As many bytes as this kind of state has, and another length in them: that is damage.
    if needed != found && expected != found {
        return Err(cut_off);
    }
    if bytes.last_chunk() != Some(&checksum(bytes)) {
        return Err(StateError::Checksum);
    }
    if own_kind != kind as u8 {
        return Err(StateError::Kind {
            expected: kind,
            found: own_kind,
        });
    }
    if own_digest != digest.value() {
        return Err(StateError::Model);
    }
    match needed == expected {
        true => Ok(reader),
        false => Err(cut_off),
    }
}

/// The checksum that ends a frame. One copy for all kinds of states.
#[inline(never)]
fn checksum(frame: &[u8]) -> [u8; CHECKSUM] {
    let (body, _) = frame
        .split_last_chunk::<CHECKSUM>()
        .unwrap_or((&[], &[0; CHECKSUM]));
    crc32(body).to_le_bytes()
}

/// Content of a state, still to be written.
pub(crate) struct Writer<'b>(&'b mut [u8]);

impl Writer<'_> {
    /// Writes the next bytes, if there is room.
    pub(crate) fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some((own, rest)) = core::mem::take(&mut self.0).split_first_chunk_mut() {
            *own = bytes;
            self.0 = rest;
        }
    }
}

/// Content of a state, still to be read, and the checksum behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    /// The next bytes; none past the end.
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (own, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*own)
    }
}
