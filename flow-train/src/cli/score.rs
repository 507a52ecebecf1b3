//! `flow score`: log-likelihood, p-value and alarm for every row.

use super::model_file::{self, ModelFile};
use super::options::TableOptions;
use super::output::Output;
use super::ui::{Ui, decimal};
use crate::Error;
use crate::data::{ColumnRequest, RowReader, Table};
use crate::evaluate::Scorer;
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;

/// Score every row of a table
///
/// Writes `log_prob` (nats, in the units of the data), `p_value` and `alarm` (1 when the p-value is
/// at most the model's alpha, else 0), one line for each row of the table, in its order. A row with
/// a missing or non-finite cell can't be scored: its line has three empty cells. The numbers are
/// those of the chip, bit for bit. Takes constant memory.
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
    let filter = args.table.only.clone();
    let others = ColumnRequest {
        filter,
        ..ColumnRequest::default()
    };
    let columns = model_file::columns(&file, flow.header(), others)?;
    ui.header(&file);
    let mut output = Output::create(&args.output)?;
    let in_output = Error::write(&args.output);

    let calibration = flow.calibration();
    let event = flow.header().event.len();
    let mut scorer = Scorer::new(&flow);
    let mut reader = RowReader::new(&file, &columns).map_err(&in_table)?;
    let (mut rows, mut scored, mut alarms) = (0, 0, 0);
    writeln!(output, "log_prob,p_value,alarm").map_err(&in_output)?;
    while let Some(row) = reader.next_row().map_err(&in_table)? {
        rows += 1;
        let written = if row.fault.is_some() {
            writeln!(output, ",,")
        } else {
            let (event, context) = row.values.split_at(event);
            let log_prob = scorer
                .log_prob(event, context)
                .map_err(|fault| Error::Usage(fault.to_string()))?;
            scored += 1;
            match calibration {
                Some(table) => {
                    let p_value = table.p_value(log_prob);
                    let alarm = p_value <= table.alpha();
                    alarms += u64::from(alarm);
                    writeln!(output, "{log_prob},{p_value},{}", u8::from(alarm))
                }
                None => writeln!(output, "{log_prob},,"),
            }
        };
        written.map_err(&in_output)?;
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
