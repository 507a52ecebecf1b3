//! `flow calibrate --each`: a fleet's model, calibrated for each kind of device.

mod artefacts;
mod gather;
mod rows;
mod table;

use super::{Args, DEFAULT_ALPHA};
use crate::Error;
use crate::files::Target;
use crate::input::Input;
use crate::model_file::{self, ModelFile};
use crate::standing_report::promised_unexamined;
use crate::ui::{Ui, decimal};
use artefacts::{Artefacts, TooFew};
use clap::ValueEnum as _;
use flow_data::ColumnRequest;
use flow_evaluate::{Lines, Scorer};
use flow_host::shown;
use gather::Gathered;
use rows::Rows;
use serde::Serialize;
use std::path::Path;

/// Whether each kind of device gets an artefact of its own.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Fleet")]
pub(super) struct EachOptions {
    /// A column of kinds of devices: for each of its values a model is written into the folder -o,
    /// calibrated on its rows. Rows may be a folder of Parquet files, and more than fit into memory
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["by", "false_alarms", "group"])]
    each: Option<String>,
    /// The rows are scored already: tables of flow score --keep COLUMN, or those of --sketch
    #[arg(long, requires = "each", conflicts_with = "only")]
    scored: bool,
    /// What to do about values with too few rows for alpha: refuse all, skip them, or pool, which gives
    /// them the table of all rows
    #[arg(long, value_enum, requires = "each", default_value_t = TooFew::Refuse)]
    too_few: TooFew,
    /// Write no models but what they need of these rows, a Parquet table: those of several parts of a
    /// fleet, put into one folder, are read by --scored
    #[arg(
        long,
        value_name = "PARQUET",
        requires = "each",
        conflicts_with = "output"
    )]
    sketch: Option<Target>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    alpha: f64,
    column: &'a str,
    #[serde(flatten)]
    gathered: gather::Counts,
    promise: String,
    #[serde(flatten)]
    artefacts: Artefacts,
    output: &'a Path,
}

/// Values that are listed for people.
const SHOWN: usize = 20;

impl EachOptions {
    /// The column, if the promise is made for each of its values.
    pub(super) fn column(&self) -> Option<&str> {
        self.each.as_deref()
    }
}

/// Calibrates for each value of a column.
pub(super) fn run(args: &Args, column: &str, ui: Ui) -> Result<(), Error> {
    let options = &args.each;
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let scorer = Scorer::new(&flow)?;
    if Lines::new(&scorer).is_some() {
        return Err(Error::Usage(
            "a model of a text is calibrated on its lines: --each is for tables".into(),
        ));
    }
    let output = match (&args.output, &options.sketch) {
        (Some(target), _) | (None, Some(target)) => target,
        (None, None) => {
            return Err(Error::Usage(
                "--each writes a model for each value: name a folder for them with -o, or a table with --sketch"
                    .into(),
            ));
        }
    };
    let alpha = args
        .alpha
        .or(flow.calibration().map(|table| decimal(table.alpha())));
    let alpha = alpha.unwrap_or(DEFAULT_ALPHA);
    if options.sketch.is_some() {
        crate::output::Output::check(output)?;
    } else {
        std::fs::create_dir_all(output.path()).map_err(Error::write(output.path()))?;
    }
    let input = Input::open(&args.data, args.table.format(), flow.header())?;
    input.header(ui);
    if let (Input::Table(table), false) = (&input, options.scored) {
        let filter = args.table.only.clone();
        let others = ColumnRequest {
            filter,
            ..ColumnRequest::default()
        };
        model_file::check_unseen(table, flow.header(), others)?;
    }
    let density = model.density()?;
    let rows = match options.scored {
        false => Rows::raw(&scorer, column, &args.table),
        true => Rows::scored(column, &density),
    };
    let Gathered { counts, sketches } = gather::gather(&input, args.data.path(), column, &rows)?;
    if options.sketch.is_some() {
        table::write(output, column, &sketches, &density)?;
        ui.note(format_args!(
            "{counts}; {} values of {column}, written to {}",
            sketches.len(),
            output
        ));
        return Ok(());
    }
    let header = flow.header();
    if header.sequential.is_some() || header.mondrian.is_some() {
        ui.note(
            "The model's promises over a stream and by context are of other rows, and are left out: flow calibrate \
             makes them anew for one kind of device.",
        );
    }
    let written = Artefacts::write(&flow, &sketches, alpha, options.too_few, output);
    let artefacts = written.map_err(|fault| fault.at(args.data.path(), column, alpha))?;
    let report = Report {
        alpha,
        column,
        gathered: counts,
        promise: promise(alpha, column),
        artefacts,
        output: output.path(),
    };
    ui.result(&report, &lines(&report))
}

/// What holds of each of the models, and what is not known.
fn promise(alpha: f64, column: &str) -> String {
    format!(
        "P(alarm) ≤ {alpha} within each {column}, for rows that are exchangeable with its calibration rows; whether \
         rows depend on those before them isn't tested, as counted scores have no order: flow calibrate on \
         recordings of some devices says so"
    )
}

/// The report for people.
fn lines<'a>(report: &'a Report<'_>) -> Vec<(&'a str, String)> {
    let artefacts = &report.artefacts;
    let mut lines = vec![
        ("false alarms promised", promised_unexamined(report.alpha)),
        ("rows", report.gathered.to_string()),
    ];
    let shown = artefacts.values.iter().take(SHOWN);
    lines.extend(shown.map(|own| (own.value.as_str(), own.to_string())));
    if let Some(more) = artefacts.values.len().checked_sub(SHOWN + 1) {
        lines.push(("", format!("and {} more (--json has all)", more + 1)));
    }
    if !artefacts.skipped.is_empty() {
        let skipped = artefacts.skipped.iter().take(SHOWN);
        let skipped: Vec<String> = skipped.map(ToString::to_string).collect();
        let count = artefacts.skipped.len();
        lines.push((
            "skipped",
            format!("{count} with too few rows: {}", skipped.join(", ")),
        ));
    }
    lines.extend([
        ("assumptions", report.promise.clone()),
        ("written", shown::path(report.output)),
    ]);
    lines
}

impl std::fmt::Display for TooFew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |own| own.get_name()))
    }
}
