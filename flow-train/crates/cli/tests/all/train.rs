//! Training, from the recording to what the other commands make of the model.

use super::commands::folder;
use super::flow::Folder;
use std::process::{Command, Stdio};

/// A small model of the smartwatch's normal activities.
const WATCH: &str = "watch.csv --columns acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z --group recording \
                     --only activity=standing,walking --layers 3 --hidden 24,24 --smoothing 0.1";

fn watch() -> Folder {
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/data/basic_motions.csv");
    Folder::new().with(
        "watch.csv",
        std::fs::read(recording).expect("the crate carries it"),
    )
}

/// Numbers that look uniform in −1 .. 1, the same on every run.
fn noise(count: usize) -> Vec<f64> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn a_recording_becomes_a_model_that_tells_activities_apart() {
    let folder = watch();
    let report = folder
        .flow(&format!(
            "train {WATCH} --family maf -o watch.flow --epochs 60 --seed 1 --json"
        ))
        .json();
    assert_eq!(
        [
            &report["rows_train"],
            &report["rows_validation"],
            &report["rows_calibration"]
        ],
        [2800, 400, 800]
    );
    assert_eq!(report["alpha"], 0.01);
    assert!(
        report["gain_over_gaussian"]
            .as_f64()
            .is_some_and(|gain| gain > 1.0),
        "{report}"
    );

    // The calibration rows were measured with the artefact that was written.
    let inspected = folder.flow("inspect watch.flow --json").json();
    assert_eq!(
        inspected["evaluation"]["log_prob_mean"],
        report["log_prob_mean"]
    );
    assert_eq!(inspected["provenance"]["seed"], 1);
    let command = inspected["provenance"]["command"]
        .as_str()
        .unwrap_or_default();
    assert!(
        command.starts_with("flow train watch.csv --columns acc_x,"),
        "{command}"
    );

    let judged = folder
        .flow("eval watch.flow watch.csv --only set=test --label activity --normal standing,walking --json")
        .json();
    assert!(
        judged["auroc"].as_f64().is_some_and(|auroc| auroc > 0.94),
        "{judged}"
    );
    assert!(
        judged["false_alarm_rate"]
            .as_f64()
            .is_some_and(|rate| rate < 0.05),
        "{judged}"
    );
}

#[test]
fn the_same_recording_and_seed_give_the_same_bytes() {
    let folder = watch();
    for (family, seed, output) in [
        ("maf", 1, "a"),
        ("maf", 1, "b"),
        ("maf", 2, "c"),
        ("realnvp", 1, "d"),
        ("realnvp", 1, "e"),
    ] {
        let options =
            format!("--epochs 3 --name watch --family {family} --seed {seed} -o {output}");
        folder.flow(&format!("train {WATCH} {options}")).done();
    }
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).expect("written");
    assert_eq!(bytes("a"), bytes("b"));
    assert_ne!(bytes("a"), bytes("c"));
    assert_eq!(bytes("d"), bytes("e"));
}

#[test]
fn a_conditional_model_follows_its_context() {
    let values = noise(4000);
    let rows = values
        .chunks(2)
        .map(|pair| format!("{},{}\n", pair[0], 3.0 * pair[0] + 0.1 * pair[1]));
    let folder = Folder::new().with("rows.csv", format!("load,y\n{}", rows.collect::<String>()));
    folder
        .flow("train rows.csv -o m.flow --context load --family maf --layers 2 --hidden 16 --epochs 200 --batch 64 -q")
        .done();
    folder
        .flow("sample m.flow -n 500 --given load=0.5 -o drawn.csv")
        .done();
    let drawn = folder.read("drawn.csv");
    assert_eq!(drawn.lines().next(), Some("y,load"));
    let y = |line: &str| {
        line.split(',')
            .next()
            .and_then(|y| y.parse::<f64>().ok())
            .expect("y")
    };
    let mean = drawn.lines().skip(1).map(y).sum::<f64>() / 500.0;
    assert!((mean - 1.5).abs() < 0.05, "{mean}");
    let gain = folder.flow("eval m.flow rows.csv --json").json()["gain_over_gaussian"].as_f64();
    // Uniform noise of half-width w has ln(√(2πe/12)) = 0.176 nats less than a Gaussian.
    assert!(
        gain.is_some_and(|gain| gain > -0.05 && gain < 0.177),
        "{gain:?}"
    );
}

