//! What a flow is to look like, before it has parameters.

use super::base::BaseSpec;
use flow_embedded::artefact::{Activation, Direction, Form, MAX_KERNEL, Transformer};
use thiserror::Error;

/// The kinds of flows: how the channels of an event depend on one another within one layer, and what happens to
/// each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Additive coupling layers (Dinh, Krueger & Bengio 2015); scales are learnt once, in an element-wise layer at
    /// the end.
    Nice,
    /// Affine coupling layers (Dinh, Sohl-Dickstein & Bengio 2017).
    RealNvp,
    /// Coupling layers with rational-quadratic splines (Durkan et al. 2019, NSF-C).
    Nsf,
    /// Affine autoregressive layers that score in one pass (Papamakarios, Pavlakou & Murray 2017).
    Maf,
    /// Affine autoregressive layers that sample in one pass (Kingma et al. 2016).
    Iaf,
    /// Autoregressive layers with rational-quadratic splines (Durkan et al. 2019, NSF-AR).
    NsfAr,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Nice,
        Self::RealNvp,
        Self::Nsf,
        Self::Maf,
        Self::Iaf,
        Self::NsfAr,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nice => "nice",
            Self::RealNvp => "realnvp",
            Self::Nsf => "nsf",
            Self::Maf => "maf",
            Self::Iaf => "iaf",
            Self::NsfAr => "nsf-ar",
        }
    }

    /// Whether each layer leaves some channels as they are.
    #[must_use]
    pub fn is_coupling(self) -> bool {
        matches!(self, Self::Nice | Self::RealNvp | Self::Nsf)
    }

    /// Whether channels are transformed by splines, which alone can transform angles.
    #[must_use]
    pub fn has_splines(self) -> bool {
        matches!(self, Self::Nsf | Self::NsfAr)
    }

    /// What its conditioners read.
    pub(crate) fn direction(self) -> Direction {
        match self {
            Self::Iaf => Direction::Generative,
            _ => Direction::Normalizing,
        }
    }
}

/// In which order an autoregressive layer takes the channels. A coupling layer splits them by the parity of their
/// places in it: the odd places change in even layers, the even ones in odd layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Ascending in even layers, descending in odd ones.
    Alternate,
    /// Descending in all layers.
    Reversed,
    /// Random, anew for each layer.
    Random,
}

/// The multilayer perceptron of each layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionerSpec {
    /// Widths of the hidden layers; may be empty.
    pub hidden: Vec<usize>,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// Whether each hidden layer but the first adds its input to its output; they are then of one width.
    pub residual: bool,
}

/// An image, and how a flow of coupling layers goes through its scales.
///
/// At each scale the image is squeezed, which makes four planes of a quarter of the size from each (Dinh,
/// Sohl-Dickstein & Bengio 2017, "RealNVP"); then come [`Spec::layers`] couplings, each of which transforms half of the
/// planes given the other half by convolutions over these. With [`Spec::linear`] an invertible 1×1 convolution stands
/// before each but the first (Kingma & Dhariwal 2018, "Glow").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSpec {
    /// Pixels of a row.
    pub width: usize,
    /// Rows. The event's channels are the pixels row by row, the colours of a pixel side by side.
    pub height: usize,
    /// How often the image is squeezed: width and height must be even as often.
    pub scales: usize,
    /// The side of the kernels of the hidden layers, odd; smaller where the image is so small that the rest of it
    /// would see nothing. The output layer's is 1.
    pub kernel: usize,
    /// Whether biases and the weights of the context belong to one position each: right for what stands in the middle
    /// of the image, such as a digit. Else they are the same everywhere.
    pub by_position: bool,
    /// Whether half of the planes are done after each scale but the last, and go on to the base as they are.
    pub factor_out: bool,
}

