//! Recordings of a sensor at rest whose noise is known: white, flicker and random walk, a temperature that changes the
//! variance, and the steps of a converter.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The noise of one channel, in its own unit u.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// One-sided spectral density of the white noise at 25 °C, in u/√Hz, as data sheets give it.
    pub density: f64,
    /// Bias instability B in u: the Allan deviation of the flicker noise is √(2 ln 2 / π) B = 0.664 B.
    pub bias_instability: f64,
    /// Rate random walk K in u/√s: its Allan deviation is K √(τ / 3).
    pub random_walk: f64,
    /// By how much of itself the white noise's deviation grows for each kelvin above 25 °C.
    pub growth: f64,
    /// The step of the converter, in u.
    pub step: f64,
}

impl Channel {
    /// A gyroscope at ±2000 °/s, in °/s: density and step of the ICM-20948 (TDK InvenSense DS-000189, table 1). The
    /// data sheet is silent about slow noise: bias instability (10 °/h) and random walk are usual for the class.
    pub const GYROSCOPE: Self = Self {
        density: 0.015,
        bias_instability: 10.0 / 3600.0,
        random_walk: 2e-4,
        growth: 0.02,
        step: 1.0 / 16.4,
    };
    /// An accelerometer at ±2 g, in mg: density and step of the ICM-20948 (table 2); slow noise usual for the class.
    pub const ACCELEROMETER: Self = Self {
        density: 0.230,
        bias_instability: 0.06,
        random_walk: 4e-3,
        growth: 0.01,
        step: 1000.0 / 16_384.0,
    };
    /// A sensor whose slow noise is as strong as a tenth of its white noise at 100 Hz, with no unit: what is hard for
    /// models with a short memory.
    pub const SLOW: Self = Self {
        density: 0.141,
        bias_instability: 0.2,
        random_walk: 0.01,
        growth: 0.0,
        step: 0.125,
    };

    /// The Allan deviation at 25 °C for an averaging time in seconds, without the steps of the converter.
    pub fn allan_deviation(&self, tau: f64) -> f64 {
        let white = 0.5 * self.density.powi(2) / tau;
        let walk = self.random_walk.powi(2) * tau / 3.0;
        (white + 2.0 * self.octave() + walk).sqrt()
    }

    /// The variance of one of the processes that make up the flicker noise.
    ///
    /// Processes of equal variance v at time constants one octave apart have together the one-sided density
    /// v / (ln 2 · f), whose Allan variance is 2 v.
    fn octave(&self) -> f64 {
        std::f64::consts::LN_2 / std::f64::consts::PI * self.bias_instability.powi(2)
    }
}

/// A sensor's output and its temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// For each channel its samples, in its unit.
    pub channels: Vec<Vec<f32>>,
    /// Temperature at each sample, in °C.
    pub temperature: Vec<f32>,
}

/// `rows` samples of independent channels, taken at `rate` in Hz. The temperature goes up and down by 15 K around 25 °C
/// once in `period` seconds.
pub fn record(channels: &[Channel], rate: f64, rows: usize, period: f64, seed: u64) -> Recording {
    let mut normals = Normals::new(seed);
    let temperature: Vec<f64> = (0..rows)
        .map(|row| {
            let turn = row as f64 / rate / period;
            25.0 + 15.0 * (std::f64::consts::TAU * turn).sin()
        })
        .collect();
    let series = |channel: &Channel| {
        let white = channel.density * (rate / 2.0).sqrt();
        let walk = channel.random_walk / rate.sqrt();
        let deviation = channel.octave().sqrt();
        // Each octave of the flicker noise: a first-order autoregression.
        let longest = (rows as f64).log2().ceil() as i32 + 1;
        let mut octaves: Vec<(f64, f64)> = (-1..=longest)
            .map(|octave| {
                (
                    (-(-f64::from(octave)).exp2()).exp(),
                    deviation * normals.draw(),
                )
            })
            .collect();
        let mut wandered = 0.0;
        let sample = |celsius: &f64| {
            for (memory, state) in &mut octaves {
                let innovation = deviation * (1.0 - *memory * *memory).sqrt();
                *state = *memory * *state + innovation * normals.draw();
            }
            wandered += walk * normals.draw();
            let flicker: f64 = octaves.iter().map(|(_, state)| state).sum();
            let scale = 1.0 + channel.growth * (celsius - 25.0);
            let value = white * scale * normals.draw() + flicker + wandered;
            ((value / channel.step).round() * channel.step) as f32
        };
        temperature.iter().map(sample).collect()
    };
    Recording {
        channels: channels.iter().map(series).collect(),
        temperature: temperature.iter().map(|celsius| *celsius as f32).collect(),
    }
}

/// The recording of the example `sensor-noise` as CSV: half an hour of a gyroscope at 100 Hz, in °/s, and its temperature,
/// which goes up and down by 15 K twice.
pub fn gyroscope_at_rest() -> String {
    const ROWS: usize = 180_000;
    let own = record(&[Channel::GYROSCOPE], 100.0, ROWS, 900.0, 1);
    let mut text = String::from("gyr,temperature\n");
    for (gyr, celsius) in own.channels[0].iter().zip(&own.temperature) {
        text += &format!("{gyr},{celsius:.1}\n");
    }
    text
}

/// Standard normal numbers, by the method of Box & Muller (1958).
#[derive(Debug, Clone)]
pub struct Normals {
    generator: ChaCha8Rng,
    spare: Option<f64>,
}

impl Normals {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self {
            generator: ChaCha8Rng::seed_from_u64(seed),
            spare: None,
        }
    }

    /// Uniform on (0, 1].
    pub fn uniform(&mut self) -> f64 {
        ((self.generator.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// The next one.
    pub fn draw(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }
}