#[test]
fn bad_recordings_are_refused_and_the_old_model_survives() {
    let long =
        |row: &dyn Fn(usize) -> String| format!("a,b\n{}", (0..600).map(row).collect::<String>());
    let good = |i: usize| format!("{},{}\n", i % 17, i % 23);
    let cases: [(&str, String, &[&str]); 12] = [
        ("", String::new(), &["d.csv is empty"]),
        ("", "a,b\n".into(), &["d.csv holds a header and no rows"]),
        (
            "",
            long(&|i| if i == 7 { "1,2,3\n".into() } else { good(i) }),
            &["line 9 has 3 cells", "has 2"],
        ),
        (
            "",
            long(&|i| if i == 7 { "1,hot\n".into() } else { good(i) }),
            &[
                "line 9, column `b`: \"hot\" is not a number",
                "mend the cell",
            ],
        ),
        (
            "",
            long(&|i| format!("{i},walking\n")),
            &["line 2, column `b`", "leave it out with --columns a "],
        ),
        (
            "--columns a,bb",
            long(&good),
            &["no column `bb`", "did you mean `b`?", "a, b"],
        ),
        (
            "",
            long(&|i| format!("{},7.5\n", i % 17)),
            &[
                "column `b` is 7.5 in all 420 training rows",
                "with --columns a",
            ],
        ),
        (
            "",
            "a,b\n".to_owned() + &(0..12).map(good).collect::<String>(),
            &[
                "has 12 usable rows and at least 20 are needed",
                "12 to train 2 channels",
            ],
        ),
        (
            "",
            long(&|_| "nan,inf\n".into()),
            &["no usable row", "600 rows", "`a`: 600 not finite"],
        ),
        (
            "--group b",
            long(&|i| format!("{},{}\n", i % 17, i / 300)),
            &["2 groups", "at least 3"],
        ),
        (
            "--columns a,a",
            long(&good),
            &["column `a` is asked for twice"],
        ),
        ("--only a=99", long(&good), &["no row with a = 99"]),
    ];
    for (options, table, parts) in cases {
        let folder = Folder::new().with("d.csv", table).with("m.flow", "old");
        folder
            .flow(&format!("train d.csv -o m.flow --epochs 1 {options}"))
            .fails(1, parts);
        assert_eq!(folder.read("m.flow"), "old", "{parts:?}");
        assert_eq!(folder.names(), ["d.csv", "m.flow"], "{parts:?}");
    }
}

#[test]
fn too_few_rows_for_a_promise_give_a_model_without_one() {
    let rows: String = (0..100)
        .map(|i| format!("{},{}\n", i * i % 97, i % 23))
        .collect();
    let folder = Folder::new().with("d.csv", format!("a,b\n{rows}"));
    let run = folder.flow("train d.csv -o m.flow --epochs 2").done();
    for part in [
        "promises no false-alarm rate",
        "20 calibration rows are too few",
        "at least 99",
        "at least 0.0477",
    ] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let report = folder
        .flow("train d.csv -o m.flow --epochs 2 --alpha 0.0477 --json")
        .json();
    assert!(report["threshold"].is_number(), "{report}");
}

#[test]
fn an_output_that_can_not_be_written_is_noticed_before_the_recording_is_read() {
    let folder = Folder::new();
    folder
        .flow("train gone.csv -o no/m.flow")
        .fails(1, &["no/m.flow can't be written", "does not exist"]);
    folder
        .flow("train gone.csv -o .")
        .fails(1, &["it is a folder"]);
    folder
        .flow("train gone.csv -o m.flow")
        .fails(1, &["gone.csv can't be read"]);
    assert!(folder.names().is_empty());
}

