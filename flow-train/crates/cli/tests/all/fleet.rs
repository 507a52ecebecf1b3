//! Folders of Parquet files: scored as one table, and a model calibrated for each kind of device.

use super::artefacts::{bytes, gaussian};
use super::flow::Folder;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// A row: `x`, `y`, which may be missing, and the kind of its device.
pub(crate) type Row = (f64, Option<f64>, &'static str);

const KINDS: [&str; 3] = ["pump a", "fan/2", "valve"];

/// Rows of three kinds, a few of them without a `y` or with one that is no number.
pub(crate) fn rows(count: usize) -> Vec<Row> {
    let row = |i: usize| {
        let phase = i as f64 / 7.0;
        let y = match i % 50 {
            20 => None,
            30 => Some(f64::NAN),
            _ => Some((i % 13) as f64 / 4.0 + phase.cos()),
        };
        (phase.sin() * 3.0, y, KINDS[(i * i + i / 3) % 3])
    };
    (0..count).map(row).collect()
}

fn csv(rows: &[Row]) -> String {
    let mut text = String::from("x,y,kind\n");
    for (x, y, kind) in rows {
        let y = y.map_or(String::new(), |y| y.to_string());
        writeln!(text, "{x},{y},{kind}").expect("a String takes all");
    }
    text
}

/// Writes the next column of a row group.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: &[T::T],
    levels: Option<&[i16]>,
) {
    let mut column = group.next_column().expect("a column").expect("one more");
    let typed = column.typed::<T>();
    typed.write_batch(values, levels, None).expect("written");
    column.close().expect("closes");
}

/// The rows as Parquet, so many to a row group; with their kind, unless the folder's name has it.
pub(crate) fn parquet(rows: &[Row], group: usize, with_kind: bool) -> Vec<u8> {
    let kind = if with_kind {
        "required binary kind (UTF8);"
    } else {
        ""
    };
    let fields = format!("{kind} required double x; optional double y;");
    let schema = parse_message_type(&format!("message t {{ {fields} }}")).expect("a schema");
    let mut file = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut file, Arc::new(schema), Arc::default()).expect("opens");
    for rows in rows.chunks(group) {
        let mut group = writer.next_row_group().expect("a row group");
        if with_kind {
            let kinds: Vec<ByteArray> = rows.iter().map(|row| row.2.into()).collect();
            column::<ByteArrayType>(&mut group, &kinds, None);
        }
        let x: Vec<f64> = rows.iter().map(|row| row.0).collect();
        column::<DoubleType>(&mut group, &x, None);
        let y: Vec<f64> = rows.iter().filter_map(|row| row.1).collect();
        let levels: Vec<i16> = rows.iter().map(|row| row.1.is_some().into()).collect();
        column::<DoubleType>(&mut group, &y, Some(&levels));
        group.close().expect("closes");
    }
    writer.close().expect("closes");
    file
}

