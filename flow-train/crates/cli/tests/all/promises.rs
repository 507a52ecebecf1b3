//! False-alarm promises: of single rows, by context, and over a stream.

use super::artefacts::{bytes, gaussian};
use super::commands::folder;
use super::flow::Folder;
use flow_embedded::{Change, LoadedFlow};
use flow_evaluate::{Scorer, Stream};

/// Rows of the model of the tests, independent of each other.
pub(crate) fn independent(count: u64) -> String {
    let mut state = 1u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    // Twelve uniform numbers are nearly normal; x and y have mean 1 and deviation 2.
    let mut value = || 1.0 + 2.0 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0);
    let rows = (0..count).map(|_| format!("{},{}\n", value(), value()));
    format!("x,y\n{}", rows.collect::<String>())
}

/// Two recordings, in the first of which a channel fails; a row is missing. What the table says is
/// what the library says of the same rows.
#[test]
fn a_stream_is_scored_by_the_test_of_the_model() {
    let mut table = "run,x,y\n".to_owned();
    for (row, line) in independent(700).lines().skip(1).enumerate() {
        let run = if row < 400 { "first" } else { "second" };
        match row {
            300..400 => table += &format!("{run},9,{}\n", line.split_once(',').expect("two").1),
            205 | 450 => table += &format!("{run},,1\n"),
            _ => table += &format!("{run},{line}\n"),
        }
    }
    let folder = folder()
        .with("normal.csv", independent(2_000))
        .with("stream.csv", &table);
    let score = "score out.flow stream.csv --group run -o evidence.csv --stream";
    folder
        .flow(&score.replace("out.flow", "model.flow"))
        .fails(1, &["model.flow", "flow calibrate"]);
    assert!(!folder.path().join("evidence.csv").exists());
    let promise = ["--false-alarms", "1 per 1000 samples"];
    let calibrate = ["calibrate", "model.flow", "normal.csv", "-o", "out.flow"];
    folder.run(calibrate.into_iter().chain(promise)).done();
    let run = folder.flow(score).done();
    let report = folder.flow(&format!("{score} --json")).json();
    let alarms = report["alarms"].as_u64().expect("a count");
    assert_eq!([&report["rows"], &report["scored"]], [700, 698]);
    assert_eq!(report["stream"]["recordings"], 2);
    assert_eq!(report["stream"]["run_length"], 1000.0);
    assert_eq!(report["stream"]["rate"], alarms as f64 / 698.0);
    let said = [
        format!("{alarms} alarms in 698 samples"),
        "at most one in 1000 in the mean".to_owned(),
    ];
    for said in said {
        assert!(run.err.contains(&said), "{said:?} is not in {}", run.err);
    }

    let bytes = std::fs::read(folder.path().join("out.flow")).expect("readable");
    let flow = LoadedFlow::from_bytes(&bytes).expect("a valid artefact");
    let scorer = Scorer::new(&flow).expect("a model");
    let mut stream = Stream::new(&scorer).expect("a test");
    let evidence = folder.read("evidence.csv");
    let mut lines = evidence.lines();
    let header = "log_prob,p_value,alarm,evidence,statistic,change,channel";
    assert_eq!(lines.next(), Some(header));
    let mut blamed = 0;
    for (row, (line, own)) in lines.zip(table.lines().skip(1)).enumerate() {
        let cells: Vec<&str> = own.split(',').collect();
        let event: Vec<f32> = cells[1..].iter().flat_map(|cell| cell.parse()).collect();
        if row == 400 {
            stream.reset();
        }
        if event.len() < 2 {
            assert_eq!(line, ",,,,,,");
            continue;
        }
        let log_prob = scorer.log_probs_of(&event, &[])[0];
        let verdict = stream.observe(&event, &[], log_prob, &scorer.latents_of(&event, &[]));
        let statistic = match verdict.statistic {
            None => String::new(),
            Some(0) => "log_prob".to_owned(),
            Some(latent) => format!("latent_{}", latent - 1),
        };
        let channel = verdict.channel.map_or("", |channel| ["x", "y"][channel]);
        let change = match verdict.change {
            Some(Change::Fault) => "fault",
            Some(Change::Drift) => "drift",
            None => "",
        };
        let expected = format!(
            "{log_prob},{},{},{},{statistic},{change},{channel}",
            verdict.p_value,
            u8::from(verdict.alarm),
            verdict.evidence
        );
        assert_eq!(line, expected, "row {row}");
        blamed += u64::from((300..400).contains(&row) && channel == "x");
    }
    assert!(blamed >= 10 && blamed + 2 >= alarms, "{blamed} of {alarms}");
}

