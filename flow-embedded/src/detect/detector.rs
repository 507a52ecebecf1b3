//! One sample in, one verdict out.

use super::verdict::finite;
use super::{Calibrated, ObserveError, Verdict};
use crate::density::Density;

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
        finite(sample, context)?;
        let log_prob = self.flow.log_prob(sample, context);
        let p_value = self.flow.p_value_given(log_prob, context);
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
