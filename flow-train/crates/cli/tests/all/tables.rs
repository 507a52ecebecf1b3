//! Parquet files do what CSV files do, in each command that reads a table.

use super::artefacts::{bytes, gaussian};
use super::flow::Folder;
use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fmt::Write as _;
use std::sync::Arc;

const ROWS: i64 = 300;

fn row(i: i64) -> [f64; 3] {
    let phase = i as f64 / 7.0;
    [
        phase.sin(),
        (i % 13) as f64 / 4.0,
        phase.cos() + (i % 5) as f64,
    ]
}

/// Columns `x`, `y`, `speed`, and `fault`, which is 1 in one row of ten; `y` is missing in one row.
fn csv() -> String {
    let mut text = String::from("x,y,speed,fault\n");
    for i in 0..ROWS {
        let [x, y, speed] = row(i);
        let y = if i == 20 {
            String::new()
        } else {
            y.to_string()
        };
        writeln!(text, "{x},{y},{speed},{}", i64::from(i % 10 == 3)).expect("a String takes all");
    }
    text
}

/// The same.
fn parquet() -> Vec<u8> {
    let fields =
        "required double x; optional double y; required double speed; required int64 fault;";
    let schema = parse_message_type(&format!("message t {{ {fields} }}")).expect("a schema");
    let mut file = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut file, Arc::new(schema), Arc::default()).expect("opens");
    let mut group = writer.next_row_group().expect("a row group");
    for index in 0..4 {
        let mut column = group
            .next_column()
            .expect("a column")
            .expect("four of them");
        let present = |i: &i64| index != 1 || *i != 20;
        if index == 3 {
            let faults: Vec<i64> = (0..ROWS).map(|i| i64::from(i % 10 == 3)).collect();
            let typed = column.typed::<Int64Type>();
            typed.write_batch(&faults, None, None).expect("written");
        } else {
            let values: Vec<f64> = (0..ROWS).filter(present).map(|i| row(i)[index]).collect();
            let levels: Vec<i16> = (0..ROWS).map(|i| i16::from(present(&i))).collect();
            let levels = (index == 1).then_some(&levels[..]);
            let typed = column.typed::<DoubleType>();
            typed.write_batch(&values, levels, None).expect("written");
        }
        column.close().expect("closes");
    }
    group.close().expect("closes");
    writer.close().expect("closes");
    file
}

/// A folder with models and a table, whose name says nothing of its format.
fn folder(table: &[u8]) -> Folder {
    Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("context.flow", bytes(&gaussian(&["speed"])))
        .with("data", table)
}

#[test]
fn every_command_gives_the_same_for_both() {
    for command in [
        "eval model.flow data --label fault --json",
        "score model.flow data -o -",
        "score model.flow data --only fault=1 -o -",
        "calibrate model.flow data --only fault=0 --alpha 0.05 -o out",
        "sample context.flow -n 400 --context-from data -o -",
        "train data -o out --columns x,y --context speed --family maf --layers 1 --hidden 4 --epochs 2 --alpha 0.1",
    ] {
        let run = |table: &[u8]| {
            let folder = folder(table);
            let run = folder.flow(&format!("{command} -q")).done();
            let out = std::fs::read(folder.path().join("out")).ok();
            (run.out, out)
        };
        assert!(run(csv().as_bytes()) == run(&parquet()), "{command}");
    }
}

#[test]
fn dropped_rows_are_named_by_their_number() {
    let run = folder(&parquet()).flow("eval model.flow data").done();
    assert!(
        run.err.contains("`y`: 1 missing, first in row 21"),
        "{}",
        run.err
    );
}

#[test]
fn a_damaged_file_is_refused_in_a_sentence() {
    let whole = parquet();
    for length in [4, 11, whole.len() / 2, whole.len() - 1] {
        folder(&whole[..length])
            .flow("score model.flow data -o out")
            .fails(1, &["data is a damaged Parquet file"]);
    }
}
