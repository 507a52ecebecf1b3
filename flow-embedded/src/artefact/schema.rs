//! The header: everything about a flow but its weights.

use super::{
    Activation, Calibration, ConvolutionalCoupling, Direction, Form, List, Mondrian, Noise, Planes,
    Sequential, Transformer, Vocabulary,
};
use crate::base::component_width;
use crate::math::Backend;
use crate::window::Feature;
use heapless::Vec;
use serde::{Deserialize, Serialize};

/// The most event channels, and the most context channels, of an artefact: bytes count them.
pub const MAX_CHANNELS: usize = 256;
/// The most bijections of an artefact.
pub const MAX_LAYERS: usize = 32;
/// The most hidden layers of one conditioner.
pub const MAX_HIDDEN_LAYERS: usize = 4;
/// The largest side of a convolution's kernel: so that weights can be counted in
/// 32 bits.
pub const MAX_KERNEL: usize = 15;
/// The largest normalising constant of an artefact in nats, of either sign, and the largest logarithm
/// of a mixture's weight: 1,024 nats for each of the most channels. A constant near the end of `f32`
/// would swallow what the event adds to it.
pub const MAX_LOG_NORM: f32 = 262_144.0;

/// Describes a flow. Strings and lists borrow from the artefact's bytes.
///
/// Lists are decoded as they are read: see [`List`].
#[derive(Clone, Debug, PartialEq)]
pub struct Header<'a> {
    /// The model's name, as given in training.
    pub name: &'a str,
    /// The channels of an event, in order.
    pub event: Channels<'a>,
    /// The channels of the context, in order; empty without context.
    pub context: Channels<'a>,
    /// The bijections in the normalizing direction: the first acts on the
    /// standardised event.
    pub layers: List<'a, Layer<'a>>,
    /// The base distribution.
    pub base: Base,
    /// The elementary functions that the model was calibrated with.
    pub math: Backend,
    /// The constant part of `log_prob` in nats: the base's normalising constant,
    /// `Σ ln inv_std` and the constants of the domains of the event channels,
    /// and the log-determinants of linear and element-wise layers.
    pub log_norm: f32,
    /// The false-alarm promise, if the model was calibrated.
    pub calibration: Option<Calibration>,
    /// The held-out log-likelihood, if it was measured.
    pub evaluation: Option<Evaluation>,
    /// Where the model comes from.
    pub provenance: Provenance<'a>,
    /// What the weights are compiled to, if not to `f32`.
    pub quantisation: Option<Quantisation<'a>>,
    /// What the first context channels are computed from: the past of the event
    /// channels, as [`window`](crate::window) has it. Empty if all of the context
    /// is given.
    pub features: List<'a, Feature>,
    /// The promise over a stream, if one was designed.
    pub sequential: Option<Sequential<'a>>,
    /// What generating the noise of a sensor takes, for a model of it.
    pub noise: Option<Noise<'a>>,
    /// Calibration tables by context, if there are.
    pub mondrian: Option<Mondrian<'a>>,
    /// What categorical channels are named and embedded by.
    pub vocabularies: List<'a, Vocabulary<'a>>,
    /// The conditioners of the categorical event channels, in their order: each
    /// puts out the logits of one channel (see [`Head`](super::Head)).
    pub heads: List<'a, Conditioner<'a>>,
}

/// The channels of an event or of a context.
pub type Channels<'a> = List<'a, Channel<'a>>;

/// One channel: the map of its domain, then the standardisation
/// `(x − mean) · inv_std`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Channel<'a> {
    /// The column's name in the training data.
    pub name: &'a str,
    /// The unit of the raw data; empty if it was not given.
    pub unit: &'a str,
    /// Where its values live.
    pub domain: Domain,
    /// The values that it is rounded to, if it is.
    pub grid: Option<Grid>,
    /// Mean of the training rows after the map of the domain; the centre of
    /// the turn for a circular channel.
    pub mean: f32,
    /// One over their standard deviation; 2 π over the period for a circular
    /// channel.
    pub inv_std: f32,
}

