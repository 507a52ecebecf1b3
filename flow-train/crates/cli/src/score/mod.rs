//! `flow score`: log-likelihood, p-value and alarm for every row.

mod ahead;
mod lines;
mod parquet;
mod parts;
mod piece;
mod scores;
mod stream;

pub(super) use ahead::for_each_piece;
pub(super) use piece::Piece;

use super::files::{Given, Target};
use super::input::{Input, Source};
use super::model_file::{DENSITY, ModelFile};
use super::options::{RecordingOptions, TableOptions};
use super::output::Output;
use super::ui::{Ui, decimal};
use crate::Error;
use flow_data::{ColumnRequest, DataError};
use flow_embedded::artefact::CalibrationTable;
use flow_evaluate::{Lines, Scorer};
use flow_host::shown;
use parts::Parts;
use scores::{Counts, Sink, is_parquet};
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;
use stream::{Run, Summary};

/// Score every row of a table, or of a folder of Parquet files
///
/// Writes `log_prob` (nats, in the units of the data), `p_value` and `alarm` (1 when the p-value is
/// at most the model's alpha, else 0), one line for each row of the table, in its order. A row with
/// a missing or non-finite cell can't be scored, nor one without enough past where the model is
/// conditioned on it: its line has three empty cells. The numbers are those of the chip, bit for
/// bit. Takes constant memory.
///
/// Of a folder all files below it that end in .parquet are read, in the order of their paths;
/// sub-folders called key=value give columns. They are scored several at a time, each into a part at
/// the same place in the folder -o; parts that are there already are kept, so that the command goes on
/// where it was interrupted. If -o ends in .parquet or .csv, the folder is one table. The past of a
/// model that is conditioned on it begins anew with each file.
///
/// Of a text a model scores the lines: log_prob is the sum over the characters of one, and
/// `least_likely` the place of its least likely character, from 1. A character that the model does
/// not know has the likelihood 0. A line that begins without enough past, the first one, has empty cells.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow score model.flow new.csv -o scores.csv
  flow score model.flow new.csv -o - -q | paste -d, new.csv -
  flow score model.flow fleet/ -o scores/ --keep device_model,device
  flow score model.flow day.csv -o evidence.csv --stream")]
pub(super) struct Args {
    /// The model
    model: Given,
    /// Rows to score: CSV, Parquet, or a folder of Parquet files; - for standard input
    data: Given,
    /// The table to write, Parquet if its name ends in .parquet, else CSV; - for standard output. Of a
    /// folder, the folder for its parts
    #[arg(short, long, value_name = "TABLE")]
    output: Target,
    /// Columns to hand on as they are, as text, behind the scores
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    keep: Vec<String>,
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
    /// Files written for a folder, and how many of them were there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<[usize; 2]>,
    output: &'a Path,
}

/// What is the same for each table of an input.
struct Job<'s, 'f, 'a> {
    scorer: &'s Scorer<'f, 'a>,
    request: ColumnRequest,
    density: &'s str,
}

