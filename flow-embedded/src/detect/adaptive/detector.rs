//! One sample in, one verdict out, by a calibration that follows.

use super::{Bounds, Recalibrator};
use crate::density::Density;
use crate::detect::verdict::finite;
use crate::detect::{Calibrated, ObserveError, Verdict};
use crate::state::{Identified, Kind, StateError};

/// A [`Detector`](crate::Detector) that recalibrates itself, slowly and within bounds: see
/// [the module](super).
///
/// # Examples
/// ```
/// use flow_embedded::detect::adaptive::{AdaptiveDetector, Bounds};
/// use flow_embedded::{Calibrated, Density, ObserveError};
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
/// // Three nats at most; a thousand anomalies in a row raise by ten steps of 0.003 at most.
/// let bounds = Bounds { shift: 3.0, steps: 1_000, rest: 100 };
/// let mut detector = AdaptiveDetector::new(Normal, bounds);
/// for _ in 0..1_000 {
///     assert!(detector.observe(&[5.0], &[])?.alarm);
/// }
/// assert!(detector.raised() > 0.0 && detector.raised() < 0.03);
/// # Ok::<(), ObserveError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AdaptiveDetector<F> {
    flow: F,
    recalibrator: Recalibrator,
    observed: u32,
    alarms: u32,
}

impl<F: Calibrated> AdaptiveDetector<F> {
    /// A detector with the shipped calibration that has seen nothing yet.
    pub fn new(flow: F, bounds: Bounds) -> Self {
        let recalibrator = Recalibrator::new(bounds, flow.alpha());
        Self::with(flow, recalibrator)
    }

    /// A detector that goes on where another one was [saved](Self::save); its counts start at zero.
    ///
    /// # Errors
    /// The bytes are no state of a detector of this model with these bounds: see [`StateError`].
    pub fn restore(flow: F, bounds: Bounds, state: &[u8]) -> Result<Self, StateError>
    where
        F: Identified,
    {
        let (digest, alpha) = (flow.digest(), flow.alpha());
        let recalibrator = Recalibrator::open(Kind::Adaptive, digest, bounds, alpha, state)?;
        Ok(Self::with(flow, recalibrator))
    }

    const fn with(flow: F, recalibrator: Recalibrator) -> Self {
        Self {
            flow,
            recalibrator,
            observed: 0,
            alarms: 0,
        }
    }

    /// Scores one sample, in the units of the raw data, given its context. The verdict's
    /// log-likelihood is the flow's, its p-value and alarm those of the raised one.
    ///
    /// # Errors
    /// A channel is NaN or infinite; the sample is not counted.
    pub fn observe<const D: usize, const C: usize>(
        &mut self,
        sample: &[f32; D],
        context: &[f32; C],
    ) -> Result<Verdict, ObserveError>
    where
        F: Density<D, C>,
    {
        finite(sample, context)?;
        let log_prob = self.flow.log_prob(sample, context);
        let raised = log_prob + self.recalibrator.raised();
        let p_value = self.flow.p_value_given(raised, context);
        let alarm = p_value <= self.flow.alpha();
        self.recalibrator.count(alarm);
        self.observed = self.observed.saturating_add(1);
        self.alarms = self.alarms.saturating_add(u32::from(alarm));
        Ok(Verdict {
            log_prob,
            p_value,
            alarm,
        })
    }
}

impl<F> AdaptiveDetector<F> {
    /// Bytes of a [saved](Self::save) state.
    pub const BYTES: usize = Recalibrator::BYTES;

    /// Writes how far log-likelihoods are raised, for a reboot, to the first [`BYTES`](Self::BYTES)
    /// bytes of `buffer`, in the frame of [`state`](crate::state), and gives them.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn save<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError>
    where
        F: Identified,
    {
        self.recalibrator
            .seal(Kind::Adaptive, self.flow.digest(), buffer)
    }

    /// Nats that log-likelihoods are raised by at present: from 0, the shipped calibration, to the
    /// bounds' `shift`.
    pub fn raised(&self) -> f32 {
        self.recalibrator.raised()
    }

    /// Whether the bound is reached, so that the rate of alarms may be above the promise: the sensor
    /// has left what it was calibrated for.
    pub fn is_exhausted(&self) -> bool {
        self.recalibrator.is_exhausted()
    }

    /// The samples that got a verdict since the start or the last reset; stays at the largest number
    /// that fits.
    pub const fn observed(&self) -> u32 {
        self.observed
    }

    /// The alarms among them.
    pub const fn alarms(&self) -> u32 {
        self.alarms
    }

    /// Forgets all samples: back to the shipped calibration.
    pub const fn reset(&mut self) {
        self.recalibrator.reset();
        self.observed = 0;
        self.alarms = 0;
    }
}
