//! How far log-likelihoods are raised.

use crate::state::{self, Digest, Identified, Kind, OVERHEAD, StateError};

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
    /// Bytes of a [saved](Self::save) state.
    pub const BYTES: usize = OVERHEAD + Self::CONTENT;

    const CONTENT: usize = 6;

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

    /// Writes the state, for a reboot, to the first [`BYTES`](Self::BYTES) bytes of `buffer`, in the
    /// frame of [`state`](crate::state), and gives them. `model` is the flow whose log-likelihoods
    /// are raised.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn save<'b>(
        &self,
        model: &impl Identified,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], StateError> {
        self.seal(Kind::Recalibrator, model.digest(), buffer)
    }

    /// Reads a state that a recalibrator of the same model, with the same bounds and the same alpha,
    /// [saved](Self::save).
    ///
    /// # Errors
    /// The bytes are no state of such a recalibrator: see [`StateError`]. No input makes it panic.
    pub fn restore(
        model: &impl Identified,
        bounds: Bounds,
        alpha: f32,
        bytes: &[u8],
    ) -> Result<Self, StateError> {
        Self::open(Kind::Recalibrator, model.digest(), bounds, alpha, bytes)
    }

    /// As [`save`](Self::save), for what holds a recalibrator. The content: how far log-likelihoods
    /// are raised, then what is left of a rest.
    pub(super) fn seal<'b>(
        &self,
        kind: Kind,
        model: Digest,
        buffer: &'b mut [u8],
    ) -> Result<&'b [u8], StateError> {
        state::seal(kind, self.bounded(model), Self::CONTENT, buffer, |writer| {
            writer.put(self.units.to_le_bytes());
            writer.put(self.resting.to_le_bytes());
        })
    }

    /// As [`restore`](Self::restore), for what holds a recalibrator.
    pub(super) fn open(
        kind: Kind,
        model: Digest,
        bounds: Bounds,
        alpha: f32,
        bytes: &[u8],
    ) -> Result<Self, StateError> {
        let new = Self::new(bounds, alpha);
        let mut reader = state::open(kind, new.bounded(model), Self::CONTENT, bytes)?;
        let (Some(units), Some(resting)) = (reader.take(), reader.take()) else {
            return Err(StateError::Impossible);
        };
        let read = Self {
            units: u32::from_le_bytes(units),
            resting: u16::from_le_bytes(resting),
            ..new
        };
        if read.units <= read.most() && read.resting <= bounds.rest {
            Ok(read)
        } else {
            Err(StateError::Impossible)
        }
    }

    /// A state holds steps, whose size the bounds and alpha decide.
    const fn bounded(&self, model: Digest) -> Digest {
        let Bounds { shift, steps, rest } = self.bounds;
        let steps = (steps as u32) << 16 | rest as u32;
        model
            .and(shift.to_bits())
            .and(steps)
            .and(self.period as u32)
    }

    /// Of both factors 16 bits: it fits.
    fn most(&self) -> u32 {
        u32::from(self.bounds.steps).saturating_mul(self.period.into())
    }
}
