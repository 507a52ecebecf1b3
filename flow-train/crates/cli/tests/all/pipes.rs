//! What can be read once only gives the same as a file: a pipe, the standard input, a descriptor.
#![cfg(unix)]

use super::artefacts::{bytes, gaussian};
use super::fleet::{parquet, rows};
use super::flow::{Folder, Run};
use super::promises::independent;
use std::fmt::Write as _;

fn folder() -> Folder {
    Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("data.csv", independent(400))
}

/// Runs a command whose `{}` is a pipe that a file goes through, in each way that there is, one after
/// the other as the results are asked for.
fn piped(folder: &Folder, file: &str, command: &str) -> impl Iterator<Item = (&'static str, Run)> {
    let named = |name: &str| format!("\"$FLOW\" {}", command.replace("{}", name));
    let lines = [
        ("-", format!("cat {file} | {}", named("-"))),
        ("< -", format!("{} < {file}", named("-"))),
        (
            "/dev/stdin",
            format!("cat {file} | {}", named("/dev/stdin")),
        ),
        (
            "/dev/fd/3",
            format!("cat {file} | {} 3<&0 </dev/null", named("/dev/fd/3")),
        ),
        (
            "fifo",
            format!(
                "mkfifo fifo; cat {file} > fifo & {}; code=$?; rm fifo; exit $code",
                named("fifo")
            ),
        ),
    ];
    let lines = lines.into_iter();
    lines.map(|(name, line)| (name, folder.shell(&line)))
}

/// 200,000 rows printed "198829 rows", and the others were lost.
#[test]
fn a_pipe_loses_no_rows() {
    let folder = folder().with("long.csv", independent(200_000));
    folder.flow("score model.flow long.csv -o file.csv").done();
    let expected = folder.read_bytes("file.csv");
    for (name, run) in piped(&folder, "long.csv", "score model.flow {} -o s.csv") {
        let run = run.done();
        let said = "200000 rows, 200000 scored";
        assert!(run.err.contains(said), "{name}: {}", run.err);
        assert!(folder.read_bytes("s.csv") == expected, "{name}");
    }
}

/// The second opening of a pipe began in the middle of a row, and this panicked.
#[test]
fn columns_without_names_through_a_pipe() {
    let mut table = String::new();
    for row in independent(50_000).lines().skip(1) {
        writeln!(table, "{row},0.25").expect("text");
    }
    let folder = Folder::new().with("bare.csv", table);
    let train = "--family maf --layers 1 --hidden 4 --epochs 1 --columns 0,1";
    let file = folder
        .flow(&format!(
            "train bare.csv -o file.flow {train} --name m --json"
        ))
        .json();
    for (name, run) in piped(
        &folder,
        "bare.csv",
        &format!("train {{}} -o pipe.flow {train} --name m --json"),
    ) {
        let run = run.json();
        for key in ["log_prob_mean", "rows_train", "threshold"] {
            assert_eq!(run[key], file[key], "{name} {key}");
        }
        let score = |model: &str| {
            folder
                .flow(&format!("score {model} bare.csv -o - -q"))
                .done()
                .out
        };
        assert!(score("pipe.flow") == score("file.flow"), "{name}");
        let inspected = folder.flow("inspect pipe.flow --json").json();
        let command = inspected["provenance"]["command"].as_str().expect("text");
        assert!(command.starts_with("flow train - "), "{name}: {command}");
    }
}

