//! `flow quantise`: smaller weights, and thresholds of the code that then runs.

use super::files::{self, Given, Target};
use super::model_file::{self, ModelFile};
use super::names::WeightsName;
use super::options::{self, RecordingOptions, TableOptions};
use super::output::Output;
use super::standing_report::{StandingReport, promised};
use super::stream_report::StreamReport;
use super::ui::{Ui, bytes, decimal};
use crate::Error;
use flow_artefact::ExportError;
use flow_data::load_columns;
use flow_embedded::artefact::{LoadedFlow, WeightFormat};
use flow_host::shown;
use flow_quantise::{QuantiseError, Quantised, quantise};
use serde::Serialize;
use std::path::Path;

/// Give a model smaller weights
///
/// i8 and i16 make it a model of integers from end to end: for chips without a floating-point unit it
/// is many times faster, and it scores but does not sample. f16 halves the flash of weights and is
/// computed with as before. For integers every fourth row chooses the formats of the activations; all
/// others measure what was lost and calibrate the model anew, through the very numbers that will run: its
/// false-alarm rate, and its promises by context and over a stream where it has them. Give normal rows that the model was not trained on. What comes
/// out is a model as any other: score, eval and calibrate it here with the bits of the chip, and
/// compile it with flow codegen.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow quantise model.flow normal.csv --weights i8 -o small.flow
  flow quantise model.flow recordings.csv --only activity=standing,walking --weights f16 -o half.flow")]
pub(super) struct Args {
    /// The model
    #[arg(value_parser = files::old_model())]
    model: Given,
    /// Normal rows that the model was not trained on: CSV or Parquet; - for standard input
    data: Given,
    /// What weights are stored as
    #[arg(long, value_enum)]
    weights: WeightsName,
    /// The false-alarm rate to promise [default: the model's]
    #[arg(long, value_name = "RATE", value_parser = options::alpha)]
    alpha: Option<f64>,
    /// The model to write
    #[arg(short, long, value_name = "FLOW", value_parser = files::new_model())]
    output: Target,
    #[command(flatten)]
    recordings: RecordingOptions,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    weights: &'a str,
    rows: usize,
    mean_difference: f64,
    worst_difference: f64,
    lost: usize,
    clamped: usize,
    table_bytes_before: usize,
    table_bytes: usize,
    alpha: Option<f64>,
    threshold: Option<f32>,
    #[serde(flatten)]
    standing: Option<StandingReport>,
    stream: Option<StreamReport<'a>>,
    /// Why the model's promise over a stream was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_lost: Option<String>,
    output: &'a Path,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    Output::check(&args.output)?;
    let calibrated = flow.calibration().map(|table| decimal(table.alpha()));
    let alpha = args.alpha.or(calibrated);
    let weights = args.weights.into();
    let table = (&args.table, &args.recordings);
    let own = with_table(&flow, &args.data, table, weights, alpha, ui)?;
    Output::write_all_to(&args.output, &own.artefact)?;

    let table_bytes = |artefact: &[u8]| {
        let options = flow_codegen::Options::default();
        let compiled = flow_codegen::compile(artefact, args.model.path(), &options);
        compiled.map(|(_, cost)| cost.table_bytes)
    };
    lost_stream(&flow, &own, Some(&args.output), ui);
    let written = LoadedFlow::from_bytes(&own.artefact).map_err(ExportError::from)?;
    let report = Report {
        weights: weights.name(),
        rows: own.rows,
        mean_difference: own.mean_difference,
        worst_difference: own.worst_difference,
        lost: own.lost,
        clamped: own.clamped,
        table_bytes_before: table_bytes(model.bytes())?,
        table_bytes: table_bytes(&own.artefact)?,
        alpha,
        threshold: own.threshold,
        standing: own.standing.as_ref().map(StandingReport::new),
        stream: written.header().sequential.as_ref().map(StreamReport::new),
        stream_lost: own.stream_lost.as_ref().map(ToString::to_string),
        output: args.output.path(),
    };
    ui.result(&report, &lines(&report, &own, &args.output))
}

/// Says so when the model's promise over a stream could not be kept, and how it comes back.
pub(super) fn lost_stream(flow: &LoadedFlow<'_>, own: &Quantised, output: Option<&Target>, ui: Ui) {
    let Some((promised, fault)) = flow.header().sequential.zip(own.stream_lost) else {
        return;
    };
    let (model, first) = match output {
        Some(target) => (target.to_string(), ""),
        None => (
            "SMALL.flow".to_owned(),
            "flow quantise -o SMALL.flow, then ",
        ),
    };
    ui.note(format_args!(
        "The model's promise over a stream, {}, is left out: {fault}. With longer recordings it comes back by \
         {first}flow calibrate {model} LONGER.csv --false-alarms '1 per {} samples'.",
        shown::line(promised.promise),
        promised.run_length
    ));
}

/// Quantises a model with the rows of a table.
pub(super) fn with_table(
    flow: &LoadedFlow<'_>,
    data: &Given,
    (options, recordings): (&TableOptions, &RecordingOptions),
    weights: WeightFormat,
    alpha: Option<f64>,
    ui: Ui,
) -> Result<Quantised, Error> {
    let file = model_file::table(data, options.format(), flow.header())?;
    let others = recordings.request(options);
    let columns = model_file::columns(&file, flow.header(), others)?;
    let recording = load_columns(&file, &columns).map_err(Error::data(data.path()))?;
    ui.read(&file, &recording.report);
    quantise(flow, &recording.data, weights, alpha).map_err(|fault| match fault {
        QuantiseError::Calibration(fault) => Error::Calibration {
            path: data.path().to_owned(),
            fault,
        },
        other => other.into(),
    })
}

fn lines(report: &Report<'_>, own: &Quantised, output: &Target) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        (
            "tables",
            format!(
                "{} as {}, {} before",
                bytes(report.table_bytes),
                report.weights,
                bytes(report.table_bytes_before)
            ),
        ),
        (
            "log-likelihood",
            format!(
                "off by {:.4} nats in the mean, {:.3} at most ({} rows)",
                own.mean_difference, own.worst_difference, own.rows
            ),
        ),
    ];
    if own.lost > 0 {
        lines.push((
            "lost",
            format!(
                "{} rows have a density as one of both models alone: they are in neither difference",
                own.lost
            ),
        ));
    }
    if own.clamped > 0 {
        lines.push((
            "clamped",
            format!("{} rows hold a value beyond its format", own.clamped),
        ));
    }
    if let Some(alpha) = report.alpha {
        let threshold = report
            .threshold
            .map_or("none".to_owned(), |score| format!("{score:.4} nats"));
        let promise = own.standing.as_ref().map(|own| promised(alpha, own));
        lines.push(("false alarms promised", promise.unwrap_or_default()));
        if let Some(own) = &report.standing {
            lines.push(("assumptions", own.verdict.clone()));
        }
        lines.push(("alarm below", threshold));
    }
    if let Some(own) = &report.stream {
        lines.push(("over a stream", own.line()));
    }
    lines.push(("written", output.to_string()));
    lines
}
