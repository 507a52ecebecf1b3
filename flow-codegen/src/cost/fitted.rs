//! What the coefficients were fitted to, and what they were not.

use super::Core;
use flow_embedded::artefact::{Activation, Domain, Form, Transformer, WeightFormat};
use flow_plan::plan::{Bijection, LayerPlan, Plan};
use std::fmt;

/// What keeps a model from being estimated: nothing like it was among the measured models that the coefficients were
/// fitted to, and what was estimated in its place was off by more than a factor of 1.3 in instructions, or stated too
/// little stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unmodelled {
    /// The code runs on the machine that compiles.
    Host,
    /// Each weight of half precision is converted in code.
    HalfPrecision,
    /// Convolutions, and layers over planes.
    Images,
    /// Embeddings, and heads that give the logits of categories.
    Categories,
    /// Channels that are angles.
    Angles,
    /// Scales and splines with floors, as other libraries have them.
    Floors,
    /// Conditioners with pre-activation blocks, or that begin with the context.
    Conditioners,
    /// Non-linearities other than ReLU, tanh and SiLU.
    Activations,
}

impl fmt::Display for Unmodelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "code of the host",
            Self::HalfPrecision => "weights stored as f16",
            Self::Images => "layers over images",
            Self::Categories => "categorical channels",
            Self::Angles => "channels that are angles",
            Self::Floors => "scales and splines of other libraries",
            Self::Conditioners => "conditioners of other libraries",
            Self::Activations => "such an activation",
        })
    }
}

impl Unmodelled {
    /// The first thing about a plan on a core that was not measured.
    pub(super) fn of(plan: &Plan, core: Core) -> Option<Self> {
        if core == Core::Host {
            return Some(Self::Host);
        }
        if plan.weights == Some(WeightFormat::F16) {
            return Some(Self::HalfPrecision);
        }
        let channels = || plan.all.0.iter().chain(&plan.context.0);
        if channels().any(|own| own.vocabulary().is_some()) {
            return Some(Self::Categories);
        }
        if channels().any(|own| own.domain == Domain::Circular) {
            return Some(Self::Angles);
        }
        plan.layers.iter().find_map(Self::of_layer)
    }

    fn of_layer(layer: &LayerPlan) -> Option<Self> {
        let own = match &layer.bijection {
            Bijection::Pointwise { .. } | Bijection::Convolutional(_) => return Some(Self::Images),
            Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => own,
            Bijection::Linear { .. }
            | Bijection::ElementWise(_)
            | Bijection::Permutation(_)
            | Bijection::FoldedPermutation(_) => return None,
        };
        match (own.transformer, own.form) {
            (Transformer::Scaled { .. } | Transformer::FlooredSpline(_), _) => Some(Self::Floors),
            (_, Form::PreActivation(_) | Form::ContextFirst) => Some(Self::Conditioners),
            (
                Transformer::Shift | Transformer::Affine { .. } | Transformer::Spline { .. },
                Form::Plain | Form::Residual,
            ) => match own.activation {
                Activation::Relu | Activation::Tanh | Activation::Silu => None,
                Activation::LeakyRelu { .. }
                | Activation::Gelu
                | Activation::GeluTanh
                | Activation::Elu { .. } => Some(Self::Activations),
            },
        }
    }
}
