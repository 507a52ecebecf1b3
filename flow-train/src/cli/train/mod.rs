//! `flow train`: a recording becomes a model.

mod command;
mod fit;
mod model;
mod past;
mod report;

use super::options::{self, TableOptions};
use super::output::Output;
use super::progress::Epochs;
use super::ui::Ui;
use crate::Error;
use crate::auto::Budget;
use crate::data::{
    ColumnRequest, Columns, DomainRequest, Fractions, Loaded, Memory, PrepareOptions, Recording,
    Table, load_within,
};
use crate::fit::Config;
use crate::model::{Family, Spec};
use crate::train::{Model, Recipe, train, train_streamed};
use clap::ValueEnum;
use fit::FitOptions;
use flow_embedded::window::Feature;
use model::ModelOptions;
use past::PastOptions;
use std::path::PathBuf;
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
/// Columns are looked at first: positive ones that a logarithm makes less skewed and heavy-tailed
/// ones are modelled on a suitable scale, and rounded ones (counts of an ADC) are dequantised; what
/// was found is printed, and --domain and --keep-rounding overrule it. log_prob stays in the units
/// of the data.
///
/// Rows of a stream depend on those before them: with --lags, --differences, --means, --deviations
/// and --averages the model is conditioned on the past of its own columns, which the other commands
/// and the chip compute from the raw stream. The rows must then be in the order of time, and --group
/// separates recordings. A row whose features reach back over a start, a dropped row or one left
/// out by --only is not used itself.
///
/// The same table, options and seed give the same model, byte for byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow train pump.csv -o pump.flow
  flow train pump.csv -o pump.flow --columns acc_x,acc_y,acc_z --context speed --alpha 0.001
  flow train imu.csv -o imu.flow --lags 1,2,4 --averages 6 --group recording
  flow train vane.parquet -o vane.flow --domain angle=circular:0:360,gust=positive
  flow train watch.csv -o watch.flow --columns 3,4,5 --group recording \\
      --only activity=standing,walking --family maf --layers 3 --hidden 24,24 --noise 0.1")]
pub(super) struct Args {
    /// The recording, one row for each sample: CSV or Parquet
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
    /// Where the values of columns live: real, positive[:LOW], soft-positive[:LOW[:SCALE]],
    /// bounded:LOW:HIGH, circular:LOW:HIGH or heavy-tailed [default: positive or heavy-tailed where
    /// that clearly helps, circular by unit, else real]
    #[arg(long = "domain", value_delimiter = ',', value_parser = options::domain, value_name = "COLUMN=DOMAIN,…")]
    domains: Vec<(String, DomainRequest)>,
    /// Columns without --domain are real, whatever they look like
    #[arg(long)]
    raw_domains: bool,
    /// Do not dequantise rounded columns
    #[arg(long)]
    keep_rounding: bool,
    /// Column with the weight of each row: a row of weight 2 counts as two
    #[arg(long, value_name = "COLUMN")]
    weights: Option<String>,
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
    /// Memory that rows may take; larger tables are shuffled on disk
    #[arg(long, default_value = "4GiB", value_parser = options::bytes, value_name = "SIZE")]
    memory_limit: u64,
    #[command(flatten)]
    past: PastOptions,
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    fit: FitOptions,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The latest rows calibrate
    Time,
    /// Right for rows that are independent of each other, and for no others
    Random,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let start = Instant::now();
    Output::check(&args.output)?;
    let in_data = Error::data(&args.data);
    let table = Table::open(&args.data, args.table.format()).map_err(&in_data)?;
    let request = ColumnRequest {
        events: args.columns.clone(),
        context: args.context.clone(),
        group: args.group.clone(),
        weights: args.weights.clone(),
        filter: args.table.only.clone(),
        ..ColumnRequest::default()
    };
    let columns = Columns::find(&table, &request).map_err(&in_data)?;
    let [events, _] = columns.names(&table);
    let columns = columns.with_features(args.past.features(events.len())?);
    let names = columns.names(&table);
    check_names(args, &names)?;
    let recipe = recipe(args, &names, columns.features())?;
    let memory = Memory {
        limit: args.memory_limit,
        ..Memory::default()
    };
    let loaded = load_within(&table, &columns, &memory).map_err(&in_data)?;
    let stop = interruptible()?;
    let mut epochs = Epochs::new(ui);
    let trained = match &loaded {
        Loaded::InMemory(recording) => {
            ui.read(&table, &recording.report);
            repeats(args, recording, ui);
            train(&args.data, recording, &recipe, &stop, |progress| {
                epochs.show(progress);
            })
        }
        Loaded::TooLarge(survey) => {
            ui.read(&table, survey.report());
            ui.note("The table is larger than the memory limit: its rows are shuffled on disk.");
            train_streamed(&args.data, survey, &recipe, &stop, |progress| {
                epochs.show(progress);
            })
        }
    };
    epochs.end();
    let trained = trained?;
    Output::write_all_to(&args.output, &trained.bytes)?;
    report::columns(&trained.choices, ui);
    report::candidates(&trained, ui);
    let seconds = start.elapsed().as_secs_f64();
    report::report(args, &trained, seconds, ui)
}

