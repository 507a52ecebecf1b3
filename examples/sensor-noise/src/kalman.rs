//! The filter under test: angle and bias of a gyroscope, from its rate and a coarse encoder.

/// A Kalman filter (Kalman 1960) over the angle in ° and the bias of the rate in °/s.
pub struct Kalman {
    angle: f32,
    bias: f32,
    /// Covariance: of the angle, of angle and bias, of the bias.
    p: [f32; 3],
    tuning: Tuning,
}

/// What the filter takes the sensors for.
#[derive(Clone, Copy)]
pub struct Tuning {
    /// White noise of the rate, N in °/√s: `white` in the noise report.
    pub white: f32,
    /// Random walk of the bias, K in °/s/√s: `random walk` in the noise report.
    pub random_walk: f32,
    /// Standard deviation of the encoder, in °.
    pub encoder: f32,
}

impl Kalman {
    /// At an angle that is known; the bias may be a tenth of a degree a second.
    pub const fn new(tuning: Tuning) -> Self {
        Self {
            angle: 0.0,
            bias: 0.0,
            p: [0.0, 0.0, 0.01],
            tuning,
        }
    }

    /// Goes on by `dt` seconds in which the gyroscope said `rate`.
    pub fn predict(&mut self, rate: f32, dt: f32) {
        let [angle, both, bias] = self.p;
        let Tuning {
            white, random_walk, ..
        } = self.tuning;
        self.angle += (rate - self.bias) * dt;
        self.p = [
            angle + dt * (dt * bias - 2.0 * both) + white * white * dt,
            both - dt * bias,
            bias + random_walk * random_walk * dt,
        ];
    }

    /// Takes in what the encoder says. Gives the square of the surprise over its variance, which is 1 in the mean if the
    /// filter is right about its sensors.
    pub fn correct(&mut self, encoder: f32) -> f32 {
        let [angle, both, bias] = self.p;
        let variance = angle + self.tuning.encoder * self.tuning.encoder;
        let surprise = encoder - self.angle;
        let (to_angle, to_bias) = (angle / variance, both / variance);
        self.angle += to_angle * surprise;
        self.bias += to_bias * surprise;
        self.p = [
            angle - to_angle * angle,
            both - to_angle * both,
            bias - to_bias * both,
        ];
        surprise * surprise / variance
    }

    /// The angle in °.
    pub fn angle(&self) -> f32 {
        self.angle
    }
}