/// One bijection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Layer<'a> {
    /// Some channels are transformed given the others.
    Coupling(Coupling<'a>),
    /// Each group of channels is transformed given those before it.
    Autoregressive(Autoregressive<'a>),
    /// `z = L U P x + bias`: a factored matrix (Kingma & Dhariwal 2018;
    /// Oliva et al. 2018).
    Linear(Permutation<'a>),
    /// `z = x · scale + shift` for each channel; ActNorm once it is trained
    /// (Kingma & Dhariwal 2018).
    ElementWise,
    /// `z_i = x_p(i)`.
    Permutation(Permutation<'a>),
    /// Some planes of an image are transformed given others.
    Convolutional(ConvolutionalCoupling<'a>),
    /// `z = L U x + bias` over the planes of an image, the same at each position:
    /// an invertible 1×1 convolution (Kingma & Dhariwal 2018).
    Pointwise(Planes<'a>),
}

impl<'a> Layer<'a> {
    /// The transformer and its conditioner, for a bijection that has them.
    pub fn conditional(&self) -> Option<(Transformer, &Conditioner<'a>)> {
        match self {
            Self::Coupling(layer) => Some((layer.transformer, &layer.conditioner)),
            Self::Autoregressive(layer) => Some((layer.transformer, &layer.conditioner)),
            Self::Linear(_)
            | Self::ElementWise
            | Self::Permutation(_)
            | Self::Convolutional(_)
            | Self::Pointwise(_) => None,
        }
    }

    /// The name of the bijection, the same in all parts of the project.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Coupling(_) => "coupling",
            Self::Autoregressive(Autoregressive {
                direction: Direction::Normalizing,
                ..
            }) => "autoregressive",
            Self::Autoregressive(_) => "inverse autoregressive",
            Self::Linear(_) => "linear",
            Self::ElementWise => "element-wise affine",
            Self::Permutation(_) => "permutation",
            Self::Convolutional(_) => "convolutional coupling",
            Self::Pointwise(_) => "1×1 convolution",
        }
    }
}

/// A permutation of the channels: `p(i)` is the channel that place `i` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Permutation<'a>(
    /// One byte a channel.
    pub &'a [u8],
);

/// A coupling layer: the channels that stay the same condition the others
/// (Dinh, Krueger & Bengio 2015, "NICE"; Dinh, Sohl-Dickstein & Bengio 2017,
/// "RealNVP"; Durkan et al. 2019, "NSF").
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coupling<'a> {
    /// The transformed channels, ascending, without repetition. The others
    /// stay as they are and feed the conditioner, after the context.
    pub transformed: &'a [u8],
    /// What happens to each of them.
    pub transformer: Transformer,
    /// Gives the transformer's parameters, channel by channel. Each hidden
    /// layer is one block of units.
    pub conditioner: Conditioner<'a>,
}

/// An autoregressive layer: each group of channels is conditioned by the
/// context and the groups before it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Autoregressive<'a> {
    /// The channels in the order of their groups: a permutation.
    pub order: &'a [u8],
    /// The number of channels in each group; all ones for a layer that is
    /// autoregressive from channel to channel.
    pub groups: &'a [u8],
    /// Which side the conditioner reads.
    pub direction: Direction,
    /// What happens to each channel.
    pub transformer: Transformer,
    /// A MADE (Germain et al. 2015): gives the transformer's parameters, channel
    /// by channel in `order`. Each hidden layer counts its units by degree; a
    /// unit of degree `m` sees the context and the groups below `m`.
    pub conditioner: Conditioner<'a>,
}

/// The multi-layer perceptron that parametrises a bijection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conditioner<'a> {
    /// The non-linearity after each hidden layer.
    pub activation: Activation,
    /// How its dense layers follow one another.
    pub form: Form,
    /// The hidden layers' units. The output layer is linear.
    pub hidden: Vec<Units<'a>, MAX_HIDDEN_LAYERS>,
}

/// The units of one hidden layer, counted block by block; the units of a block
/// see the same inputs. Stored as little-endian `u16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Units<'a>(
    /// Two bytes a block.
    pub &'a [u8],
);

impl<'a> Units<'a> {
    /// The number of units in each block.
    pub fn blocks(self) -> impl ExactSizeIterator<Item = usize> + Clone + 'a {
        let (pairs, _) = self.0.as_chunks::<2>();
        pairs
            .iter()
            .map(|pair| usize::from(u16::from_le_bytes(*pair)))
    }

    /// The number of units in all.
    pub fn total(self) -> usize {
        self.blocks().sum()
    }
}

