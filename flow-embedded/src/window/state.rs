//! A window's state over a reboot.

use super::Window;
use super::average::Average;
use super::ring::Ring;
use crate::state::{self, Digest, Identified, Kind, OVERHEAD, Reader, StateError};

impl<const D: usize, const N: usize, const A: usize> Window<D, N, A> {
    /// Bytes of a saved state: the frame's, and `4 · D · N + 12 · A + 4`.
    pub const BYTES: usize = OVERHEAD + Self::CONTENT;

    const CONTENT: usize = Ring::<D, N>::BYTES + A * Average::BYTES;

    /// Writes the state to the first [`BYTES`](Self::BYTES) bytes of `buffer`, in the frame of
    /// [`state`], and gives them. `model` is the flow that the window's features
    /// belong to.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn save<'b>(
        &self,
        model: &impl Identified,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], StateError> {
        self.seal(Kind::Window, model.digest(), buffer)
    }

    /// Reads a state back that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// The bytes are no state of such a window and this model: see [`StateError`]. No input makes it
    /// panic.
    pub fn restore(model: &impl Identified, bytes: &[u8]) -> Result<Self, StateError> {
        Self::open(Kind::Window, model.digest(), bytes)
    }

    /// As [`save`](Self::save), for what holds a window.
    pub(crate) fn seal<'b>(
        &self,
        kind: Kind,
        model: Digest,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], StateError> {
        state::seal(
            kind,
            Self::of_size(model),
            Self::CONTENT,
            buffer,
            |writer| {
                self.ring.write(writer);
                for average in &self.averages {
                    average.write(writer);
                }
            },
        )
    }

    /// As [`restore`](Self::restore), for what holds a window.
    pub(crate) fn open(kind: Kind, model: Digest, bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = state::open(kind, Self::of_size(model), Self::CONTENT, bytes)?;
        Self::read(&mut reader).ok_or(StateError::Impossible)
    }

    /// `None` for what no stream leads to.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let ring = Ring::read(reader)?;
        let mut averages = [Average::new(); A];
        for own in &mut averages {
            *own = Average::read(reader)?;
        }
        let sound = ring.is_finite() && ring.is_possible();
        let sound = sound
            && averages
                .iter()
                .all(|own| own.is_finite() && own.is_possible());
        sound.then_some(Self { ring, averages })
    }

    /// Windows of different sizes can have states of the same length.
    const fn of_size(model: Digest) -> Digest {
        // All three are small: channels, steps back, averages.
        model.and(D as u32).and(N as u32).and(A as u32)
    }
}