impl ImageSpec {
    /// The usual flow over an image of this size: two scales, or as many as its sides allow.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let squeezes = width.trailing_zeros().min(height.trailing_zeros());
        Self {
            width,
            height,
            scales: squeezes.clamp(1, 2) as usize,
            kernel: 3,
            by_position: true,
            factor_out: false,
        }
    }

    /// The side of a kernel over an image this wide and high, no larger than anything to see.
    pub(crate) fn kernel_at(&self, width: usize, height: usize) -> usize {
        self.kernel.min(2 * width.max(height) - 1)
    }

    fn validate(&self, spec: &Spec) -> Result<(), ModelError> {
        let fault = |fault: String| Err(ModelError::Image { fault });
        let Self { width, height, .. } = *self;
        let pixels = width * height;
        if pixels == 0 || !spec.event.is_multiple_of(pixels) {
            return fault(format!(
                "an image of {width}x{height} pixels needs a multiple of {pixels} columns, got {}",
                spec.event
            ));
        }
        if !spec.family.is_coupling() {
            return fault("images need a family of couplings: nice, realnvp or nsf".into());
        }
        let squeezes = width.trailing_zeros().min(height.trailing_zeros()) as usize;
        if !(1..=squeezes).contains(&self.scales) {
            return fault(format!(
                "an image of {width}x{height} pixels can be halved {squeezes} times, not {} times",
                self.scales
            ));
        }
        if self.kernel.is_multiple_of(2) || self.kernel > MAX_KERNEL {
            return fault(format!(
                "a kernel needs an odd side of at most {MAX_KERNEL}, got {}",
                self.kernel
            ));
        }
        let hidden = &spec.conditioner.hidden;
        if hidden.is_empty() || hidden.iter().any(|features| *features > 255) {
            return fault("convolutions need a hidden layer or more, of up to 255 features".into());
        }
        if !spec.circular.is_empty() || spec.regression {
            return fault("an image can't have angles, nor be the noise of a sensor".into());
        }
        Ok(())
    }
}

/// The categorical channels of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoricalSpec {
    /// What codes are of.
    pub vocabularies: Vec<VocabularySpec>,
    /// The event channels that hold codes, ascending, and the vocabulary of each.
    pub event: Vec<(usize, usize)>,
    /// The numbers of the context that are codes, likewise.
    pub context: Vec<(usize, usize)>,
    /// The perceptron that gives the logits of each of these event channels.
    pub head: ConditionerSpec,
    /// The numbers of the embeddings of vocabularies that the data will bring.
    pub embedding: Option<usize>,
}

impl ConditionerSpec {
    /// How the hidden layers follow one another.
    pub(crate) fn form(&self) -> Form {
        match self.residual {
            true => Form::Residual,
            false => Form::Plain,
        }
    }

    fn check(&self) -> Result<(), ModelError> {
        if let Some(index) = self.hidden.iter().position(|&width| width == 0) {
            return Err(ModelError::EmptyHidden { index });
        }
        if self.residual && self.hidden.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(ModelError::UnevenResidual);
        }
        Ok(())
    }
}

/// Categories and their embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VocabularySpec {
    /// How many categories there are, 2 or more.
    pub size: usize,
    /// The numbers of an embedding, 1 or more.
    pub embedding: usize,
}

impl Default for CategoricalSpec {
    /// None; heads of one hidden layer of 32.
    fn default() -> Self {
        Self {
            vocabularies: Vec::new(),
            event: Vec::new(),
            context: Vec::new(),
            head: ConditionerSpec {
                hidden: vec![32],
                activation: Activation::Relu,
                residual: false,
            },
            embedding: None,
        }
    }
}

/// The shape of a flow, from which [`Flow::new`](crate::Flow::new) makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Number of channels whose density is modelled.
    pub event: usize,
    /// Numbers that the density is conditional on (0: none): one for each context channel, two for an angle.
    pub context: usize,
    /// The channels that hold codes of categories.
    pub categorical: CategoricalSpec,
    /// The event channels that are angles, ascending.
    pub circular: Vec<usize>,
    /// Kind of layers.
    pub family: Family,
    /// Number of such layers.
    pub layers: usize,
    /// The perceptron of each.
    pub conditioner: ConditionerSpec,
    /// In which order channels are taken.
    pub order: Order,
    /// Groups of channels in an autoregressive layer, from 2 (coupling) to the number of channels; nothing means
    /// that number.
    pub passes: Option<usize>,
    /// Bound `b` of the log-scale `a / (1 + |a| / b)` of one affine layer, in nats.
    pub log_scale_bound: f64,
    /// Bins of each spline, 2 to 255.
    pub bins: u8,
    /// Splines cover ± this bound, in standardised units, and are the identity outside.
    pub spline_bound: f64,
    /// Whether a factored linear layer, with an element-wise one that starts from the moments of the data (ActNorm),
    /// stands before each layer but the first.
    pub linear: bool,
    /// Whether a linear prediction of each channel, from the context and the channels before it, stands before all
    /// other layers: an affine autoregressive layer without hidden units, which starts from least squares.
    pub regression: bool,
    /// The base distribution.
    pub base: BaseSpec,
    /// The image that the channels are, for couplings by convolutions.
    pub image: Option<ImageSpec>,
}