#[test]
fn impossible_models_are_wrong_usage() {
    let rows: String = (0..600)
        .map(|i| format!("{},{}\n", i % 17, i % 23))
        .collect();
    let folder = Folder::new().with("d.csv", format!("a,b\n{rows}"));
    for (options, part) in [
        ("--family maf --passes 3", "passes"),
        ("--family nsf --bound 0", "bound"),
        ("--family maf --base student-t:0", "degrees of freedom"),
        ("--family maf --domain a=circular:0:17", "angles"),
        ("--family nsf --residual --hidden 8,9", "one width"),
        ("--bins 4", "--family"),
        ("--domain c=positive", "--domain c"),
        ("--smoothing -1", "smoothing"),
        ("--learning-rate 0", "learning rate"),
        ("--units c=m", "--units c"),
    ] {
        folder
            .flow(&format!("train d.csv -o m.flow {options}"))
            .fails(2, &[part]);
    }
    for options in [
        "--family maf --layers 0",
        "--family maf --hidden 0",
        "--domain a=log",
        "--base cauchy",
        "--alpha 1",
        "--group a --split random",
    ] {
        let run = folder.flow(&format!("train d.csv -o m.flow {options}"));
        assert_eq!(run.code, Some(2), "{options}: {}", run.err);
    }
    // More layers than an artefact holds: said before training, which would take long.
    folder
        .flow("train d.csv -o m.flow --family maf --layers 33 --epochs 1000000 --patience 1000000")
        .fails(1, &["33 layers", "at most 32"]);
    assert_eq!(folder.names(), ["d.csv"]);
}

#[test]
fn a_file_without_header_has_numbered_columns() {
    let rows: String = (0..600)
        .map(|i| format!("{};{}\n", i % 17, i % 23))
        .collect();
    let folder = Folder::new().with("d.csv", rows);
    let run = folder
        .flow("train d.csv -o m.flow --delimiter semicolon --epochs 2 --family maf --layers 1")
        .done();
    assert!(run.err.contains("600 rows read, 600 used"), "{}", run.err);
    assert!(run.err.contains("called c0 to c1"), "{}", run.err);
    assert!(folder.flow("inspect m.flow").done().out.contains("c1: "));
    folder.flow("eval m.flow d.csv --delimiter ;").done();
}

/// Ctrl-C ends training with success and a model that works.
#[test]
#[cfg(unix)]
fn interrupting_keeps_the_best_model() {
    use std::io::BufRead as _;
    let folder = watch();
    let arguments =
        format!("train {WATCH} --family maf -o m.flow --epochs 1000000 --patience 1000000 --json");
    let mut child = Command::new(env!("CARGO_BIN_EXE_flow"))
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // Lines on standard error: once the table has been read, training begins.
    let mut err = std::io::BufReader::new(child.stderr.take().expect("piped")).lines();
    let read = err
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains("rows read"));
    assert!(read.is_some());
    std::thread::sleep(std::time::Duration::from_secs(1));
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill is there").success());
    let said: Vec<String> = err.map_while(Result::ok).collect();
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{said:?}");
    assert!(
        said.iter()
            .any(|line| line.contains("best model so far is kept")),
        "{said:?}"
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["stop"], "interrupted");
    folder
        .flow("eval m.flow watch.csv --only activity=standing,walking")
        .done();
}