impl Job<'_, '_, '_> {
    /// Scores the rows of a table.
    fn score(&self, source: Source<'_>, sink: &mut Sink, path: &Path) -> Result<Counts, Error> {
        let flow = self.scorer.flow();
        let (table, columns) = source.open_for(flow.header(), &self.request)?;
        let mut counts = Counts::default();
        for_each_piece(self.scorer, source, (&table, &columns), |piece| {
            counts += sink.push(flow, piece, path)?;
            Ok(())
        })?;
        Ok(counts)
    }
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let scorer = Scorer::new(&flow)?;
    if let Some(lines) = Lines::new(&scorer) {
        return of_lines(args, lines, flow.calibration(), ui);
    }
    let input = Input::open(&args.data, args.table.format(), flow.header())?;
    let job = Job {
        scorer: &scorer,
        request: ColumnRequest {
            keep: args.keep.clone(),
            ..args.recordings.request(&args.table)
        },
        density: &model.density()?,
    };
    // One that does not fit is found before hours go into the others.
    for source in input.sources() {
        source.open_for(flow.header(), &job.request)?;
    }
    input.header(ui);
    if args.stream {
        return of_stream(args, &job, &input, ui);
    }
    let calibration = flow.calibration();
    let (counts, parts, to_stdout) = match &input {
        Input::Folder(folder) if !is_one_file(args.output.path()) => {
            let found = parts::score(&job, &model, folder, &args.output)?;
            (found.counts, Some(found), false)
        }
        _ => {
            let mut sink = Sink::create(&args.output, &job.request.keep)?;
            let mut counts = Counts::default();
            for source in input.sources() {
                counts += job.score(source, &mut sink, args.output.path())?;
            }
            if counts.rows == 0 {
                return Err(Error::data(args.data.path())(DataError::NoRows));
            }
            let to_stdout = sink.is_stdout();
            sink.commit(&[(DENSITY, job.density.to_owned())], args.output.path())?;
            (counts, None, to_stdout)
        }
    };
    let Counts {
        rows,
        scored,
        alarms,
    } = counts;
    let report = Report {
        rows,
        scored,
        alarms: calibration.map(|_| alarms),
        alpha: calibration.map(|table| decimal(table.alpha())),
        stream: None,
        parts: parts.map(|own| [own.parts, own.kept]),
        output: args.output.path(),
    };
    let mut alarmed = format!("{rows} rows, {scored} scored, {alarms} alarms");
    if let Some(Parts { parts, kept, .. }) = parts {
        alarmed = format!("{alarmed}, in {parts} parts ({kept} of them there already)");
    }
    end(&report, &alarmed, calibration.is_some(), to_stdout, ui)
}

/// Whether a folder is written as one table.
fn is_one_file(output: &Path) -> bool {
    let csv = output.extension().is_some_and(|own| own == "csv");
    csv || is_parquet(output) || output.as_os_str() == "-"
}

/// Runs the model's sequential test over the rows of a table.
fn of_stream(args: &Args, job: &Job<'_, '_, '_>, input: &Input, ui: Ui) -> Result<(), Error> {
    let Input::Table(table) = input else {
        return Err(Error::Usage(
            "--stream follows one recording after another in one table: score the files of the folder one by one"
                .into(),
        ));
    };
    if !args.keep.is_empty() || is_parquet(args.output.path()) {
        return Err(Error::Usage(
            "--stream writes the columns of the test as CSV: without --keep, and not to .parquet"
                .into(),
        ));
    }
    let source = Source::Table(table);
    let mut run = Run::new(args.model.path(), job.scorer)?;
    let mut output = Output::create(&args.output)?;
    let in_output = Error::write(args.output.path());
    let mut text = [b"log_prob,p_value,alarm", stream::COLUMNS, b"\n"].concat();
    output.write_all(&text).map_err(&in_output)?;
    let header = job.scorer.flow().header();
    let (table, columns) = source.open_for(header, &job.request)?;
    let mut rows = 0;
    for_each_piece(job.scorer, source, (&table, &columns), |piece| {
        text.clear();
        rows += piece.rows();
        run.push(piece, &mut text);
        output.write_all(&text).map_err(&in_output)
    })?;
    let to_stdout = output.is_stdout();
    output.commit()?;
    let summary = run.summary();
    let alarmed = format!("{rows} rows; {}", summary.sentence());
    let calibrated = job.scorer.flow().calibration().is_some();
    let report = Report {
        rows,
        scored: summary.samples,
        alarms: calibrated.then_some(summary.alarms),
        alpha: None,
        stream: Some(summary),
        parts: None,
        output: args.output.path(),
    };
    end(&report, &alarmed, calibrated, to_stdout, ui)
}

/// Scores a text by its lines.
fn of_lines(
    args: &Args,
    lines: Lines<'_, '_, '_>,
    calibration: Option<CalibrationTable<'_>>,
    ui: Ui,
) -> Result<(), Error> {
    let of_tables = args.stream || args.recordings.group.is_some() || args.table.only.is_some();
    if of_tables || !args.keep.is_empty() || args.data.is_dir() || is_parquet(args.output.path()) {
        return Err(Error::Usage(
            "a model of a text scores its lines, one after another, into CSV: --stream, --group, --only, --keep, \
             folders and Parquet are for tables"
                .into(),
        ));
    }
    let mut output = Output::create(&args.output)?;
    let in_output = Error::write(args.output.path());
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
        parts: None,
        output: args.output.path(),
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
        shown::path(report.output)
    ));
    Ok(())
}
