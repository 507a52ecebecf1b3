//! The non-linearities: what they are called, and which kernel is whose.

use crate::fixed;
use crate::kernels::{Activation as _, Relu, Silu, Tanh};
use crate::math::Math;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// The non-linearity of a conditioner's hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// `x / (1 + e^−x)`.
    Silu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Relu, Self::Tanh, Self::Silu];

    /// The name in options and settings, the same in all parts of the project.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Silu => "silu",
        }
    }

    /// The name in text for people, without what it is shaped by.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Relu => "ReLU",
            Self::Tanh => "tanh",
            Self::Silu => "SiLU",
        }
    }

    /// The name in text for people.
    pub fn label(self) -> impl fmt::Display {
        self.title()
    }

    /// Whether its values lie within ±1.
    pub const fn is_bounded(self) -> bool {
        matches!(self, Self::Tanh)
    }

    /// Whether it is the same function in any unit, so that integers have the unit of what they
    /// are computed from: other ones go from Q16 to Q16.
    pub const fn keeps_unit(self) -> bool {
        matches!(self, Self::Relu)
    }

    /// Replaces pre-activations by activations, by the backend `M`. NaN in, NaN out.
    pub fn apply<M: Math>(self, values: &mut [f32]) {
        match self {
            Self::Relu => each(values, Relu::apply),
            Self::Tanh => each(values, Tanh::<M>::apply),
            Self::Silu => each(values, Silu::<M>::apply),
        }
    }

    /// Of one pre-activation, as [`apply`](Self::apply).
    pub fn of<M: Math>(self, x: f32) -> f32 {
        let mut values = [x];
        self.apply::<M>(&mut values);
        let [y] = values;
        y
    }

    /// Of one pre-activation in integers: in any unit where it [keeps it](Self::keeps_unit),
    /// else from Q16 to Q16.
    pub fn of_integer(self, x: i32) -> i32 {
        match self {
            Self::Relu => <fixed::Relu as fixed::Activation>::apply(x),
            Self::Tanh => fixed::tanh(x),
            Self::Silu => fixed::silu(x),
        }
    }
}

#[inline(always)]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    for value in values {
        *value = function(*value);
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text names no activation. Its message says which there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchActivation;

impl fmt::Display for NoSuchActivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no activation; write ")?;
        let last = Activation::ALL.len() - 1;
        for (place, own) in Activation::ALL.iter().enumerate() {
            let before = match place {
                0 => "",
                _ if place == last => " or ",
                _ => ", ",
            };
            write!(f, "{before}{own}")?;
        }
        Ok(())
    }
}

impl core::error::Error for NoSuchActivation {}

impl FromStr for Activation {
    type Err = NoSuchActivation;

    fn from_str(text: &str) -> Result<Self, NoSuchActivation> {
        let mut all = Self::ALL.into_iter();
        all.find(|own| own.name() == text).ok_or(NoSuchActivation)
    }
}