#[test]
fn calibrate_replaces_the_table_and_nothing_else() {
    let rows: String = (0..99).map(|i| format!("{},{}\n", i % 7, i % 5)).collect();
    let folder = folder().with("normal.csv", format!("x,y\n{rows}"));
    let report = folder
        .flow("calibrate model.flow normal.csv --alpha 0.01 -o out.flow --json")
        .json();
    assert_eq!(
        (&report["alpha"], &report["rows"]),
        (&0.01.into(), &99.into())
    );
    // Rows that count: 0, 1, 2, … 6, 0, 1, …
    assert_eq!(report["promise_stands"], false);
    assert!(report["effective_rows"].as_f64().expect("a number") <= 99.0);
    let verdict = report["verdict"].as_str().expect("a sentence");
    assert!(
        verdict.contains("does not stand") && verdict.contains("its past"),
        "{verdict}"
    );
    let before = folder.flow("inspect model.flow --json").json();
    let after = folder.flow("inspect out.flow --json").json();
    assert_eq!(after["calibration"]["alpha"], 0.01);
    assert_eq!(after["calibration"]["rows"], 99);
    assert_eq!(before["layers"], after["layers"]);
    assert_eq!(before["provenance"], after["provenance"]);
    // In place, at the model's own alpha.
    let report = folder.flow("calibrate model.flow normal.csv --json").json();
    assert_eq!(report["alpha"], 0.25);
    assert_eq!(
        folder.flow("inspect model.flow --json").json()["calibration"]["rows"],
        99
    );
}

/// A mode that is rare scatters more: its promise is kept by a table of its own.
#[test]
fn calibrate_keeps_the_promise_within_each_value_of_a_context() {
    let rows = |common: usize, rare: usize| -> String {
        let rows = independent((common + rare) as u64);
        let with_mode = rows.lines().skip(1).enumerate().map(|(row, line)| {
            let mode = usize::from(row < rare);
            let scale = 1.0 + 2.0 * mode as f64;
            let values = line.split(',').map(|value| {
                let value: f64 = value.parse().expect("a number");
                (scale * value).to_string()
            });
            let values: Vec<String> = values.collect();
            format!("{},{mode},3\n", values.join(","))
        });
        format!("x,y,mode,load\n{}", with_mode.collect::<String>())
    };
    let folder = Folder::new()
        .with("model.flow", bytes(&gaussian(&["mode", "load"])))
        .with("normal.csv", rows(4_000, 400))
        .with("few.csv", rows(4_000, 98))
        .with("other.csv", "x,y,mode,load\n40,40,1,0\n40,40,7,0\n");
    let report = folder
        .flow("calibrate model.flow normal.csv --alpha 0.01 --by mode -o by.flow --json")
        .json();
    assert_eq!(report["by_context"]["column"], "mode");
    let categories = report["by_context"]["categories"].as_array().expect("two");
    let facts: Vec<_> = categories
        .iter()
        .map(|own| (&own["value"], &own["rows"]))
        .collect();
    assert_eq!(
        facts,
        [(&0.0.into(), &4_000.into()), (&1.0.into(), &400.into())]
    );
    let inspected = folder.flow("inspect by.flow --json").json();
    assert_eq!(inspected["by_context"], report["by_context"]);

    // Within each mode at most so many rows alarm that calibrated it: 1 % of them.
    let alarms = |model: &str| {
        let command = format!("score {model} normal.csv -o scores.csv");
        folder.flow(&command).done();
        let scores = folder.read("scores.csv");
        let rows: Vec<bool> = scores
            .lines()
            .skip(1)
            .map(|row| row.ends_with(",1"))
            .collect();
        let count = |rows: &[bool]| rows.iter().filter(|alarm| **alarm).count();
        [count(&rows[..400]), count(&rows[400..])]
    };
    let [rare, common] = alarms("by.flow");
    assert!(rare <= 4 && common <= 40, "{rare} {common}");
    folder
        .flow("calibrate model.flow normal.csv --alpha 0.01 -o pooled.flow")
        .done();
    let [rare, common] = alarms("pooled.flow");
    assert!(rare > 30 && common < 10, "{rare} {common}");
    let rate = folder.flow("eval by.flow normal.csv --json").json();
    assert!(rate["alarm_rate"].as_f64().expect("a rate") <= 0.01);

    // What isn't listed is judged by all rows.
    let score = |model: &str| {
        folder
            .flow(&format!("score {model} other.csv -o other-scores.csv"))
            .done();
        folder
            .read("other-scores.csv")
            .lines()
            .nth(2)
            .map(str::to_owned)
    };
    assert_eq!(score("by.flow"), score("pooled.flow"));

    // As the model has it, until it is dropped.
    let again = folder.flow("calibrate by.flow normal.csv --json").json();
    assert_eq!(again["by_context"], report["by_context"]);
    folder.flow("codegen by.flow -o by.rs").done();
    assert!(folder.read("by.rs").contains(
        "- The same within each of these values of `mode`: 0 (4000 rows), 1 (400 rows);"
    ));
    let pooled = folder
        .flow("calibrate by.flow normal.csv --pooled --json")
        .json();
    assert!(pooled["by_context"].is_null());

    folder
        .flow("calibrate model.flow few.csv --alpha 0.01 --by mode")
        .fails(
            1,
            &["few.csv", "\"mode\"", "of the value 1: 98", "at least 99"],
        );
    folder
        .flow("calibrate model.flow normal.csv --by speed")
        .fails(2, &["--by speed", "mode, load"]);
}

