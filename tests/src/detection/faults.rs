//! Faults of one channel, in its standard deviations around its mean.

use crate::sensor::Normals;

/// What is wrong with a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Off by so much.
    Offset(f32),
    /// Its deviations from the mean, times this.
    Gain(f32),
    /// At its last value, with so much noise.
    Stuck(f32),
    /// At its mean.
    Dead,
    /// Off by so much more with every sample.
    Drift(f32),
    /// So much more noise.
    Noise(f32),
}

/// A kind of fault in three sizes.
pub type Sizes = (&'static str, [Fault; 3]);

impl Fault {
    /// The value under the fault, `age` samples after it began (1 is the first), where the last value
    /// before it was `held`.
    pub fn apply(self, value: f32, held: f32, age: u32, normals: &mut Normals) -> f32 {
        let mut noise = || normals.draw() as f32;
        match self {
            Self::Offset(size) => value + size,
            Self::Gain(factor) => value * factor,
            Self::Stuck(0.0) => held,
            Self::Stuck(size) => held + size * noise(),
            Self::Dead => 0.0,
            Self::Drift(step) => value + step * age as f32,
            Self::Noise(size) => value + size * noise(),
        }
    }

    /// For a table.
    pub fn size(self) -> String {
        match self {
            Self::Offset(size) => format!("{size} sd"),
            Self::Gain(factor) => format!("× {factor}"),
            Self::Stuck(0.0) => "at its value".to_owned(),
            Self::Stuck(size) => format!("there, ± {size} sd"),
            Self::Dead => "at its mean".to_owned(),
            Self::Drift(step) => format!("{step} sd a sample"),
            Self::Noise(size) => format!("± {size} sd"),
        }
    }
}
