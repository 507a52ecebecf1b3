//! `flow sbc`: whether a posterior is calibrated.

use super::files::{Given, Target};
use super::model_file::{self, ModelFile};
use super::options::{self, TableOptions};
use super::output::Output;
use super::ui::Ui;
use crate::Error;
use flow_calibrate::Rate;
use flow_data::{ColumnRequest, load_columns};
use flow_posterior::sbc::{Quantity, Report, SbcError, Settings, check};

/// Check a posterior by simulation-based calibration
///
/// The model is one of parameters given what was observed: flow train simulations.csv --columns
/// PARAMETERS --context OBSERVED --split random --family nsf-ar. The table holds fresh simulations,
/// parameters drawn from the same prior: rows that trained the model always look calibrated.
///
/// For each row, parameters are drawn from the model given what the row observed, with the bits of
/// the chip, and the true ones are ranked among them. The ranks of a calibrated posterior are even.
/// For each parameter, and for the density of all of them, the empirical distribution function of
/// the ranks is tested against simultaneous bands (Säilynoja, Bürkner & Vehtari 2022), corrected for
/// several tests by Holm's method; a fault is named. Printed as well: how often regions of highest
/// density hold the truth, and the contraction, the share of the prior's variance that is gone: a
/// model that ignores the observation is calibrated, and has none.
///
/// A model that fails ends the command with exit code 1, after the result. More rows find smaller
/// faults.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow sbc posterior.flow fresh.csv
  flow sbc posterior.flow fresh.csv --rows 5000 --plot ranks.svg
  flow sbc posterior.flow fresh.csv --json -q")]
pub(super) struct Args {
    /// The model
    model: Given,
    /// Fresh simulations, one row for each: CSV or Parquet; - for standard input
    simulations: Given,
    /// Draws for each row: a multiple of 20 less one
    #[arg(long, default_value_t = Settings::default().draws, value_name = "N")]
    draws: usize,
    /// Rows to use at most, the first of the table
    #[arg(long, default_value_t = Settings::default().rows, value_name = "N")]
    rows: usize,
    /// Probability of rejecting a posterior that is right
    #[arg(long, default_value_t = Settings::default().alpha, value_parser = options::alpha, value_name = "RATE")]
    alpha: f64,
    /// Seed of the draws
    #[arg(long, default_value_t = Settings::default().seed, value_name = "N")]
    seed: u64,
    /// A picture of the ranks to write, with the bands; - for standard output
    #[arg(long, value_name = "SVG")]
    plot: Option<Target>,
    #[command(flatten)]
    table: TableOptions,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    if let Some(target) = &args.plot {
        Output::check(target)?;
    }
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let in_table = Error::data(args.simulations.path());
    let file = args.simulations.table(args.table.format())?;
    let others = ColumnRequest {
        filter: args.table.only.clone(),
        ..ColumnRequest::default()
    };
    let columns = model_file::columns(&file, flow.header(), others)?;
    let recording = load_columns(&file, &columns).map_err(&in_table)?;
    ui.read(&file, &recording.report);
    let settings = Settings {
        rows: args.rows,
        draws: args.draws,
        alpha: args.alpha,
        seed: args.seed,
    };
    let report = check(&flow, &recording.data, &settings).map_err(|fault| Error::Sbc {
        path: match fault {
            SbcError::TooFewRows { .. } | SbcError::Trained => args.simulations.path().to_owned(),
            _ => args.model.path().to_owned(),
        },
        fault,
    })?;
    if let Some(target) = &args.plot {
        let picture = report.svg();
        let picture = picture.map_err(|fault| std::io::Error::other(fault.to_string()));
        let picture = picture.map_err(Error::write(target.path()))?;
        Output::write_all_to(target, picture.as_bytes())?;
    }
    if args.plot.as_ref().is_none_or(|target| !target.is_stdout()) {
        let lines = lines(&report);
        let lines: Vec<(&str, String)> = lines
            .iter()
            .map(|(name, text)| (name.as_str(), text.clone()))
            .collect();
        ui.result(&report, &lines)?;
    }
    match report.passes {
        true => Ok(()),
        false => Err(Error::Miscalibrated {
            path: args.model.path().to_owned(),
            faults: report.faults(),
        }),
    }
}

fn lines(report: &Report) -> Vec<(String, String)> {
    let mut lines = vec![(
        "rows".to_owned(),
        format!("{}, {} draws for each", report.rows, report.draws),
    )];
    lines.extend(report.quantities.iter().map(quantity));
    for own in &report.coverage {
        let rate = Rate::new(own.held as u64, report.rows as u64);
        let held = super::ui::percent(&rate);
        lines.push((format!("{} % regions hold", 100.0 * own.level), held));
    }
    if report.impossible > 0 {
        let text = format!(
            "{}: outside the domain of a parameter, where the model knows no density",
            report.impossible
        );
        lines.push(("impossible rows".to_owned(), text));
    }
    let verdict = match report.passes {
        true => format!(
            "passes: no fault found at {} % (Holm's correction)",
            100.0 * report.alpha
        ),
        false => format!("fails: {}", report.faults()),
    };
    lines.push(("verdict".to_owned(), verdict));
    lines
}

fn quantity(own: &Quantity) -> (String, String) {
    let contraction = own.contraction.map_or(String::new(), |contraction| {
        format!(", contraction {contraction:.3}")
    });
    let text = format!(
        "p {:.4}, corrected {:.4}{contraction}; ranks {}",
        own.p_value, own.p_value_corrected, own.shape
    );
    (own.name.clone(), text)
}