impl Spec {
    /// Default of [`Spec::log_scale_bound`], in nats.
    ///
    /// One layer can then stretch a channel by at most `e^2 = 7.4`: five layers reach 22,000, enough for any
    /// density worth having, while a conditioner that extrapolates can't send one event to a likelihood of
    /// minus millions.
    pub const LOG_SCALE_BOUND: f64 = 2.0;

    /// The usual shape for `event` channels given `context` numbers: five layers with two hidden layers of 64; with
    /// splines of 8 bins on ±5.
    #[must_use]
    pub fn new(family: Family, event: usize, context: usize) -> Self {
        Self {
            event,
            context,
            categorical: CategoricalSpec::default(),
            circular: Vec::new(),
            family,
            layers: 5,
            conditioner: ConditionerSpec {
                hidden: vec![64, 64],
                activation: Activation::Relu,
                residual: false,
            },
            order: Order::Alternate,
            passes: None,
            log_scale_bound: Self::LOG_SCALE_BOUND,
            bins: 8,
            spline_bound: 5.0,
            linear: false,
            regression: false,
            base: BaseSpec::Normal,
            image: None,
        }
    }

    /// The shape of what layers act on: the event without its categorical channels, given `features`.
    pub(crate) fn continuous(&self, channels: &[usize], features: usize) -> Self {
        let angles = channels.iter().enumerate();
        let angles = angles.filter(|(_, channel)| self.circular.contains(channel));
        Self {
            event: channels.len(),
            context: features,
            circular: angles.map(|(place, _)| place).collect(),
            categorical: CategoricalSpec::default(),
            base: if channels.is_empty() {
                BaseSpec::Normal
            } else {
                self.base
            },
            ..self.clone()
        }
    }

    /// What happens to each channel of the family's layers.
    #[must_use]
    pub fn transformer(&self) -> Transformer {
        match self.family {
            Family::Nice => Transformer::Shift,
            Family::RealNvp | Family::Maf | Family::Iaf => Transformer::Affine {
                log_scale_bound: self.log_scale_bound as f32,
            },
            Family::Nsf | Family::NsfAr => Transformer::Spline {
                bins: self.bins,
                bound: self.spline_bound as f32,
            },
        }
    }

    /// Checks that a flow of this shape can be built.
    ///
    /// # Errors
    /// The first fault found, as a [`ModelError`].
    pub fn validate(&self) -> Result<(), ModelError> {
        if self.event == 0 {
            return Err(ModelError::NoEvent);
        }
        if self.layers == 0 {
            return Err(ModelError::NoLayers);
        }
        self.categorical.head.check()?;
        self.conditioner.check()?;
        let event = self.event - self.categorical.event.len().min(self.event);
        if let Some(passes) = self.passes
            && !(2..=event.max(2)).contains(&passes)
        {
            return Err(ModelError::Passes { passes, event });
        }
        if !self.circular.is_empty() {
            if self.circular.iter().any(|&channel| channel >= self.event) {
                return Err(ModelError::CircularChannel);
            }
            let mixture = matches!(
                self.base,
                BaseSpec::Mixture { .. } | BaseSpec::Contaminated { .. }
            );
            if !self.family.has_splines() || self.linear || self.regression || mixture {
                return Err(ModelError::CircularNeedsSplines);
            }
        }
        if let Some(image) = &self.image {
            image.validate(self)?;
        }
        check_transformer(self.transformer())?;
        check_base(self.base)
    }
}

/// Checks a transformer's settings.
pub(crate) fn check_transformer(transformer: Transformer) -> Result<(), ModelError> {
    match transformer {
        Transformer::Shift => Ok(()),
        // Small enough that `exp` stays finite in `f32`.
        Transformer::Affine {
            log_scale_bound: bound,
        } => match bound > 1e-6 && bound <= 80.0 {
            true => Ok(()),
            false => Err(ModelError::Bound {
                bound: f64::from(bound),
            }),
        },
        Transformer::Spline { bins, bound } => match bins >= 2 && (1e-3..=1e6).contains(&bound) {
            true => Ok(()),
            false => Err(ModelError::Spline {
                bins,
                bound: f64::from(bound),
            }),
        },
        // `f32` overflows before these are too large.
        Transformer::Scaled { scale, .. } => match (0.0..=1e6).contains(&scale.least()) {
            true => Ok(()),
            false => Err(ModelError::Bound {
                bound: f64::from(scale.least()),
            }),
        },
        Transformer::FlooredSpline(own) => {
            let least = f32::from(own.bins) * own.least_size;
            let sizes = own.least_size >= 0.0 && least < 2.0 * own.bound;
            let sound = own.bins >= 2 && (1e-3..=1e6).contains(&own.bound) && sizes;
            match sound && (0.0..1.0).contains(&own.least_slope) {
                true => Ok(()),
                false => Err(ModelError::Spline {
                    bins: own.bins,
                    bound: f64::from(own.bound),
                }),
            }
        }
    }
}

