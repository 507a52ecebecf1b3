//! A promise is printed with its standing. The table that made a model does not calibrate it.

use super::artefacts::{bytes, gaussian};
use super::flow::{Folder, Run};
use super::promises::independent;
use super::text::trained;
use std::fmt::Write as _;

/// A model of `train.csv`, in little time.
const TRAIN: &str = "train train.csv -o model.flow --family maf --layers 1 --hidden 4 --epochs 2";

/// Rows that repeat each other three times out of four.
fn dependent(count: usize) -> String {
    let rows = independent(count as u64);
    let mut lines = rows.lines();
    let mut text = format!("{}\n", lines.next().expect("a header"));
    for line in lines.step_by(4) {
        writeln!(text, "{line}\n{line}\n{line}\n{line}").expect("a string");
    }
    text
}

fn lines(run: &Run) -> Vec<&str> {
    run.out
        .lines()
        .filter(|line| {
            line.starts_with("false alarms promised") || line.starts_with("calibration ")
        })
        .collect()
}

#[test]
fn training_says_whether_its_promise_stands() {
    let folder = Folder::new().with("train.csv", independent(3_000));
    let trained = folder.flow(TRAIN).done();
    assert!(
        lines(&trained)[0].contains("1 % (the promise stands)"),
        "{}",
        trained.out
    );
    assert!(
        trained.out.contains("nothing depends on its past"),
        "{}",
        trained.out
    );
    let report = folder.flow(&format!("{TRAIN} --json")).json();
    assert_eq!(report["promise_stands"], true);

    let folder = Folder::new().with("train.csv", dependent(3_000));
    let trained = folder.flow(TRAIN).done();
    assert!(
        lines(&trained)[0].contains("1 % (the promise does not stand)"),
        "{}",
        trained.out
    );
    assert!(
        trained.out.contains("depends on its past"),
        "{}",
        trained.out
    );

    // Neighbours of the calibration rows trained: no test of these rows shows that.
    let random = folder.flow(&format!("{TRAIN} --split random")).done();
    assert!(
        lines(&random)[0].contains("1 % (not examined)"),
        "{}",
        random.out
    );
    let report = folder
        .flow(&format!("{TRAIN} --split random --json"))
        .json();
    assert_eq!(report["promise_stands"], serde_json::Value::Null);
}

#[test]
fn a_promise_that_is_read_from_a_model_is_called_not_examined() {
    let folder = Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("normal.csv", independent(2_000));
    let promise = ["--false-alarms", "1 per 1000 samples"];
    let calibrate = ["calibrate", "model.flow", "normal.csv"];
    let calibrated = folder.run(calibrate.into_iter().chain(promise)).done();
    assert!(
        lines(&calibrated)[0].contains("25 % (the promise stands)"),
        "{}",
        calibrated.out
    );
    let inspected = folder.flow("inspect model.flow").done();
    assert!(
        lines(&inspected)[0].contains("promised 25 % (not examined)"),
        "{}",
        inspected.out
    );
    let stream = inspected
        .out
        .lines()
        .find(|line| line.starts_with("over a stream"));
    assert!(
        stream.is_some_and(|line| line.ends_with("(not examined)")),
        "{}",
        inspected.out
    );
    let report = folder.flow("inspect model.flow --json").json();
    assert_eq!(
        report["calibration"]["promise_stands"],
        serde_json::Value::Null
    );
    let evaluated = folder.flow("eval model.flow normal.csv").done();
    assert!(
        evaluated.out.contains("promised 25 % (not examined)"),
        "{}",
        evaluated.out
    );
    folder.flow("codegen model.flow -o model.rs").done();
    let module = folder.read("model.rs");
    let promises: Vec<&str> = module
        .lines()
        .filter(|line| {
            line.starts_with("/// - False alarms") || line.starts_with("/// - Over a stream")
        })
        .collect();
    assert_eq!(promises.len(), 2);
    assert!(
        promises.iter().all(|line| line.contains("(not examined: ")),
        "{promises:?}"
    );
}

