//! The command `flow`: one file a subcommand, all of them thin over the crates of flow-train.
//!
//! Results go to standard output, as text or with `--json` as one JSON value; progress, notes and
//! errors go to standard error. The exit code is 0 on success only, 2 for wrong usage, 1 for
//! everything else. Outputs are written beside their destination and renamed into place, so that a
//! file that exists survives every failure. No command writes a file that it reads, except the model
//! that `calibrate` and `quantise` replace: see `files`.

mod bench;
mod calibrate;
mod codegen;
mod context_report;
mod demo;
mod error;
mod eval;
mod files;
mod import;
mod input;
mod inspect;
mod interrupt;
mod model_file;
mod names;
mod noise_report;
mod number;
mod options;
mod output;
mod progress;
mod quantise;
mod sample;
mod sbc;
mod score;
mod share;
mod standing_report;
mod stream_report;
mod train;
mod ui;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use error::Error;
use std::ffi::OsString;
use std::process::ExitCode;
use ui::Ui;

/// Normalizing flows from a recording to a microcontroller.
///
/// A flow learns the density of recorded rows. It then says how likely a new row is, raises an alarm
/// with a promised false-alarm rate, and draws new rows.
#[derive(Debug, Parser)]
#[command(name = "flow", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 success, 2 wrong usage, 1 anything else.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result as one JSON value
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// No progress and no notes: results and errors only
    #[arg(short, long, global = true, help_heading = "Output")]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::Args>),
    Eval(eval::Args),
    Score(score::Args),
    Sample(sample::Args),
    Sbc(sbc::Args),
    Calibrate(calibrate::Args),
    Quantise(quantise::Args),
    Codegen(codegen::Args),
    Import(import::Args),
    Inspect(inspect::Args),
    NoiseReport(noise_report::Args),
    Bench(bench::Args),
    Demo(demo::Args),
}

/// Runs the command line of this process.
fn main() -> ExitCode {
    if let Err(error) = interrupt::catch() {
        ui::error(&error);
        return ExitCode::FAILURE;
    }
    match run_words(std::env::args_os()) {
        // Wrong usage ends here, with code 2; --help and --version with 0.
        Err(fault) => fault.exit(),
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            if !error.is_broken_pipe() {
                ui::error(&error);
            }
            ExitCode::from(if error.is_usage() { 2 } else { 1 })
        }
    }
}

/// Runs one command line, if it is one.
fn run_words<T: Into<OsString> + Clone>(
    words: impl IntoIterator<Item = T>,
) -> Result<Result<(), Error>, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|fault| fault.format(&mut command))?;
    Ok(files::bind(&command, &matches).and_then(|named| dispatch(cli, named)))
}

/// Runs one parsed command line, whose outputs know what it reads.
fn dispatch(cli: Cli, named: files::Named) -> Result<(), Error> {
    let ui = Ui {
        json: cli.json,
        quiet: cli.quiet,
        to_stdout: named.to_stdout,
    };
    match cli.command {
        Command::Train(args) => train::run(&args, ui),
        Command::Eval(args) => eval::run(&args, ui),
        Command::Score(args) => score::run(&args, ui),
        Command::Sample(args) => sample::run(&args, ui),
        Command::Sbc(args) => sbc::run(&args, ui),
        Command::Calibrate(args) => calibrate::run(&args, ui),
        Command::Quantise(args) => quantise::run(&args, ui),
        Command::Codegen(args) => codegen::run(&args, ui),
        Command::Inspect(args) => inspect::run(&args, ui),
        Command::Import(args) => import::run(&args, ui),
        Command::NoiseReport(args) => noise_report::run(&args, ui),
        Command::Bench(args) => bench::run(&args, ui),
        Command::Demo(args) => demo::run(&args, ui),
    }
}
