//! A made-up thermistor in a voltage divider, as in the example `sensor-calibration`: simulations to train on, devices to
//! infer, and the exact answer by a grid.

use super::{gauss, uniform};
use flow_train::data::DomainRequest;
use flow_train::posterior::amortised::{Simulator, Variable};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt::Write as _;
use std::ops::Range;

/// The divider: a thermistor to ground, a resistor to the reference of a 12-bit converter.
#[derive(Debug, Clone, Copy)]
pub struct Thermistor;

/// What the data sheets say: resistance at 25 °C in kΩ (10 ± 5 %), beta in K (3950 ± 2 %), the series resistor in kΩ (10 ±
/// 1 %). Within these ends all values are as likely.
const TOLERANCE: [(&str, &str, Range<f64>); 3] = [
    ("series", "kΩ", 9.9..10.1),
    ("r25", "kΩ", 9.5..10.5),
    ("beta", "K", 3871.0..4029.0),
];
/// Temperatures of the baths in which a device is read once, in °C, and the standard deviation of their thermometer.
const BATHS: [f64; 3] = [0.0, 25.0, 60.0];
const THERMOMETER: f64 = 0.2;
/// Noise of the converter, in counts.
const NOISE: f64 = 1.5;
const STEPS: f64 = 4096.0;
const ZERO: f64 = 273.15;
const ROOM: f64 = ZERO + 25.0;

/// The simulations that the model of the example is trained on, and their seed.
pub const SIMULATIONS: (usize, u64) = (40_000, 1);
/// Those that it is checked on.
pub const FRESH: (usize, u64) = (1000, 2);
/// Seed of the devices, and the temperatures at which they are read later, in °C.
const DEVICES: (u64, [f64; 4]) = (3, [4.0, 37.0, 45.0, 80.0]);

impl Simulator for Thermistor {
    fn parameters(&self) -> Vec<Variable> {
        let parameters = TOLERANCE.into_iter().map(|(name, unit, range)| {
            let [low, high] = [range.start, range.end].map(|end| end as f32);
            Variable::new(name)
                .in_unit(unit)
                .within(DomainRequest::Bounded { low, high })
        });
        parameters.collect()
    }

    fn observation(&self) -> Vec<Variable> {
        BATHS
            .map(|celsius| Variable::new(&format!("count{celsius}")))
            .to_vec()
    }

    fn prior(&self, rng: &mut dyn Rng, parameters: &mut [f32]) {
        for (own, (_, _, range)) in parameters.iter_mut().zip(TOLERANCE) {
            let width = range.end - range.start;
            // Not on an end, where the map of the domain has none.
            *own = (range.start + width * (1e-4 + (1.0 - 2e-4) * uniform(rng))) as f32;
        }
    }

    fn simulate(&self, parameters: &[f32], rng: &mut dyn Rng, observation: &mut [f32]) {
        for (seen, bath) in observation.iter_mut().zip(BATHS) {
            *seen = read(parameters, bath + THERMOMETER * gauss(rng), rng);
        }
    }
}

/// What the converter says at a temperature in °C.
fn read(parameters: &[f32], celsius: f64, rng: &mut dyn Rng) -> f32 {
    let [series, r25, beta] = [0, 1, 2].map(|place| f64::from(parameters[place]));
    let resistance = r25 * (beta * (1.0 / (celsius + ZERO) - 1.0 / ROOM)).exp();
    let exact = STEPS * resistance / (resistance + series);
    (exact + NOISE * gauss(rng)).round().clamp(0.0, STEPS - 1.0) as f32
}

/// The temperature in K at which a divider of the given `ln (r25 / series)` would give so many counts.
fn kelvin(count: f64, log_ratio: f64, beta: f64) -> f64 {
    let own = (count / (STEPS - count)).ln() - log_ratio;
    1.0 / (1.0 / ROOM + own / beta)
}

/// A device of which parameters are to be inferred.
#[derive(Debug, Clone)]
pub struct Device {
    /// What it read in the baths.
    pub counts: [f32; 3],
    /// What it read later.
    pub later: f32,
    /// Mean and standard deviation of the exact posterior of the parameters, and of the temperature that the later
    /// reading means, in °C.
    pub exact: [[f64; 2]; 4],
    /// What they are.
    pub truth: [f64; 4],
}

/// The devices of the example.
pub fn devices() -> Vec<Device> {
    let (seed, temperatures) = DEVICES;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let device = |celsius: f64| {
        let (mut parameters, mut counts) = ([0.0; 3], [0.0; 3]);
        Thermistor.prior(&mut rng, &mut parameters);
        Thermistor.simulate(&parameters, &mut rng, &mut counts);
        let later = read(&parameters, celsius, &mut rng);
        let [series, r25, beta] = parameters.map(f64::from);
        Device {
            counts,
            later,
            exact: exact(&counts, later),
            truth: [series, r25, beta, celsius],
        }
    };
    temperatures.map(device).to_vec()
}

