//! Each bad input has its exit code and its sentence, and leaves existing outputs alone.

use super::artefacts::{bytes, gaussian};
use super::flow::Folder;

/// A folder with a model of `x` and `y`, and a table.
fn folder(table: &str) -> Folder {
    Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("data.csv", table)
}

/// Each command that reads a table with a model.
const COMMANDS: [&str; 3] = [
    "eval model.flow data.csv",
    "score model.flow data.csv -o out",
    "calibrate model.flow data.csv -o out",
];

/// Expects one sentence of all commands, and that an output which exists survives.
fn all_refuse(table: &str, parts: &[&str]) {
    for command in COMMANDS {
        let folder = folder(table).with("out", "kept");
        folder.flow(command).fails(1, parts);
        assert_eq!(folder.read("out"), "kept", "{command}");
        assert_eq!(
            folder.names(),
            ["data.csv", "model.flow", "out"],
            "{command}"
        );
    }
}

#[test]
fn tables_that_can_not_be_used() {
    all_refuse("", &["data.csv is empty"]);
    all_refuse("x,y\n", &["data.csv holds a header and no rows below it"]);
    all_refuse(
        "x,y\n1,2\n1,2,3\n",
        &["data.csv: line 3 has 3 cells", "first line has 2"],
    );
    all_refuse(
        "x,y\n1,2\n1,warm\n3,4\n",
        &["data.csv: line 3, column `y`: \"warm\" is not a number"],
    );
    all_refuse(
        "x,z\n1,2\n",
        &["lacks 1 of the model's columns: y", "its columns are x, z"],
    );
    all_refuse("a,b\n1,2\n", &["lacks 2 of the model's columns: x, y"]);
    all_refuse("x;y\n1;2\n", &["--delimiter semicolon"]);
}

#[test]
fn a_table_without_a_finite_row() {
    let table = "x,y\nnan,1\n2,inf\n,\n";
    for command in [COMMANDS[0], COMMANDS[2]] {
        folder(table)
            .flow(command)
            .fails(1, &["no usable row", "3 rows", "`x`", "line 2"]);
    }
}

#[test]
fn too_few_rows_to_calibrate() {
    folder("x,y\n1,2\n2,1\n")
        .flow("calibrate model.flow data.csv --alpha 0.01")
        .fails(
            1,
            &[
                "data.csv",
                "2 calibration rows are too few",
                "0.01",
                "at least 99 are needed",
            ],
        );
}

#[test]
fn labels_that_are_none() {
    let table = "x,y,l\n1,2,yes\n";
    folder(table)
        .flow("eval model.flow data.csv --label l")
        .fails(1, &["line 2", "\"yes\"", "--normal"]);
    folder(table)
        .flow("eval model.flow data.csv --label m")
        .fails(1, &["no column `m`", "x, y, l"]);
    folder("x,y,l\n1,2,1\n")
        .flow("eval model.flow data.csv --label l")
        .fails(1, &["no row labelled normal"]);
}

#[test]
fn outputs_that_can_not_be_written() {
    let folder = folder("x,y\n1,2\n");
    folder
        .flow("score model.flow data.csv -o no/out.csv")
        .fails(1, &["no/out.csv", "no does not exist"]);
    folder
        .flow("sample model.flow -n 1 -o .")
        .fails(1, &["folder"]);
    folder
        .flow("codegen model.flow -o no/model.rs")
        .fails(1, &["no/model.rs", "can't be written"]);
    assert_eq!(folder.names(), ["data.csv", "model.flow"]);
}

#[test]
fn files_that_are_not_there() {
    let folder = folder("x,y\n1,2\n");
    folder
        .flow("eval gone.flow data.csv")
        .fails(1, &["gone.flow can't be read"]);
    folder
        .flow("eval model.flow gone.csv")
        .fails(1, &["gone.csv can't be read"]);
}

#[test]
fn artefacts_that_are_damaged() {
    let whole = bytes(&gaussian(&[]));
    let changed = |index: usize, value: u8| {
        let mut bytes = whole.clone();
        bytes[index] = value;
        bytes
    };
    let middle = whole.len() / 2;
    let cases = [
        (whole[..middle].to_vec(), "truncated"),
        (whole[..2].to_vec(), "truncated"),
        (vec![], "truncated"),
        (changed(middle, whole[middle] ^ 1), "corrupt"),
        (changed(0, b'X'), "no flow artefact"),
        (changed(4, 99), "version 99"),
    ];
    for (bytes, part) in cases {
        let folder = folder("x,y\n1,2\n")
            .with("out", "kept")
            .with("model.flow", bytes);
        for command in COMMANDS {
            folder.flow(command).fails(1, &["model.flow: ", part]);
        }
        folder
            .flow("inspect model.flow")
            .fails(1, &["model.flow: ", part]);
        folder
            .flow("codegen model.flow -o out")
            .fails(1, &["model.flow: ", part]);
        folder
            .flow("sample model.flow -n 1 -o out")
            .fails(1, &["model.flow: ", part]);
        assert_eq!(folder.read("out"), "kept");
    }
}