#[test]
fn every_command_that_reads_rows_reads_them_from_a_pipe() {
    let mut given = "t,x,y\n".to_owned();
    for (row, line) in independent(1200).lines().skip(1).enumerate() {
        writeln!(given, "{},{line}", row % 10).expect("text");
    }
    let folder = folder()
        .with("given.flow", bytes(&gaussian(&["t"])))
        .with("given.csv", given)
        .with("other.csv", independent(400));
    for (file, command) in [
        ("data.csv", "eval model.flow {} --json"),
        (
            "data.csv",
            "calibrate model.flow {} --alpha 0.05 -o new --json",
        ),
        (
            "data.csv",
            "quantise model.flow {} --weights i8 --alpha 0.05 -o new --json",
        ),
        (
            "data.csv",
            "codegen model.flow --weights i8 --rows {} -o new --json",
        ),
        ("data.csv", "score model.flow {} -o new --json"),
        (
            "data.csv",
            "sample model.flow -n 3 --image 2x1 --beside {} -o new --json",
        ),
        (
            "given.csv",
            "sample given.flow -n 3 --context-from {} -o new --json",
        ),
        (
            "given.csv",
            "sbc given.flow {} --rows 300 --plot new --json",
        ),
        ("data.csv", "noise-report {} --rate 9Hz -o new --json"),
        (
            "data.csv",
            "noise-report other.csv {} --rate 9Hz -o new --json",
        ),
        (
            "given.csv",
            "calibrate given.flow {} --each t --alpha 0.05 -o new.folder --json",
        ),
        // The model itself.
        ("model.flow", "eval {} data.csv --json"),
        ("model.flow", "inspect {} --json"),
        (
            "model.flow",
            "calibrate {} data.csv --alpha 0.05 -o new --json",
        ),
    ] {
        let page = command.starts_with("noise-report");
        let wanted = folder.flow(&command.replace("{}", file)).json();
        let written = |wanted: bool| {
            let written = folder.path().join("new");
            let bytes = std::fs::read(&written).ok();
            let _ = std::fs::remove_file(written);
            // A page has the name of its table.
            bytes.filter(|_| wanted)
        };
        let expected = written(!page);
        for (name, run) in piped(&folder, file, command) {
            let mut found = run.json();
            if page {
                // Like the page, it has the name of its table.
                found["recordings"] = wanted["recordings"].clone();
            }
            assert_eq!(found, wanted, "{command} {name}");
            assert!(written(!page) == expected, "{command} {name}");
        }
    }
}

#[test]
fn parquet_and_texts_come_through_pipes() {
    let folder = folder()
        .with("rows.parquet", parquet(&rows(3000), 512, true))
        .with("log.txt", "t=20 ok\nt=21 ok\ndoor shut\n".repeat(400))
        .with("other.txt", "t=20 ok\nt=21 ok\ndoor shut\n".repeat(300));
    folder
        .flow("score model.flow rows.parquet -o file.csv --keep kind")
        .done();
    let expected = folder.read_bytes("file.csv");
    let score = "score model.flow {} -o s.csv --keep kind";
    for (name, run) in piped(&folder, "rows.parquet", score) {
        run.done();
        assert!(folder.read_bytes("s.csv") == expected, "{name}");
    }
    let train = "--text 2 --head 4 --embedding 2 --epochs 1 --alpha 0.05 --name m";
    let file = folder
        .flow(&format!("train log.txt -o file.flow {train} --json"))
        .json();
    for (name, run) in piped(
        &folder,
        "log.txt",
        &format!("train {{}} -o log.flow {train} --json"),
    ) {
        assert_eq!(run.json()["log_prob_mean"], file["log_prob_mean"], "{name}");
    }
    for command in [
        "score log.flow {} -o new --json",
        "eval log.flow {} --json",
        "calibrate log.flow {} --alpha 0.05 -o new --json",
    ] {
        let wanted = folder.flow(&command.replace("{}", "other.txt")).json();
        for (name, run) in piped(&folder, "other.txt", command) {
            assert_eq!(run.json(), wanted, "{command} {name}");
        }
    }
}

/// A table that is larger than the memory limit is read twice.
#[test]
fn rows_that_are_shuffled_on_disk_come_through_a_pipe() {
    let folder = Folder::new().with("data.csv", independent(20_000));
    let train = "--family maf --layers 1 --hidden 4 --epochs 2 --memory-limit 512KiB --name m";
    let file = folder
        .flow(&format!("train data.csv -o file.flow {train} --json"))
        .json();
    let piped = folder.shell(&format!(
        "cat data.csv | \"$FLOW\" train - -o pipe.flow {train} --json"
    ));
    assert!(piped.err.contains("shuffled on disk"), "{}", piped.err);
    assert!(
        piped.err.contains("standard input: 20000 rows"),
        "{}",
        piped.err
    );
    assert_eq!(piped.json()["log_prob_mean"], file["log_prob_mean"]);
}

