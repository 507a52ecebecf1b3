//! A detector for streams: every sample weighed with those before it.

use super::blame::blame;
use super::change::Change;
use super::conformal::Calibrated;
use super::evidence::{EvidenceTable, SequentialTest};
use super::verdict::{ObserveError, finite};
use crate::artefact::COMMON_VALUES;
use crate::density::Latents;
use crate::state::{Identified, Kind, StateError};
use crate::window::Feature;

/// A flow with a sequential test that was designed for it: `S` statistics, which
/// are the log-likelihood and the latents of `D` channels, and `N` bets on them.
/// Generated code implements it for a model with a promise over a stream.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no sequential test over a stream: run `flow calibrate model.flow normal.csv --false-alarms '1 per 1000 samples'` and generate its module again",
    label = "no model with a promise over a stream",
    note = "`flow codegen --functions sample` leaves the test out"
)]
pub trait Sequential<const D: usize, const S: usize, const N: usize> {
    /// Thresholds, scores and bets.
    const EVIDENCE: EvidenceTable<'static>;

    /// Values of each channel that are common in the training data, for
    /// [`blame`].
    const COMMON: &'static [[f32; COMMON_VALUES]; D];

    /// The promise: false alarms are at least so many samples apart, in the mean.
    const RUN_LENGTH: f32;

    /// What the first context channels are computed from, for [`blame`].
    const PAST: &'static [Feature] = &[];
}

impl<F, const D: usize, const S: usize, const N: usize> Sequential<D, S, N> for &F
where
    F: Sequential<D, S, N>,
{
    const EVIDENCE: EvidenceTable<'static> = F::EVIDENCE;
    const COMMON: &'static [[f32; COMMON_VALUES]; D] = F::COMMON;
    const RUN_LENGTH: f32 = F::RUN_LENGTH;
    const PAST: &'static [Feature] = F::PAST;
}

/// What a [`StreamDetector`] says about one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StreamVerdict {
    /// Log-likelihood in nats, in the units of the raw data; −∞ if the sample
    /// lies so far out that `f32` overflows.
    pub log_prob: f32,
    /// Conformal p-value of this sample alone, in (0, 1].
    pub p_value: f32,
    /// Whether the evidence suffices, this sample's included.
    pub alarm: bool,
    /// The evidence that something has changed: 1 or more is an alarm.
    pub evidence: f32,
    /// What the evidence rests on most: 0 is the log-likelihood, `1 + i` latent
    /// `i`. `None` without evidence.
    pub statistic: Option<usize>,
    /// With an alarm, whether the change was sudden or slow.
    pub change: Option<Change>,
    /// With an alarm, the channel without which this sample would be the likeliest.
    pub channel: Option<usize>,
}

/// Watches a stream of samples with a flow and its sequential test: small
/// deviations that last give an alarm, and large ones at once.
///
/// The promise is about the alarms of a stream whose samples are independent,
/// given their context, and distributed as the calibration rows; what it says is
/// in [`evidence`](super::evidence). After an alarm the evidence starts again.
///
/// Each sample takes one evaluation of the flow and a time that the table
/// decides; an alarm takes `5 · D + 1` evaluations more, to find the channel to
/// blame, or `10 · D + 1` where the flow is conditioned on the past. The state is `S + 2 N + 8` bytes.
///
/// A sensor that hangs, or falls silent, repeats its statistics, and bets on
/// repeats find it. A sample that is not finite, or that is missing, is not part
/// of the stream: the state stays as it is.
#[derive(Clone, Debug)]
pub struct StreamDetector<F, const S: usize, const N: usize> {
    flow: F,
    test: SequentialTest<S, N>,
    observed: u32,
    alarms: u32,
}

impl<F, const S: usize, const N: usize> StreamDetector<F, S, N> {
    /// Bytes of a [saved](Self::save) state.
    pub const BYTES: usize = SequentialTest::<S, N>::BYTES;

    /// A detector that has seen nothing yet.
    pub const fn new<const D: usize>(flow: F) -> Self
    where
        F: Sequential<D, S, N>,
    {
        Self::with(flow, SequentialTest::new())
    }

    const fn with(flow: F, test: SequentialTest<S, N>) -> Self {
        Self {
            flow,
            test,
            observed: 0,
            alarms: 0,
        }
    }

    /// A detector that goes on where another one was [saved](Self::save); its
    /// counts start at zero.
    ///
    /// # Errors
    /// The bytes are no state of a detector of this model: see [`StateError`].
    pub fn restore<const D: usize>(flow: F, state: &[u8]) -> Result<Self, StateError>
    where
        F: Sequential<D, S, N> + Identified,
    {
        let test = SequentialTest::open(Kind::Stream, flow.digest(), &F::EVIDENCE, state)?;
        Ok(Self::with(flow, test))
    }

    /// Writes the evidence, for a reboot, to the first [`BYTES`](Self::BYTES) bytes of
    /// `buffer`, in the frame of [`state`](crate::state), and gives them.
    ///
    /// # Errors
    /// `buffer` is too short.
    pub fn save<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError>
    where
        F: Identified,
    {
        self.test.seal(Kind::Stream, self.flow.digest(), buffer)
    }

    /// Weighs one sample, in the units of the raw data, given its context.
    ///
    /// # Errors
    /// A channel is NaN or infinite; the sample is not counted.
    pub fn observe<const D: usize, const C: usize>(
        &mut self,
        sample: &[f32; D],
        context: &[f32; C],
    ) -> Result<StreamVerdict, ObserveError>
    where
        F: Latents<D, C> + Calibrated + Sequential<D, S, N>,
    {
        finite(sample, context)?;
        let mut latents = [0.0; D];
        let log_prob = self
            .flow
            .log_prob_and_latents(sample, context, &mut latents);
        let mut statistics = [f32::NAN; S];
        let own = core::iter::once(log_prob).chain(latents);
        statistics.iter_mut().zip(own).for_each(|(s, own)| *s = own);
        let evidence = self.test.observe(&F::EVIDENCE, &statistics);
        self.observed = self.observed.saturating_add(1);
        self.alarms = self.alarms.saturating_add(u32::from(evidence.alarm));
        Ok(StreamVerdict {
            log_prob,
            p_value: self.flow.p_value_given(log_prob, context),
            alarm: evidence.alarm,
            evidence: evidence.level(),
            statistic: evidence.statistic(),
            change: evidence
                .alarm
                .then(|| Change::of(&evidence, &F::EVIDENCE, F::RUN_LENGTH)),
            channel: evidence
                .alarm
                .then(|| blame(&self.flow, sample, context, F::COMMON, F::PAST).channel),
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
        self.test.reset();
        self.observed = 0;
        self.alarms = 0;
    }
}
