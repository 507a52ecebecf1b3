//! The bytes around header and weights: magic, version, lengths, checksum.

use super::{EncodeError, Header, Layer, LoadError};
use crate::crc::crc32;

/// The newest format version that is read; the one before it is read, too.
pub const FORMAT_VERSION: u16 = 8;
/// The oldest that is read. What is new in version 8 follows behind what version 7 has, so
/// that artefacts of both decode alike.
const OLDEST: u16 = 7;

const MAGIC: [u8; 4] = *b"FLOW";
const PREAMBLE: usize = 16;
const CHECKSUM: usize = 4;

/// The parts of an artefact whose frame and checksum are sound.
pub(super) struct Frame<'a> {
    pub(super) header: &'a [u8],
    pub(super) weights: &'a [[u8; 4]],
    pub(super) checksum: u32,
}

/// The oldest format version that has all that a header uses: what was built to read it
/// still does.
fn version(header: &Header<'_>) -> u16 {
    let mut heads = header.heads.iter();
    let is_new = header.layers.iter().any(Layer::is_new);
    match is_new || heads.any(|own| own.activation.is_new()) {
        true => FORMAT_VERSION,
        false => OLDEST,
    }
}

/// An upper bound of the bytes that [`encode`] needs.
///
/// # Errors
/// As [`encode`].
pub fn encoded_len(header: &Header<'_>, weights: usize) -> Result<usize, EncodeError> {
    let header =
        postcard::experimental::serialized_size(header).map_err(|_| EncodeError::TooLarge)?;
    let weights = weights.checked_mul(4).ok_or(EncodeError::TooLarge)?;
    (PREAMBLE + CHECKSUM + 3)
        .checked_add(header)
        .and_then(|sum| sum.checked_add(weights))
        .ok_or(EncodeError::TooLarge)
}

/// Writes an artefact into `buffer` and returns the bytes written.
///
/// Validates nothing but sizes: read the result back with
/// [`LoadedFlow::from_bytes`](super::LoadedFlow::from_bytes), which validates
/// everything, before it is kept.
///
/// # Errors
/// The buffer is too small, or a length exceeds 32 bits.
pub fn encode<'b>(
    header: &Header<'_>,
    weights: &[f32],
    buffer: &'b mut [u8],
) -> Result<&'b [u8], EncodeError> {
    let (preamble, body) = buffer
        .split_at_mut_checked(PREAMBLE)
        .ok_or(EncodeError::BufferTooSmall)?;
    let header_len = postcard::to_slice(header, body)
        .map_err(|_| EncodeError::BufferTooSmall)?
        .len();
    let header_field = u32::try_from(header_len).map_err(|_| EncodeError::TooLarge)?;
    let weights_field = u32::try_from(weights.len()).map_err(|_| EncodeError::TooLarge)?;
    let fields = MAGIC
        .into_iter()
        .chain(version(header).to_le_bytes())
        .chain([0, 0])
        .chain(header_field.to_le_bytes())
        .chain(weights_field.to_le_bytes());
    for (byte, field) in preamble.iter_mut().zip(fields) {
        *byte = field;
    }

    let padding = header_len.next_multiple_of(4) - header_len;
    let tail_len = weights
        .len()
        .checked_mul(4)
        .and_then(|bytes| bytes.checked_add(padding))
        .ok_or(EncodeError::TooLarge)?;
    let (_, tail) = body
        .split_at_mut_checked(header_len)
        .ok_or(EncodeError::BufferTooSmall)?;
    if tail.len() < tail_len + CHECKSUM {
        return Err(EncodeError::BufferTooSmall);
    }
    let values = core::iter::repeat_n(0, padding)
        .chain(weights.iter().flat_map(|weight| weight.to_le_bytes()));
    for (byte, value) in tail.iter_mut().zip(values) {
        *byte = value;
    }

    let end = PREAMBLE + header_len + tail_len;
    let checksum = crc32(buffer.get(..end).unwrap_or_default());
    for (byte, value) in buffer.iter_mut().skip(end).zip(checksum.to_le_bytes()) {
        *byte = value;
    }
    buffer
        .get(..end + CHECKSUM)
        .ok_or(EncodeError::BufferTooSmall)
}

impl<'a> Frame<'a> {
    /// Takes an artefact apart, and checks all that does not need the header.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let found = bytes.len();
        let truncated = |needed| LoadError::Truncated { needed, found };
        let mut rest = bytes;
        let mut take = |n: usize| {
            let (head, tail) = rest.split_at_checked(n)?;
            rest = tail;
            Some(head)
        };
        let shortest = PREAMBLE + CHECKSUM;
        let magic = take(MAGIC.len()).ok_or(truncated(shortest))?;
        if magic != MAGIC {
            return Err(LoadError::NotAnArtefact);
        }
        let version = take(2).map(little_endian).ok_or(truncated(shortest))?;
        if version > u64::from(FORMAT_VERSION) {
            // Two bytes were read, so the cast keeps the value.
            return Err(LoadError::TooNew {
                found: version as u16,
                supported: FORMAT_VERSION,
            });
        }
        if version < u64::from(OLDEST) {
            return Err(LoadError::TooOld {
                found: version as u16,
                supported: FORMAT_VERSION,
            });
        }
        let reserved = take(2).map(little_endian).ok_or(truncated(shortest))?;
        let header_len = take(4).map(little_endian).ok_or(truncated(shortest))?;
        let weights_len = take(4).map(little_endian).ok_or(truncated(shortest))?;

        // Both lengths are below 2^32: the sum fits 64 bits.
        let padded = header_len.next_multiple_of(4);
        let total = PREAMBLE as u64 + padded + 4 * weights_len + CHECKSUM as u64;
        let needed = usize::try_from(total).map_err(|_| truncated(usize::MAX))?;
        if found < needed {
            return Err(truncated(needed));
        }
        if found > needed {
            return Err(LoadError::TrailingBytes { needed, found });
        }
        let payload = needed - CHECKSUM;
        let checksum = crc32(bytes.get(..payload).unwrap_or_default());
        let header = take(header_len as usize).ok_or(truncated(needed))?;
        take((padded - header_len) as usize).ok_or(truncated(needed))?;
        let weights = take(4 * weights_len as usize).ok_or(truncated(needed))?;
        let stored = take(CHECKSUM).map(little_endian).ok_or(truncated(needed))?;
        if version == 0 || reserved != 0 || stored != u64::from(checksum) {
            return Err(LoadError::Corrupt);
        }
        let (weights, _) = weights.as_chunks::<4>();
        Ok(Self {
            header,
            weights,
            checksum,
        })
    }
}

/// The value of up to eight little-endian bytes.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| (value << 8) | u64::from(*byte))
}
