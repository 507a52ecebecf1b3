//! The promise over a stream: the test that keeps it.

use crate::Error;
use crate::options;
use crate::ui::decimal;
use flow_artefact::DraftSequential;
use flow_calibrate::{FalseAlarms, SequentialDesign, Standing, Statistics};
use flow_data::{Dataset, SampleRate};
use flow_embedded::artefact::LoadedFlow;
use std::path::Path;

/// What is promised over a stream.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Stream")]
pub(super) struct StreamOptions {
    /// False alarms to promise over a stream, e.g. "1 per day", "2 per 8 hours", "1 per 1000 samples",
    /// or the probability of any, "1 % in 8 hours": a sequential test is designed, which
    /// flow_embedded::StreamDetector runs [default: as the model has it]
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

impl StreamOptions {
    /// Whether a promise over a stream is asked for.
    pub(super) fn is_asked_for(&self) -> bool {
        self.false_alarms.is_some()
    }

    /// Designs the test that is asked for, or the model's own anew; `None` if there is neither.
    pub(super) fn design(
        &self,
        path: &Path,
        flow: &LoadedFlow<'_>,
        data: &Dataset,
        statistics: &Statistics<'_>,
        standing: &Standing,
    ) -> Result<Option<DraftSequential>, Error> {
        if self.no_stream {
            return Ok(None);
        }
        let (run_length, promise) = match (&self.false_alarms, flow.header().sequential) {
            (Some(promise), _) => {
                let run_length = promise.run_length(self.rate.map(SampleRate::hertz));
                let run_length = run_length.map_err(|fault| Error::Usage(fault.to_string()))?;
                (run_length, promise.to_string())
            }
            (None, Some(own)) => (f64::from(own.run_length), own.promise.to_owned()),
            (None, None) => return Ok(None),
        };
        let own = flow.header().sequential.map(|own| decimal(own.delta));
        let delta = self.delta.or(own).unwrap_or(DEFAULT_DELTA);
        let design = SequentialDesign::of_examined(statistics, standing, run_length, delta);
        let design = design.map_err(|fault| Error::Design {
            path: path.to_owned(),
            fault,
        })?;
        let draft = design.draft(&promise, data.events(), data.event_dim());
        Ok(Some(draft))
    }
}
