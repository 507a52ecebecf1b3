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
    Device {
        counts: [3189.0, 2077.0, 832.0],
        later: 3017.0,
        exact: [[9.9988, 0.0572], [10.3319, 0.0781], [3976.5657, 19.0757], [4.2920, 0.1580]],
        truth: [9.9217, 10.1229, 3971.9492, 4.0000],
    },
    Device {
        counts: [3184.0, 2094.0, 841.0],
        later: 1570.0,
        exact: [[9.9887, 0.0541], [10.3909, 0.0659], [3950.6232, 19.1162], [37.0577, 0.1166]],
        truth: [9.9597, 10.3096, 3920.2898, 37.0000],
    },
    Device {
        counts: [3167.0, 2083.0, 844.0],
        later: 1272.0,
        exact: [[9.9999, 0.0576], [10.3037, 0.0794], [3909.9425, 17.9883], [45.0803, 0.1402]],
        truth: [10.0408, 10.3082, 3911.0437, 45.0000],
    },
    Device {
        counts: [3153.0, 2036.0, 805.0],
        later: 453.0,
        exact: [[10.0003, 0.0577], [9.8919, 0.0783], [3965.8795, 19.3343], [80.0691, 0.3064]],
        truth: [9.9032, 9.7355, 3955.1194, 80.0000],
    },
];
