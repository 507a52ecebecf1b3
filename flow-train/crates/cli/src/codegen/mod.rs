//! `flow codegen`: an artefact becomes a Rust module.

mod measure;
mod report;

use super::files::{Given, Target};
use super::model_file::ModelFile;
use super::names::{FunctionsName, MathName, VisibilityName};
use super::options::{self, RecordingOptions, TableOptions};
use super::output::Output;
use super::quantise;
use super::ui::{Ui, decimal};
use crate::Error;
use clap::ValueEnum;
use flow_codegen::{Budget, Chip, Core, Defmt, Functions, OptLevel, Optimise, Options, Passes};
use flow_embedded::artefact::{LoadedFlow, WeightFormat};
use report::{Report, Row};
use std::time::Duration;

/// Compile a model to Rust for a microcontroller
///
/// Writes a `no_std` module without allocation that depends on flow-embedded alone, and prints what
/// it costs on a core: flash (tables and code), RAM (the worst stack; there are no mutable statics),
/// multiply-accumulates, instructions and cycles of one log-likelihood and one sample; for speed and
/// for size, at both levels of the compiler. All but tables and multiply-accumulates are estimates,
/// whose errors are in docs/cost.md; with --measure, firmware around the model is built for the core
/// and run on an emulated board, and the figures are what was found there (cycles stay estimates). A
/// model that exceeds --flash, --ram or --latency is refused and nothing is written; the error says
/// by how much, and which options would make it fit. In a build script use flow_codegen::Builder
/// instead, so that the code follows the model.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow codegen model.flow -o model.rs
  flow codegen model.flow -o pump.rs --type-name Pump --self-test
  flow codegen model.flow -o pump.rs --functions score --visibility crate
  flow codegen model.flow -o pump.rs --core m0plus --flash 32KiB --ram 4KiB --opt auto
  flow codegen model.flow -o pump.rs --core m4f --measure
  flow codegen model.flow -o pump.rs --core cortex-m4f --clock 64MHz --latency 5ms --json
  flow codegen model.flow -o pump.rs --weights i8 --rows normal.csv --core m0
  flow codegen model.flow -o pump.rs --derive PartialEq,Eq --defmt=log")]
pub(super) struct Args {
    /// The model
    model: Given,
    /// The module to write; - for standard output
    #[arg(short, long, value_name = "RS")]
    output: Target,
    /// Name of the generated type [default: the model's name in camel case]
    #[arg(long, value_name = "NAME")]
    type_name: Option<String>,
    /// What the type can do
    #[arg(long, value_enum, value_name = "WHICH", default_value = "all")]
    functions: FunctionsName,
    /// Who may name the type, PROVENANCE and self_test()
    #[arg(long, value_enum, value_name = "WHO", default_value = "pub")]
    visibility: VisibilityName,
    /// Traits to derive beside Clone, Copy, Debug and Default
    #[arg(long, value_name = "TRAITS", value_delimiter = ',')]
    derive: Vec<String>,
    /// Derive defmt::Format; with a feature's name, only if the firmware has that feature on
    #[arg(long, value_name = "FEATURE", num_args = 0..=1, require_equals = true)]
    defmt: Option<Option<String>>,
    /// What weights are compiled to: what the model has, or else it is quantised with --rows
    #[arg(long, value_enum, value_name = "FORMAT")]
    weights: Option<Weights>,
    /// Normal rows that the model was not trained on, to quantise it as `flow quantise` does: CSV or
    /// Parquet; - for standard input
    #[arg(long, value_name = "DATA", requires = "weights")]
    rows: Option<Given>,
    /// Elementary functions in place of the model's own; refused if the model was calibrated
    /// through others, unless it only samples
    #[arg(long, value_enum, value_name = "NAME")]
    math: Option<MathName>,
    /// Also generate `self_test()`, which checks golden vectors on the chip
    #[arg(long)]
    self_test: bool,
    /// What the code is made for
    #[arg(long, value_enum, default_value_t = Opt::Speed)]
    opt: Opt,
    #[command(flatten)]
    chip: ChipOptions,
    #[command(flatten)]
    passes: PassSwitches,
    #[command(flatten)]
    recordings: RecordingOptions,
    #[command(flatten)]
    table: TableOptions,
}

