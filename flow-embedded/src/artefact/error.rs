use core::fmt;

use crate::math::Backend;

/// Why [`LoadedFlow::from_bytes`](super::LoadedFlow::from_bytes) refused an
/// artefact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes end before the artefact does.
    Truncated {
        /// Bytes that the artefact needs, as far as can be told.
        needed: usize,
        /// Bytes given.
        found: usize,
    },
    /// Bytes follow after the artefact's end.
    TrailingBytes {
        /// The artefact's length.
        needed: usize,
        /// Bytes given.
        found: usize,
    },
    /// The first bytes are not an artefact's.
    NotAnArtefact,
    /// Written in a format newer than this crate's.
    TooNew {
        /// The artefact's format version.
        found: u16,
        /// The version that this crate reads.
        supported: u16,
    },
    /// Written in a format that this crate no longer reads.
    TooOld {
        /// The artefact's format version.
        found: u16,
        /// The version that this crate reads.
        supported: u16,
    },
    /// The checksum does not match: the bytes were damaged.
    Corrupt,
    /// The header does not decode, or exceeds a limit of the schema.
    BadHeader,
    /// The header has a section that this crate doesn't know and must not leave out.
    UnknownSection {
        /// The section's kind.
        kind: u16,
    },
    /// The header decodes but describes no valid flow.
    Invalid {
        /// Where.
        place: Place,
        /// What is wrong there.
        fault: Fault,
    },
    /// The model was calibrated with a backend that this build lacks.
    BackendMissing(Backend),
}

/// A place in an artefact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Place {
    /// The header outside of channels, layers and calibration.
    Header,
    /// An event channel, from 0.
    Event(usize),
    /// A context channel, from 0.
    Context(usize),
    /// A layer, from 0.
    Layer(usize),
    /// A weight of a layer.
    Weight {
        /// The layer, from 0.
        layer: usize,
        /// The weight among those of the layer, from 0.
        index: usize,
    },
    /// The base distribution.
    Base,
    /// The calibration table.
    Calibration,
    /// The sequential test.
    Sequential,
    /// The calibration tables by context.
    Mondrian,
    /// The quantisation.
    Quantisation,
    /// What generating the noise of a sensor takes.
    Noise,
    /// A feature of the past, from 0.
    Feature(usize),
    /// A vocabulary of categories, from 0.
    Vocabulary(usize),
    /// The head of a categorical event channel, counted among these from 0.
    Head(usize),
    /// The creator and the command.
    Provenance,
}

/// What is wrong at a [`Place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// A NaN or an infinity.
    NotFinite,
    /// A number that must be positive is not.
    NotPositive,
    /// A number so large or so small that log-likelihoods would leave `f32`: a bound of log-scales
    /// above [`MAX_LOG_SCALE`](super::MAX_LOG_SCALE), a spline's bound above
    /// [`MAX_SPLINE_BOUND`](super::MAX_SPLINE_BOUND) or below one over it, a normalising constant or
    /// the logarithm of a mixture's weight beyond ±[`MAX_LOG_NORM`](super::MAX_LOG_NORM).
    OutOfRange,
    /// No event channel, no layer, or a layer that transforms nothing.
    Empty,
    /// The order is no permutation of the channels, or the transformed
    /// channels are not ascending channels.
    BadOrder,
    /// Hidden units are not counted by the blocks that the layer has, or change
    /// from layer to layer of a residual conditioner.
    BadUnits,
    /// Not 1 to 16 blocks of one hidden layer of at most 4096 units, no hidden layer that
    /// the context comes first to, or such a form without a context; or a head that is
    /// neither plain nor residual.
    BadForm,
    /// A leaky ReLU whose slope is not within 0 and 1, or an ELU whose alpha is not within 0 and 8.
    BadActivation,
    /// The ends of a domain are not in order.
    BadDomain,
    /// A spline of fewer than 2 bins.
    TooFewBins,
    /// The bijection, or the base, is none for circular channels.
    NotCircular,
    /// The weights are more or fewer than the layers and the table use.
    WrongWeightCount,
    /// The calibration table does not ascend, or holds no probabilities; or no
    /// values of the context are listed, or they do not ascend.
    BadTable,
    /// The tables of the sequential test do not fit each other, or promise
    /// nothing.
    BadTest,
    /// Not one number of bits, at most 15, for each kind of activations; or
    /// several for the hidden layers of a residual conditioner.
    BadFractions,
    /// A calibration of lines, of a model that is none of a text with line breaks
    /// given the characters before, or with tables by context or a sequential test.
    NoLines,
    /// A feature of an event channel that is not there, beyond its limits, or
    /// that stands there twice.
    BadFeature,
    /// A feature, or tables by context, without a context channel.
    NoChannel,
    /// The places of an image's planes do not fit its size, or a channel stands
    /// there twice or is none.
    BadPlanes,
    /// A convolution without features, with a kernel whose side is even or too
    /// large, or more or fewer of them than there may be; or the features change from layer to
    /// layer of a residual conditioner.
    BadConvolution,
    /// A vocabulary that is not there, of fewer than two categories or too many,
    /// whose names are not as many or not ascending, or without an embedding.
    BadVocabulary,
    /// Not one head for each categorical event channel, or layers where no event
    /// channel is left for them.
    BadHeads,
    /// A name, a unit or another text holds a control character or one that changes the
    /// direction of text, or exceeds [`MAX_NAME_BYTES`](super::MAX_NAME_BYTES) or
    /// [`MAX_COMMAND_BYTES`](super::MAX_COMMAND_BYTES).
    BadText,
}

