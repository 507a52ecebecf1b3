//! `flow codegen`: an artefact becomes a Rust module.

use super::model_file::ModelFile;
use super::names::{FunctionsName, MathName, VisibilityName};
use super::output::Output;
use super::ui::{Ui, bytes};
use crate::Error;
use clap::ValueEnum;
use flow_codegen::{Defmt, Functions, Optimise, Options, Passes};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Compile a model to Rust for a microcontroller
///
/// Writes a `no_std` module without allocation that depends on flow-embedded alone, and prints what
/// it costs: flash (tables and estimated code), RAM (estimated worst stack; there are no mutable
/// statics) and multiply-accumulates for one log-likelihood or one sample. In a build script use
/// flow_codegen::Builder instead, so that the code follows the model.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow codegen model.flow -o model.rs
  flow codegen model.flow -o pump.rs --type-name Pump --self-test
  flow codegen model.flow -o pump.rs --functions score --visibility crate
  flow codegen model.flow -o pump.rs --derive PartialEq,Eq --defmt=log")]
pub(super) struct Args {
    /// The model
    model: PathBuf,
    /// The module to write; - for standard output
    #[arg(short, long, value_name = "RS")]
    output: PathBuf,
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
    passes: PassSwitches,
}

/// What the code is made for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Opt {
    /// Few instructions: dense layers in wide panels
    Speed,
    /// Little flash: one kernel for all dense layers
    Size,
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

#[derive(Debug, Serialize)]
struct Report<'a> {
    flash_bytes: usize,
    table_bytes: usize,
    code_bytes: usize,
    ram_bytes: usize,
    macs: usize,
    output: &'a Path,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    // A damaged artefact has the same sentence here as everywhere.
    model.load()?;
    let options = Options {
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
        },
        passes: Passes {
            fold: !args.passes.no_fold,
            pack: !args.passes.no_pack,
            schedule: !args.passes.no_schedule,
        },
    };
    let (source, cost) = flow_codegen::compile(model.bytes(), &args.model, &options)?;
    if args.output.as_os_str() == "-" {
        return Output::write_all_to(&args.output, source.as_bytes());
    }
    Output::write_all_to(&args.output, source.as_bytes())?;
    let report = Report {
        flash_bytes: cost.flash_bytes(),
        table_bytes: cost.table_bytes,
        code_bytes: cost.code_bytes,
        ram_bytes: cost.ram_bytes,
        macs: cost.macs,
        output: &args.output,
    };
    let flash = format!(
        "{} ({} of tables, about {} of code)",
        bytes(report.flash_bytes),
        bytes(report.table_bytes),
        bytes(report.code_bytes)
    );
    let what = match options.functions {
        Functions::All => "log-likelihood or sample",
        Functions::Score => "log-likelihood",
        Functions::Sample => "sample",
    };
    ui.result(
        &report,
        &[
            ("flash", flash),
            ("RAM", format!("about {} of stack", bytes(report.ram_bytes))),
            (
                "work",
                format!("{} multiply-accumulates per {what}", cost.macs),
            ),
            ("written", args.output.display().to_string()),
        ],
    )
}
