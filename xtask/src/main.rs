//! The command `cargo xtask`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::stages::Matrix;
use xtask::{cost, demo, firmware, no_panic, quick, setup, stages};

/// Sets up and tests the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find the device toolchain and the emulator; say what is missing, then install it
    Setup,
    /// From a recording to a chip: train, calibrate, compile, link, run under emulation, compare
    Demo,
    /// Format, lint and test the crates with uncommitted changes, or the named one
    Quick {
        /// A crate of the workspace
        #[arg(name = "CRATE")]
        name: Option<String>,
    },
    /// Run the stages of the tests that every change must pass, or the named ones
    #[command(after_help = "Example: cargo xtask test format lint")]
    Test {
        /// Stages to run; those for every change when none is named
        stages: Vec<String>,
        /// Run those of the full matrix too: hours
        #[arg(long, conflicts_with = "stages")]
        full: bool,
        /// Show the stages and run none
        #[arg(long)]
        list: bool,
    },
    /// Build and run the test firmware on the emulated chips and show its figures
    #[command(after_help = "BLESS=1 cargo xtask firmware rewrites the committed figures")]
    Firmware,
    /// Hold what the compiler says that models cost against the emulated chips
    #[command(
        after_help = "BLESS=1 cargo xtask cost measures, fits and writes the coefficients anew"
    )]
    Cost,
    /// Prove from linked ELFs that the runtime cannot panic
    NoPanic,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Setup => {
            println!("device toolchain: {}", setup::ensure()?);
            Ok(())
        }
        Task::Test { list: true, .. } => {
            stages::list();
            Ok(())
        }
        Task::Test { stages, full, .. } => stages::run(&stages, full),
        Task::Quick { name } => quick::run(name.as_deref()),
        Task::Demo => demo::run(&setup::ensure()?),
        Task::Firmware => firmware::check(&setup::ensure()?),
        Task::Cost => {
            setup::ensure()?;
            cost::check(Matrix::All)
        }
        Task::NoPanic => no_panic::check(&setup::ensure()?, Matrix::All),
    }
}
