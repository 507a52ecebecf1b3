//! From a reading and the parameters of the divider to a temperature.

use flow_embedded::math::{Math, Polynomial};

/// Steps of the converter.
const STEPS: f32 = 4096.0;
const ZERO: f32 = 273.15;

/// The temperature in °C of a reading in counts; series resistor and resistance at 25 °C in kΩ, beta in K.
pub fn celsius(count: f32, [series, r25, beta]: [f32; 3]) -> f32 {
    let resistance = series * count / (STEPS - count);
    let inverse = 1.0 / (ZERO + 25.0) + Polynomial::ln(resistance / r25) / beta;
    1.0 / inverse - ZERO
}

/// The square root, which `core` does not have.
pub fn sqrt(value: f32) -> f32 {
    Polynomial::sqrt(value)
}