/// Ctrl-C leaves no part of what was being written, and the old file as it was.
#[test]
#[cfg(unix)]
fn interrupting_leaves_nothing_half_written() {
    let folder = folder().with("out.csv", "old");
    let arguments = "sample model.flow -n 2000000000 -o out.csv";
    let mut child = Command::new(env!("CARGO_BIN_EXE_flow"))
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    let begun = std::time::Instant::now();
    let is_partial = |name: &String| name.ends_with(".partial");
    while !folder.names().iter().any(is_partial) {
        assert!(begun.elapsed().as_secs() < 60, "nothing is written");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill is there").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(!folder.names().iter().any(is_partial));
    assert_eq!(folder.read("out.csv"), "old");
}

#[test]
fn bench_times_each_number_of_threads() {
    let report = Folder::new()
        .flow("bench --family maf --steps 3 --threads 1,2 --json")
        .json();
    let threads: Vec<_> = report
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| &r["threads"])
        .collect();
    assert_eq!(threads, [1, 2]);
    for key in ["median_ms", "p10_ms"] {
        assert!(
            report[0][key].as_f64().is_some_and(|ms| ms > 0.0),
            "{report}"
        );
    }
    assert_eq!(report[0]["family"], "maf");
}

/// A folder with a table of counts and of what they come from.
fn counts_and_volts() -> Folder {
    let values = noise(1200);
    let rows: String = values
        .chunks(2)
        .map(|pair| {
            let counts = (20.0 * (pair[0] + pair[1])).round();
            format!("{counts},{}\n", pair[0])
        })
        .collect();
    Folder::new().with("d.csv", format!("adc,volts\n{rows}"))
}

#[test]
fn rounded_columns_have_bits_per_dimension() {
    let folder = counts_and_volts();
    let evaluated = |columns: &str| {
        let model = "--family maf --layers 1 --hidden 8 --epochs 5";
        folder
            .flow(&format!("train d.csv -o m.flow {columns} {model}"))
            .done();
        let report = folder.flow("eval m.flow d.csv --json").done().json();
        (report, folder.flow("eval m.flow d.csv").done().out)
    };
    let (report, text) = evaluated("--columns adc --context volts");
    let bits = |key: &str| report[key].as_f64().expect(key);
    let (uniform, weighted) = (
        bits("bits_per_dimension"),
        bits("bits_per_dimension_weighted"),
    );
    assert!(weighted <= uniform && bits("bits_per_dimension_stderr") > 0.0);
    // The density varies little within a step: its value at the count says about the same.
    let density = -bits("log_prob_mean") / 2f64.ln();
    assert!((uniform - density).abs() < 0.1, "{report}");
    assert!(text.contains("bits per dimension"), "{text}");
    let (report, text) = evaluated("");
    assert!(report.get("bits_per_dimension").is_none(), "{report}");
    assert!(!text.contains("bits per dimension"), "{text}");
}

#[test]
fn counts_of_an_adc_are_found_and_samples_go_back_to_them() {
    let folder = counts_and_volts();
    let run = folder
        .flow("train d.csv -o m.flow --family nsf --layers 2 --hidden 8 --epochs 5")
        .done();
    assert!(
        run.err.contains("`adc`: real; rounded to multiples of 1"),
        "{}",
        run.err
    );
    let inspected = folder.flow("inspect m.flow").done().out;
    assert!(
        inspected.contains("rounded to steps of 1") && inspected.contains("├─ 1  coupling, spline"),
        "{inspected}"
    );
    let counts = |options: &str| -> Vec<f64> {
        folder
            .flow(&format!("sample m.flow -n 50 -o s.csv {options}"))
            .done();
        let text = folder.read("s.csv");
        let first = |line: &str| line.split(',').next().and_then(|x| x.parse().ok());
        text.lines().skip(1).filter_map(first).collect()
    };
    let (rounded, plain) = (counts("--round"), counts(""));
    assert_eq!(rounded.len(), 50);
    assert!(rounded.iter().all(|x| x.fract() == 0.0));
    assert!(plain.iter().any(|x| x.fract() != 0.0));
    let near = |(rounded, plain): (&f64, &f64)| (rounded - plain).abs() <= 0.5;
    assert!(rounded.iter().zip(&plain).all(near));
}
