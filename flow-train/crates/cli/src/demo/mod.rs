//! `flow demo`: all that the host does, on a recording that comes with the program.

mod divide;
mod spread;

use super::files::Target;
use super::output::Output;
use super::run_words;
use super::ui::Ui;
use crate::Error;
use divide::{Tables, divide};

/// A smartwatch's accelerometer and gyroscope, 80 recordings of 10 s at 10 Hz; its licence stands in
/// `data/README.md`.
const RECORDING: &str = include_str!("../../data/basic_motions.csv");

/// The columns that are modelled.
const CHANNELS: &str = "acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z";

/// The false-alarm rate to promise.
const ALPHA: f64 = 0.01;

/// Try everything on a recording that comes with the program
///
/// A smartwatch learns standing and walking from 20 recordings. The false-alarm rate is calibrated on
/// 10 recordings and tested on 10 others, drawn at random by the seed; running and badminton are the
/// anomalies. Every step is printed as the command that does the same. Last, the same model is
/// calibrated and tested on 40 such divisions: one alone says little. With --json each step gives its
/// own value.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  flow demo -o flow-demo")]
pub(super) struct Args {
    /// The folder to write to
    #[arg(short, long, default_value = "flow-demo", value_name = "FOLDER")]
    output: Target,
    /// Seed of everything random
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
}

/// The files that the demo writes.
const FILES: [&str; 5] = [
    "train.csv",
    "calibration.csv",
    "test.csv",
    "model.flow",
    "model.rs",
];

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let folder = &args.output;
    let tables = divide(RECORDING, args.seed);
    check(folder, &tables)?;
    std::fs::create_dir_all(folder.path()).map_err(Error::write(folder.path()))?;
    for (name, table) in FILES
        .iter()
        .zip([&tables.train, &tables.calibration, &tables.test])
    {
        Output::write_all_to(&folder.within(name), table.as_bytes())?;
    }
    let file = |name: &str| folder.within(name).to_string();
    let (model, seed) = (file("model.flow"), args.seed.to_string());
    let train = file("train.csv");
    let (calibration, test, code) = (file("calibration.csv"), file("test.csv"), file("model.rs"));
    let alpha = ALPHA.to_string();
    let steps: [&[&str]; 4] = [
        &[
            "train",
            &train,
            "-o",
            &model,
            "--columns",
            CHANNELS,
            "--group",
            "recording",
            "--family",
            "maf",
            "--layers",
            "4",
            "--hidden",
            "32,32",
            "--smoothing",
            "0.1",
            "--seed",
            &seed,
            "--name",
            "basic-motions",
        ],
        &["calibrate", &model, &calibration, "--alpha", &alpha],
        &["eval", &model, &test, "--label", "label"],
        &["codegen", &model, "-o", &code],
    ];
    for step in steps {
        step_as_typed(step, ui)?;
    }
    spread::print(folder, args.seed, ui)
}

/// Refuses a folder with files of these names that no demo wrote: those of a demo stand beside its
/// training table, which is the same for every seed.
fn check(folder: &Target, tables: &Tables) -> Result<(), Error> {
    let path = |name: &str| folder.path().join(name);
    let ours = || std::fs::read(path(FILES[0])).is_ok_and(|own| own == tables.train.as_bytes());
    match FILES.iter().find(|name| path(name).exists()) {
        Some(name) if !ours() => Err(Error::Usage(format!(
            "{folder} holds a {name} that is not the demo's: name a new folder with -o"
        ))),
        _ => Ok(()),
    }
}

/// Prints a command and runs it.
fn step_as_typed(words: &[&str], ui: Ui) -> Result<(), Error> {
    ui.note(format_args!("\n$ flow {}", words.join(" ")));
    let output = [ui.json.then_some("--json"), ui.quiet.then_some("--quiet")];
    let words = ["flow"].iter().chain(words).copied();
    run_words(words.chain(output.into_iter().flatten()))
        .unwrap_or_else(|fault| Err(Error::Usage(fault.to_string())))
}
