//! What the commands print and write.

use crate::artefacts::{bytes, gaussian, log_prob};
use crate::flow::Folder;
use flow_embedded::{Change, LoadedFlow};
use flow_train::evaluate::{Scorer, Stream};

const EVENTS: [[f64; 2]; 6] = [
    [1.0, 1.0],
    [2.0, 0.0],
    [3.5, -1.0],
    [-9.0, 4.0],
    [0.5, 2.5],
    [12.0, 1.0],
];
/// The rows with x = −9 and x = 12 are anomalies; both, and no other, lie below −6 nats.
const LABELS: [u8; 6] = [0, 0, 0, 1, 0, 1];

fn table() -> String {
    let rows = EVENTS
        .iter()
        .zip(LABELS)
        .map(|([x, y], label)| format!("{y},{label},{x}\n"));
    format!("y,fault,x\n{}", rows.collect::<String>())
}

fn folder() -> Folder {
    Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("data.csv", table())
}

fn close(value: &serde_json::Value, expected: f64) {
    let value = value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"));
    assert!(
        (value - expected).abs() < 1e-5 * (1.0 + expected.abs()),
        "{value} {expected}"
    );
}

#[test]
fn eval_measures_the_normal_rows_and_the_detection() {
    let report = folder()
        .flow("eval model.flow data.csv --label fault --json")
        .json();
    let normal: Vec<f64> = EVENTS
        .iter()
        .zip(LABELS)
        .filter(|(_, label)| *label == 0)
        .map(|(event, _)| log_prob(*event))
        .collect();
    let mean = normal.iter().sum::<f64>() / 4.0;
    let squares: f64 = normal.iter().map(|x| (x - mean).powi(2)).sum();
    close(&report["log_prob_mean"], mean);
    close(&report["log_prob_stderr"], (squares / 12.0).sqrt());
    close(&report["alpha"], 0.25);
    close(&report["auroc"], 1.0);
    close(&report["average_precision"], 1.0);
    close(&report["false_alarm_rate"], 0.0);
    close(&report["detection_rate"], 1.0);
    assert!(
        report["gain_over_gaussian"]
            .as_f64()
            .is_some_and(|gain| gain < 0.0),
        "{report}"
    );
}

#[test]
fn eval_without_labels_speaks_of_all_rows() {
    let folder = folder();
    let report = folder.flow("eval model.flow data.csv --json").json();
    close(
        &report["log_prob_mean"],
        EVENTS.iter().map(|e| log_prob(*e)).sum::<f64>() / 6.0,
    );
    close(&report["alarm_rate"], 2.0 / 6.0);
    assert!(report.get("auroc").is_none(), "{report}");
    let text = folder.flow("eval model.flow data.csv").done().out;
    assert!(
        text.contains("nats per row (6 rows)") && text.contains("promised 25 %"),
        "{text}"
    );
}

#[test]
fn labels_may_be_words() {
    let table = "x,y,who\n1,1,ok\n2,0,fine\n12,1,bad\n0,0,ok\n-3,2,fine\n";
    let folder = folder().with("words.csv", table);
    let report = folder
        .flow("eval model.flow words.csv --label who --normal ok,fine --json")
        .json();
    assert_eq!(
        (&report["normal_rows"], &report["anomalies"]),
        (&4.into(), &1.into())
    );
    let report = folder
        .flow("eval model.flow words.csv --only who=ok,fine --json")
        .json();
    assert_eq!(report["rows"], 4);
}

