//! The promise over a stream: whether the rows bear it out, and the test that keeps it.

use crate::Error;
use crate::calibrate::{
    Calibration, FalseAlarms, Independence, MIN_ROWS, SequentialDesign, Statistic,
};
use crate::cli::options;
use crate::cli::ui::decimal;
use crate::data::{Dataset, SampleRate};
use crate::export::DraftSequential;
use flow_embedded::artefact::LoadedFlow;
use serde::Serialize;
use std::path::Path;

/// What is promised over a stream.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Stream")]
pub(super) struct StreamOptions {
    /// False alarms to promise over a stream, e.g. "1 per day", "2 per 8 hours", "1 per 1000 samples":
    /// a sequential test is designed, which flow_embedded::StreamDetector runs [default: as the
    /// model has it]
    #[arg(long, value_name = "PROMISE")]
    false_alarms: Option<FalseAlarms>,
    /// Drop the model's promise over a stream
    #[arg(long, conflicts_with = "false_alarms")]
    no_stream: bool,
    /// Samples each second, 10Hz, or the time between them, 100ms: what a promise about time needs
    #[arg(long, value_name = "RATE", requires = "false_alarms")]
    rate: Option<SampleRate>,
    /// The probability, over calibrations, that the promise over a stream is not kept [default: as the
    /// model has it, or 0.05]
    #[arg(long, value_name = "PROBABILITY", value_parser = options::alpha)]
    delta: Option<f64>,
}

/// The default of --delta for a model without one.
const DEFAULT_DELTA: f64 = 0.05;

/// Statistics of the calibration rows, in the order of their recording.
pub(super) struct Statistics<'r> {
    log_probs: &'r [f32],
    /// Of each latent.
    latents: Vec<Vec<f32>>,
}

impl<'r> Statistics<'r> {
    /// `latents` are row-major.
    pub(super) fn new(log_probs: &'r [f32], latents: &[f32]) -> Self {
        let channels = latents.len() / log_probs.len().max(1);
        let column = |channel: usize| {
            let own = latents.iter().skip(channel);
            own.step_by(channels).copied().collect()
        };
        Self {
            log_probs,
            latents: (0..channels).map(column).collect(),
        }
    }

    fn calibrations(&self) -> Vec<Calibration<'_>> {
        let log_prob = Calibration {
            statistic: Statistic::LogProb,
            values: self.log_probs,
        };
        let latents = self.latents.iter().map(|values| Calibration {
            statistic: Statistic::Latent,
            values,
        });
        std::iter::once(log_prob).chain(latents).collect()
    }
}

/// Whether the rows bear out that they are independent and from one distribution.
#[derive(Debug, Serialize)]
pub(super) struct Assumptions {
    promise_stands: bool,
    /// Independent rows that the rows are worth.
    effective_rows: f64,
    pub(super) verdict: String,
}

impl Assumptions {
    /// Tests the rows; `None` if they are too few to say.
    pub(super) fn test(statistics: &Statistics<'_>) -> Option<Self> {
        if (statistics.log_probs.len() as f64) < MIN_ROWS {
            return None;
        }
        let found = Independence::test(&statistics.calibrations());
        // A permutation or a linear map gives latents no channel's name.
        let verdict = found.sentence(|statistic| match statistic {
            0 => "the log-likelihood".to_owned(),
            latent => format!("latent coordinate {}", latent - 1),
        });
        Some(Self {
            promise_stands: found.promise_stands(),
            effective_rows: found.effective,
            verdict,
        })
    }
}

impl StreamOptions {
    /// Designs the test that is asked for, or the model's own anew; `None` if there is neither.
    pub(super) fn design(
        &self,
        path: &Path,
        flow: &LoadedFlow<'_>,
        data: &Dataset,
        statistics: &Statistics<'_>,
        assumptions: Option<&Assumptions>,
    ) -> Result<Option<DraftSequential>, Error> {
        if self.no_stream {
            return Ok(None);
        }
        let (run_length, promise) = match (&self.false_alarms, flow.header().sequential) {
            (Some(promise), _) => {
                let run_length = promise.run_length(self.rate);
                let run_length = run_length.map_err(|fault| Error::Usage(fault.to_string()))?;
                (run_length, promise.to_string())
            }
            (None, Some(own)) => (f64::from(own.run_length), own.promise.to_owned()),
            (None, None) => return Ok(None),
        };
        let own = flow.header().sequential.map(|own| decimal(own.delta));
        let delta = self.delta.or(own).unwrap_or(DEFAULT_DELTA);
        let calibrations = statistics.calibrations();
        let effective = assumptions.map_or(0.0, |own| own.effective_rows);
        let design = SequentialDesign::new(&calibrations, effective, run_length, delta);
        let design = design.map_err(|fault| Error::Design {
            path: path.to_owned(),
            fault,
        })?;
        Ok(Some(DraftSequential::new(
            &design,
            &promise,
            data.events(),
            data.event_dim(),
        )))
    }
}
