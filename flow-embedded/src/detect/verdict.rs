//! What a detector answers.

use core::fmt;

/// What a [`Detector`](super::Detector) says about one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Verdict {
    /// Log-likelihood in nats, in the units of the raw data; −∞ if the sample
    /// lies so far out that `f32` overflows.
    pub log_prob: f32,
    /// Conformal p-value, in (0, 1].
    pub p_value: f32,
    /// Whether `p_value` is at most the model's alpha.
    pub alarm: bool,
}

/// Why a [`Detector`](super::Detector) gave no verdict. Its state is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ObserveError {
    /// A channel of the sample is NaN or infinite.
    NonFinite {
        /// The channel, from 0.
        channel: usize,
    },
    /// A channel of the context is NaN or infinite.
    NonFiniteContext {
        /// The channel, from 0.
        channel: usize,
    },
}

impl fmt::Display for ObserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NonFinite { channel } => write!(f, "channel {channel} is not finite"),
            Self::NonFiniteContext { channel } => {
                write!(f, "context channel {channel} is not finite")
            }
        }
    }
}

impl core::error::Error for ObserveError {}

/// Looks for a channel that is not finite.
pub(super) fn finite(sample: &[f32], context: &[f32]) -> Result<(), ObserveError> {
    let non_finite = |x: &f32| !x.is_finite();
    if let Some(channel) = sample.iter().position(non_finite) {
        return Err(ObserveError::NonFinite { channel });
    }
    if let Some(channel) = context.iter().position(non_finite) {
        return Err(ObserveError::NonFiniteContext { channel });
    }
    Ok(())
}
