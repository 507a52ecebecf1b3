//! The command `cargo xtask`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::{cost, demo, families, firmware, no_panic, setup, stages};

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
    /// Run every stage of the tests, or the named ones
    #[command(after_help = "Example: cargo xtask test format lint")]
    Test {
        /// Stages to run; all when none is named
        stages: Vec<String>,
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
        Task::Test { stages, .. } => stages::run(&stages),
        Task::Demo => demo::run(&setup::ensure()?),
        Task::Firmware => {
            let toolchain = setup::ensure()?;
            firmware::check(&toolchain)?;
            families::check(&toolchain)
        }
        Task::Cost => {
            setup::ensure()?;
            cost::check()
        }
        Task::NoPanic => no_panic::check(&setup::ensure()?),
    }
}