#[test]
fn a_promise_over_a_stream_is_designed_kept_and_compiled() {
    let folder = folder().with("normal.csv", independent(2_000));
    let promise = "1 per 1000 samples";
    let calibrate = [
        "calibrate",
        "model.flow",
        "normal.csv",
        "-o",
        "out.flow",
        "--json",
    ];
    let report = folder
        .run(calibrate.into_iter().chain(["--false-alarms", promise]))
        .json();
    assert_eq!(report["promise_stands"], true, "{}", report["verdict"]);
    assert_eq!(report["stream"]["run_length"], 1000.0);
    assert_eq!(report["stream"]["false_alarms"], promise);
    assert!(report["stream"]["bets"].as_u64().expect("a count") >= 6);
    folder.flow("codegen out.flow -o out.rs -q").done();
    let module = folder.read("out.rs");
    assert!(
        module.contains(&format!("- Over a stream, {promise}: ")),
        "{module}"
    );
    assert!(module.contains("::flow_embedded::detect::Sequential<2, 3, "));
    let inspected = folder.flow("inspect out.flow --json").json();
    assert_eq!(inspected["stream"], report["stream"]);
    // Calibrated anew it has the same promise, with what it may fail by; quantised too.
    let strict = ["--false-alarms", promise, "--delta", "0.1"];
    let report = folder.run(calibrate.into_iter().chain(strict)).json();
    assert_eq!(report["stream"]["delta"], 0.1);
    let again = folder.flow("calibrate out.flow normal.csv --json").json();
    assert_eq!(again["stream"], report["stream"]);
    let without = "calibrate out.flow normal.csv --no-stream -o without.flow --json";
    assert!(folder.flow(without).json()["stream"].is_null());
    folder
        .flow("calibrate out.flow normal.csv --rate 10Hz")
        .fails_in_usage("--false-alarms");
    folder
        .flow("quantise out.flow normal.csv --weights i16 -o small.flow -q")
        .done();
    let small = folder.flow("calibrate small.flow normal.csv --json").json();
    assert_eq!(small["stream"]["run_length"], 1000.0);
    assert_eq!(small["stream"]["delta"], 0.1);
    // A row that the model finds impossible is the least likely one.
    let far = format!("{}1e30,0\n", independent(2_000));
    let folder = folder.with("far.csv", far);
    let arguments = [
        "calibrate",
        "model.flow",
        "far.csv",
        "-o",
        "far.flow",
        "--json",
    ];
    let far = folder
        .run(arguments.into_iter().chain(["--false-alarms", promise]))
        .json();
    assert_eq!(far["stream"]["run_length"], 1000.0);
    folder.flow("codegen far.flow -o far.rs -q").done();
    assert!(folder.read("far.rs").contains("f32::NEG_INFINITY"));
    // Time needs a rate.
    let fails = |promise: &str, code, parts: &[&str]| {
        let arguments = calibrate.into_iter().chain(["--false-alarms", promise]);
        folder.run(arguments).fails(code, parts);
    };
    fails("1 per day", 2, &["1 per day", "--rate"]);
    let arguments = calibrate.into_iter().chain(["--false-alarms", "often"]);
    folder.run(arguments).fails_in_usage("1 per day");
    fails("1 per 5 samples", 1, &["5 samples"]);
}