/// What weights are compiled to.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Weights {
    /// As they were trained
    F32,
    /// Half precision in flash, computed with as f32
    F16,
    /// Integers of 16 bits from end to end
    I16,
    /// Weights of 8 bits, everything else as i16
    I8,
}

impl From<Weights> for Option<WeightFormat> {
    fn from(weights: Weights) -> Self {
        match weights {
            Weights::F32 => None,
            Weights::F16 => Some(WeightFormat::F16),
            Weights::I16 => Some(WeightFormat::I16),
            Weights::I8 => Some(WeightFormat::I8),
        }
    }
}

/// What the code is made for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Opt {
    /// Few instructions: dense layers in wide panels
    Speed,
    /// Little flash: one kernel for all dense layers
    Size,
    /// For speed, unless the flash budget needs size
    Auto,
}

/// The level of the firmware's compiler.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    #[value(name = "3")]
    Three,
    S,
}

/// The chip, and what the model may cost there.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Chip")]
struct ChipOptions {
    /// The core that the figures are for: cortex-m0, m0plus, m3, m4f, m7, m33, m55, riscv32imc, or
    /// host, of which tables and multiply-accumulates alone are known [default: cortex-m4f]
    #[arg(long, value_name = "CORE")]
    core: Option<Core>,
    /// Build firmware around the model for the core, weigh it, and count its instructions and its
    /// stack on an emulated board; needs the core's target (rustup target add) and QEMU
    #[arg(long)]
    measure: bool,
    /// Features of flow-embedded that the measured firmware turns on, e.g. cortex-m-asm
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "measure"
    )]
    features: Vec<String>,
    /// Its clock, e.g. 64MHz [default: a usual one]
    #[arg(long, value_name = "HZ", value_parser = options::hertz)]
    clock: Option<u64>,
    /// The opt-level of the firmware's profile
    #[arg(long, value_enum, default_value_t = Level::Three)]
    opt_level: Level,
    /// Most flash for tables and code, e.g. 32KiB
    #[arg(long, value_name = "BYTES", value_parser = options::bytes)]
    flash: Option<u64>,
    /// Most RAM for the worst stack, e.g. 4KiB
    #[arg(long, value_name = "BYTES", value_parser = options::bytes)]
    ram: Option<u64>,
    /// Most time for one log-likelihood, and for one sample, e.g. 5ms
    #[arg(long, value_name = "TIME", value_parser = options::duration)]
    latency: Option<Duration>,
}

impl ChipOptions {
    fn chip(&self) -> Chip {
        Chip {
            core: self.core.unwrap_or_default(),
            clock_hz: self.clock,
            level: match self.opt_level {
                Level::Three => OptLevel::Three,
                Level::S => OptLevel::S,
            },
        }
    }

    fn budget(&self) -> Budget {
        // More than the machine can count is no limit.
        let most = |bytes: u64| usize::try_from(bytes).ok();
        Budget {
            flash: self.flash.and_then(most),
            ram: self.ram.and_then(most),
            latency: self.latency,
        }
    }
}