#[test]
fn score_gives_each_row_its_line() {
    let table = "x,y\n1,1\n,0\n12,1\n3,nan\n1.5,-2\n";
    let folder = folder().with("gaps.csv", table);
    let report = folder
        .flow("score model.flow gaps.csv -o scores.csv --json")
        .json();
    assert_eq!(
        (&report["rows"], &report["scored"], &report["alarms"]),
        (&5.into(), &3.into(), &1.into())
    );
    let scores = folder.read("scores.csv");
    let lines: Vec<&str> = scores.lines().collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(
        (lines[0], lines[2], lines[4]),
        ("log_prob,p_value,alarm", ",,", ",,")
    );
    let cells: Vec<&str> = lines[3].split(',').collect();
    assert!((cells[0].parse::<f64>().expect("a number") - log_prob([12.0, 1.0])).abs() < 1e-4);
    assert_eq!(cells[1..], ["0.2", "1"]);
    assert!(
        lines[1].ends_with(",1,0") && lines[5].ends_with(",0.5,0"),
        "{scores}"
    );
    // The standard output takes the table as well, and nothing else.
    let run = folder.flow("score model.flow gaps.csv -o - -q").done();
    assert_eq!((run.out, run.err.as_str()), (scores, ""));
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
fn samples_repeat_with_the_seed_and_have_the_models_moments() {
    let folder = folder();
    folder
        .flow("sample model.flow -n 4000 --seed 5 -o a.csv")
        .done();
    folder
        .flow("sample model.flow -n 4000 --seed 5 -o b.csv")
        .done();
    folder
        .flow("sample model.flow -n 4000 --seed 6 -o c.csv")
        .done();
    let samples = folder.read("a.csv");
    assert_eq!(samples, folder.read("b.csv"));
    assert_ne!(samples, folder.read("c.csv"));
    assert_eq!(samples.lines().next(), Some("x,y"));
    let x = |line: &str| {
        line.split(',')
            .next()
            .and_then(|x| x.parse::<f64>().ok())
            .expect("x")
    };
    let values: Vec<f64> = samples.lines().skip(1).map(x).collect();
    let mean = values.iter().sum::<f64>() / 4000.0;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4000.0;
    // Five standard errors of each.
    assert!((mean - 1.0).abs() < 5.0 * 2.0 / 4000f64.sqrt(), "{mean}");
    assert!(
        (variance - 4.0).abs() < 5.0 * 4.0 * (2.0 / 4000f64).sqrt(),
        "{variance}"
    );
}

#[test]
fn samples_of_a_conditional_model_take_their_context_from_values_or_a_table() {
    let folder = Folder::new()
        .with("model.flow", bytes(&gaussian(&["speed", "load"])))
        .with("context.csv", "load,speed\n1,2\n3,4\n");
    folder
        .flow("sample model.flow -n 3 --context-from context.csv -o a.csv")
        .done();
    let samples = folder.read("a.csv");
    let ends: Vec<&str> = samples
        .lines()
        .map(|l| l.splitn(3, ',').nth(2).unwrap_or(""))
        .collect();
    assert_eq!(ends, ["speed,load", "2,1", "4,3", "2,1"]);
    folder
        .flow("sample model.flow -n 1 --given load=7,speed=1.5 -o b.csv")
        .done();
    assert!(folder.read("b.csv").ends_with(",1.5,7\n"));
    folder
        .flow("sample model.flow -n 1 -o c.csv")
        .fails(2, &["(speed, load)", "--given", "--context-from"]);
    folder
        .flow("sample model.flow -n 1 --given sped=1 -o c.csv")
        .fails(2, &["--given sped", "speed, load"]);
    assert!(!folder.names().contains(&"c.csv".to_owned()));
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
    // Calibrated anew it has the same promise, with what it may fail by; quantised it has none until
    // then.
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
    assert!(small["stream"].is_null());
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

#[test]
fn inspect_names_channels_units_layers_and_origin() {
    let text = folder().flow("inspect model.flow").done().out;
    for part in [
        "two gaussians",
        "x: 1.000000 ± 2.000000 m/s²",
        "0  autoregressive, affine with log-scale within ±2, 6 weights",
        "x → y",
        "no hidden layer",
        "base: independent normal",
        "25 % false alarms promised, alarm below -6.0000 nats",
        "by hand",
        "digest 000000000000feed, seed 3",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn codegen_writes_a_module_and_says_what_it_costs() {
    let folder = folder();
    let report = folder.flow("codegen model.flow -o model.rs --json").json();
    for key in ["flash_bytes", "ram_bytes", "macs"] {
        assert!(
            report[key].as_u64().is_some_and(|count| count > 0),
            "{key} in {report}"
        );
    }
    assert!(folder.read("model.rs").contains("TwoGaussians"));
}

#[test]
fn codegen_tells_what_a_model_costs_on_a_core() {
    let folder = folder();
    let report = folder
        .flow("codegen model.flow -o model.rs --core m0 --clock 16MHz --opt-level s --json")
        .json();
    assert_eq!(report["core"], "cortex-m0");
    assert_eq!(report["clock_hz"], 16_000_000);
    assert_eq!(report["choices"].as_array().map(Vec::len), Some(4));
    let run = &report["log_prob"];
    let cycles = run["cycles"].as_f64().expect("a number");
    assert!(cycles >= run["instructions"].as_f64().expect("a number"));
    assert!((run["seconds"].as_f64().expect("a number") - cycles / 16e6).abs() < 1e-9);
    assert!(folder.read("model.rs").contains("cortex-m0 at opt-level s"));
    let host = folder
        .flow("codegen model.flow -o host.rs --core host --json")
        .json();
    assert!(host["flash_bytes"].is_null() && host["table_bytes"].is_u64());
}

#[test]
fn codegen_refuses_what_does_not_fit_and_writes_nothing() {
    let folder = folder();
    folder
        .flow("codegen model.flow -o model.rs --core cortex-m0 --flash 100 --latency 1us")
        .fails(1, &["cortex-m0", "flash", "latency"]);
    assert!(!folder.path().join("model.rs").exists());
    folder
        .flow("codegen model.flow -o model.rs --core m0plus --flash 256KiB --ram 16KiB --opt auto")
        .done();
}

#[test]
fn codegen_emits_what_is_asked_for() {
    let folder = folder();
    let both = folder.flow("codegen model.flow -o both.rs --json").json();
    let options = "--functions score --visibility crate --derive PartialEq,Eq --defmt=log";
    let score = folder
        .flow(&format!("codegen model.flow -o score.rs --json {options}"))
        .json();
    assert!(score["code_bytes"].as_u64() < both["code_bytes"].as_u64());
    assert_eq!(score["table_bytes"], both["table_bytes"]);
    let text = folder.read("score.rs");
    for part in [
        "Default, PartialEq, Eq)]",
        "#[cfg_attr(feature = \"log\", derive(::defmt::Format))]",
        "pub(crate) struct TwoGaussians;",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("Sampler"));
    folder
        .flow("codegen model.flow -o sample.rs --functions sample --defmt --math libm")
        .done();
    let text = folder.read("sample.rs");
    assert!(text.contains("Default, ::defmt::Format)]") && text.contains("math::Libm"));
    assert!(!text.contains("Density"));
    folder
        .flow("codegen model.flow -o no.rs --math libm")
        .fails(1, &["calibrated through polynomial", "--math libm"]);
}

#[test]
fn quiet_means_no_chatter() {
    let run = folder().flow("eval model.flow data.csv -q").done();
    assert_eq!(run.err, "");
    assert!(run.out.contains("log-likelihood"));
}

#[test]
fn every_command_has_help_with_an_example() {
    let folder = Folder::new();
    let help = folder.flow("--help").done().out;
    let (_, list) = help.split_once("Commands:").expect("a list of commands");
    let commands: Vec<&str> = list
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 6, "{help}");
    for command in commands {
        let help = folder.flow(&format!("{command} --help")).done().out;
        assert!(help.contains(&format!("  flow {command}")), "{help}");
    }
}

/// Rows of the two Gaussians, and one far out.
fn recording(rows: usize) -> String {
    let lines = (0..rows).map(|row| {
        let wave = |turn: f64| 1.0 + 3.0 * (row as f64 * turn).sin();
        format!("{:.6},{:.6}\n", wave(0.7), wave(1.3))
    });
    format!("x,y\n{}200,-40\n", lines.collect::<String>())
}

#[test]
fn a_quantised_model_is_scored_calibrated_and_compiled_by_its_integers() {
    let folder = folder().with("normal.csv", recording(401));
    let report = folder
        .flow("quantise model.flow normal.csv --weights i8 -o small.flow --json")
        .json();
    assert_eq!(report["weights"], "i8");
    assert_eq!(report["alpha"], 0.25);
    assert_eq!(report["rows"], 301);
    let difference = report["mean_difference"].as_f64().expect("a number");
    assert!(difference < 1e-3, "{report}");
    // The row far out lies beyond the inputs' format.
    assert_eq!(report["clamped"], 1, "{report}");

    let score = |model: &str| {
        let run = folder.flow(&format!("score {model} normal.csv -o - -q"));
        let scores = run.done().out;
        let first = |line: &str| line.split(',').next().and_then(|x| x.parse::<f32>().ok());
        scores.lines().filter_map(first).collect::<Vec<f32>>()
    };
    let (before, after) = (score("model.flow"), score("small.flow"));
    assert_eq!(before.len(), 402);
    for (before, after) in before.iter().zip(&after) {
        assert!((before - after).abs() < 2e-3, "{before} {after}");
        // In steps of 2^-16, as integers are.
        assert_eq!((after * 65536.0).fract(), 0.0, "{after}");
    }

    let text = folder.flow("inspect small.flow").done().out;
    assert!(text.contains("integers, weights as i8"), "{text}");
    folder
        .flow("calibrate small.flow normal.csv --alpha 0.1 -o strict.flow")
        .done();
    folder.flow("codegen strict.flow -o small.rs").done();
    let module = folder.read("small.rs");
    assert!(module.contains("fn log_prob_q16") && module.contains("Row<i8, "));
    assert!(!module.contains("Sampler"));
    folder
        .flow("codegen small.flow -o no.rs --functions sample")
        .fails(1, &["does not sample"]);
    folder
        .flow("sample small.flow -n 5 -o no.csv")
        .fails(2, &["small.flow is quantised to integers"]);
    folder
        .flow("quantise small.flow normal.csv --weights i16 -o no.flow")
        .fails(1, &["quantised already, to i8"]);
    let names = folder.names();
    assert!(
        !names.iter().any(|name| name.starts_with("no.")),
        "{names:?}"
    );
}

#[test]
fn codegen_quantises_with_rows_or_says_what_it_needs() {
    let folder = folder().with("normal.csv", recording(401));
    folder
        .flow("quantise model.flow normal.csv --weights i8 -o small.flow")
        .done();
    folder.flow("codegen small.flow -o two.rs").done();
    let run = folder.flow("codegen model.flow -o one.rs --weights i8 --rows normal.csv");
    assert!(run.done().err.contains("model.flow as i8: off by 0.0"));
    // But for the names of the files they are the same.
    let body = |name: &str| {
        folder
            .read(name)
            .split_once('\n')
            .map(|(_, rest)| rest.to_owned())
    };
    assert_eq!(body("one.rs"), body("two.rs"));
    folder
        .flow("codegen small.flow -o no.rs --weights i8")
        .done();
    folder
        .flow("codegen model.flow -o no.rs --weights f16")
        .fails(2, &["model.flow has weights of f32", "--rows"]);
    folder
        .flow("codegen small.flow -o no.rs --weights f32")
        .fails(2, &["small.flow is quantised to i8"]);
}

#[test]
fn half_precision_keeps_the_sampler() {
    let folder = folder().with("normal.csv", recording(400));
    folder
        .flow("quantise model.flow normal.csv --weights f16 -o half.flow")
        .done();
    folder.flow("sample half.flow -n 5 -o a.csv").done();
    folder.flow("codegen half.flow -o half.rs").done();
    assert!(folder.read("half.rs").contains("Half::panel"));
}

#[test]
fn rows_that_cannot_calibrate_a_quantised_model_are_counted() {
    let folder = folder().with("few.csv", "x,y\n1,1\n2,0\n0,1\n1,2\n");
    folder
        .flow("quantise model.flow few.csv --weights i8 --alpha 0.01 -o no.flow")
        .fails(1, &["few.csv", "3 calibration rows are too few"]);
    assert!(!folder.names().contains(&"no.flow".to_owned()));
}
