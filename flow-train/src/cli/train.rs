//! `flow train`: a recording becomes a model.

use super::options::{self, TableOptions};
use super::output::Output;
use super::progress::Epochs;
use super::ui::{Ui, bytes};
use crate::Error;
use crate::calibrate::CalibrationTable;
use crate::data::{
    ColumnRequest, Columns, Fractions, PrepareOptions, Recording, Table, load_columns,
};
use crate::fit::{Config, Stop};
use crate::model::{Family, Spec};
use crate::train::{Recipe, Trained, train};
use clap::ValueEnum;
use flow_embedded::math::Backend;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Train a model on a recording, and calibrate it
///
/// The rows must be normal: what the model should not raise an alarm on. They are divided into 70 %
/// to train, 10 % to decide when to stop and 20 % to calibrate; by time, since rows of a recording
/// resemble their neighbours. For many short recordings in one table give --group, so that each
/// recording stays whole. Ctrl-C ends training and keeps the best model so far; twice ends at once.
///
/// The same table, options and seed give the same model, byte for byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow train pump.csv -o pump.flow
  flow train pump.csv -o pump.flow --columns acc_x,acc_y,acc_z --context speed --alpha 0.001
  flow train watch.csv -o watch.flow --columns 3,4,5 --group recording \\
      --only activity=standing,walking --layers 3 --hidden 24,24 --noise 0.1")]
pub(super) struct Args {
    /// The recording, one row for each sample
    data: PathBuf,
    /// The model to write
    #[arg(short, long, value_name = "FLOW")]
    output: PathBuf,
    /// Columns to model, by name or by number from 0, in this order [default: all without other use]
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    columns: Option<Vec<String>>,
    /// Columns to condition on: what may explain a row, but is not judged itself
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    context: Vec<String>,
    /// Column that tells recordings apart; each goes to one part as a whole
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// How to divide rows without groups
    #[arg(long, value_enum, default_value_t = SplitName::Time, conflicts_with = "group")]
    split: SplitName,
    /// False-alarm rate to promise
    #[arg(long, default_value_t = 0.01, value_parser = options::alpha, value_name = "RATE")]
    alpha: f64,
    /// Seed of everything random
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Name to give the model [default: the output's name]
    #[arg(long)]
    name: Option<String>,
    /// Units of columns, for the record: acc_x=m/s²,speed=1/min
    #[arg(long, value_delimiter = ',', value_parser = options::unit, value_name = "COLUMN=UNIT,…")]
    units: Vec<(String, String)>,
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    fit: FitOptions,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Model")]
struct ModelOptions {
    /// Kind of flow
    #[arg(long, value_enum, default_value_t = FamilyName::Maf)]
    family: FamilyName,
    /// Bijections
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    layers: u16,
    /// Units of the hidden layers in each
    #[arg(long, value_delimiter = ',', default_value = "64,64", value_parser = clap::value_parser!(u16).range(1..), value_name = "N,…")]
    hidden: Vec<u16>,
    /// Elementary functions that the chip will use
    #[arg(long, value_enum, default_value_t = MathName::Polynomial)]
    math: MathName,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
struct FitOptions {
    /// Passes over the training rows, at most
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    epochs: u32,
    /// Rows of a step
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    batch: u32,
    /// Largest learning rate of Adam
    #[arg(
        long,
        default_value_t = 1e-3,
        allow_negative_numbers = true,
        value_name = "RATE"
    )]
    learning_rate: f64,
    /// Epochs without improvement after which training ends
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    patience: u32,
    /// Smoothing: standard deviation of the noise added to training rows, in standard deviations of
    /// each column. 0.05 to 0.3 helps with values that repeat or are rounded
    #[arg(
        long,
        default_value_t = 0.0,
        allow_negative_numbers = true,
        value_name = "SIGMA"
    )]
    noise: f32,
}

/// The kinds of flows, as they are called on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FamilyName {
    /// Additive coupling: half of the channels in each layer
    Nice,
    /// Affine coupling
    Realnvp,
    /// Coupling by splines
    Nsf,
    /// Affine autoregressive: every channel in each layer, given those before it; scores in one pass
    Maf,
    /// Inverse autoregressive: samples in one pass
    Iaf,
    /// Autoregressive by splines
    NsfAr,
}

impl FamilyName {
    pub(super) fn name(self) -> &'static str {
        Family::from(self).name()
    }
}

