//! Anomaly detection: a sample in, a verdict with a promise out.
//!
//! The nonconformity of a sample is its negative log-likelihood, and its
//! p-value is split-conformal (Vovk, Gammerman & Shafer 2005): one plus the
//! calibration rows that were at most as likely, over one plus all calibration
//! rows. If the sample and the calibration rows are exchangeable, then
//! `P(p ≤ alpha) ≤ alpha`, whatever the model is worth: that is the
//! false-alarm promise. The table on the chip is a thinned one; it rounds
//! p-values up only, so the promise stands.
//!
//! The promise speaks of each sample on its own and over calibrations. It does
//! **not** hold where samples are not exchangeable with the calibration rows:
//! within an autocorrelated stream alarms come in clusters, and a sensor that
//! drifts leaves the calibration behind. Calibrate on recordings that are as
//! long and as varied as the use, keep whole recordings apart from training,
//! and recalibrate after a change.

use crate::density::Density;
use core::fmt;

/// A density with a calibrated decision.
pub trait Calibrated {
    /// Alarm when the p-value is at most this: the false-alarm rate promised.
    fn alpha(&self) -> f32;

    /// The conformal p-value of a log-likelihood, in (0, 1]; never smaller
    /// than the exact one. NaN counts as −∞, the least likely value.
    fn p_value(&self, log_prob: f32) -> f32;
}

/// What a [`Detector`] says about one sample.
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

/// Why a [`Detector`] gave no verdict. Its state is unchanged.
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

/// Watches a stream of samples with a calibrated flow.
///
/// # Examples
/// A generated model implements both traits that the detector needs; here a
/// hand-written density stands in for it.
/// ```
/// use flow_embedded::{Calibrated, Density, Detector, ObserveError};
///
/// struct Normal;
///
/// impl Density<1> for Normal {
///     fn log_prob(&self, [x]: &[f32; 1], _: &[f32; 0]) -> f32 {
///         -0.918_938_5 - 0.5 * x * x
///     }
/// }
///
/// impl Calibrated for Normal {
///     fn alpha(&self) -> f32 {
///         0.01
///     }
///     fn p_value(&self, log_prob: f32) -> f32 {
///         flow_embedded::detect::p_value(&[(-4.3, 0.01), (-2.8, 0.05)], log_prob)
///     }
/// }
///
/// let mut detector = Detector::new(Normal);
/// assert!(!detector.observe(&[0.3], &[])?.alarm);
/// assert!(detector.observe(&[5.0], &[])?.alarm);
/// let missing = detector.observe(&[f32::NAN], &[]);
/// assert_eq!(missing, Err(ObserveError::NonFinite { channel: 0 }));
/// assert_eq!((detector.observed(), detector.alarms()), (2, 1));
/// # Ok::<(), ObserveError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Detector<F> {
    flow: F,
    observed: u32,
    alarms: u32,
}

impl<F> Detector<F> {
    /// A detector that has seen nothing yet.
    pub const fn new(flow: F) -> Self {
        Self {
            flow,
            observed: 0,
            alarms: 0,
        }
    }

    /// Scores one sample, in the units of the raw data, given its context.
    ///
    /// # Errors
    /// A channel is NaN or infinite; the sample is not counted.
    pub fn observe<const D: usize, const C: usize>(
        &mut self,
        sample: &[f32; D],
        context: &[f32; C],
    ) -> Result<Verdict, ObserveError>
    where
        F: Density<D, C> + Calibrated,
    {
        let non_finite = |x: &f32| !x.is_finite();
        if let Some(channel) = sample.iter().position(non_finite) {
            return Err(ObserveError::NonFinite { channel });
        }
        if let Some(channel) = context.iter().position(non_finite) {
            return Err(ObserveError::NonFiniteContext { channel });
        }
        let log_prob = self.flow.log_prob(sample, context);
        let p_value = self.flow.p_value(log_prob);
        let alarm = p_value <= self.flow.alpha();
        self.observed = self.observed.saturating_add(1);
        self.alarms = self.alarms.saturating_add(u32::from(alarm));
        Ok(Verdict {
            log_prob,
            p_value,
            alarm,
        })
    }

    /// The samples that got a verdict since the start or the last reset;
    /// stays at the largest number that fits.
    pub const fn observed(&self) -> u32 {
        self.observed
    }

    /// The alarms among them.
    pub const fn alarms(&self) -> u32 {
        self.alarms
    }

    /// Forgets all samples.
    pub const fn reset(&mut self) {
        self.observed = 0;
        self.alarms = 0;
    }
}

/// Looks a log-likelihood up in a calibration table of pairs
/// `(log_prob, p_value)` that ascends in both: the p-value of the first entry
/// that is more likely, or 1 past the last. Generated code calls this.
pub fn p_value(table: &[(f32, f32)], log_prob: f32) -> f32 {
    lookup(table, |entry| *entry, log_prob)
}

pub(crate) fn lookup<E>(table: &[E], decode: impl Fn(&E) -> (f32, f32), log_prob: f32) -> f32 {
    let log_prob = if log_prob.is_nan() {
        f32::NEG_INFINITY
    } else {
        log_prob
    };
    let first_above = table.partition_point(|entry| decode(entry).0 <= log_prob);
    table.get(first_above).map_or(1.0, |entry| decode(entry).1)
}
