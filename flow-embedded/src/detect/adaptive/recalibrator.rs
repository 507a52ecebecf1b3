//! How far log-likelihoods are raised.

use crate::detect::evidence::StateError;

/// How far recalibration may go, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bounds {
    /// The most that log-likelihoods are raised by, in nats; a number below zero, NaN or infinite counts
    /// as zero. Less than what lies between the threshold and the smallest fault that must always be
    /// found.
    pub shift: f32,
    /// So many alarms that count, beyond those promised, use `shift` up.
    pub steps: u16,
    /// Samples after a counted alarm that don't count: as long as a burst of anomalies is likely to
    /// last. While one sample in `rest` gives an alarm, recalibration takes twice as long.
    pub rest: u16,
}

/// How far log-likelihoods are raised at present, in 16 bytes: see [the module](super).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recalibrator {
    bounds: Bounds,
    /// Samples for each alarm that is promised.
    period: u16,
    /// In steps of which `period` make one of the bounds' steps.
    units: u32,
    /// Samples that are left of a rest.
    resting: u16,
}

impl Recalibrator {
    /// Bytes of the state, as [`write`](Self::write) writes it.
    pub const BYTES: usize = 6;

    /// The shipped calibration, of a detector that promises the false-alarm rate `alpha`. The rate held
    /// is one in a whole number of samples: `1 / alpha`, rounded, from 1 to 65,535.
    pub const fn new(bounds: Bounds, alpha: f32) -> Self {
        // The conversion saturates, and makes NaN zero.
        let period = (1.0 / alpha + 0.5) as u16;
        Self {
            bounds,
            period: if period == 0 { 1 } else { period },
            units: 0,
            resting: 0,
        }
    }

    /// Nats to add to a log-likelihood before its p-value is looked up: from 0 to `bounds.shift`.
    pub fn raised(&self) -> f32 {
        let shift = self.bounds.shift;
        if self.units == 0 || !shift.is_finite() {
            return 0.0;
        }
        let share = self.units as f32 / self.most() as f32;
        share * shift.max(0.0)
    }

    /// Whether the bound is reached: the sensor has left what it was calibrated for, and is to be
    /// calibrated at the desk.
    pub fn is_exhausted(&self) -> bool {
        self.units == self.most()
    }

    /// Takes note of a decision that was made on a log-likelihood as raised at present.
    pub fn count(&mut self, alarm: bool) {
        if let Some(left) = self.resting.checked_sub(1) {
            self.resting = left;
        } else if alarm {
            let step = u32::from(self.period).saturating_sub(1);
            self.units = self.units.saturating_add(step).min(self.most());
            self.resting = self.bounds.rest;
        } else {
            self.units = self.units.saturating_sub(1);
        }
    }

    /// Back to the shipped calibration.
    pub const fn reset(&mut self) {
        self.units = 0;
        self.resting = 0;
    }

    /// Writes the state, for a reboot, to the first [`BYTES`](Self::BYTES) bytes of `buffer`, and gives
    /// them: how far log-likelihoods are raised, then what is left of a rest, both little-endian.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn write<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        let Some(written) = buffer.first_chunk_mut::<{ Self::BYTES }>() else {
            return Err(StateError::TooShort);
        };
        let ([a, b, c, d], [e, f]) = (self.units.to_le_bytes(), self.resting.to_le_bytes());
        *written = [a, b, c, d, e, f];
        Ok(written)
    }

    /// Reads a state that a recalibrator with the same bounds and the same alpha wrote.
    ///
    /// # Errors
    /// The bytes are too few or too many, or hold what no such recalibrator could.
    pub fn read(bytes: &[u8], bounds: Bounds, alpha: f32) -> Result<Self, StateError> {
        let Ok([a, b, c, d, e, f]) = <[u8; Self::BYTES]>::try_from(bytes) else {
            return Err(StateError::Damaged);
        };
        let read = Self {
            units: u32::from_le_bytes([a, b, c, d]),
            resting: u16::from_le_bytes([e, f]),
            ..Self::new(bounds, alpha)
        };
        if read.units <= read.most() && read.resting <= bounds.rest {
            Ok(read)
        } else {
            Err(StateError::Impossible)
        }
    }

    /// Of both factors 16 bits: it fits.
    fn most(&self) -> u32 {
        u32::from(self.bounds.steps).saturating_mul(self.period.into())
    }
}
