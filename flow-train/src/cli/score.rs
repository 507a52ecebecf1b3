//! `flow score`: log-likelihood, p-value and alarm for every row.

use super::model_file::{self, ModelFile};
use super::number;
use super::options::{RecordingOptions, TableOptions};
use super::output::Output;
use super::ui::{Ui, decimal};
use crate::Error;
use crate::data::{ColumnRequest, DataError, RowReader, Table};
use crate::evaluate::Scorer;
use flow_embedded::artefact::LoadedFlow;
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;

/// Score every row of a table
///
/// Writes `log_prob` (nats, in the units of the data), `p_value` and `alarm` (1 when the p-value is
/// at most the model's alpha, else 0), one line for each row of the table, in its order. A row with
/// a missing or non-finite cell can't be scored, nor one without enough past where the model is
/// conditioned on it: its line has three empty cells. The numbers are those of the chip, bit for
/// bit. Takes constant memory.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow score model.flow new.csv -o scores.csv
  flow score model.flow new.csv -o - -q | paste -d, new.csv -")]
pub(super) struct Args {
    /// The model
    model: PathBuf,
    /// Rows to score: CSV or Parquet
    data: PathBuf,
    /// The table to write; - for standard output
    #[arg(short, long, value_name = "CSV")]
    output: PathBuf,
    #[command(flatten)]
    recordings: RecordingOptions,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    rows: u64,
    scored: u64,
    alarms: Option<u64>,
    alpha: Option<f64>,
    output: &'a std::path::Path,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let in_table = Error::data(&args.data);
    let file = Table::open(&args.data, args.table.format()).map_err(&in_table)?;
    let others = ColumnRequest {
        group: args.recordings.group.clone(),
        filter: args.table.only.clone(),
        ..ColumnRequest::default()
    };
    let columns = model_file::columns(&file, flow.header(), others)?;
    ui.header(&file);
    let mut output = Output::create(&args.output)?;
    let in_output = Error::write(&args.output);

    let calibration = flow.calibration();
    let mut reader = RowReader::new(&file, &columns).map_err(&in_table)?;
    let mut piece = Piece::new(&flow)?;
    let (mut rows, mut scored, mut alarms) = (0, 0, 0);
    writeln!(output, "log_prob,p_value,alarm").map_err(&in_output)?;
    let mut text = Vec::new();
    while piece.read(&mut reader).map_err(&in_table)? {
        text.clear();
        for scored_row in piece.log_probs() {
            rows += 1;
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

    if calibration.is_none() {
        ui.note(
            "The model is not calibrated, so there are no p-values: see flow calibrate --help.",
        );
    }
    let alpha = calibration.map(|table| decimal(table.alpha()));
    let alarmed = format!("{rows} rows, {scored} scored, {alarms} alarms");
    if to_stdout {
        ui.note(alarmed);
        return Ok(());
    }
    let alarms = calibration.map(|_| alarms);
    let report = Report {
        rows,
        scored,
        alarms,
        alpha,
        output: &args.output,
    };
    if ui.json {
        return ui.result(&report, &[]);
    }
    ui.note(format_args!(
        "{alarmed}, written to {}",
        args.output.display()
    ));
    Ok(())
}

/// Some rows of a table, so that memory stays constant.
struct Piece<'f, 'a> {
    scorer: Scorer<'f, 'a>,
    channels: usize,
    events: Vec<f32>,
    contexts: Vec<f32>,
    /// Whether each row can be scored.
    usable: Vec<bool>,
}

impl<'f, 'a> Piece<'f, 'a> {
    /// Its most rows: enough for all cores.
    const ROWS: usize = 16_384;

    fn new(flow: &'f LoadedFlow<'a>) -> Result<Self, Error> {
        Ok(Self {
            scorer: Scorer::new(flow)?,
            channels: flow.header().event.len(),
            events: Vec::new(),
            contexts: Vec::new(),
            usable: Vec::new(),
        })
    }

    /// Reads the next rows in place of the last; false if there are none.
    fn read(&mut self, reader: &mut RowReader<'_>) -> Result<bool, DataError> {
        self.events.clear();
        self.contexts.clear();
        self.usable.clear();
        while self.usable.len() < Self::ROWS {
            let Some(row) = reader.next_row()? else {
                break;
            };
            let usable = row.fault.is_none() && row.primed;
            if usable {
                let (event, context) = row.values.split_at(self.channels);
                self.events.extend_from_slice(event);
                self.contexts.extend_from_slice(context);
            }
            self.usable.push(usable);
        }
        Ok(!self.usable.is_empty())
    }

    /// The log-likelihood of each row that can be scored, and its context.
    fn log_probs(&self) -> impl Iterator<Item = Option<(f32, &[f32])>> {
        let log_probs = self.scorer.log_probs_of(&self.events, &self.contexts);
        let width = self.contexts.len() / log_probs.len().max(1);
        let context = move |row: usize| &self.contexts[row * width..][..width];
        let mut log_probs = log_probs.into_iter().enumerate();
        self.usable.iter().map(move |usable| {
            let (row, log_prob) = usable.then(|| log_probs.next()).flatten()?;
            Some((log_prob, context(row)))
        })
    }
}
