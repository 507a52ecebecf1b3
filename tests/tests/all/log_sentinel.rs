//! What the example `log-sentinel` shows of itself is what its commands make.

use flow_embedded::LoadedFlow;
use flow_tests::example::Example;
use flow_tests::log::trials::Trials;
use flow_tests::log::{Fault, TRAINING, normal, seen};
use flow_tests::text;
use flow_train::data::{ColumnRequest, Columns, Table, load_columns};
use flow_train::evaluate::{Lines, Scorer};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::fs;

const EXAMPLE: Example = Example {
    name: "log-sentinel",
    test: "log_sentinel",
};

#[test]
fn the_lines_are_those_of_the_node() {
    EXAMPLE.is_committed("src/uart.rs", &seen::module());
}

#[test]
fn the_model_is_of_the_normal_log() {
    let bytes = EXAMPLE.model();
    let flow = LoadedFlow::from_bytes(&bytes).expect("a model");
    let header = flow.header();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("normal.txt");
    let text = normal(TRAINING.0, TRAINING.1).join("\n") + "\n";
    fs::write(&path, text).expect("written");
    let table = Table::open_text(&path, flow_train::data::Alphabet::All).expect("a text");
    let request = ColumnRequest {
        events: Some(vec!["text".into()]),
        ..ColumnRequest::default()
    };
    let columns = Columns::find_for_model(&table, &request).expect("its column");
    let columns = columns.with_features(header.features.iter().collect());
    let columns = columns.with_vocabularies(header);
    let recording = load_columns(&table, &columns).expect("the rows");
    assert_eq!(header.provenance.data_digest, recording.data.digest());
}

/// The promise is kept on another log, and lines with faults are found as the README says: as often as by a list of
/// messages, and numbers that are off, of which such a list knows nothing, too.
#[test]
fn alarms_are_as_rare_as_promised_and_faults_are_found() {
    let trials = Trials::of(&EXAMPLE.model()).expect("a model");
    // The interval of what was measured reaches down to the promise: no more alarms than chance explains.
    assert!(trials.normal.model.interval.0 <= 0.01, "{trials:?}");
    EXAMPLE.readme_has(&trials.table());
    for (fault, found) in &trials.faults {
        let (model, messages) = (found.model.rate, found.messages.rate);
        let right = match fault {
            Fault::Number(5) => model > 0.7 && messages < 0.1,
            Fault::Number(_) => model > 0.9 && messages < 0.2,
            _ => model > 0.99 * messages,
        };
        assert!(right, "{fault:?}: {found:?}");
    }
}

/// Bits of log-likelihoods, the places that are pointed at and the lines written: the firmware's are the desk's.
#[test]
fn the_firmware_prints_the_bits_of_the_desk() {
    let printed = EXAMPLE.text("expected.txt");
    let (judged, written) = printed.split_once("written\n").expect("two parts");
    let bytes = EXAMPLE.model();
    let flow = LoadedFlow::from_bytes(&bytes).expect("a model");
    let table = flow.calibration().expect("calibrated");
    let scorer = Scorer::new(&flow).expect("a model");
    let mut desk = Lines::new(&scorer).expect("lines");
    let lines = seen::lines();
    let mut expected = String::new();
    for (line, score) in lines.iter().zip(desk.score(&lines.join("\n"))) {
        expected += &format!("{line}\n");
        let Some(score) = score else {
            expected += "  no past yet\n";
            continue;
        };
        let p_value = table.p_value(score.log_prob());
        let alarm = p_value <= table.alpha();
        if alarm {
            expected += &format!("{}^\n", " ".repeat(score.least_likely() as usize));
        }
        expected += &format!(
            "  log_prob{:>12.2}  bits {:08x}  p-value{p_value:>12.4}{}\n",
            score.log_prob(),
            score.log_prob().to_bits(),
            if alarm { "  ALARM" } else { "" }
        );
    }
    assert_eq!(judged, expected);
    // The first line begins without a past.
    let code = flow.header().line_break().expect("lines") as f32;
    let output = text::written(&flow, &mut ChaCha8Rng::seed_from_u64(1), code, 600).concat();
    let (_, output) = output.split_once('\n').expect("lines");
    assert!(output.starts_with(written), "{output}");
    assert!(written.lines().count() > 5);
}
