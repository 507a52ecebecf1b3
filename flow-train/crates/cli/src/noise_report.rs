//! `flow noise-report`: the noise of a sensor over time, real beside generated.

use super::files::{Given, Target};
use super::options::{self, TableOptions};
use super::output::Output;
use super::ui::Ui;
use crate::Error;
use flow_data::{ColumnRequest, Columns, SampleRate};
use flow_noise::{self as noise, ChannelReport, NoiseReport, Signal};
use std::path::Path;

/// Compare the noise of two recordings, or look at one
///
/// Writes a page with the overlapping Allan deviation of each column (with confidence intervals),
/// what is read off it (white noise, bias instability, random walk), the power spectral density, the
/// quantiles, the autocorrelation and the correlation between columns. The first table is the real
/// one; a second one, such as generated noise, stands beside it, with the root mean square of log10
/// of the ratio of the Allan deviations. Rows are samples at a constant rate, in order of time; a
/// row with a missing or non-finite cell interrupts the recording, as does a row that --only leaves
/// out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow noise-report rest.csv --rate 100Hz -o report.html
  flow noise-report rest.csv generated.csv --rate 100Hz --columns gyr_x,gyr_y -o report.html
  flow noise-report rest.csv generated.csv --rate 12.5Hz -o report.html --json -q")]
pub(super) struct Args {
    /// The recording: CSV or Parquet; - for standard input
    real: Given,
    /// Another one, to compare: it must have the same columns
    generated: Option<Given>,
    /// Samples each second, 100Hz, or the time between them, 10ms
    #[arg(long, value_name = "RATE")]
    rate: SampleRate,
    /// The page to write; - for standard output
    #[arg(short, long, value_name = "HTML")]
    output: Target,
    /// Columns of the channels, by name or index [default: all but the group's]
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    columns: Option<Vec<String>>,
    /// A column that tells recordings apart
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// Units of columns: acc_x=m/s²,gyr_x=°/s
    #[arg(long, value_delimiter = ',', value_parser = options::unit, value_name = "COLUMN=UNIT,…")]
    units: Vec<(String, String)>,
    #[command(flatten)]
    table: TableOptions,
}

/// With which probability an interval of an Allan deviation holds.
const CONFIDENCE: f64 = 0.95;

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    Output::check(&args.output)?;
    let real = read(
        args,
        &args.real,
        args.columns.clone(),
        args.group.clone(),
        ui,
    )?;
    let mut recordings = vec![(name(args.real.path()), real)];
    for (column, _) in &args.units {
        let names = recordings[0].1.names();
        if !names.contains(column) {
            return Err(Error::Usage(format!(
                "--units {column}: the channels are {}",
                names.join(", ")
            )));
        }
    }
    let paths: Vec<&Path> = [&args.real]
        .into_iter()
        .chain(&args.generated)
        .map(Given::path)
        .collect();
    if let Some(given) = &args.generated {
        let columns = Some(recordings[0].1.names().to_vec());
        // Generated noise comes in one piece, unless it has the column of groups as well.
        let group = args
            .group
            .clone()
            .filter(|group| has_column(args, given, group));
        let generated = read(args, given, columns, group, ui)?;
        let mut name = name(given.path());
        if name == recordings[0].0 {
            name = given.to_string();
        }
        recordings.push((name, generated));
    }
    let unit = |column: &str| {
        let own = args.units.iter().rev().find(|(name, _)| name == column);
        own.map_or(String::new(), |(_, unit)| unit.clone())
    };
    let report =
        noise::report(&recordings, args.rate.hertz(), CONFIDENCE, unit).map_err(|fault| {
            let path = paths
                .get(fault.recording)
                .copied()
                .unwrap_or(args.real.path());
            Error::Noise {
                path: path.to_owned(),
                fault,
            }
        })?;
    let page = report.html().map_err(|fault| {
        Error::write(args.output.path())(std::io::Error::other(fault.to_string()))
    })?;
    Output::write_all_to(&args.output, page.as_bytes())?;
    if args.output.is_stdout() {
        return Ok(());
    }
    ui.result(&report, &lines(&report))
}

/// How a table is called in the page: its file's name.
fn name(path: &Path) -> String {
    path.file_stem()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn has_column(args: &Args, given: &Given, column: &String) -> bool {
    given
        .table(args.table.format())
        .is_ok_and(|table| table.names().contains(column))
}

fn read(
    args: &Args,
    given: &Given,
    columns: Option<Vec<String>>,
    group: Option<String>,
    ui: Ui,
) -> Result<Signal, Error> {
    let path = given.path();
    let in_table = Error::data(path);
    let table = given.table(args.table.format())?;
    let request =
        ColumnRequest {
            events: columns,
            group,
            // A filter by a column that only the real table has is for that one.
            filter: args.table.only.clone().filter(|filter| {
                path == args.real.path() || table.names().contains(&filter.column)
            }),
            ..ColumnRequest::default()
        };
    let columns = match path == args.real.path() {
        true => Columns::find(&table, &request),
        false => Columns::find_for_model(&table, &request),
    };
    let columns = columns.map_err(&in_table)?;
    let (signal, report) = Signal::read(&table, &columns).map_err(&in_table)?;
    ui.read(&table, &report);
    Ok(signal)
}

/// One line for each channel.
fn lines(report: &NoiseReport) -> Vec<(&str, String)> {
    let channels = report.channels.iter();
    channels
        .map(|channel| (channel.name.as_str(), line(channel)))
        .collect()
}

fn line(channel: &ChannelReport) -> String {
    let unit = &channel.unit;
    let recordings = channel.noise.iter().map(|noise| {
        let own = &noise.coefficients;
        let known = |value: Option<f64>, per: &str| match value {
            Some(value) => format!("{value:.3e} {unit}{per}"),
            None => "not seen".to_owned(),
        };
        let bias = own.bias_instability;
        format!(
            "white noise {}, bias instability {}{}, random walk {}",
            known(own.white, "/√Hz"),
            if bias.reached { "" } else { "at most " },
            known(Some(bias.value), ""),
            known(own.random_walk, "/√s")
        )
    });
    let mut text = recordings.collect::<Vec<_>>().join("; beside it ");
    if let Some(error) = channel.allan_error {
        text.push_str("; RMS log10 error of the Allan deviation ");
        text.push_str(&format!("{error:.3}"));
    }
    text
}