#[test]
fn wrong_usage_has_code_two() {
    let folder = folder("x,y\n1,2\n");
    for (arguments, part) in [
        ("eval model.flow", "DATA"),
        ("evil model.flow data.csv", "evil"),
        ("calibrate model.flow data.csv --alpha 2", "between 0 and 1"),
        ("eval model.flow data.csv --normal a", "--label"),
        ("eval model.flow data.csv --delimiter ab", "--delimiter"),
    ] {
        let run = folder.flow(arguments);
        assert_eq!(run.code, Some(2), "{arguments}: {}", run.err);
        assert!(
            run.err.starts_with("error: ") && run.err.contains(part),
            "{}",
            run.err
        );
    }
    folder
        .flow("sample model.flow -n 1 --given a=1 -o out")
        .fails(2, &["the model has no context"]);
}

/// Names that would command a terminal, become a doctest, or turn text around.
const EVIL: [&str; 4] = [
    "\"x\n\n```\nstd::fs::write(1)\n```\"",
    "x\u{1b}[2J",
    "x\u{9b}31m",
    "x\u{202e}y",
];

#[test]
fn names_that_no_one_should_print() {
    for evil in EVIL {
        let table = format!("x,y,{evil}\n1,2,3\n2,3,4\n");
        all_refuse(
            &table,
            &[
                "data.csv: column 3: the name \"x",
                "rename the column in the file",
            ],
        );
        for command in [
            "train data.csv -o new.flow",
            "noise-report data.csv --rate 1Hz -o page.html",
        ] {
            let folder = folder(&table);
            let run = folder.flow(command);
            assert!(!run.err.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
            run.fails(1, &["column 3: the name"]);
            assert_eq!(folder.names(), ["data.csv", "model.flow"], "{command}");
        }
    }
}

#[test]
fn foreign_strings_in_messages() {
    let evil = "\u{1b}[31m\u{202e}";
    let table = format!("x,y\n1,2\n1,{evil}\n");
    for command in COMMANDS {
        let run = folder(&table).flow(command);
        assert!(!run.err.contains(['\u{1b}', '\u{202e}']), "{command}");
        run.fails(
            1,
            &["line 3, column `y`: \"\u{fffd}[31m\u{fffd}\" is not a number"],
        );
    }
    let run = folder("x,y\n1,2\n").run(["eval", &format!("{evil}.csv")]);
    assert!(!run.err.contains(['\u{1b}', '\u{202e}']));
    let run = folder("x,y\n1,2\n").run(["train", "data.csv", "--columns", evil]);
    assert!(!run.err.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn what_an_artefact_may_hold_is_shown_without_control() {
    let mut draft = gaussian(&[]);
    // Printable for an artefact, and invisible.
    draft.name = "a\u{200f}`<b>`".to_owned();
    draft.event[0].name = "x\u{feff}".to_owned();
    draft.event[0].unit = "x".repeat(1024);
    let folder = Folder::new().with("model.flow", bytes(&draft));
    let shown = folder.flow("inspect model.flow").done();
    assert!(!shown.out.contains(['\u{200f}', '\u{feff}']) && shown.out.contains("a\u{fffd}`<b>`"));
    let run = folder.flow("inspect model.flow --json");
    assert!(!run.out.contains(['\u{200f}', '\u{feff}']));
    let report = run.json();
    assert_eq!(report["name"], draft.name);
    assert_eq!(report["event"][0]["name"], draft.event[0].name);
}

#[test]
fn a_table_of_scores_keeps_names_exactly() {
    let folder = Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with(
            "data.csv",
            "x,y,\"<b> \"\"`*`\"\"\u{200f}\"\n1,2,\u{1b}[2J\n",
        );
    let columns = ["--keep", "<b> \"`*`\"\u{200f}", "-o", "scores.csv"];
    folder
        .run(
            ["score", "model.flow", "data.csv"]
                .into_iter()
                .chain(columns),
        )
        .done();
    let scores = folder.read("scores.csv");
    assert!(scores.contains("\"<b> \"\"`*`\"\"\u{200f}\""), "{scores}");
    assert!(scores.contains("\u{1b}[2J"), "{scores}");
}