/// The lines that `flow score` writes as CSV, from a table that it wrote as Parquet.
fn lines(path: &Path) -> Vec<String> {
    let file = std::fs::File::open(path).expect("a part");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let cell = |field: &Field| match field {
        Field::Null => String::new(),
        Field::Float(value) => value.to_string(),
        Field::Bool(value) => u8::from(*value).to_string(),
        Field::Str(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let row = |row: parquet::errors::Result<parquet::record::Row>| {
        let row = row.expect("a row");
        let cells: Vec<String> = row
            .get_column_iter()
            .map(|(_, field)| cell(field))
            .collect();
        cells.join(",")
    };
    reader.get_row_iter(None).expect("rows").map(row).collect()
}

pub(crate) trait Files {
    fn put(self, name: &str, content: impl AsRef<[u8]>) -> Self;
    fn lines(&self, names: &[&str]) -> Vec<String>;
}

impl Files for Folder {
    /// Writes a file and the folders that it lies in.
    fn put(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
        self
    }

    /// The lines of some parts.
    fn lines(&self, names: &[&str]) -> Vec<String> {
        let paths = names.iter().map(|name| self.path().join(name));
        paths.flat_map(|path| lines(&path)).collect()
    }
}

fn start() -> Folder {
    Folder::new().with("model.flow", bytes(&gaussian(&[])))
}

/// The scores of rows as `flow score` writes them for a CSV table, without the header.
fn scores(rows: &[Row], keep: &str) -> Vec<String> {
    let folder = start().with("rows.csv", csv(rows));
    let run = folder.flow(&format!("score model.flow rows.csv -o - -q {keep}"));
    run.done().out.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn scores_do_not_depend_on_how_rows_are_divided() {
    let rows = rows(700);
    let expected = scores(&rows, "--keep kind");
    for (cuts, group) in [(&[][..], 64), (&[1, 2, 300], 1000), (&[100, 100, 650], 7)] {
        let mut folder = start();
        let mut names = Vec::new();
        let mut start = 0;
        for end in cuts.iter().copied().chain([rows.len()]) {
            // Deeper folders first, as their paths sort.
            let name = format!("fleet/{:03}/part.parquet", names.len());
            folder = folder.put(&name, parquet(&rows[start..end], group, true));
            names.push(name.replace("fleet", "out"));
            start = end;
        }
        let folder = folder
            .put("fleet/_SUCCESS", "")
            .put("fleet/.crc.parquet", "no table");
        let run = folder
            .flow("score model.flow fleet -o out --keep kind --json")
            .json();
        assert_eq!(run["rows"], 700);
        assert_eq!(run["scored"], 672);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(folder.lines(&names) == expected);
        // The same as one table of each form.
        folder
            .flow("score model.flow fleet -o one.parquet --keep kind")
            .done();
        assert!(folder.lines(&["one.parquet"]) == expected);
        let run = folder
            .flow("score model.flow fleet -o - -q --keep kind")
            .done();
        assert!(run.out.lines().skip(1).eq(&expected));
    }
}

#[test]
fn names_of_folders_are_columns() {
    let rows = rows(300);
    let mut folder = start();
    let mut expected = Vec::new();
    let mut names = Vec::new();
    // In the order of their names.
    for (kind, name) in [
        ("fan/2", "fan%2F2"),
        ("pump a", "pump a"),
        ("valve", "valve"),
    ] {
        let own: Vec<Row> = rows.iter().copied().filter(|row| row.2 == kind).collect();
        folder = folder.put(
            &format!("fleet/kind={name}/0.parquet"),
            parquet(&own, 50, false),
        );
        expected.extend(scores(&own, "--keep kind"));
        names.push(format!("out/kind={name}/0.parquet"));
    }
    folder
        .flow("score model.flow fleet -o out --keep kind")
        .done();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(folder.lines(&names) == expected);
    // A filter finds them too, and need not let rows of each file pass.
    let run = folder
        .flow("score model.flow fleet -o - -q --only kind=fan/2")
        .done();
    assert_eq!(
        run.out.lines().count() - 1,
        rows.iter().filter(|row| row.2 == "fan/2").count()
    );
}

#[test]
fn cells_that_need_quotes_have_them() {
    let folder = start().with(
        "rows.csv",
        "x,y,\"a \"\"b\"\", c\"\n1,2,\"one, \"\"two\"\"\"\n",
    );
    let run = folder.run([
        "score",
        "model.flow",
        "rows.csv",
        "-o",
        "-",
        "-q",
        "--keep",
        "2",
    ]);
    let text = run.done().out;
    assert!(text.starts_with("log_prob,p_value,alarm,2\n"), "{text}");
    assert!(text.ends_with(",\"one, \"\"two\"\"\"\n"), "{text}");
}

#[test]
fn who_was_interrupted_goes_on() {
    let rows = rows(200);
    let mut draft = gaussian(&[]);
    draft.event[0].mean = 3.0;
    let folder = start()
        .with("other.flow", bytes(&draft))
        .put("fleet/a.parquet", parquet(&rows[..80], 30, true))
        .put("fleet/b.parquet", parquet(&rows[80..], 30, true));
    let first = folder.flow("score model.flow fleet -o out --json").json();
    assert_eq!(first["parts"], serde_json::json!([2, 0]));
    let written = folder.read_bytes("out/a.parquet");
    std::fs::remove_file(folder.path().join("out/b.parquet")).expect("removed");
    let second = folder.flow("score model.flow fleet -o out --json").json();
    assert_eq!(second["parts"], serde_json::json!([2, 1]));
    assert_eq!(second["alarms"], first["alarms"]);
    assert!(folder.lines(&["out/a.parquet", "out/b.parquet"]) == scores(&rows, ""));
    // What is there of other rows, options or models is neither taken nor lost.
    let other = "out/a.parquet is there already";
    folder
        .flow("score model.flow fleet -o out --only kind=valve")
        .fails(1, &[other]);
    folder
        .flow("score other.flow fleet -o out")
        .fails(1, &[other]);
    let folder = folder.put("fleet/a.parquet", parquet(&rows[..79], 30, true));
    folder
        .flow("score model.flow fleet -o out")
        .fails(1, &[other, "-o"]);
    assert!(folder.read_bytes("out/a.parquet") == written);
    assert_eq!(folder.names(), ["fleet", "model.flow", "other.flow", "out"]);
}

#[test]
fn folders_that_can_not_be_scored() {
    let good = || parquet(&rows(50), 10, true);
    let refused = |folder: Folder, parts: &[&str]| {
        folder.flow("score model.flow fleet -o out").fails(1, parts);
        folder
            .flow("calibrate model.flow fleet --each kind -o out")
            .fails(1, parts);
        assert!(!folder.path().join("out/a.parquet").exists());
    };
    let folder = start().put("fleet/rows.csv", "x,y\n1,2\n");
    refused(folder, &["fleet holds no Parquet file"]);
    let bad = parquet(&rows(9), 10, true);
    let folder = start()
        .put("fleet/a.parquet", good())
        .put("fleet/b.parquet", &bad[..bad.len() / 2]);
    refused(folder, &["b.parquet is a damaged Parquet file"]);
    let folder = start()
        .put("fleet/a.parquet", good())
        .put("fleet/b.parquet", "x,y,kind\n1,2,a\n");
    refused(folder, &["b.parquet is a damaged Parquet file"]);
    let other = String::from_utf8_lossy(&good()).into_owned();
    assert!(other.contains("y"));
    let folder = start()
        .put("fleet/a.parquet", good())
        .put("fleet/k=1/b.parquet", good());
    refused(folder, &["fleet is no one table", "(key=value)"]);
    let folder = start()
        .with("wide.flow", bytes(&gaussian(&["speed"])))
        .put("fleet/a.parquet", good());
    folder
        .flow("score wide.flow fleet -o out")
        .fails(1, &["a.parquet lacks 1 of the model's columns: speed"]);
    folder
        .flow("score model.flow fleet -o out --keep king")
        .fails(
            1,
            &["a.parquet has no column `king` (did you mean `kind`?)"],
        );
    folder
        .flow("score model.flow fleet -o fleet/out")
        .fails(2, &["fleet/out lies in the folder that is scored"]);
    assert!(!folder.path().join("fleet/out").exists());
    folder
        .flow("score model.flow fleet -o out --stream")
        .fails(2, &["--stream follows one recording"]);
    let folder = start().put("fleet/a.parquet", parquet(&[], 10, true));
    folder
        .flow("score model.flow fleet -o out.csv")
        .fails(1, &["fleet holds no row"]);
    assert!(!folder.path().join("out.csv").exists());
}

/// The model that `flow calibrate` makes of the rows of one kind.
fn alone(rows: &[Row], kind: &str) -> Vec<u8> {
    let own: Vec<Row> = rows.iter().copied().filter(|row| row.2 == kind).collect();
    let folder = start().with("own.csv", csv(&own));
    folder
        .flow("calibrate model.flow own.csv --alpha 0.02 -o own.flow")
        .done();
    folder.read_bytes("own.flow")
}

const NAMES: [&str; 3] = ["pump%20a", "fan%2F2", "valve"];

#[test]
fn each_kind_has_the_model_of_its_rows_whatever_way_they_came() {
    let rows = rows(2_000);
    let folder = start()
        .put("fleet/a.parquet", parquet(&rows[..3], 30, true))
        .put("fleet/b/c.parquet", parquet(&rows[3..900], 1000, true))
        .put("fleet/d.parquet", parquet(&rows[900..], 17, true))
        .put("other/one.parquet", parquet(&rows, 400, true))
        .with("rows.csv", csv(&rows));
    let expected: Vec<Vec<u8>> = KINDS.iter().map(|kind| alone(&rows, kind)).collect();
    let check = |way: &str| {
        for (name, expected) in NAMES.iter().zip(&expected) {
            let path = format!("models/{name}.flow");
            assert!(&folder.read_bytes(&path) == expected, "{way}: {name}");
            std::fs::remove_file(folder.path().join(path)).expect("removed");
        }
    };
    let each = "--each kind --alpha 0.02";
    let calibrate = |rows: &str| {
        let run = folder.flow(&format!(
            "calibrate model.flow {rows} {each} -o models --json"
        ));
        (rows.to_owned(), run.json())
    };
    let (way, report) = calibrate("fleet");
    check(&way);
    assert_eq!(
        (&report["rows"], &report["unscored"]),
        (&2_000.into(), &80.into())
    );
    assert_eq!(report["values"][0]["value"], "fan/2");
    let promise = report["promise"].as_str().expect("a sentence");
    assert!(
        promise.starts_with("P(alarm) ≤ 0.02 within each kind"),
        "{promise}"
    );
    check(&calibrate("rows.csv").0);
    // By way of scores, in parts and in one table, as Parquet and as CSV.
    for output in ["scores", "scores.parquet", "scores.csv"] {
        folder
            .flow(&format!("score model.flow fleet -o {output} --keep kind"))
            .done();
        check(&calibrate(&format!("{output} --scored")).0);
    }
    // By way of counts: those of parts add up to those of the whole, byte for byte.
    for (rows, sketch) in [
        ("fleet/a.parquet", "counts/a.parquet"),
        ("fleet/b", "counts/b.parquet"),
        ("fleet/d.parquet", "counts/d.parquet"),
        ("other", "whole.parquet"),
    ] {
        std::fs::create_dir_all(folder.path().join("counts")).expect("made");
        folder
            .flow(&format!(
                "calibrate model.flow {rows} {each} --sketch {sketch}"
            ))
            .done();
    }
    check(&calibrate("counts --scored").0);
    check(&calibrate("whole.parquet --scored").0);
    folder
        .flow(&format!(
            "calibrate model.flow counts --scored {each} --sketch sum.parquet"
        ))
        .done();
    assert!(folder.read_bytes("sum.parquet") == folder.read_bytes("whole.parquet"));
}

#[test]
fn values_with_too_few_rows_are_refused_skipped_or_pooled() {
    let mut rows = rows(600);
    rows.retain(|row| row.2 != "valve");
    rows.extend([(1.0, Some(2.0), "valve"); 10]);
    let folder = start().put("fleet/a.parquet", parquet(&rows, 100, true));
    let calibrate = |rest: &str| {
        folder.flow(&format!(
            "calibrate model.flow fleet --each kind --alpha 0.02 -o models {rest}"
        ))
    };
    calibrate("").fails(
        1,
        &[
            "1 of the 3 values of `kind`",
            "takes 49: valve (10)",
            "--too-few",
        ],
    );
    assert_eq!(
        folder
            .path()
            .join("models")
            .read_dir()
            .expect("there")
            .count(),
        0
    );
    let run = calibrate("--too-few skip").done();
    assert!(
        run.out.contains("1 with too few rows: valve (10)"),
        "{}",
        run.out
    );
    assert!(!folder.path().join("models/valve.flow").exists());
    let run = calibrate("--too-few pool").done();
    assert!(run.out.contains("no promise of its own"), "{}", run.out);
    let pooled = start().with("all.csv", csv(&rows));
    pooled
        .flow("calibrate model.flow all.csv --alpha 0.02 -o all.flow")
        .done();
    assert!(folder.read_bytes("models/valve.flow") == pooled.read_bytes("all.flow"));
    assert!(folder.read_bytes("models/pump%20a.flow") == alone(&rows, "pump a"));
}

#[test]
fn what_each_needs_is_said() {
    let mut draft = gaussian(&[]);
    draft.event[0].mean = 3.0;
    let folder = start()
        .with("other.flow", bytes(&draft))
        .put("fleet/a.parquet", parquet(&rows(400), 100, true));
    folder
        .flow("score model.flow fleet -o scores --keep kind")
        .done();
    let calibrate = |rest: &str| folder.flow(&format!("calibrate {rest}"));
    calibrate("other.flow scores --scored --each kind -o models")
        .fails(1, &["a.parquet holds scores of another model"]);
    calibrate("model.flow fleet --scored --each kind -o models")
        .fails(1, &["a.parquet has no column `log_prob`"]);
    calibrate("model.flow scores --scored --each sort -o models")
        .fails(1, &["a.parquet has no column `sort`"]);
    calibrate("model.flow fleet --each kind").fails(2, &["-o"]);
    calibrate("model.flow fleet --each kind --by kind -o models").fails_in_usage("--by");
    calibrate("model.flow fleet --each kind --sketch no/a.parquet")
        .fails(1, &["no does not exist"]);
    let rows = vec![(f64::NAN, Some(1.0), "pump a"); 60];
    let folder = start().put("fleet/a.parquet", parquet(&rows, 100, true));
    folder
        .flow("calibrate model.flow fleet --each kind -o models")
        .fails(
            1,
            &[
                "no row has both a score and a value of `kind`",
                "60 of them not scored",
            ],
        );
}

#[test]
fn scores_of_other_programs_are_read_and_checked() {
    let mut text = String::from("log_prob,kind\n");
    for i in 0..100 {
        // Impossible rows count, rows that were not scored don't.
        let score = match i % 10 {
            0 => "-inf".to_owned(),
            1 => String::new(),
            _ => format!("{}", -f64::from(i) / 8.0),
        };
        writeln!(text, "{score},a").expect("a String takes all");
    }
    let counts = "kind,log_prob,rows,level\na,-inf,10,0\na,-1.5,40,0\na,2,,0\n";
    let folder = start().with("scores.csv", text).with("counts.csv", counts);
    let each = "--scored --each kind -o models --alpha 0.2 --json";
    let report = folder
        .flow(&format!("calibrate model.flow scores.csv {each}"))
        .json();
    assert_eq!(
        (&report["rows"], &report["unscored"]),
        (&100.into(), &10.into())
    );
    // 10 are impossible, so that the eighth of the others is the last whose p-value is 18 / 91 or less.
    assert_eq!(report["values"][0]["threshold"], -11.5);
    folder
        .flow(&format!("calibrate model.flow counts.csv {each}"))
        .fails(
            1,
            &["counts.csv: line 4: `rows` and `level` are no whole numbers"],
        );
}
