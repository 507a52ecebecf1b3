//! What the example `tiny-camera` shows of itself is what its commands make.

use flow_embedded::{Density, LoadedFlow, Sampler};
use flow_tests::camera::trials::{Map, Trials, load};
use flow_tests::camera::{Fault, SIDE, TRAINING, frames, normal};
use flow_tests::example::Example;
use flow_train::data::Dataset;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

const EXAMPLE: Example = Example {
    name: "tiny-camera",
    test: "tiny_camera",
};

#[test]
fn the_frames_are_those_of_the_simulator() {
    EXAMPLE.is_committed("src/frames.rs", &frames::module());
}

#[test]
fn the_model_is_of_the_normal_frames() {
    let bytes = EXAMPLE.model();
    let flow = LoadedFlow::from_bytes(&bytes).expect("a model");
    let header = flow.header();
    let names = |channels: flow_embedded::artefact::Channels<'_>| -> Vec<String> {
        channels.iter().map(|own| own.name.to_owned()).collect()
    };
    let mut data = Dataset::new(names(header.event), names(header.context));
    for frame in normal(TRAINING.0, TRAINING.1) {
        data.push(&frame.above(), &[frame.ambient]);
    }
    assert_eq!(header.provenance.data_digest, data.digest());
}

/// The promise is kept on frames that the model has not seen, faults are found and located as the README says, and those
/// of the machine are found far more often than by distances.
#[test]
fn alarms_are_as_rare_as_promised_and_faults_are_found() {
    let trials = Trials::of(&EXAMPLE.model()).expect("a model");
    // The interval of what was measured reaches down to the promise: no more alarms than chance explains.
    assert!(trials.false_alarms.interval.0 <= 0.01, "{trials:?}");
    EXAMPLE.readme_has(&trials.table());
    for own in &trials.faults {
        let (alarms, beside) = (own.alarms.rate, own.mahalanobis.rate);
        let located = own.located.map_or(1.0, |located| located.rate);
        let right = match own.fault {
            Fault::HotSpot(kelvin) if kelvin >= 4.0 => alarms > 0.6 && located > 0.95,
            Fault::HotSpot(kelvin) if kelvin >= 2.0 => alarms > 10.0 * beside && located > 0.8,
            Fault::HotSpot(_) => alarms > beside,
            Fault::Stuck => alarms > 0.55 && located > 0.95,
            Fault::Blocked => alarms > 0.95 && alarms > beside && located > 0.6,
            Fault::Fan => alarms > 0.95 && alarms > beside,
        };
        assert!(right, "{own:?}");
    }
}

/// Bits of log-likelihoods, of the foremost places' contributions and of samples: the firmware's are the desk's.
#[test]
fn the_firmware_prints_the_bits_of_the_desk() {
    let printed = EXAMPLE.text("expected.txt");
    let bits_behind = |start: &str| -> Vec<String> {
        let lines = printed.lines().filter(|line| line.starts_with(start));
        let bits = lines.flat_map(|line| {
            let (_, bits) = line.split_once("bits ").expect("bits");
            bits.split_whitespace()
                .take(if start == "drawn" { 2 } else { 1 })
        });
        bits.map(str::to_owned).collect()
    };
    let hex = |value: f32| format!("{:08x}", value.to_bits());
    let bytes = EXAMPLE.model();
    let model = load(&bytes).expect("a model");
    let flow = LoadedFlow::from_bytes(&bytes).expect("a model");
    let table = flow.calibration().expect("calibrated");
    let (mut log_probs, mut places, mut most) = (vec![], vec![], vec![]);
    for (_, frame) in frames::seen() {
        let above = frame.above();
        let log_prob = model.log_prob(&above, &[frame.ambient]);
        log_probs.push(hex(log_prob));
        if table.p_value(log_prob) <= table.alpha() {
            let map = Map::of(&model, &above, frame.ambient);
            let (row, column) = (map.pixel / SIDE, map.pixel % SIDE);
            places.push(format!("row {row}, column {column}"));
            most.push(hex(map.most()));
        }
    }
    assert_eq!(bits_behind("log_prob"), log_probs);
    assert_eq!(bits_behind("by "), most);
    let foremost = printed.lines().filter(|line| line.starts_with("foremost"));
    let printed_places: Vec<&str> = foremost
        .filter_map(|line| line.find("row").map(|start| &line[start..]))
        .collect();
    assert_eq!(printed_places, places);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let drawn = [(); 2].map(|()| {
        let frame = model.sample(&mut rng, &[20.0]);
        let bytes = frame.iter().flat_map(|value| value.to_le_bytes());
        let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        format!("{hash:08x}")
    });
    assert_eq!(bits_behind("drawn"), drawn);
}
