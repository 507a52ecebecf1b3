//! What the commands print and write.

use super::artefacts::{bytes, gaussian, log_prob};
use super::flow::Folder;

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

pub(crate) fn folder() -> Folder {
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
        .flow("sample model.flow -n 1 --given load=7,speed=inf -o c.csv")
        .fails(2, &["--given speed=inf", "a finite number"]);
    folder
        .flow("sample model.flow -n 1 --given sped=1 -o c.csv")
        .fails(2, &["--given sped", "speed, load"]);
    assert!(!folder.names().contains(&"c.csv".to_owned()));
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
        "false alarms promised 25 % (not examined), alarm below -6.0000 nats",
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
