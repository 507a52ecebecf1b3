//! The state of one exponential moving average.

use super::feature::{MAX_SHIFT, average_length};
use crate::state::{Reader, Writer};

/// See [`Feature::Average`](super::Feature::Average).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Average {
    value: f32,
    /// What rounding left over: the average is `value + residue`.
    residue: f32,
    /// The samples that it rests on, up to its length.
    samples: u32,
}

impl Average {
    pub(super) const fn new() -> Self {
        Self {
            value: 0.0,
            residue: 0.0,
            samples: 0,
        }
    }

    /// The average of one value, as many times as it rests on.
    pub(super) fn filled(value: f32, shift: u8) -> Self {
        Self {
            value,
            residue: 0.0,
            samples: average_length(shift),
        }
    }

    pub(super) fn push(&mut self, x: f32, shift: u8) {
        let length = average_length(shift);
        let before = self.samples.min(length - 1);
        self.samples = before + 1;
        // The mean until there are enough samples: the same weight from then on.
        let step = ((x - self.value) - self.residue) / self.samples as f32;
        let added = self.residue + step;
        // The exact sum of two numbers, as a rounded one and the rest (Knuth 1969).
        let value = self.value + added;
        let own = value - added;
        let residue = (self.value - own) + (added - (value - own));
        if before > 0 && value.is_finite() && residue.is_finite() {
            (self.value, self.residue) = (value, residue);
        } else {
            // The first sample; or one so far away that the distance overflows,
            // from which the average starts anew.
            (self.value, self.residue, self.samples) = (x, 0.0, 1);
        }
    }

    pub(super) fn missing(&mut self) {
        self.samples = self.samples.saturating_sub(1);
    }

    pub(super) fn is_primed(&self, shift: u8) -> bool {
        self.samples >= average_length(shift)
    }

    pub(super) fn value(&self) -> f32 {
        self.value
    }

    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.residue.is_finite()
    }

    /// Whether a stream can have led here: what is left over is less than what
    /// `value` resolves.
    pub(super) fn is_possible(&self) -> bool {
        self.samples <= average_length(MAX_SHIFT)
            && self.residue.abs() <= f32::EPSILON * self.value.abs()
    }

    /// Bytes of the state, as [`write`](Self::write) writes it.
    pub(super) const BYTES: usize = 12;

    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.put(self.value.to_le_bytes());
        writer.put(self.residue.to_le_bytes());
        writer.put(self.samples.to_le_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            value: f32::from_le_bytes(reader.take()?),
            residue: f32::from_le_bytes(reader.take()?),
            samples: u32::from_le_bytes(reader.take()?),
        })
    }
}