/// Where the values of a channel live, and how they are mapped to all real
/// numbers before standardisation. Values outside have the likelihood 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Domain {
    /// All real numbers, left as they are.
    Real,
    /// `x > low`, mapped by `ln(x − low)`.
    Positive {
        /// The lower end.
        low: f32,
    },
    /// `x > low`, mapped by the inverse of softplus, `ln(e^u − 1)` with
    /// `u = (x − low) / scale`: the identity far above `scale`.
    SoftPositive {
        /// The lower end.
        low: f32,
        /// Where the logarithm turns into the identity, in the channel's unit.
        scale: f32,
    },
    /// `low < x < high`, mapped by the logit `ln((x − low) / (high − x))`.
    Bounded {
        /// The lower end.
        low: f32,
        /// The upper end.
        high: f32,
    },
    /// An angle: its standardisation maps a full turn to 2 π, and the result is
    /// taken modulo 2 π into −π .. π. `mean` is the centre of the turn.
    Circular,
    /// All real numbers with heavy tails, mapped by `asinh((x − centre) /
    /// scale)`: linear near the centre, logarithmic far out (Johnson 1949, the
    /// system S_U).
    HeavyTailed {
        /// Where the map is steepest.
        centre: f32,
        /// Where it turns from linear to logarithmic, in the channel's unit.
        scale: f32,
    },
    /// Codes 0 .. K of the categories of a vocabulary, counted by one: no bijection
    /// acts on them. An event channel has a [`Head`](super::Head), and what conditions
    /// has an embedding.
    Categorical {
        /// The place of the vocabulary in the header's list.
        vocabulary: u8,
    },
}

/// The values that a rounded channel takes: `offset + k · step`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Grid {
    /// One of the values.
    pub offset: f32,
    /// The distance between neighbours, such as one count of an ADC.
    pub step: f32,
}

/// The base distribution, independent over the channels and in standard form
/// (location 0, scale 1) unless it says otherwise. A circular channel's base is
/// uniform instead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Base {
    /// Normal.
    Normal,
    /// Logistic: variance π²/3.
    Logistic,
    /// Laplace: variance 2.
    Laplace,
    /// Student's t.
    StudentT {
        /// Small for heavy tails; 1 is Cauchy.
        degrees_of_freedom: f32,
    },
    /// A mixture of normals with diagonal covariance. Its components lie behind
    /// the layers' weights: see [`mixture`](crate::base::mixture).
    Mixture {
        /// How many, 1 or more.
        components: u8,
    },
}

impl Base {
    /// The numbers stored for the distribution, for `event` channels.
    pub const fn weights(self, event: usize) -> usize {
        match self {
            Self::Mixture { components } => components as usize * component_width(event),
            _ => 0,
        }
    }

    /// The name of the distribution, the same in all parts of the project.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Logistic => "logistic",
            Self::Laplace => "laplace",
            Self::StudentT { .. } => "student-t",
            Self::Mixture { .. } => "mixture",
        }
    }
}

/// The log-likelihood of rows that training has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The rows.
    pub rows: u32,
    /// Mean log-likelihood, nats per event.
    pub log_prob_mean: f64,
    /// Its standard error over rows taken as independent.
    pub log_prob_stderr: f64,
}

/// How a model is compiled to smaller weights. Its calibration is that of the
/// code that then runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantisation<'a> {
    /// The weights.
    pub weights: WeightFormat,
    /// For integer weights, the bits behind the point of the activations, at
    /// most 15: of each conditioner, layer by layer, what each of its dense layers
    /// reads. Those that read its input have the same.
    pub fractions: &'a [u8],
}

/// What a conditioner's weights are stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WeightFormat {
    /// `f16`, computed with as `f32`: half the flash. The weights of the
    /// artefact are numbers that `f16` holds.
    F16,
    /// `i16`, with a scale for each row; the model is computed with integers
    /// from end to end.
    I16,
    /// `i8`, as [`I16`](Self::I16).
    I8,
}

impl WeightFormat {
    /// The name of the format, the same in all parts of the project.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::I16 => "i16",
            Self::I8 => "i8",
        }
    }

    /// Whether the model is computed with integers.
    pub const fn is_integer(self) -> bool {
        !matches!(self, Self::F16)
    }
}

/// What made the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance<'a> {
    /// The program and its version.
    pub created_by: &'a str,
    /// The command line.
    pub command: &'a str,
    /// A digest of the training data's values.
    pub data_digest: u64,
    /// The rows trained on.
    pub rows: u32,
    /// The seed of all that was random.
    pub seed: u64,
}
