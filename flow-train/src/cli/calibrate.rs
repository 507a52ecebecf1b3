//! `flow calibrate`: a new threshold for an old model.

use super::model_file::{self, ModelFile};
use super::options::{self, RecordingOptions, TableOptions};
use super::output::Output;
use super::ui::{Ui, decimal};
use crate::Error;
use crate::calibrate::{Calibration, CalibrationTable, Independence, MIN_ROWS, Statistic};
use crate::data::{ColumnRequest, Table, load_columns};
use crate::evaluate::Scorer;
use crate::export::{Draft, DraftCalibration};
use flow_embedded::artefact::LoadedFlow;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Calibrate a model anew on normal rows
///
/// Replaces the model's calibration table and leaves its weights as they are: for a new unit of the
/// sensor, after a change, or for another false-alarm rate. The rows must be normal, must not have
/// been used to train the model, and should be as varied as the use: the promise P(alarm) ≤ alpha
/// holds for rows that are exchangeable with these. Rows of one recording that follow each other
/// quickly are not independent: the log-likelihood and the latent coordinates are tested for that,
/// and for a change from the first half to the second, and a sentence says whether the promise
/// stands. At least 1/alpha − 1 rows are needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow calibrate model.flow normal.csv --alpha 0.001 -o strict.flow
  flow calibrate model.flow recordings.csv --only activity=standing,walking")]
pub(super) struct Args {
    /// The model
    model: PathBuf,
    /// Normal rows that the model was not trained on: CSV or Parquet
    data: PathBuf,
    /// The false-alarm rate to promise [default: the model's]
    #[arg(long, value_name = "RATE", value_parser = options::alpha)]
    alpha: Option<f64>,
    /// The model to write [default: the model itself is replaced]
    #[arg(short, long, value_name = "FLOW")]
    output: Option<PathBuf>,
    #[command(flatten)]
    recordings: RecordingOptions,
    #[command(flatten)]
    table: TableOptions,
}

/// Promised when neither the command line nor the model says otherwise.
const DEFAULT_ALPHA: f64 = 0.01;

#[derive(Debug, Serialize)]
struct Report<'a> {
    alpha: f64,
    rows: u32,
    /// What is said of the assumptions of the promise.
    #[serde(flatten)]
    assumptions: Option<Assumptions>,
    threshold: Option<f32>,
    entries: usize,
    output: &'a Path,
}

/// Whether the rows bear out that they are independent and from one distribution.
#[derive(Debug, Serialize)]
struct Assumptions {
    promise_stands: bool,
    /// Independent rows that the rows are worth.
    effective_rows: f64,
    verdict: String,
}

impl Assumptions {
    /// Tests log-likelihoods and latents of rows in the order of their recording; `None` for too
    /// few.
    fn test(flow: &LoadedFlow<'_>, log_probs: &[f32], latents: &[f32]) -> Option<Self> {
        if (log_probs.len() as f64) < MIN_ROWS {
            return None;
        }
        let channels = &flow.header().event;
        let columns: Vec<Vec<f32>> = (0..channels.len())
            .map(|channel| {
                let own = latents.iter().skip(channel);
                own.step_by(channels.len()).copied().collect()
            })
            .collect();
        let mut calibrations = vec![Calibration {
            statistic: Statistic::LogProb,
            values: log_probs,
        }];
        calibrations.extend(columns.iter().map(|values| Calibration {
            statistic: Statistic::Latent,
            values,
        }));
        let found = Independence::test(&calibrations);
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

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let path = args.output.as_ref().unwrap_or(&args.model);
    Output::check(path)?;
    let file = Table::open(&args.data, args.table.format()).map_err(Error::data(&args.data))?;
    let others = ColumnRequest {
        group: args.recordings.group.clone(),
        filter: args.table.only.clone(),
        ..ColumnRequest::default()
    };
    let columns = model_file::columns(&file, flow.header(), others)?;
    let recording = load_columns(&file, &columns).map_err(Error::data(&args.data))?;
    ui.read(&file, &recording.report);

    let alpha = args
        .alpha
        .or(flow.calibration().map(|table| decimal(table.alpha())));
    let alpha = alpha.unwrap_or(DEFAULT_ALPHA);
    let scorer = Scorer::new(&flow)?;
    let log_probs = scorer
        .log_probs(&recording.data)
        .map_err(|fault| Error::Usage(fault.to_string()))?;
    let table = CalibrationTable::new(&log_probs, alpha).map_err(|fault| Error::Calibration {
        path: args.data.clone(),
        fault,
    })?;
    let latents = scorer.latents_of(recording.data.events(), recording.data.contexts());
    Output::write_all_to(path, &recalibrated(&flow, &table).encode()?)?;

    let report = Report {
        alpha,
        rows: table.rows(),
        assumptions: Assumptions::test(&flow, &log_probs, &latents),
        threshold: table.threshold(),
        entries: table.entries().len(),
        output: path,
    };
    let threshold = report
        .threshold
        .map_or("none".to_owned(), |score| format!("{score:.4} nats"));
    let mut lines = vec![
        ("false alarms promised", format!("{} %", 100.0 * alpha)),
        ("calibration rows", table.rows().to_string()),
    ];
    if let Some(own) = &report.assumptions {
        lines.push(("assumptions", own.verdict.clone()));
    }
    lines.extend([
        ("alarm below", threshold),
        ("written", path.display().to_string()),
    ]);
    ui.result(&report, &lines)
}

/// The same model with another calibration.
fn recalibrated(flow: &LoadedFlow<'_>, table: &CalibrationTable) -> Draft {
    Draft {
        calibration: Some(DraftCalibration::from(table)),
        ..Draft::from_loaded(flow)
    }
}
