//! `flow score`: log-likelihood, p-value and alarm for every row.

mod lines;
mod piece;
mod stream;

use super::model_file::{self, ModelFile};
use super::number;
use super::options::{RecordingOptions, TableOptions};
use super::output::Output;
use super::ui::{Ui, decimal};
use crate::Error;
use crate::data::RowReader;
use crate::evaluate::{Lines, Scorer};
use flow_embedded::artefact::CalibrationTable;
use piece::Piece;
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;
use stream::{Run, Summary};

/// Score every row of a table
///
/// Writes `log_prob` (nats, in the units of the data), `p_value` and `alarm` (1 when the p-value is
/// at most the model's alpha, else 0), one line for each row of the table, in its order. A row with
/// a missing or non-finite cell can't be scored, nor one without enough past where the model is
/// conditioned on it: its line has three empty cells. The numbers are those of the chip, bit for
/// bit. Takes constant memory.
///
/// Of a text a model scores the lines: log_prob is the sum over the characters of one, and
/// `least_likely` the place of its least likely character, from 1. A character that the model does
/// not know has the likelihood 0. A line that begins without enough past, the first one, has empty cells.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow score model.flow new.csv -o scores.csv
  flow score model.flow new.csv -o - -q | paste -d, new.csv -
  flow score model.flow day.csv -o evidence.csv --stream")]
pub(super) struct Args {
    /// The model
    model: PathBuf,
    /// Rows to score: CSV or Parquet
    data: PathBuf,
    /// The table to write; - for standard output
    #[arg(short, long, value_name = "CSV")]
    output: PathBuf,
    /// Run the model's sequential test over the rows, in their order
    #[arg(long)]
    stream: bool,
    #[command(flatten)]
    recordings: RecordingOptions,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    rows: u64,
    scored: u64,
    /// Of the test over the stream, if that was asked for.
    alarms: Option<u64>,
    alpha: Option<f64>,
    stream: Option<Summary<'a>>,
    output: &'a std::path::Path,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let scorer = Scorer::new(&flow)?;
    if let Some(lines) = Lines::new(&scorer) {
        return of_lines(args, lines, flow.calibration(), ui);
    }
    let in_table = Error::data(&args.data);
    let file = model_file::table(&args.data, args.table.format(), flow.header())?;
    let others = args.recordings.request(&args.table);
    let columns = model_file::columns(&file, flow.header(), others)?;
    ui.header(&file);
    let calibration = flow.calibration();
    let mut stream = args
        .stream
        .then(|| Run::new(&args.model, &scorer))
        .transpose()?;
    let mut output = Output::create(&args.output)?;
    let in_output = Error::write(&args.output);
    let mut reader = RowReader::new(&file, &columns).map_err(&in_table)?;
    let mut piece = Piece::new(&scorer);
    let (mut rows, mut scored, mut alarms) = (0, 0, 0);
    let mut text = Vec::new();
    text.extend_from_slice(b"log_prob,p_value,alarm");
    text.extend_from_slice(stream.as_ref().map_or(b"", |_| stream::COLUMNS));
    text.push(b'\n');
    output.write_all(&text).map_err(&in_output)?;
    while piece.read(&mut reader).map_err(&in_table)? {
        text.clear();
        rows += piece.rows();
        if let Some(run) = &mut stream {
            run.push(&piece, &mut text);
            output.write_all(&text).map_err(&in_output)?;
            continue;
        }
        for scored_row in piece.log_probs() {
            let Some((log_prob, context)) = scored_row else {
                text.extend_from_slice(b",,\n");
                continue;
            };
            scored += 1;
            number::push(&mut text, log_prob);
            let Some(table) = flow.calibration_given(context) else {
                text.extend_from_slice(b",,\n");
                continue;
            };
            let p_value = table.p_value(log_prob);
            let alarm = p_value <= table.alpha();
            alarms += u64::from(alarm);
            text.push(b',');
            number::push(&mut text, p_value);
            text.extend_from_slice(if alarm { b",1\n" } else { b",0\n" });
        }
        output.write_all(&text).map_err(&in_output)?;
    }
    let to_stdout = output.is_stdout();
    output.commit()?;

    let stream = stream.as_ref().map(Run::summary);
    if let Some(own) = &stream {
        (scored, alarms) = (own.samples, own.alarms);
    }
    let mut alarmed = format!("{rows} rows, {scored} scored, {alarms} alarms");
    if let Some(own) = &stream {
        alarmed = format!("{rows} rows; {}", own.sentence());
    }
    let alpha = calibration.filter(|_| !args.stream);
    let report = Report {
        rows,
        scored,
        alarms: calibration.map(|_| alarms),
        alpha: alpha.map(|table| decimal(table.alpha())),
        stream,
        output: &args.output,
    };
    end(&report, &alarmed, calibration.is_some(), to_stdout, ui)
}

/// Scores a text by its lines.
fn of_lines(
    args: &Args,
    lines: Lines<'_, '_, '_>,
    calibration: Option<CalibrationTable<'_>>,
    ui: Ui,
) -> Result<(), Error> {
    if args.stream || args.recordings.group.is_some() || args.table.only.is_some() {
        return Err(Error::Usage(
            "a model of a text scores its lines, one after another: --stream, --group and --only are for tables"
                .into(),
        ));
    }
    let mut output = Output::create(&args.output)?;
    let in_output = Error::write(&args.output);
    let lines::Summary {
        lines,
        scored,
        alarms,
    } = lines::score(lines, calibration, &args.data, &mut output, in_output)?;
    let to_stdout = output.is_stdout();
    output.commit()?;
    let report = Report {
        rows: lines,
        scored,
        alarms: calibration.map(|_| alarms),
        alpha: calibration.map(|table| decimal(table.alpha())),
        stream: None,
        output: &args.output,
    };
    let alarmed = format!("{lines} lines, {scored} scored, {alarms} alarms");
    end(&report, &alarmed, calibration.is_some(), to_stdout, ui)
}

/// Says what came of it.
fn end(
    report: &Report<'_>,
    alarmed: &str,
    calibrated: bool,
    to_stdout: bool,
    ui: Ui,
) -> Result<(), Error> {
    if !calibrated {
        ui.note(
            "The model is not calibrated, so there are no p-values: see flow calibrate --help.",
        );
    }
    if to_stdout {
        ui.note(alarmed);
        return Ok(());
    }
    if ui.json {
        return ui.result(report, &[]);
    }
    ui.note(format_args!(
        "{alarmed}, written to {}",
        report.output.display()
    ));
    Ok(())
}
