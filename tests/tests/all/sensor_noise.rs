//! What the example `sensor-noise` shows of itself is what its commands make.

use flow_embedded::LoadedFlow;
use flow_tests::noise::Recorded;
use flow_tests::sensor::gyroscope_at_rest;
use flow_train::artefact::Draft;
use flow_train::evaluate::Source;
use flow_train::noise::{Signal, report};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::fs;
use std::path::PathBuf;
use xtask::workspace;

const RATE: f64 = 100.0;

fn folder() -> PathBuf {
    workspace::root().join("examples/sensor-noise")
}

/// The recording, back from its CSV.
fn recorded() -> Recorded {
    let text = gyroscope_at_rest();
    let rows = text.lines().skip(1).filter_map(|line| line.split_once(','));
    let parse = |cell: &str| cell.parse::<f32>().expect("a number");
    let (gyr, temperature) = rows
        .map(|(gyr, celsius)| (parse(gyr), parse(celsius)))
        .unzip();
    Recorded {
        channels: vec![("gyr".into(), gyr)],
        context: Some(("temperature".into(), temperature)),
        rate: RATE,
    }
}

#[test]
fn the_model_is_that_of_the_recording() {
    let committed = fs::read(folder().join("model.flow")).expect("a model");
    let trained = recorded().train(0).expect("a model of noise");
    let [committed, trained] = [&committed, &trained]
        .map(|bytes| Draft::from_loaded(&LoadedFlow::from_bytes(bytes).expect("a model")));
    assert_eq!(committed.layers, trained.layers);
    assert_eq!(committed.features, trained.features);
    assert_eq!(committed.noise, trained.noise);
    assert_eq!(committed.data_digest, trained.data_digest);
}

/// The firmware prints its first samples; the desk draws the same ones.
#[test]
fn the_first_samples_are_those_of_the_desk() {
    let printed = fs::read_to_string(folder().join("expected.txt")).expect("the output");
    let first = printed
        .lines()
        .find_map(|line| line.strip_prefix("first samples"));
    let first: Vec<&str> = first.expect("its first line").split_whitespace().collect();
    let bytes = fs::read(folder().join("model.flow")).expect("a model");
    let flow = LoadedFlow::from_bytes(&bytes).expect("a model");
    let mut source = Source::new(&flow).expect("a model of noise");
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for printed in first {
        let sample = source.next(&mut rng, &[25.0]).expect("its shape");
        assert_eq!(printed, format!("{:.6}", sample[0]));
    }
}

/// The Allan deviation in the README is of the recording and of noise from the model; `BLESS=1` draws it anew.
#[test]
fn the_picture_is_of_the_recording_and_the_model() {
    let recorded = recorded();
    let bytes = fs::read(folder().join("model.flow")).expect("a model");
    let generated = recorded
        .generate(&bytes, recorded.rows(), 0)
        .expect("noise");
    let real = recorded.channels[0]
        .1
        .iter()
        .copied()
        .map(f64::from)
        .collect();
    let signal = |series: Vec<f64>| Signal::new(vec!["gyr".into()], vec![series]);
    let generated = generated.into_iter().next().expect("a channel");
    let recordings = [
        ("recording".to_owned(), signal(real)),
        ("generated".to_owned(), signal(generated)),
    ];
    let report = report(&recordings, RATE, 0.95, |_| "°/s".into()).expect("a report");
    let error = report.channels[0].allan_error.expect("two recordings");
    assert!(error < 0.08, "{error}");
    let page = report.html().expect("a page");
    let (start, end) = (
        page.find("<svg").expect("a plot"),
        page.find("</svg>").expect("its end"),
    );
    let picture = format!("{}</svg>\n", &page[start..end]);
    let path = folder().join("allan.svg");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &picture).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == picture,
        "allan.svg is out of date: BLESS=1 cargo test -p flow-tests --test all sensor_noise"
    );
}
