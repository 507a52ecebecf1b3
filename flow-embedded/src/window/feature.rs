use serde::{Deserialize, Serialize};

/// The most samples that a feature reaches back, moving averages apart.
pub const MAX_STEPS: u16 = 1024;

/// The most that [`Feature::Average`] halves its weight.
pub const MAX_SHIFT: u8 = 16;

/// A number computed from the past of one event channel `x`, where `x[t]` is the
/// sample to be scored: in the channel's unit, of the raw data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Feature {
    /// `x[t − steps]`.
    Lag {
        /// The event channel, from 0.
        channel: u8,
        /// 1 ..= [`MAX_STEPS`].
        steps: u16,
    },
    /// `x[t − 1] − x[t − 1 − steps]`.
    Difference {
        /// The event channel, from 0.
        channel: u8,
        /// 1 .. [`MAX_STEPS`].
        steps: u16,
    },
    /// The mean of the last `steps` samples before `x[t]`.
    ///
    /// Computed anew from the samples each time, as their distance to the newest
    /// one: rounding does not add up over a long run, and a channel with a large
    /// offset keeps its digits.
    Mean {
        /// The event channel, from 0.
        channel: u8,
        /// 1 ..= [`MAX_STEPS`].
        steps: u16,
    },
    /// Their standard deviation, by `steps` and not by `steps − 1`; computed as
    /// the mean is.
    Deviation {
        /// The event channel, from 0.
        channel: u8,
        /// 2 ..= [`MAX_STEPS`].
        steps: u16,
    },
    /// The exponential moving average of all samples before `x[t]`, in which the
    /// newest one has the weight `2^−shift`: `y ← y + 2^−shift · (x − y)`. It
    /// reaches back about `2^shift` samples in the memory of one.
    ///
    /// It begins as the mean of the samples so far, and is ready once there are
    /// `2^shift` of them. What rounding leaves over is kept and added next time
    /// (Kahan 1965), so that a slow average does not get stuck.
    Average {
        /// The event channel, from 0.
        channel: u8,
        /// 1 ..= [`MAX_SHIFT`].
        shift: u8,
    },
}

impl Feature {
    /// The event channel that it is computed from.
    pub const fn channel(self) -> u8 {
        match self {
            Self::Lag { channel, .. }
            | Self::Difference { channel, .. }
            | Self::Mean { channel, .. }
            | Self::Deviation { channel, .. }
            | Self::Average { channel, .. } => channel,
        }
    }

    /// The samples that it needs at hand: 0 for a moving average.
    pub const fn depth(self) -> usize {
        match self {
            Self::Lag { steps, .. } | Self::Mean { steps, .. } | Self::Deviation { steps, .. } => {
                steps as usize
            }
            Self::Difference { steps, .. } => steps as usize + 1,
            Self::Average { .. } => 0,
        }
    }

    /// The samples in a row after which it is ready, from a start without a past.
    pub const fn warm_up(self) -> usize {
        match self {
            Self::Average { shift, .. } => average_length(shift) as usize,
            _ => self.depth(),
        }
    }

    /// Whether it is a feature of so many event channels, within its limits.
    pub const fn is_valid(self, channels: usize) -> bool {
        let (least, most) = match self {
            Self::Deviation { .. } => (2, MAX_STEPS as usize),
            Self::Difference { .. } => (2, MAX_STEPS as usize),
            Self::Average { shift, .. } => {
                return (self.channel() as usize) < channels && shift >= 1 && shift <= MAX_SHIFT;
            }
            _ => (1, MAX_STEPS as usize),
        };
        (self.channel() as usize) < channels && self.depth() >= least && self.depth() <= most
    }
}

/// `2^shift`, the samples that a moving average rests on.
pub(super) const fn average_length(shift: u8) -> u32 {
    let shift = if shift < MAX_SHIFT { shift } else { MAX_SHIFT };
    1 << shift
}
