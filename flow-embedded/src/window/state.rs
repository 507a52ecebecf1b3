//! A window's state on its way back from where it outlived a reboot.

use super::Window;
use super::array::Array;
use super::average::Average;
use super::ring::Ring;
use core::fmt;
use serde::Deserialize;

/// Why a stored state is not that of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StateError {
    /// The bytes end too early.
    Undecodable,
    /// Bytes follow behind the state.
    TrailingBytes,
    /// A NaN or an infinity.
    NotFinite,
    /// Numbers that no stream leads to.
    Impossible,
    /// The buffer is too small for the state.
    BufferTooSmall,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Undecodable => "the bytes are too few for the window's state",
            Self::TrailingBytes => "bytes follow behind the window's state",
            Self::NotFinite => "the window's state holds a NaN or an infinity",
            Self::Impossible => "the window's state is one that no stream leads to",
            Self::BufferTooSmall => "the buffer is too small for the window's state",
        })
    }
}

impl core::error::Error for StateError {}

/// A state that is not checked yet: the fields of [`Window`], in their order.
#[derive(Deserialize)]
pub(super) struct Raw<const D: usize, const N: usize, const A: usize> {
    ring: Ring<D, N>,
    averages: Array<Average, A>,
}

impl<const D: usize, const N: usize, const A: usize> TryFrom<Raw<D, N, A>> for Window<D, N, A> {
    type Error = StateError;

    fn try_from(raw: Raw<D, N, A>) -> Result<Self, StateError> {
        let Raw { ring, averages } = raw;
        if !ring.is_finite() || !averages.0.iter().all(Average::is_finite) {
            return Err(StateError::NotFinite);
        }
        if !ring.is_possible() || !averages.0.iter().all(Average::is_possible) {
            return Err(StateError::Impossible);
        }
        Ok(Self { ring, averages })
    }
}

impl<const D: usize, const N: usize, const A: usize> Window<D, N, A> {
    /// Writes the state with postcard and returns the bytes written:
    /// `4 · D · N + 12 · A + 4` of them, always.
    ///
    /// The bytes carry no checksum: keep one beside them where memory may be
    /// damaged.
    ///
    /// # Errors
    /// The buffer is too small.
    pub fn save<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        match postcard::to_slice(self, buffer) {
            Ok(written) => Ok(written),
            Err(_) => Err(StateError::BufferTooSmall),
        }
    }

    /// Reads a state back that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// The bytes are no state of such a window: see [`StateError`]. No input
    /// makes it panic.
    pub fn restore(bytes: &[u8]) -> Result<Self, StateError> {
        let (raw, rest) = postcard::take_from_bytes::<Raw<D, N, A>>(bytes)
            .map_err(|_| StateError::Undecodable)?;
        if !rest.is_empty() {
            return Err(StateError::TrailingBytes);
        }
        raw.try_into()
    }
}