pub(super) fn invalid(place: Place, fault: Fault) -> LoadError {
    LoadError::Invalid { place, fault }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { needed, found } => {
                write!(
                    f,
                    "the artefact is truncated: {found} bytes of at least {needed}"
                )
            }
            Self::TrailingBytes { needed, found } => {
                write!(
                    f,
                    "the artefact ends after {needed} bytes, but {found} were given"
                )
            }
            Self::NotAnArtefact => {
                f.write_str("this is no flow artefact (it does not begin with \"FLOW\")")
            }
            Self::TooNew { found, supported } => write!(
                f,
                "the artefact has format version {found}; this version reads {supported}: update it"
            ),
            Self::TooOld { found, supported } => write!(
                f,
                "the artefact has format version {found}; this version reads {supported}: train or export the model again"
            ),
            Self::Corrupt => f.write_str("the artefact is corrupt: its checksum does not match"),
            Self::BadHeader => f.write_str("the artefact's header does not decode"),
            Self::UnknownSection { kind } => write!(
                f,
                "the artefact has a section of kind {kind}, which this version doesn't know: update it"
            ),
            Self::Invalid { place, fault } => {
                write!(f, "the artefact is invalid: {place}: {fault}")
            }
            Self::BackendMissing(backend) => write!(
                f,
                "the model was calibrated with the math backend {0}, which this build lacks: enable the feature {0} of flow-embedded",
                backend.name()
            ),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Header => f.write_str("header"),
            Self::Event(channel) => write!(f, "event channel {channel}"),
            Self::Context(channel) => write!(f, "context channel {channel}"),
            Self::Layer(layer) => write!(f, "layer {layer}"),
            Self::Weight { layer, index } => write!(f, "layer {layer}, weight {index}"),
            Self::Base => f.write_str("base distribution"),
            Self::Calibration => f.write_str("calibration table"),
            Self::Sequential => f.write_str("sequential test"),
            Self::Mondrian => f.write_str("calibration tables by context"),
            Self::Quantisation => f.write_str("quantisation"),
            Self::Noise => f.write_str("noise of a sensor"),
            Self::Feature(feature) => write!(f, "feature {feature}"),
            Self::Vocabulary(index) => write!(f, "vocabulary {index}"),
            Self::Head(index) => write!(f, "head {index}"),
            Self::Provenance => f.write_str("creator or command"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "not finite",
            Self::NotPositive => "not positive",
            Self::OutOfRange => {
                "a bound or a constant is so large or so small that log-likelihoods would leave f32: export the model with bounds of log-scales up to 88, bounds of splines from 1e-12 to 1e12, and constants within 262144"
            }
            Self::Empty => "empty",
            Self::BadOrder => "not an order of the channels",
            Self::BadUnits => "hidden units do not fit the layer",
            Self::BadForm => {
                "not a form of a conditioner that these hidden layers, this context or a head can have"
            }
            Self::BadActivation => "an activation with a number that it can't have",
            Self::BadDomain => "the ends of the domain are not in order",
            Self::TooFewBins => "a spline needs 2 bins or more",
            Self::NotCircular => "only splines transform circular channels",
            Self::WrongWeightCount => "wrong number of weights",
            Self::BadTable => "not ascending, or not probabilities",
            Self::BadTest => "tables that do not fit each other, or a promise of nothing",
            Self::NoLines => "lines are judged by a model of a text with line breaks alone",
            Self::BadFractions => {
                "not one fraction of at most 15 bits for each dense layer, the same for those that read the input, and for all that hidden layers of a residual conditioner give"
            }
            Self::BadFeature => "not a feature of the event channels, or there twice",
            Self::NoChannel => "has no context channel",
            Self::BadPlanes => "names other places than its planes have",
            Self::BadConvolution => "has convolutions of impossible sizes",
            Self::BadVocabulary => {
                "not a vocabulary of 2 to 256 ascending names with an embedding of 1 to 64 numbers"
            }
            Self::BadHeads => {
                "not one head for each categorical event channel, or layers without a channel"
            }
            Self::BadText => {
                "a name, a unit or another text is too long, or holds a control character or one that changes the direction of text"
            }
        })
    }
}

impl core::error::Error for LoadError {}

/// Why an artefact could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EncodeError {
    /// The buffer is too small.
    BufferTooSmall,
    /// More than 2^32 − 1 bytes of header or weights.
    TooLarge,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BufferTooSmall => "the buffer is too small for the artefact",
            Self::TooLarge => "the model is too large for an artefact",
        })
    }
}

impl core::error::Error for EncodeError {}

/// A slice whose length does not fit the loaded flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ShapeError {
    /// The event has the wrong number of channels.
    Event {
        /// What the flow has.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The context has the wrong number of channels.
    Context {
        /// What the flow has.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The scratch memory is too small.
    Scratch {
        /// What [`LoadedFlow::scratch_len`](super::LoadedFlow::scratch_len) says.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The model is quantised to integers: it runs as compiled code, and the
    /// loader computes with `f32`.
    Quantised,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Event { expected, found } => {
                write!(
                    f,
                    "the flow has {expected} event channels, {found} were given"
                )
            }
            Self::Context { expected, found } => {
                write!(
                    f,
                    "the flow has {expected} context channels, {found} were given"
                )
            }
            Self::Scratch { expected, found } => {
                write!(
                    f,
                    "the flow needs {expected} floats of scratch memory, {found} were given"
                )
            }
            Self::Quantised => f.write_str(
                "the model is quantised to integers, which run as compiled code and not in place",
            ),
        }
    }
}

impl core::error::Error for ShapeError {}
