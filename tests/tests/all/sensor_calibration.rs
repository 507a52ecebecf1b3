//! What the example `sensor-calibration` shows of itself is what its commands make, and near the exact answer.

use flow_embedded::{LoadedFlow, Posterior};
use flow_tests::example::Example;
use flow_tests::posterior::fresh;
use flow_tests::posterior::thermistor::{FRESH, SIMULATIONS, Thermistor, devices, readings};
use flow_train::posterior::sbc::{Settings, check};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

const EXAMPLE: Example = Example {
    name: "sensor-calibration",
    test: "sensor_calibration",
};

#[test]
fn the_readings_are_those_of_the_simulator() {
    EXAMPLE.is_committed("src/readings.rs", &readings());
}

#[test]
fn the_model_is_of_the_simulations_and_passes_on_fresh_ones() {
    let (bytes, (rows, seed)) = (EXAMPLE.model(), SIMULATIONS);
    let flow = LoadedFlow::from_bytes(&bytes).expect("a model");
    let simulations = fresh(&Thermistor, rows, seed);
    assert_eq!(flow.header().provenance.data_digest, simulations.digest());
    let (rows, seed) = FRESH;
    let report = check(&flow, &fresh(&Thermistor, rows, seed), &Settings::default());
    let report = report.expect("a posterior");
    assert!(report.passes, "{}", report.faults());
    EXAMPLE.is_committed("ranks.svg", &report.svg().expect("drawn"));
}

/// The desk draws what the firmware prints, and both are near the exact posterior.
#[test]
fn the_firmware_prints_what_the_desk_finds() {
    let printed = EXAMPLE.text("expected.txt");
    let mut lines = printed.lines().filter(|line| !line.starts_with("device"));
    let mut numbers = || -> Vec<String> {
        let own = lines.next().expect("a line").split_whitespace();
        own.skip(2).map(str::to_owned).collect()
    };
    let bytes = EXAMPLE.model();
    let flow = LoadedFlow::from_bytes(&bytes).expect("a model");
    let shaped = flow.shaped::<3, 3, 1024>().expect("its shape");
    let posterior = Posterior::new(shaped);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let devices = devices();
    let first = posterior
        .sample(&devices[0].counts, &mut rng)
        .expect("a draw");
    assert_eq!(numbers(), first.map(|value| format!("{value:.3}")));
    for own in devices {
        let found = posterior.mean_and_sd::<400>(&own.counts, &mut rng);
        let found = found.expect("finite readings");
        for (parameter, decimals) in [3, 3, 1].into_iter().enumerate() {
            let (found, [mean, sd]) = (found[parameter], own.exact[parameter]);
            let on_chip: Vec<f64> = numbers()
                .iter()
                .map(|number| number.parse().expect("a number"))
                .collect();
            // Half a unit of the last digit, and what rounding to it may add.
            let unit = 0.51 * 10f64.powi(-decimals);
            assert!((on_chip[0] - f64::from(found.mean)).abs() <= unit);
            assert!((on_chip[1] - f64::from(found.sd)).abs() <= unit);
            // Chance makes 0.05 and 0.035 of it.
            assert!((on_chip[0] - mean).abs() < 0.25 * sd, "{on_chip:?}");
            assert!((on_chip[1] / sd - 1.0).abs() < 0.2, "{on_chip:?}");
        }
        let later: Vec<f64> = numbers()
            .iter()
            .map(|number| number.parse().expect("a number"))
            .collect();
        let [mean, sd] = own.exact[3];
        assert!((later[0] - mean).abs() < 0.3 * sd, "{later:?}");
        assert!((later[1] / sd - 1.0).abs() < 0.25, "{later:?}");
        // The temperature draws took as many words; the desk's generator goes on after them.
        for _ in 0..400 {
            posterior.sample(&own.counts, &mut rng).expect("a draw");
        }
    }
}
