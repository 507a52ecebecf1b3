//! What a flow is to look like, before it has parameters.

use thiserror::Error;

/// How the channels of an event depend on one another within one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Affine coupling layers with alternating masks (Dinh, Sohl-Dickstein & Bengio 2017).
    ///
    /// Layer `k` transforms the channels `i` with `i % 2 != k % 2`.
    RealNvp,
    /// Masked autoregressive layers (Papamakarios, Pavlakou & Murray 2017).
    ///
    /// The order ascends in even layers and descends in odd ones.
    Maf,
}

/// The nonlinearity between the dense layers of a conditioner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

/// The shape of a flow, from which [`Flow::new`](crate::model::Flow::new) makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Number of channels whose density is modelled.
    pub event: usize,
    /// Number of channels that the density is conditional on (0: none).
    pub context: usize,
    /// Kind of layers.
    pub family: Family,
    /// Number of layers.
    pub layers: usize,
    /// Widths of the hidden layers of each conditioner; may be empty.
    pub hidden: Vec<usize>,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// Bound `b` of the log-scale `a / (1 + |a| / b)` of one layer, in nats.
    pub log_scale_bound: f64,
}

impl Spec {
    /// Default of [`Spec::log_scale_bound`], in nats.
    ///
    /// One layer can then stretch a channel by at most `e^2 = 7.4`: five layers reach 22,000, enough for any
    /// density worth having, while a conditioner that extrapolates can't send one event to a likelihood of
    /// minus millions.
    pub const LOG_SCALE_BOUND: f64 = 2.0;

    /// The usual shape for `event` channels given `context` channels: five layers with two hidden layers of 64.
    #[must_use]
    pub fn new(family: Family, event: usize, context: usize) -> Self {
        Self {
            event,
            context,
            family,
            layers: 5,
            hidden: vec![64, 64],
            activation: Activation::Relu,
            log_scale_bound: Self::LOG_SCALE_BOUND,
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
        if self.family == Family::RealNvp && self.event < 2 {
            return Err(ModelError::CouplingNeedsTwo);
        }
        if self.layers == 0 {
            return Err(ModelError::NoLayers);
        }
        if let Some(index) = self.hidden.iter().position(|&width| width == 0) {
            return Err(ModelError::EmptyHidden { index });
        }
        check_bound(self.log_scale_bound)
    }
}

/// Checks a bound on log-scales: finite and positive, and small enough that `exp` stays finite in `f32`.
pub(crate) fn check_bound(bound: f64) -> Result<(), ModelError> {
    if bound > 0.0 && bound <= 80.0 {
        Ok(())
    } else {
        Err(ModelError::Bound { bound })
    }
}

/// Why a flow can't be built.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The event has no channel.
    #[error("a flow needs at least one event channel")]
    NoEvent,
    /// A coupling layer splits the channels in two groups.
    #[error(
        "a coupling flow (realnvp) needs at least two event channels; a masked autoregressive one (maf) can do with one"
    )]
    CouplingNeedsTwo,
    /// No layer.
    #[error("a flow needs at least one layer")]
    NoLayers,
    /// A hidden layer of width 0.
    #[error("hidden layer {index} has width 0")]
    EmptyHidden {
        /// Index into [`Spec::hidden`].
        index: usize,
    },
    /// The log-scale bound is out of range.
    #[error("the log-scale bound must lie in (0, 80] nats, got {bound}")]
    Bound {
        /// The bound given.
        bound: f64,
    },
    /// Parameters don't fit the structure.
    #[error("layer {layer}: {fault}")]
    Parts {
        /// Index of the layer, from the data's side.
        layer: usize,
        /// What is wrong.
        fault: String,
    },
}
