//! `flow sbc`: what it finds, and what it says to models and tables that it can't use.

use super::artefacts::{bytes, gaussian};
use super::flow::Folder;
use std::fmt::Write as _;

/// `x` and `y` of the given mean and deviation, and a `t` that has nothing to do with them.
fn table(rows: u64, mean: f64, deviation: f64) -> String {
    let mut state = 7u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut normal = || mean + deviation * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0);
    let mut text = "t,y,x\n".to_owned();
    for row in 0..rows {
        let _ = writeln!(text, "{},{},{}", row % 10, normal(), normal());
    }
    text
}

/// A model that says `x` and `y` have mean 1 and deviation 2, whatever `t` is.
fn folder(mean: f64, deviation: f64) -> Folder {
    Folder::new()
        .with("model.flow", bytes(&gaussian(&["t"])))
        .with("fresh.csv", table(1200, mean, deviation))
}

#[test]
fn a_calibrated_model_passes() {
    let folder = folder(1.0, 2.0);
    let run = folder
        .flow("sbc model.flow fresh.csv --plot ranks.svg")
        .done();
    assert!(run.out.contains("verdict            passes"), "{}", run.out);
    let picture = folder.read("ranks.svg");
    assert!(picture.starts_with("<svg") && picture.contains("highest density"));
    let report = folder.flow("sbc model.flow fresh.csv --json").json();
    assert_eq!(report["passes"], true);
    assert_eq!(
        (&report["rows"], &report["draws"]),
        (&1000.into(), &99.into())
    );
    let quantities = report["quantities"].as_array().expect("quantities");
    assert_eq!(quantities.len(), 3);
    for own in quantities {
        assert_eq!(own["shape"], "even");
        assert!(own["p_value_corrected"].as_f64() > Some(0.01), "{own}");
        let rows = own["histogram"].as_array().expect("bins").iter();
        assert_eq!(
            rows.filter_map(serde_json::Value::as_u64).sum::<u64>(),
            1000
        );
    }
    // The model ignores what is observed.
    let contraction = quantities[0]["contraction"]
        .as_f64()
        .expect("a parameter's");
    assert!(contraction.abs() < 0.1, "{contraction}");
    for own in report["coverage"].as_array().expect("levels") {
        let level = own["level"].as_f64().expect("a level");
        let share = own["share"].as_f64().expect("a share");
        assert!((share - level).abs() < 0.05, "{level} {share}");
    }
}

#[test]
fn the_same_seed_gives_the_same_ranks() {
    let folder = folder(1.0, 2.0);
    let report = |options: &str| {
        folder
            .flow(&format!("sbc model.flow fresh.csv --json {options}"))
            .done()
            .out
    };
    assert_eq!(report(""), report("--seed 0"));
    assert_ne!(report(""), report("--seed 1"));
    assert_ne!(report("--rows 500"), report("--draws 199"));
}

#[test]
fn a_model_that_is_off_fails_and_the_fault_is_named() {
    for (mean, deviation, fault, shape) in [
        (1.0, 3.0, "too narrow", "too_narrow"),
        (1.0, 1.4, "too wide", "too_wide"),
        (2.0, 2.0, "too low", "too_low"),
        (0.0, 2.0, "too high", "too_high"),
    ] {
        let run = folder(mean, deviation).flow("sbc model.flow fresh.csv --json -q");
        assert_eq!(run.code, Some(1), "{}", run.err);
        assert!(
            run.err.contains("model.flow fails") && run.err.contains(fault),
            "{}",
            run.err
        );
        let report: serde_json::Value = serde_json::from_str(&run.out).expect("the result");
        assert_eq!(report["passes"], false);
        assert_eq!(report["quantities"][0]["shape"], shape);
    }
}

#[test]
fn what_can_not_be_checked_gets_a_sentence() {
    let folder = folder(1.0, 2.0)
        .with("plain.flow", bytes(&gaussian(&[])))
        .with("few.csv", table(99, 1.0, 2.0))
        .with("other.csv", "x,t\n1,2\n")
        .with("holes.csv", table(99, 1.0, 2.0) + "1,nan,2\n1,,2\n")
        .with("ranks.svg", "kept");
    let fails = |arguments: &str, code, parts: &[&str]| {
        let command = format!("sbc {arguments} --plot ranks.svg");
        folder.flow(&command).fails(code, parts);
        assert_eq!(folder.read("ranks.svg"), "kept", "{arguments}");
    };
    fails(
        "plain.flow fresh.csv",
        1,
        &["plain.flow", "no context", "--context"],
    );
    fails(
        "model.flow few.csv",
        1,
        &["few.csv: 99 usable rows", "at least 100"],
    );
    fails("model.flow holes.csv", 1, &["holes.csv: 99 usable rows"]);
    fails("model.flow other.csv", 1, &["other.csv lacks", "y"]);
    fails(
        "model.flow fresh.csv --draws 100",
        2,
        &["100 draws", "multiple of 20 less one"],
    );
    fails(
        "model.flow fresh.csv --rows 10",
        1,
        &["10 usable rows, and at least 100"],
    );
    folder
        .flow("sbc model.flow fresh.csv --alpha 2")
        .fails_in_usage("between 0 and 1");
}

/// A posterior of two parameters from a table of simulations, as the help says: trained, and checked on fresh ones.
#[test]
fn a_model_of_simulations_is_checked_on_fresh_ones() {
    // What is seen is the sum and its noise: a and b are correlated once it is known.
    let simulations = |rows: u64, seed: u64| {
        let mut state = seed;
        let mut normal = || {
            let mut uniform = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1u64 << 53) as f64
            };
            (0..12).map(|_| uniform()).sum::<f64>() - 6.0
        };
        let mut text = "a,b,sum\n".to_owned();
        for _ in 0..rows {
            let (a, b) = (normal(), normal());
            let _ = writeln!(text, "{a},{b},{}", a + b + 0.5 * normal());
        }
        text
    };
    let folder = Folder::new()
        .with("simulations.csv", simulations(8000, 1))
        .with("fresh.csv", simulations(1000, 2));
    let train = "train simulations.csv -o posterior.flow --columns a,b --context sum --split random \
                 --family nsf-ar -q";
    folder.flow(train).done();
    let report = folder.flow("sbc posterior.flow fresh.csv --json").json();
    assert_eq!(report["passes"], true);
    // Var(a | a + b + noise) = 1 − 1 / 2.25.
    let contraction = report["quantities"][0]["contraction"].as_f64();
    assert!(
        contraction.is_some_and(|own| (own - 1.0 / 2.25).abs() < 0.06),
        "{contraction:?}"
    );
    folder.flow("sbc posterior.flow simulations.csv").fails(
        1,
        &["simulations.csv: these are the rows that the model was trained on"],
    );
}
