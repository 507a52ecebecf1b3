//! The noise of a sensor, from its recording to new samples.

use super::flow::Folder;
use std::fmt::Write as _;

/// A sensor of counts around 100 whose values depend on the one before and whose spread grows with the temperature,
/// around a signal that is not there or a ramp.
fn recording(rows: u32) -> String {
    let mut state = 5u64;
    let mut normal = || {
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    };
    let (mut text, mut x) = ("rest,moved,ramp,temperature\n".to_owned(), 0.0);
    for row in 0..rows {
        let temperature = 20.0 + 10.0 * f64::from(row % 50) / 50.0;
        x = 0.8 * x + 0.2 * (temperature - 15.0) * normal();
        let (rest, ramp) = ((100.0 + x).round(), f64::from(row) / 8.0);
        writeln!(text, "{rest},{},{ramp},{temperature}", rest + ramp).expect("text");
    }
    text
}

const TRAIN: &str = "train rest.csv --noise -o noise.flow --columns rest --context temperature";

/// Mean, standard deviation and correlation with the value before.
fn moments(values: &[f64]) -> [f64; 3] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let product = |lag: usize| {
        let pairs = values.iter().zip(&values[lag..]);
        pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / n
    };
    [mean, product(0).sqrt(), product(1) / product(0)]
}

fn column(csv: &str, index: usize) -> Vec<f64> {
    let cell = |line: &str| {
        line.split(',')
            .nth(index)
            .and_then(|cell| cell.parse().ok())
    };
    csv.lines()
        .skip(1)
        .map(|line| cell(line).expect("a number"))
        .collect()
}

#[test]
fn a_recording_at_rest_goes_on() {
    let folder = Folder::new().with("rest.csv", recording(4000));
    folder.flow(TRAIN).done();
    let inspected = folder.flow("inspect noise.flow --json").json();
    assert_eq!(inspected["warm_up"], 64);
    assert_eq!(
        inspected["noise"]["start"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        inspected["noise"]["ranges"].as_array().map(Vec::len),
        Some(8)
    );
    let command = inspected["provenance"]["command"].as_str().expect("text");
    assert!(command.ends_with("--noise"), "{command}");
    let told = folder.flow("inspect noise.flow").done().out;
    assert!(
        told.contains("has forgotten the start after 64 samples"),
        "{told}"
    );

    folder
        .flow("sample noise.flow -n 20000 --given temperature=25 --seed 3 -o new.csv")
        .done();
    let new = folder.read("new.csv");
    assert!(new.starts_with("rest,temperature\n"));
    let values = column(&new, 0);
    assert_eq!(values.len(), 20_000);
    assert!(values.iter().all(|x| x.fract() == 0.0), "counts");
    let [mean, deviation, correlation] = moments(&values);
    // 2 / √(1 − 0.8²), and the mean of few thousand rows.
    assert!(
        (mean - 100.0).abs() < 0.6 && (deviation - 3.33).abs() < 0.3,
        "{mean} {deviation}"
    );
    assert!((correlation - 0.8).abs() < 0.05, "{correlation}");
    // Warmer, noisier; row by row from a table.
    folder
        .flow("sample noise.flow -n 20000 --given temperature=29 --warm-up 0 --seed 3 -o warm.csv")
        .done();
    let [_, warm, _] = moments(&column(&folder.read("warm.csv"), 0));
    assert!((warm / deviation - 1.4).abs() < 0.15, "{warm}");
    folder
        .flow("sample noise.flow -n 100 --context-from rest.csv -o along.csv")
        .done();
    assert_eq!(
        column(&folder.read("along.csv"), 1),
        column(&recording(100), 3)
    );
    // The same model and the same rows, byte for byte.
    folder
        .flow(&TRAIN.replace("noise.flow", "again.flow --name noise"))
        .done();
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).expect("a model");
    assert_eq!(bytes("noise.flow"), bytes("again.flow"));
}

#[test]
fn noise_around_a_signal_is_what_is_left_of_it() {
    let folder = Folder::new().with("rest.csv", recording(4000));
    let train = TRAIN.replace("--columns rest", "--columns moved-ramp");
    folder.flow(&train).done();
    folder
        .flow("sample noise.flow -n 20000 --given temperature=25 -o new.csv")
        .done();
    let new = folder.read("new.csv");
    assert!(new.starts_with("moved-ramp,temperature\n"));
    let [mean, deviation, _] = moments(&column(&new, 0));
    assert!(
        (mean - 100.0).abs() < 0.6 && (deviation - 3.33).abs() < 0.3,
        "{mean} {deviation}"
    );
    // The other commands know the difference, too.
    let scored = folder
        .flow("score noise.flow rest.csv -o scores.csv --json")
        .json();
    assert_eq!(scored["rows"], 4000);
    let report =
        "noise-report rest.csv new.csv --columns moved-ramp --rate 100Hz -o report.html --json";
    let error = &folder.flow(report).json()["channels"][0]["allan_error"];
    assert!(error.as_f64().is_some_and(|error| error < 0.05), "{error}");
}

/// `rest` beside a column that is off it by as much noise as it has itself: a correlation of 0.7.
#[test]
fn channels_are_correlated_as_they_were() {
    let recorded = recording(4000);
    let [rest, other] = [0, 1].map(|shift| column(&recorded, 0).split_off(shift * 2000));
    let pairs = rest.iter().zip(&other);
    let lines: String = pairs.map(|(a, b)| format!("{a},{}\n", a + b)).collect();
    let folder = Folder::new().with("rest.csv", format!("a,b\n{lines}"));
    folder.flow("train rest.csv --noise -o noise.flow").done();
    folder.flow("sample noise.flow -n 20000 -o new.csv").done();
    let correlation = |csv: &str| {
        let (a, b) = (column(csv, 0), column(csv, 1));
        // Of the sum and of each alone.
        let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        let [a, b, sum] = [a, b, sum].map(|own| moments(&own)[1]);
        (sum * sum - a * a - b * b) / (2.0 * a * b)
    };
    let (real, new) = (
        correlation(&folder.read("rest.csv")),
        correlation(&folder.read("new.csv")),
    );
    assert!((real - 0.7).abs() < 0.1, "{real}");
    assert!((new - real).abs() < 0.05, "{real} {new}");
}

#[test]
fn what_can_not_be_noise_is_told() {
    let folder = Folder::new()
        .with("rest.csv", recording(100))
        .with("long.csv", recording(400));
    folder.flow(TRAIN).fails_in_usage(
        "the longest stretch of the recording without a gap has 100 rows, and 128 are needed",
    );
    folder
        .flow("train long.csv -o plain.flow --columns rest --family maf --layers 1 --hidden 4 --epochs 2")
        .done();
    folder
        .flow("sample plain.flow -n 3 --warm-up 3 -o new.csv")
        .fails_in_usage("the model is none of a sensor's noise");
    folder
        .flow(
            &TRAIN
                .replace("rest.csv", "long.csv")
                .replace("--columns rest", "--columns rest --lags 1"),
        )
        .done();
    folder
        .flow("sample noise.flow -n 3 -o new.csv")
        .fails_in_usage("--given temperature=…");
}
