//! The non-linearities: what they are called, and which kernel is whose.

use crate::fixed;
use crate::kernels::{self, Activation as _, Gelu, GeluTanh, Relu, Silu, Tanh};
use crate::math::Math;
use core::fmt;
use core::str::FromStr;
use serde::Serialize;

/// The non-linearity of a conditioner's hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// `x / (1 + e^−x)`.
    Silu,
    /// `x` from zero on, `slope · x` below (Maas, Hannun & Ng 2013).
    LeakyRelu {
        /// Within 0 and 1.
        slope: f32,
    },
    /// The Gaussian error linear unit `x Φ(x)`, where Φ is the standard normal's distribution function
    /// (Hendrycks & Gimpel 2016).
    Gelu,
    /// Its approximation `x / (1 + e^−2y)` with `y = √(2/π) (x + 0.044715 x³)`, which others write by
    /// the hyperbolic tangent of `y`.
    GeluTanh,
    /// The exponential linear unit: `x` from zero on, `alpha · (e^x − 1)` below (Clevert, Unterthiner &
    /// Hochreiter 2016).
    Elu {
        /// Within 0 and 8.
        alpha: f32,
    },
}

impl Activation {
    /// All of them, with the numbers that they usually have.
    pub const ALL: [Self; 7] = [
        Self::Relu,
        Self::Tanh,
        Self::Silu,
        Self::LeakyRelu { slope: 0.01 },
        Self::Gelu,
        Self::GeluTanh,
        Self::Elu { alpha: 1.0 },
    ];

    /// The name in options and settings, the same in all parts of the project.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Silu => "silu",
            Self::LeakyRelu { .. } => "leaky-relu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu-tanh",
            Self::Elu { .. } => "elu",
        }
    }

    /// The name in text for people, without what it is shaped by.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Relu => "ReLU",
            Self::Tanh => "tanh",
            Self::Silu => "SiLU",
            Self::LeakyRelu { .. } => "leaky ReLU",
            Self::Gelu => "GELU",
            Self::GeluTanh => "GELU by tanh",
            Self::Elu { .. } => "ELU",
        }
    }

    /// The name in text for people.
    pub fn label(self) -> impl fmt::Display {
        Label(self)
    }

    /// The number that shapes it, if one does.
    pub const fn number(self) -> Option<f32> {
        match self {
            Self::Relu | Self::Tanh | Self::Silu | Self::Gelu | Self::GeluTanh => None,
            Self::LeakyRelu { slope } => Some(slope),
            Self::Elu { alpha } => Some(alpha),
        }
    }

    /// The same with another number; none if it has no number, or not this one.
    pub fn with_number(self, number: f32) -> Option<Self> {
        let own = match self {
            Self::Relu | Self::Tanh | Self::Silu | Self::Gelu | Self::GeluTanh => return None,
            Self::LeakyRelu { .. } => Self::LeakyRelu { slope: number },
            Self::Elu { .. } => Self::Elu { alpha: number },
        };
        own.is_valid().then_some(own)
    }

    /// Whether its number is one that it can have.
    pub fn is_valid(self) -> bool {
        match self {
            Self::Relu | Self::Tanh | Self::Silu | Self::Gelu | Self::GeluTanh => true,
            Self::LeakyRelu { slope } => (0.0..=1.0).contains(&slope),
            Self::Elu { alpha } => (0.0..=8.0).contains(&alpha),
        }
    }

    /// Whether its values lie within ±1.
    pub const fn is_bounded(self) -> bool {
        matches!(self, Self::Tanh)
    }

    /// Whether it is the same function in any unit, so that integers have the unit of what they
    /// are computed from: other ones go from Q16 to Q16.
    pub const fn keeps_unit(self) -> bool {
        matches!(self, Self::Relu | Self::LeakyRelu { .. })
    }

    /// Replaces pre-activations by activations, by the backend `M`. NaN in, NaN out.
    pub fn apply<M: Math>(self, values: &mut [f32]) {
        match self {
            Self::Relu => each(values, Relu::apply),
            Self::Tanh => each(values, Tanh::<M>::apply),
            Self::Silu => each(values, Silu::<M>::apply),
            Self::LeakyRelu { slope } => each(values, |x| kernels::leaky_relu(x, slope)),
            Self::Gelu => each(values, Gelu::<M>::apply),
            Self::GeluTanh => each(values, GeluTanh::<M>::apply),
            Self::Elu { alpha } => each(values, |x| kernels::elu::<M>(x, alpha)),
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
            Self::LeakyRelu { slope } => fixed::leaky_relu(x, fixed::q31(slope)),
            Self::Gelu => fixed::gelu(x),
            Self::GeluTanh => fixed::gelu_tanh(x),
            Self::Elu { alpha } => fixed::elu(x, fixed::q16(alpha)),
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
        f.write_str(self.name())?;
        match self.number() {
            Some(number) => write!(f, ":{number}"),
            None => Ok(()),
        }
    }
}

struct Label(Activation);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(own) = self;
        f.write_str(own.title())?;
        match own.number() {
            Some(number) => write!(f, " ({number})"),
            None => Ok(()),
        }
    }
}

/// A text names no activation, or one with a number that it can't have. Its message says which there
/// are.
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

    /// From its name, and behind a colon the number, if that is not the usual one.
    fn from_str(text: &str) -> Result<Self, NoSuchActivation> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        let mut all = Self::ALL.into_iter();
        let own = all.find(|own| own.name() == name);
        let own = own.ok_or(NoSuchActivation)?;
        let Some(number) = number else {
            return Ok(own);
        };
        let number = number.parse().map_err(|_| NoSuchActivation)?;
        own.with_number(number).ok_or(NoSuchActivation)
    }
}