impl From<FamilyName> for Family {
    fn from(name: FamilyName) -> Self {
        match name {
            FamilyName::Nice => Self::Nice,
            FamilyName::Realnvp => Self::RealNvp,
            FamilyName::Nsf => Self::Nsf,
            FamilyName::Maf => Self::Maf,
            FamilyName::Iaf => Self::Iaf,
            FamilyName::NsfAr => Self::NsfAr,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The latest rows calibrate
    Time,
    /// Right for rows that are independent of each other, and for no others
    Random,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MathName {
    /// Our own, 2e-7 relative or better, and fastest
    Polynomial,
    /// The crate libm
    Libm,
    /// The crate micromath: coarse (ln is off by up to 0.12)
    Micromath,
}

impl From<MathName> for Backend {
    fn from(name: MathName) -> Self {
        match name {
            MathName::Polynomial => Self::Polynomial,
            MathName::Libm => Self::Libm,
            MathName::Micromath => Self::Micromath,
        }
    }
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    rows_train: usize,
    rows_validation: usize,
    rows_calibration: usize,
    epochs: usize,
    best_epoch: usize,
    stop: &'static str,
    log_prob_mean: f64,
    log_prob_stderr: f64,
    gain_over_gaussian: Option<f64>,
    alpha: f64,
    threshold: Option<f32>,
    bytes: usize,
    seconds: f64,
    output: &'a Path,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let start = Instant::now();
    Output::check(&args.output)?;
    let recording = read(args, ui)?;
    let recipe = recipe(args, &recording)?;
    let stop = interruptible()?;
    let mut epochs = Epochs::new(ui, args.fit.epochs.into());
    let trained = train(&args.data, &recording, &recipe, &stop, |progress| {
        epochs.show(progress);
    });
    epochs.end();
    let trained = trained?;
    Output::write_all_to(&args.output, &trained.bytes)?;
    report(args, &trained, start.elapsed().as_secs_f64(), ui)
}

fn read(args: &Args, ui: Ui) -> Result<Recording, Error> {
    let in_data = Error::data(&args.data);
    let file = Table::open(&args.data, args.table.format()).map_err(&in_data)?;
    let request = ColumnRequest {
        events: args.columns.clone(),
        context: args.context.clone(),
        group: args.group.clone(),
        filter: args.table.only.clone(),
        ..ColumnRequest::default()
    };
    let columns = Columns::find(&file, &request).map_err(&in_data)?;
    let recording = load_columns(&file, &columns).map_err(&in_data)?;
    ui.read(&file, &recording.report);
    let report = &recording.report;
    if report.rows_repeated > report.rows_used / 100 && args.fit.noise == 0.0 {
        ui.note(format_args!(
            "{} rows repeat the row before. A model that puts spikes there is rewarded for it: try \
             --noise 0.1.",
            report.rows_repeated
        ));
    }
    Ok(recording)
}

fn recipe(args: &Args, recording: &Recording) -> Result<Recipe, Error> {
    let data = &recording.data;
    for (name, _) in &args.units {
        if !data
            .event_names()
            .iter()
            .chain(data.context_names())
            .any(|own| own == name)
        {
            let text = format!("--units {name}: the model has no such column");
            return Err(Error::Usage(text));
        }
    }
    let stem = || {
        args.output
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let mut spec = Spec::new(
        args.model.family.into(),
        data.event_dim(),
        data.context_dim(),
    );
    spec.layers = args.model.layers.into();
    let hidden = args.model.hidden.iter();
    spec.conditioner.hidden = hidden.map(|units| usize::from(*units)).collect();
    let config = Config {
        epochs: args.fit.epochs as usize,
        batch: args.fit.batch as usize,
        learning_rate: args.fit.learning_rate,
        patience: args.fit.patience as usize,
        noise: args.fit.noise,
        seed: args.seed,
        ..Config::default()
    };
    // Before anything slow: settings out of range.
    spec.validate()?;
    config.validate()?;
    Ok(Recipe {
        name: args.name.clone().or_else(stem).unwrap_or_default(),
        spec,
        config,
        fractions: Fractions::default(),
        random_split: args.split == SplitName::Random,
        alpha: args.alpha,
        prepare: PrepareOptions {
            circular: Family::from(args.model.family).has_splines(),
            units: args.units.clone(),
            math: args.model.math.into(),
            ..PrepareOptions::default()
        },
        command: command(args, recording),
    })
}

/// The command as it is recorded: without folders and without the output, so that the same training
/// gives the same bytes wherever it runs, and with the defaults of today spelt out.
fn command(args: &Args, recording: &Recording) -> String {
    let name = args.data.file_name().unwrap_or_default().to_string_lossy();
    let Args { model, fit, .. } = args;
    let list = |items: &[String]| items.join(",");
    let mut command = format!(
        "flow train {name} --columns {}",
        list(recording.data.event_names())
    );
    let mut add = |option: &str, value: &str| {
        if !value.is_empty() {
            command.extend([" --", option, " ", value]);
        }
    };
    add("context", &list(recording.data.context_names()));
    if let Some(filter) = &args.table.only {
        add(
            "only",
            &format!("{}={}", filter.column, list(&filter.values)),
        );
    }
    match &args.group {
        Some(group) => add("group", group),
        None => add(
            "split",
            if args.split == SplitName::Time {
                "time"
            } else {
                "random"
            },
        ),
    }
    let hidden: Vec<String> = model.hidden.iter().map(u16::to_string).collect();
    for (option, value) in [
        ("family", model.family.name().to_owned()),
        ("layers", model.layers.to_string()),
        ("hidden", list(&hidden)),
        ("epochs", fit.epochs.to_string()),
        ("batch", fit.batch.to_string()),
        ("learning-rate", fit.learning_rate.to_string()),
        ("patience", fit.patience.to_string()),
        ("noise", fit.noise.to_string()),
        ("math", Backend::from(model.math).name().to_owned()),
        ("alpha", args.alpha.to_string()),
        ("seed", args.seed.to_string()),
    ] {
        add(option, &value);
    }
    command
}

/// A flag that the first Ctrl-C sets; the second one ends the process.
fn interruptible() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            // No output is open while training runs: nothing is left behind.
            std::process::exit(130);
        }
        eprintln!("\nStopping; the best model so far is kept. Ctrl-C again to end at once.");
    };
    ctrlc::set_handler(handler)
        .map_err(|fault| Error::Usage(format!("Ctrl-C can't be caught: {fault}")))?;
    Ok(stop)
}

fn report(args: &Args, trained: &Trained, seconds: f64, ui: Ui) -> Result<(), Error> {
    let [rows_train, rows_validation, rows_calibration] = trained.rows;
    let (fit, log_prob) = (&trained.fit, &trained.log_prob);
    let (stop, because) = match fit.stop {
        Stop::Finished => ("finished", "all epochs done"),
        Stop::Early => ("early", "no further improvement"),
        Stop::Interrupted => ("interrupted", "interrupted"),
    };
    let report = Report {
        rows_train,
        rows_validation,
        rows_calibration,
        epochs: fit.epochs,
        best_epoch: fit.best_epoch,
        stop,
        log_prob_mean: log_prob.mean,
        log_prob_stderr: log_prob.stderr,
        gain_over_gaussian: trained.gain_over_gaussian,
        alpha: args.alpha,
        threshold: trained
            .calibration
            .as_ref()
            .ok()
            .and_then(CalibrationTable::threshold),
        bytes: trained.bytes.len(),
        seconds,
        output: &args.output,
    };
    let gain = match report.gain_over_gaussian {
        Some(gain) => format!(" ({gain:+.3} over a Gaussian)"),
        None => String::new(),
    };
    let threshold = report
        .threshold
        .map_or("never".to_owned(), |score| format!("below {score:.3} nats"));
    let promise = match &trained.calibration {
        Ok(_) => format!("{} %, alarm {threshold}", 100.0 * args.alpha),
        Err(_) => "none".to_owned(),
    };
    for choice in trained.choices.iter().filter(|choice| choice.is_notable()) {
        ui.note(choice);
    }
    if let Err(fault) = &trained.calibration {
        ui.note(format_args!(
            "The model promises no false-alarm rate: {fault}."
        ));
    }
    if trained.impossible > 0 {
        ui.note(format_args!(
            "{} calibration rows lie outside the domain of a column and have the likelihood 0.",
            trained.impossible
        ));
    }
    let lines = [
        (
            "rows",
            format!(
                "{rows_train} trained, {rows_validation} validated, {rows_calibration} calibrated"
            ),
        ),
        (
            "epochs",
            format!("{} ({because}), best {}", fit.epochs, fit.best_epoch),
        ),
        (
            "held-out log-likelihood",
            format!(
                "{:.3} ± {:.3} nats per row{gain}",
                log_prob.mean, log_prob.stderr
            ),
        ),
        ("false alarms promised", promise),
        ("time", format!("{seconds:.2} s")),
        (
            "written",
            format!("{} ({})", args.output.display(), bytes(trained.bytes.len())),
        ),
    ];
    if report.gain_over_gaussian.is_some_and(|gain| gain < 0.0) {
        ui.note(
            "A Gaussian does better on the calibration rows. Are they like the training rows (a \
             split by time calibrates on the latest ones, which shows drift)? More rows, --noise \
             0.1 or a smaller model may help.",
        );
    }
    if ui.quiet && !ui.json {
        return Ok(());
    }
    ui.result(&report, &lines)
}
