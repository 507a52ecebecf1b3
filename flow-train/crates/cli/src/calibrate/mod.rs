//! `flow calibrate`: a new threshold for an old model, and a promise over a stream.

mod context;
mod each;
mod lines;
mod stream;

use super::context_report::ContextReport;
use super::files::{self, Given, Target};
use super::model_file::{self, ModelFile};
use super::options::{self, RecordingOptions, TableOptions};
use super::output::Output;
use super::standing_report::{StandingReport, promised};
use super::stream_report::StreamReport;
use super::ui::{Ui, decimal};
use crate::Error;
use context::ContextOptions;
use each::EachOptions;
use flow_artefact::{Draft, ExportError};
use flow_calibrate::{
    CalibrationError, CalibrationTable, MondrianTables, Standing, Statistics, check_unseen,
};
use flow_data::{ColumnRequest, load_columns};
use flow_embedded::artefact::{Judged, LoadedFlow};
use flow_evaluate::{Lines, Scorer};
use serde::Serialize;
use std::path::Path;
use stream::StreamOptions;

/// Calibrate a model anew on normal rows
///
/// Replaces the model's calibration table and leaves its weights as they are: for a new unit of the
/// sensor, after a change, or for another false-alarm rate. The rows must be normal, must not have
/// been used to train the model, and should be as varied as the use: the promise P(alarm) ≤ alpha
/// holds for rows that are exchangeable with these. Rows of one recording that follow each other
/// quickly are not independent: the log-likelihood and the latent coordinates are tested for that,
/// and for a change from the first half to the second, and a sentence says whether the promise
/// stands. At least 1/alpha − 1 rows are needed. The rows of a text are its lines.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow calibrate model.flow normal.csv --alpha 0.001 -o strict.flow
  flow calibrate model.flow normal.csv --false-alarms '1 per day' --rate 10Hz
  flow calibrate model.flow normal.csv --by mode
  flow calibrate model.flow fleet/ --each device_model -o models/ --alpha 0.0001
  flow calibrate model.flow recordings.csv --only activity=standing,walking")]
pub(super) struct Args {
    /// The model
    #[arg(value_parser = files::old_model())]
    model: Given,
    /// Normal rows that the model was not trained on: CSV or Parquet; - for standard input; with --each, a
    /// folder of Parquet files too
    data: Given,
    /// The false-alarm rate to promise [default: the model's]
    #[arg(long, value_name = "RATE", value_parser = options::alpha)]
    alpha: Option<f64>,
    /// The model to write, with --each a folder of them [default: the model itself is replaced]
    #[arg(short, long, value_name = "FLOW", value_parser = files::new_model())]
    output: Option<Target>,
    #[command(flatten)]
    recordings: RecordingOptions,
    #[command(flatten)]
    context: ContextOptions,
    #[command(flatten)]
    each: EachOptions,
    #[command(flatten)]
    stream: StreamOptions,
    #[command(flatten)]
    table: TableOptions,
}

/// Promised when neither the command line nor the model says otherwise.
const DEFAULT_ALPHA: f64 = 0.01;

#[derive(Debug, Serialize)]
struct Report<'a> {
    alpha: f64,
    rows: u32,
    #[serde(flatten)]
    standing: StandingReport,
    by_context: Option<ContextReport<'a>>,
    stream: Option<StreamReport<'a>>,
    threshold: Option<f32>,
    entries: usize,
    output: &'a Path,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    if let Some(column) = args.each.column() {
        return each::run(args, column, ui);
    }
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let target = match &args.output {
        Some(target) => target.clone(),
        None => args.model.in_place()?,
    };
    Output::check(&target)?;
    let alpha = args
        .alpha
        .or(flow.calibration().map(|table| decimal(table.alpha())));
    let alpha = alpha.unwrap_or(DEFAULT_ALPHA);
    let Calibrated {
        draft,
        table,
        standing,
        judges,
    } = calibrated(args, &flow, alpha, ui)?;
    let bytes = draft.encode()?;
    Output::write_all_to(&target, &bytes)?;

    let written = LoadedFlow::from_bytes(&bytes).map_err(ExportError::from)?;
    let report = Report {
        alpha,
        rows: table.rows(),
        standing: StandingReport::new(&standing),
        by_context: ContextReport::new(&written),
        stream: written.header().sequential.as_ref().map(StreamReport::new),
        threshold: table.threshold(),
        entries: table.entries().len(),
        output: target.path(),
    };
    let threshold = report
        .threshold
        .map_or("none".to_owned(), |score| format!("{score:.4} nats"));
    let mut lines = vec![
        ("false alarms promised", promised(alpha, &standing)),
        (judges, table.rows().to_string()),
    ];
    if let Some(own) = &report.by_context {
        lines.push(("by context", own.line()));
    }
    if let Some(own) = &report.stream {
        lines.push(("over a stream", own.line()));
    }
    lines.extend([
        ("assumptions", report.standing.verdict.clone()),
        ("alarm below", threshold),
        ("written", target.to_string()),
    ]);
    ui.result(&report, &lines)
}