/// Switches passes of the compiler off.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Passes")]
struct PassSwitches {
    /// Move channels where the model permutes them, instead of finding them where they lie
    #[arg(long)]
    no_fold: bool,
    /// Store and multiply masked weights too, as zeros
    #[arg(long)]
    no_pack: bool,
    /// Evaluate the whole conditioner once a channel where channels wait for each other
    #[arg(long)]
    no_schedule: bool,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    // A damaged artefact has the same sentence here as everywhere.
    let artefact = artefact(args, &model, &model.load()?, ui)?;
    let mut options = Options {
        type_name: args.type_name.clone(),
        visibility: args.visibility.into(),
        derives: args.derive.clone(),
        defmt: match &args.defmt {
            None => Defmt::Never,
            Some(None) => Defmt::Always,
            Some(Some(feature)) => Defmt::Feature(feature.clone()),
        },
        math: args.math.map(Into::into),
        functions: args.functions.into(),
        self_test: args.self_test,
        optimise: match args.opt {
            Opt::Speed => Optimise::Speed,
            Opt::Size => Optimise::Size,
            Opt::Auto => Optimise::Auto,
        },
        chip: args.chip.chip(),
        budget: args.chip.budget(),
        measured: Vec::new(),
        passes: Passes {
            fold: !args.passes.no_fold,
            pack: !args.passes.no_pack,
            schedule: !args.passes.no_schedule,
        },
    };
    if args.chip.measure {
        options.measured = measure::all(&artefact, &options, &args.chip.features, ui)?;
    }
    let (source, cost) = flow_codegen::compile(&artefact, args.model.path(), &options)?;
    if args.output.is_stdout() {
        return Output::write_all_to(&args.output, source.as_bytes());
    }
    Output::write_all_to(&args.output, source.as_bytes())?;
    let choices = flow_codegen::survey(&artefact, args.model.path(), &options)?;
    let report = Report {
        core: options.chip.core.name(),
        clock_hz: options.chip.clock(),
        macs: cost.macs,
        cost: Row::new(&cost),
        choices: choices.iter().map(Row::new).collect(),
        output: args.output.path(),
    };
    let core = match args.chip.core {
        Some(core) => format!("{core} at {} MHz", report.clock_hz as f64 / 1e6),
        None => format!(
            "{} at {} MHz, since no --core is given",
            report.core,
            report.clock_hz as f64 / 1e6
        ),
    };
    let what = match options.functions {
        Functions::All => "log-likelihood or sample",
        Functions::Score => "log-likelihood",
        Functions::Sample => "sample",
    };
    let names: Vec<String> = report
        .choices
        .iter()
        .map(|row| format!("opt {} at {}", row.opt, row.opt_level))
        .collect();
    let written = format!(
        "{}, opt {} for opt-level {}",
        args.output, report.cost.opt, report.cost.opt_level
    );
    let mut lines = vec![
        ("core", core),
        (
            "work",
            format!("{} multiply-accumulates per {what}", cost.macs),
        ),
        ("static RAM", "none".to_owned()),
    ];
    lines.extend(
        names
            .iter()
            .zip(&report.choices)
            .map(|(name, row)| (name.as_str(), row.line())),
    );
    lines.push(("figures", report::basis(&cost)));
    lines.push(("written", written));
    ui.result(&report, &lines)
}

/// The artefact to compile: the model's, or one of other weights made from it.
fn artefact(
    args: &Args,
    model: &ModelFile,
    flow: &LoadedFlow<'_>,
    ui: Ui,
) -> Result<Vec<u8>, Error> {
    let own = flow.header().quantisation.map(|own| own.weights);
    let wanted = args.weights.map_or(own, Into::into);
    let path = &args.model;
    let weights = match (own, wanted) {
        (None, Some(weights)) => weights,
        (own, wanted) if own == wanted => return Ok(model.bytes().to_vec()),
        (own, _) => {
            return Err(Error::Usage(format!(
                "{path} is quantised to {}: compile the model that it was made from",
                own.map_or("f32", WeightFormat::name)
            )));
        }
    };
    let Some(rows) = &args.rows else {
        return Err(Error::Usage(format!(
            "{path} has weights of f32: give --rows with normal rows that it was not trained on, to \
             quantise it to {}, or do so with flow quantise first",
            weights.name()
        )));
    };
    let alpha = flow.calibration().map(|table| decimal(table.alpha()));
    let table = (&args.table, &args.recordings);
    let own = quantise::with_table(flow, rows, table, weights, alpha, ui)?;
    quantise::lost_stream(flow, &own, None, ui);
    ui.note(format_args!(
        "{path} as {}: off by {:.4} nats in the mean, calibrated anew",
        weights.name(),
        own.mean_difference
    ));
    Ok(own.artefact)
}