/// Points of the grid in each parameter.
const GRID: [usize; 3] = [100, 250, 80];
/// Points of the grid of the logarithm of r25 over the series resistor.
const RATIOS: usize = 500;

/// Mean and standard deviation of the exact posterior, by the midpoint rule: see [`Device::exact`].
///
/// The likelihood knows the two resistors by their ratio only. The temperature of a bath is integrated out through the
/// counts before noise and rounding: for each, a temperature is known, and how likely it is.
fn exact(counts: &[f32; 3], later: f32) -> [[f64; 2]; 4] {
    let points = |parameter: usize| {
        let (_, _, range) = TOLERANCE[parameter].clone();
        let step = (range.end - range.start) / GRID[parameter] as f64;
        (0..GRID[parameter]).map(move |point| range.start + (point as f64 + 0.5) * step)
    };
    let lowest = (9.5f64 / 10.1).ln();
    let step = ((10.5f64 / 9.9).ln() - lowest) / (RATIOS - 1) as f64;
    let mut sums = [[0.0; 2]; 4];
    let mut total = 0.0;
    for beta in points(2) {
        let of_ratio: Vec<f64> = (0..RATIOS)
            .map(|point| log_likelihood(counts, lowest + point as f64 * step, beta))
            .collect();
        for series in points(0) {
            for r25 in points(1) {
                let log_ratio = (r25 / series).ln();
                let place = (log_ratio - lowest) / step;
                let below = (place as usize).min(RATIOS - 2);
                let share = place - below as f64;
                let log = (1.0 - share) * of_ratio[below] + share * of_ratio[below + 1];
                let weight = log.exp();
                let celsius = kelvin(f64::from(later), log_ratio, beta) - ZERO;
                total += weight;
                for (own, value) in sums.iter_mut().zip([series, r25, beta, celsius]) {
                    own[0] += weight * value;
                    own[1] += weight * value * value;
                }
            }
        }
    }
    sums.map(|[first, second]| {
        let mean = first / total;
        [mean, (second / total - mean * mean).max(0.0).sqrt()]
    })
}

fn log_likelihood(counts: &[f32; 3], log_ratio: f64, beta: f64) -> f64 {
    let normal = |z: f64| 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
    let each = counts.iter().zip(BATHS).map(|(count, bath)| {
        let count = f64::from(*count);
        let before = (-20..=20).map(|step| count + 0.5 * f64::from(step));
        let sum: f64 = before
            .map(|exact| {
                let rounded =
                    normal((count + 0.5 - exact) / NOISE) - normal((count - 0.5 - exact) / NOISE);
                let kelvin = kelvin(exact, log_ratio, beta);
                let off = (kelvin - ZERO - bath) / THERMOMETER;
                // How much temperature there is to a count.
                let slope = kelvin * kelvin / beta * STEPS / (exact * (STEPS - exact));
                rounded * slope * (-0.5 * off * off).exp()
            })
            .sum();
        sum.max(f64::MIN_POSITIVE).ln()
    });
    each.sum()
}

/// The module `readings.rs` of the example.
pub fn readings() -> String {
    let mut text = "\
//! What four devices read, in place of a converter, and what is known of them.
//!
//! Written by `cargo run --release -p flow-tests --bin thermistor readings`, from the root of the repository.

/// A device whose parameters are to be inferred: series resistor and resistance at 25 °C in kΩ, beta in K, and the
/// temperature of a later reading in °C.
pub struct Device {
    /// What it read in the baths, in counts of the converter.
    pub counts: [f32; 3],
    /// What it read later.
    pub later: f32,
    /// Mean and standard deviation of the exact posterior, by a grid on the desk.
    pub exact: [[f32; 2]; 4],
    /// What they are.
    pub truth: [f32; 4],
}

#[rustfmt::skip]
pub static DEVICES: [Device; 4] = [
"
    .to_owned();
    for own in devices() {
        let exact = own.exact.map(|[mean, sd]| format!("[{mean:.4}, {sd:.4}]"));
        let truth = own.truth.map(|value| format!("{value:.4}"));
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "    Device {{\n        counts: {:?},\n        later: {:?},\n        exact: [{}],\n        truth: [{}],\n    }},",
            own.counts,
            own.later,
            exact.join(", "),
            truth.join(", ")
        );
    }
    text.push_str("];\n");
    text
}