/// A model with another calibration.
struct Calibrated {
    draft: Draft,
    table: CalibrationTable,
    standing: Standing,
    /// What the rows of the table are called.
    judges: &'static str,
}

fn calibrated(args: &Args, flow: &LoadedFlow<'_>, alpha: f64, ui: Ui) -> Result<Calibrated, Error> {
    let scorer = Scorer::new(flow)?;
    if let Some(lines) = Lines::new(&scorer) {
        args.check_lines()?;
        let file = model_file::table(&args.data, args.table.format(), flow.header())?;
        match model_file::check_unseen(&file, flow.header(), ColumnRequest::default()) {
            // A text with characters that the model doesn't know is another one.
            Err(Error::Data { .. }) => {}
            checked => checked?,
        }
        let (table, standing) = lines::table(lines, &args.data, alpha, ui)?;
        let calibration = table.draft(Judged::Lines);
        return Ok(Calibrated {
            draft: Draft {
                calibration: Some(calibration),
                ..Draft::from_loaded(flow)
            },
            table,
            standing,
            judges: "calibration lines",
        });
    }
    let file = model_file::table(&args.data, args.table.format(), flow.header())?;
    let others = args.recordings.request(&args.table);
    let columns = model_file::columns(&file, flow.header(), others)?;
    let recording = load_columns(&file, &columns).map_err(Error::data(args.data.path()))?;
    ui.read(&file, &recording.report);
    check_unseen(flow.header(), recording.data.digest()).map_err(refused(args.data.path()))?;
    let log_probs = scorer
        .log_probs(&recording.data)
        .map_err(|fault| Error::Usage(fault.to_string()))?;
    let table = CalibrationTable::new(&log_probs, alpha).map_err(refused(args.data.path()))?;
    let by_context =
        args.context
            .tables(args.data.path(), flow, &recording.data, &log_probs, alpha)?;
    let latents = scorer.latents_of(recording.data.events(), recording.data.contexts());
    let statistics = Statistics::new(&log_probs, &latents);
    let standing = Standing::of_rows(&statistics);
    let sequential = args.stream.design(
        args.data.path(),
        flow,
        &recording.data,
        &statistics,
        &standing,
    )?;
    Ok(Calibrated {
        draft: Draft {
            calibration: Some(table.draft(Judged::Events)),
            mondrian: by_context.as_ref().map(MondrianTables::draft),
            sequential,
            ..Draft::from_loaded(flow)
        },
        table,
        standing,
        judges: "calibration rows",
    })
}

impl Args {
    /// Lines of a text are judged by one table, in their order.
    fn check_lines(&self) -> Result<(), Error> {
        let rows = self.recordings.group.is_some() || self.table.only.is_some();
        match rows || self.context.is_asked_for() || self.stream.is_asked_for() {
            false => Ok(()),
            true => Err(Error::Usage(
                "a model of a text is calibrated on its lines, one after another: --group, --only, --by and \
                 --false-alarms are for tables"
                    .into(),
            )),
        }
    }
}

fn refused(data: &Path) -> impl Fn(CalibrationError) -> Error {
    |fault| Error::Calibration {
        path: data.to_owned(),
        fault,
    }
}