/// A remark on rows that repeat.
fn repeats(args: &Args, recording: &Recording, ui: Ui) {
    let report = &recording.report;
    if report.rows_repeated > report.rows_used / 100
        && args.fit.noise.is_none()
        && args.model.family().is_some()
    {
        ui.note(format_args!(
            "{} rows repeat the row before. A model that puts spikes there is rewarded for it: try \
             --noise 0.1.",
            report.rows_repeated
        ));
    }
}

/// Options that name columns must name the model's.
fn check_names(args: &Args, names: &[Vec<String>; 2]) -> Result<(), Error> {
    let units = args.units.iter().map(|(name, _)| ("units", name));
    let domains = args.domains.iter().map(|(name, _)| ("domain", name));
    for (option, name) in units.chain(domains) {
        if !names.iter().flatten().any(|own| own == name) {
            let text = format!("--{option} {name}: the model has no such column");
            return Err(Error::Usage(text));
        }
    }
    Ok(())
}

fn recipe(args: &Args, names: &[Vec<String>; 2], features: &[Feature]) -> Result<Recipe, Error> {
    let stem = || {
        let stem = args.output.file_stem();
        stem.map(|stem| stem.to_string_lossy().into_owned())
    };
    let (model, spec) = model(args)?;
    let (mut domains, mut units) = (args.domains.clone(), args.units.clone());
    past::inherit(features, &names[0], &mut domains, &mut units)?;
    Ok(Recipe {
        name: args.name.clone().or_else(stem).unwrap_or_default(),
        command: command::recorded(args, names, features.len(), &model),
        features: features.to_vec(),
        prepare: PrepareOptions {
            domains,
            infer: !args.raw_domains,
            circular: spec.family.has_splines() && !spec.linear,
            grids: !args.keep_rounding,
            units,
            math: args.model.math.into(),
        },
        model,
        seed: args.seed,
        fractions: Fractions::default(),
        random_split: args.split == SplitName::Random,
        alpha: args.alpha,
    })
}

/// The model to train, and the shape that it has or may have.
fn model(args: &Args) -> Result<(Model, Spec), Error> {
    let overrides = args.fit.overrides();
    // Before anything slow: settings out of range.
    overrides.apply(&Config::default()).validate()?;
    let Some(family) = args.model.family() else {
        if let Some(option) = args.model.decided_by_auto() {
            let text = format!(
                "{option}: --family auto decides that by itself; name a family to go with it, e.g. --family maf"
            );
            return Err(Error::Usage(text));
        }
        let spec = args.model.spec(Family::NsfAr);
        let model = Model::Auto {
            spec: spec.clone(),
            overrides,
            budget: Budget::default(),
        };
        return Ok((model, spec));
    };
    let spec = args.model.spec(family);
    spec.validate()?;
    let model = Model::Named {
        spec: spec.clone(),
        config: overrides.apply(&Config::default()),
    };
    Ok((model, spec))
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