fn check_base(base: BaseSpec) -> Result<(), ModelError> {
    match base {
        BaseSpec::StudentT { degrees_of_freedom } => {
            match (0.1..=1e6).contains(&degrees_of_freedom) {
                true => Ok(()),
                false => Err(ModelError::DegreesOfFreedom { degrees_of_freedom }),
            }
        }
        BaseSpec::Contaminated { share, scale } => {
            match share > 0.0 && share < 1.0 && scale > 1.0 && scale <= 1e6 {
                true => Ok(()),
                false => Err(ModelError::Contamination { share, scale }),
            }
        }
        BaseSpec::Mixture { components } if !(1..=255).contains(&components) => {
            Err(ModelError::Components { components })
        }
        _ => Ok(()),
    }
}

/// Why a flow can't be built.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The event has no channel.
    #[error("a flow needs at least one event channel")]
    NoEvent,
    /// No layer.
    #[error("a flow needs at least one layer")]
    NoLayers,
    /// A hidden layer of width 0.
    #[error("hidden layer {index} has width 0")]
    EmptyHidden {
        /// Index into [`ConditionerSpec::hidden`].
        index: usize,
    },
    /// A residual conditioner whose hidden layers differ.
    #[error("the hidden layers of a residual conditioner must be of one width")]
    UnevenResidual,
    /// The number of passes is out of range.
    #[error(
        "the passes of a layer must lie between 2 and the {event} event channels, got {passes}"
    )]
    Passes {
        /// The number given.
        passes: usize,
        /// Number of event channels.
        event: usize,
    },
    /// The channels aren't an image, or not one that such a flow can model.
    #[error("{fault}")]
    Image {
        /// What is wrong.
        fault: String,
    },
    /// A circular channel that there isn't.
    #[error("a circular channel is no channel of the event")]
    CircularChannel,
    /// Angles need splines.
    #[error(
        "only flows of splines (nsf, nsf-ar), without linear layers or a regression (--noise) and with a base other than a mixture, can model angles"
    )]
    CircularNeedsSplines,
    /// The log-scale bound is out of range.
    #[error("the log-scale bound must lie in (0, 80] nats, got {bound}")]
    Bound {
        /// The bound given.
        bound: f64,
    },
    /// Bins or bound of a spline are out of range.
    #[error(
        "a spline needs 2 to 255 bins and a bound of 0.001 to 1,000,000, got {bins} bins and a bound of {bound}"
    )]
    Spline {
        /// The bins given.
        bins: u8,
        /// The bound given.
        bound: f64,
    },
    /// The degrees of freedom are out of range.
    #[error("the degrees of freedom must lie between 0.1 and 1,000,000, got {degrees_of_freedom}")]
    DegreesOfFreedom {
        /// The number given.
        degrees_of_freedom: f64,
    },
    /// The components of a mixture are out of range.
    #[error("a mixture needs 1 to 255 components, got {components}")]
    Components {
        /// The number given.
        components: usize,
    },
    /// Share or scale of a contaminated normal are out of range.
    #[error(
        "a contaminated normal needs a share in (0, 1) and a scale of 1 to 1,000,000, got {share} and {scale}"
    )]
    Contamination {
        /// The share given.
        share: f64,
        /// The scale given.
        scale: f64,
    },
    /// Categorical channels that can't be.
    #[error("categorical channels: {fault}")]
    Categorical {
        /// What is wrong.
        fault: String,
    },
    /// Parameters of a layer don't fit the structure.
    #[error("layer {layer}: {fault}")]
    Parts {
        /// Index of the layer, from the data's side.
        layer: usize,
        /// What is wrong.
        fault: String,
    },
    /// Parameters of the base don't fit the structure.
    #[error("base distribution: {fault}")]
    Base {
        /// What is wrong.
        fault: String,
    },
}
