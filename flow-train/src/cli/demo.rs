//! `flow demo`: the whole desk part on a recording that comes with the program.

use super::files::Target;
use super::output::Output;
use super::run_words;
use super::ui::Ui;
use crate::Error;
use crate::random::Random;

/// A smartwatch's accelerometer and gyroscope, 80 recordings of 10 s at 10 Hz; its licence stands in
/// `data/README.md`.
const RECORDING: &str = include_str!("../../data/basic_motions.csv");

/// The columns that are modelled.
const CHANNELS: &str = "acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z";

/// What the model shall take as normal.
const NORMAL: [&str; 2] = ["standing", "walking"];

/// Try everything on a recording that comes with the program
///
/// A smartwatch learns standing and walking from 20 recordings. The false-alarm promise is calibrated
/// on half of the normal rows of other recordings, drawn at random, and tested on the other half;
/// running and badminton are the anomalies. Every step is printed as the command that does the same;
/// with --json each gives its own value.
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

/// The recording, divided.
struct Tables {
    train: String,
    calibration: String,
    test: String,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let folder = &args.output;
    std::fs::create_dir_all(folder.path()).map_err(Error::write(folder.path()))?;
    let tables = divide(RECORDING, args.seed);
    for (name, table) in [
        ("train.csv", &tables.train),
        ("calibration.csv", &tables.calibration),
        ("test.csv", &tables.test),
    ] {
        Output::write_all_to(&folder.within(name), table.as_bytes())?;
    }
    let file = |name: &str| folder.within(name).to_string();
    let (model, seed) = (file("model.flow"), args.seed.to_string());
    let train = file("train.csv");
    let (calibration, test, code) = (file("calibration.csv"), file("test.csv"), file("model.rs"));
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
        &["calibrate", &model, &calibration, "--alpha", "0.01"],
        &["eval", &model, &test, "--label", "label"],
        &["codegen", &model, "-o", &code],
    ];
    for step in steps {
        step_as_typed(step, ui)?;
    }
    Ok(())
}

/// Prints a command and runs it.
fn step_as_typed(words: &[&str], ui: Ui) -> Result<(), Error> {
    ui.note(format_args!("\n$ flow {}", words.join(" ")));
    let output = [ui.json.then_some("--json"), ui.quiet.then_some("--quiet")];
    let words = ["flow"].iter().chain(words).copied();
    run_words(words.chain(output.into_iter().flatten()))
        .unwrap_or_else(|fault| Err(Error::Usage(fault.to_string())))
}

/// Divides the recording. `set=train` trains, as far as it is normal. The normal rows of `set=test`
/// calibrate and test by halves, drawn at random so that the halves are exchangeable; its other rows
/// are the anomalies.
fn divide(recording: &str, seed: u64) -> Tables {
    let mut lines = recording.lines();
    let header = lines.next().unwrap_or_default();
    let (mut train, mut normal, mut anomalies) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        let mut cells = line.split(',');
        let (set, activity) = (cells.next(), cells.nth(1).unwrap_or_default());
        match (set, NORMAL.contains(&activity)) {
            (Some("train"), true) => train.push(line),
            (Some("train"), false) => {}
            (_, true) => normal.push(line),
            (_, false) => anomalies.push(line),
        }
    }
    let mut order: Vec<usize> = (0..normal.len()).collect();
    Random::new(seed).shuffle(&mut order);
    let (first, second) = order.split_at(order.len() / 2);
    let half = |rows: &[usize]| {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows.into_iter().map(|row| normal[row]).collect::<Vec<_>>()
    };
    let (calibration, held_out) = (half(first), half(second));
    let table = |parts: &[(&[&str], u8)]| {
        let mut text = format!("{header},label\n");
        for (rows, label) in parts {
            for row in *rows {
                text += &format!("{row},{label}\n");
            }
        }
        text
    };
    Tables {
        train: table(&[(&train, 0)]),
        calibration: table(&[(&calibration, 0)]),
        test: table(&[(&held_out, 0), (&anomalies, 1)]),
    }
}

#[cfg(test)]
mod tests {
    use super::{RECORDING, divide};
    use std::collections::HashSet;

    #[test]
    fn every_row_has_one_place() {
        let tables = divide(RECORDING, 3);
        let rows = |table: &str| table.lines().count() - 1;
        assert_eq!(rows(&tables.train), 2000);
        assert_eq!(rows(&tables.calibration), 1000);
        assert_eq!(rows(&tables.test), 3000);
        let recordings = |table: &str| -> HashSet<String> {
            let cells = table.lines().skip(1).map(|line| line.split(',').nth(1));
            cells.flatten().map(str::to_owned).collect()
        };
        let trained = recordings(&tables.train);
        assert!(trained.is_disjoint(&recordings(&tables.calibration)));
        assert!(trained.is_disjoint(&recordings(&tables.test)));
        assert_ne!(divide(RECORDING, 4).calibration, tables.calibration);
    }
}