#[test]
fn the_table_that_made_the_model_does_not_calibrate_it() {
    let folder = Folder::new()
        .with("train.csv", independent(3_000))
        .with("other.csv", independent(3_001));
    folder.flow(TRAIN).done();
    let before = folder.read_bytes("model.flow");
    for command in [
        "calibrate model.flow train.csv",
        "calibrate model.flow train.csv --each x -o models/",
        "quantise model.flow train.csv --weights i16 -o small.flow",
        "codegen model.flow -o model.rs --weights i16 --rows train.csv",
    ] {
        folder.flow(command).fails(
            1,
            &[
                "train.csv",
                "the model was made from",
                "another recording",
                "--alpha",
            ],
        );
    }
    assert_eq!(folder.read_bytes("model.flow"), before);
    // Both remedies help.
    folder.flow("calibrate model.flow other.csv").done();
    folder.flow(&format!("{TRAIN} --alpha 0.05")).done();
    let evaluated = folder.flow("eval model.flow train.csv").done();
    assert!(
        evaluated.err.contains("made from this very table"),
        "{}",
        evaluated.err
    );
    let evaluated = folder.flow("eval model.flow other.csv").done();
    assert!(!evaluated.err.contains("made from"), "{}", evaluated.err);
}

#[test]
fn the_text_that_made_the_model_does_not_calibrate_it() {
    let folder = trained();
    folder
        .flow("calibrate log.flow log.txt")
        .fails(1, &["log.txt", "the model was made from"]);
    folder.flow("calibrate log.flow other.txt").done();
}

#[test]
fn quantising_keeps_the_promise_over_a_stream_or_says_how_to_restore_it() {
    let folder = Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("normal.csv", independent(4_000))
        .with("few.csv", independent(60));
    let calibrate = ["calibrate", "model.flow", "normal.csv"];
    let promise = ["--false-alarms", "1 per 1000 samples"];
    folder.run(calibrate.into_iter().chain(promise)).done();

    let quantised = folder
        .flow("quantise model.flow normal.csv --weights i16 -o small.flow")
        .done();
    assert!(
        quantised.out.contains("1 per 1000 samples"),
        "{}",
        quantised.out
    );
    assert!(!quantised.err.contains("left out"), "{}", quantised.err);
    let report = folder.flow("inspect small.flow --json").json();
    assert_eq!(report["stream"]["run_length"], 1000.0);
    folder
        .flow("score small.flow normal.csv -o evidence.csv --stream")
        .done();

    let quantised = folder
        .flow("quantise model.flow few.csv --weights i16 -o few.flow")
        .done();
    let said = quantised.err.lines().find(|line| line.contains("left out"));
    let said = said.expect("a sentence");
    assert!(said.contains("1 per 1000 samples"), "{said}");
    assert_eq!(
        folder.flow("inspect few.flow --json").json()["stream"],
        serde_json::Value::Null
    );
    // The command that it names, with a longer recording.
    let advised = "flow calibrate few.flow LONGER.csv --false-alarms '1 per 1000 samples'";
    assert!(said.contains(advised), "{said}");
    let calibrate = ["calibrate", "few.flow", "normal.csv"];
    folder.run(calibrate.into_iter().chain(promise)).done();
    assert_eq!(
        folder.flow("inspect few.flow --json").json()["stream"]["run_length"],
        1000.0
    );
}

#[test]
fn the_demo_shows_the_spread_and_overwrites_nothing() {
    let folder = Folder::new().with("train.csv", "mine");
    folder
        .flow("demo -o .")
        .fails(2, &["train.csv", "new folder", "-o"]);
    assert_eq!(folder.names(), ["train.csv"]);
    assert_eq!(folder.read("train.csv"), "mine");

    let run = folder.flow("demo -o tried").done();
    let promised: Vec<&str> = run
        .out
        .lines()
        .filter(|line| line.starts_with("false alarms promised"))
        .collect();
    // Of training, of the calibration, and of all divisions.
    let [_, calibrated, spread] = promised[..] else {
        panic!("{}", run.out)
    };
    assert!(
        calibrated.contains("the promise does not stand"),
        "{calibrated}"
    );
    assert!(
        spread.contains("the promise stands in 0 of 40 divisions"),
        "{spread}"
    );
    assert!(
        run.out.contains("% in the mean, ") && run.out.contains(" of 40 divisions"),
        "{}",
        run.out
    );
    folder.flow("demo -o tried --seed 1 -q").done();
}