#[test]
fn outputs_go_to_the_standard_output_alone() {
    let folder = folder();
    let fit = "--family maf --layers 1 --hidden 4 --epochs 1";
    for (command, extra) in [
        (format!("train data.csv {fit} --name m"), ""),
        ("calibrate model.flow data.csv --alpha 0.05".to_owned(), ""),
        (
            "quantise model.flow data.csv --weights f16 --alpha 0.05".to_owned(),
            "",
        ),
        ("codegen model.flow".to_owned(), ""),
        ("score model.flow data.csv".to_owned(), ""),
        ("sample model.flow -n 9".to_owned(), ""),
        ("noise-report data.csv --rate 9Hz".to_owned(), ""),
        ("score model.flow data.csv".to_owned(), "--json"),
        (format!("train data.csv {fit} --name m"), "--json"),
    ] {
        folder.flow(&format!("{command} -o wanted")).done();
        for name in ["-", "/dev/stdout"] {
            folder
                .shell(&format!("\"$FLOW\" {command} -o {name} {extra} > found"))
                .done();
            let same = folder.read_bytes("found") == folder.read_bytes("wanted");
            assert!(same, "{command} {extra} {name}");
        }
    }
    // From model to model without a file.
    let pipe = "cat model.flow | \"$FLOW\" calibrate - data.csv --alpha 0.05 -o - | \"$FLOW\" inspect - --json";
    assert_eq!(folder.shell(pipe).json()["calibration"]["alpha"], 0.05);
    folder
        .shell(&format!("\"$FLOW\" train data.csv {fit} -o - > new.flow"))
        .done();
    let inspected = folder.flow("inspect new.flow --json").json();
    assert_eq!(inspected["name"], "model");
}

/// Looking whether a pipe can be written to ended it for its reader.
#[test]
fn a_named_pipe_takes_a_model() {
    let folder = folder();
    let fit = "--family maf --layers 1 --hidden 4 --epochs 1 --name m";
    folder
        .flow(&format!("train data.csv {fit} -o wanted"))
        .done();
    folder
        .shell(&format!(
            "mkfifo fifo; cat fifo > found & \"$FLOW\" train data.csv {fit} -o fifo && wait"
        ))
        .done();
    assert!(folder.read_bytes("found") == folder.read_bytes("wanted"));
}

#[test]
fn what_is_wrong_with_a_pipe_is_told() {
    let folder = folder();
    let flow = |text: &str| folder.shell(&text.replace("RUN", "\"$FLOW\""));
    flow("RUN eval model.flow - < /dev/null").fails(1, &["standard input is empty"]);
    flow("printf 'x,y\\n1,2\\n3\\n' | RUN eval model.flow -")
        .fails(1, &["standard input: line 3 has 1 cells"]);
    flow("RUN inspect - < /dev/null").fails(1, &["standard input: ", "truncated"]);
    flow("cat data.csv | RUN eval - -")
        .fails(2, &["standard input is named twice", "a file for one"]);
    flow("cat data.csv | RUN noise-report - /dev/stdin --rate 9Hz -o new")
        .fails(2, &["standard input is named twice"]);
    flow("mkfifo fifo; RUN noise-report fifo ./fifo --rate 9Hz -o new")
        .fails(2, &["./fifo is named twice"]);
    flow("cat model.flow | RUN calibrate - data.csv")
        .fails(2, &["standard input can't be replaced", "-o"]);
    flow("cat data.csv | TMPDIR=/no/such/folder RUN eval model.flow -").fails(
        1,
        &["standard input can't be read", "/no/such/folder", "TMPDIR"],
    );
    assert_eq!(folder.names(), ["data.csv", "fifo", "model.flow"]);
}
