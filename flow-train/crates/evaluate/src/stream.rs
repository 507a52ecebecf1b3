//! A model's sequential test on the desk, with the bits of the chip.

use super::Scorer;
use flow_embedded::artefact::{COMMON_VALUES, LoadedFlow, MAX_CHANNELS};
use flow_embedded::detect::evidence::{Bet, EvidenceTable, SequentialTest};
use flow_embedded::detect::{Change, StreamVerdict, blame_by, replace_past};
use flow_embedded::window::Feature;

/// The bets that there is room for: several times as many as a design has.
const MAX_BETS: usize = 4096;

/// What [`StreamDetector`](flow_embedded::StreamDetector) says of the rows of a stream, in their
/// order: the same evidence, alarms and blame, bit for bit.
pub struct Stream<'s, 'f, 'a> {
    scorer: &'s Scorer<'f, 'a>,
    edges: usize,
    thresholds: Vec<f32>,
    scores: Vec<i8>,
    bets: Vec<Bet>,
    common: Vec<f32>,
    test: SequentialTest<{ 1 + MAX_CHANNELS }, MAX_BETS>,
}

/// Why a model can't watch a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// It has no sequential test.
    #[error(
        "the model makes no promise over a stream; design its test on normal rows first: flow calibrate \
         MODEL NORMAL.csv --false-alarms '1 per day' --rate 10Hz"
    )]
    NoTest,
    /// Its test is larger than any that is designed here.
    #[error("the model's test has {found} bets, and at most {MAX_BETS} can be run here")]
    TooManyBets {
        /// Its bets.
        found: usize,
    },
}

impl<'s, 'f, 'a> Stream<'s, 'f, 'a> {
    /// A stream that nothing was seen of, for the scorer's model.
    ///
    /// # Errors
    /// The model has no sequential test, or one that is too large.
    pub fn new(scorer: &'s Scorer<'f, 'a>) -> Result<Self, StreamError> {
        let flow: &LoadedFlow<'a> = scorer.flow();
        let (Some(own), Some(_)) = (flow.header().sequential, flow.calibration()) else {
            return Err(StreamError::NoTest);
        };
        let bets: Vec<Bet> = own.bets().collect();
        if bets.len() > MAX_BETS {
            return Err(StreamError::TooManyBets { found: bets.len() });
        }
        Ok(Self {
            scorer,
            edges: usize::from(own.edges),
            thresholds: flow.test_thresholds().collect(),
            scores: own.scores().collect(),
            bets,
            common: flow.common_values().collect(),
            test: SequentialTest::new(),
        })
    }

    /// Weighs one row, given its context, that the scorer has found a log-likelihood and latents for.
    ///
    /// # Panics
    /// If the slices are not as long as the model's events, contexts and events.
    pub fn observe(
        &mut self,
        event: &[f32],
        context: &[f32],
        log_prob: f32,
        latents: &[f32],
    ) -> StreamVerdict {
        let mut statistics = [f32::NAN; 1 + MAX_CHANNELS];
        statistics[0] = log_prob;
        statistics[1..=event.len()].copy_from_slice(latents);
        let table = EvidenceTable::new(self.edges, &self.thresholds, &self.scores, &self.bets);
        let evidence = self.test.observe(&table, &statistics);
        let flow = self.scorer.flow();
        let calibration = flow.calibration_given(context);
        let run_length = flow.header().sequential.map_or(0.0, |own| own.run_length);
        let change = || Change::of(&evidence, &table, run_length);
        StreamVerdict {
            log_prob,
            p_value: calibration.map_or(1.0, |table| table.p_value(log_prob)),
            alarm: evidence.alarm,
            evidence: evidence.level(),
            statistic: evidence.statistic(),
            change: evidence.alarm.then(change),
            channel: evidence.alarm.then(|| self.blame(event, context, log_prob)),
        }
    }

    /// Forgets all rows: another recording begins.
    pub fn reset(&mut self) {
        self.test.reset();
    }

    /// The channel without which a row would be the likeliest, as [`blame`](flow_embedded::detect::blame)
    /// finds it.
    ///
    /// # Panics
    /// If the slices are not as long as the model's events and contexts.
    pub fn blame(&self, event: &[f32], context: &[f32], log_prob: f32) -> usize {
        let past: Vec<Feature> = self.scorer.flow().header().features.iter().collect();
        let replaced = |channel: usize, value: f32| {
            let mut other = event.to_vec();
            other[channel] = value;
            let alone = self.scorer.log_probs_of(&other, context)[0];
            let mut own = context.to_vec();
            match replace_past(&mut own, &past, channel, value) {
                true => alone.max(self.scorer.log_probs_of(&other, &own)[0]),
                false => alone,
            }
        };
        let common = self.common.chunks_exact(COMMON_VALUES);
        blame_by(log_prob, replaced, common, &mut vec![0.0; event.len()])
    }
}
