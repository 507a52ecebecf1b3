//! Why a state was not written or read.

use super::{FORMAT, Kind};
use core::fmt;

/// Why a state was not saved or not restored. After an error of `restore`, start anew; nothing has
/// changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StateError {
    /// The buffer to save to is too short; it stays as it is.
    BufferTooShort {
        /// Bytes of the state.
        needed: usize,
        /// Bytes of the buffer.
        found: usize,
    },
    /// The first byte is not [`FORMAT`]: bytes of another release, or memory that holds no state.
    Format {
        /// The first byte.
        found: u8,
    },
    /// The bytes are fewer or more than such a state has.
    Length {
        /// Bytes of a state of the kind asked for.
        needed: usize,
        /// Bytes given.
        found: usize,
    },
    /// The checksum does not match: the bytes are damaged, or were not all written.
    Checksum,
    /// An undamaged state of another kind.
    Kind {
        /// The kind asked for.
        expected: Kind,
        /// The byte of the kind that is there.
        found: u8,
    },
    /// An undamaged state of another model, another calibration, other sizes, or other bounds of
    /// recalibration.
    Model,
    /// An undamaged state that no stream leads to.
    Impossible,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BufferTooShort { needed, found } => write!(
                f,
                "the buffer has {found} bytes and the state needs {needed}: make it longer"
            ),
            Self::Format { found } => write!(
                f,
                "the bytes are no saved state of format {FORMAT:#04x} (the first is {found:#04x}): they are of \
                 another release, or nothing was saved; start anew"
            ),
            Self::Length { needed, found } => write!(
                f,
                "such a saved state has {needed} bytes, and {found} were given: it is cut off, extended or of \
                 something else; start anew"
            ),
            Self::Checksum => f.write_str(
                "the checksum of the saved state does not match: it is damaged, or was not written to its \
                 end; start anew",
            ),
            Self::Kind { expected, found } => write!(
                f,
                "the saved state is of {}, not of {}: restore what was saved",
                Kind::of(found).map_or("an unknown kind", Kind::name),
                expected.name()
            ),
            Self::Model => f.write_str(
                "the saved state is of another model, another calibration or other bounds; start anew",
            ),
            Self::Impossible => {
                f.write_str("the saved state is one that no stream leads to; start anew")
            }
        }
    }
}

impl core::error::Error for StateError {}
