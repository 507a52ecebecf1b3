//! What a layer of a flow must do, and the layers there are.

use super::autoregressive::Autoregressive;
use super::conditional::ConditionalTrace;
use super::conditioner::{Conditioner, Scratch};
use super::coupling::Coupling;
use super::element_wise::ElementWise;
use super::image::{ConvolutionalCoupling, CouplingTrace, Pointwise, PointwiseTrace};
use super::linear::{Linear, LinearTrace};
use super::panel::Panel;
use super::parts::LayerParts;
use super::permutation::Permutation;
use super::real::Real;
use flow_host::random::Random;
use std::ops::Range;

/// What all layers of a flow have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dimensions<'a> {
    /// Event channels.
    pub(crate) event: usize,
    /// Numbers that the context feeds to a conditioner.
    pub(crate) context: usize,
    /// The event channels that are angles.
    pub(crate) circular: &'a [usize],
}

/// An invertible map of events given contexts, with parameters in the flow's flat vector.
///
/// A new kind of layer implements this and gets an arm in [`Layer`].
pub(crate) trait Bijection<T: Real> {
    /// What a pass over `columns` events needs to leave for the backward pass.
    fn trace(&self, columns: usize) -> LayerTrace<T>;

    /// Data to base: writes `z`, adds `ln |dz/dx|` (nats) to `log_det`.
    fn normalize_and_log_det(
        &self,
        parameters: &[T],
        context: &Panel<T>,
        x: &Panel<T>,
        trace: &mut LayerTrace<T>,
        z: &mut Panel<T>,
        log_det: &mut [T],
    );

    /// The reverse pass of [`Bijection::normalize_and_log_det`]: `gradient` holds dL/dz on entry and dL/dx on
    /// return; dL/dparameters is written at its place. `d_log_det` is the loss's derivative by each event's
    /// `log_det`.
    #[allow(clippy::too_many_arguments)]
    fn backward(
        &self,
        parameters: &[T],
        x: &Panel<T>,
        z: &Panel<T>,
        trace: &mut LayerTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    );

    /// Base to data: writes `x`, adds `ln |dx/dz|` (nats) to `log_det`.
    fn generate_and_log_det(
        &self,
        parameters: &[T],
        context: &Panel<T>,
        z: &Panel<T>,
        trace: &mut LayerTrace<T>,
        x: &mut Panel<T>,
        log_det: &mut [T],
    );

    /// The reverse pass of [`Bijection::generate_and_log_det`]: `gradient` holds dL/dx on entry and dL/dz on return;
    /// dL/dparameters is written at its place. `d_log_det` is the loss's derivative by each event's `log_det`.
    #[allow(clippy::too_many_arguments)]
    fn generate_backward(
        &self,
        parameters: &[T],
        z: &Panel<T>,
        x: &Panel<T>,
        trace: &mut LayerTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    );

    /// Number of parameters, masked ones included.
    fn parameters(&self) -> usize;

    /// Rows of the gradients that the backward pass of a conditioner needs; none without one.
    fn heights(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Multiply-accumulates of one event in one direction, masked ones left out.
    fn macs(&self) -> usize;

    /// Numbers that an artefact stores for it: parameters but for masked ones.
    fn stored(&self) -> usize;

    /// Starts near the identity.
    fn initialise(&self, parameters: &mut [T], random: &mut Random);

    /// The layer taken apart.
    fn to_parts(&self, parameters: &[T]) -> LayerParts<T>;
}

/// What a layer's pass leaves behind.
#[derive(Debug)]
pub(crate) enum LayerTrace<T> {
    Conditional(ConditionalTrace<T>),
    Linear(LinearTrace<T>),
    Convolutional(Box<CouplingTrace<T>>),
    Pointwise(PointwiseTrace<T>),
    Nothing,
}

impl<T> LayerTrace<T> {
    pub(crate) fn conditional(&mut self) -> &mut ConditionalTrace<T> {
        match self {
            Self::Conditional(trace) => trace,
            _ => unreachable!("a layer is given the trace that it made"),
        }
    }

    pub(super) fn convolutional(&mut self) -> &mut CouplingTrace<T> {
        match self {
            Self::Convolutional(trace) => trace,
            _ => unreachable!("a layer is given the trace that it made"),
        }
    }

    pub(super) fn pointwise(&mut self) -> &mut PointwiseTrace<T> {
        match self {
            Self::Pointwise(trace) => trace,
            _ => unreachable!("a layer is given the trace that it made"),
        }
    }

    pub(crate) fn linear(&mut self) -> &mut LinearTrace<T> {
        match self {
            Self::Linear(trace) => trace,
            _ => unreachable!("a layer is given the trace that it made"),
        }
    }
}

/// The layers there are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Layer {
    Coupling(Coupling),
    Autoregressive(Autoregressive),
    Linear(Linear),
    ElementWise(ElementWise),
    Permutation(Permutation),
    Convolutional(ConvolutionalCoupling),
    Pointwise(Pointwise),
}

/// A float type that a flow computes in: `f32` for training, `f64` for gradient checks and for evaluation.
pub trait Precision: Real {
    /// What a layer does in this type. Compiled here, once for each type: as a generic function, all kernels would
    /// be compiled again in every crate that uses a flow.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn bijection(layer: &Layer) -> &dyn Bijection<Self>;
}

macro_rules! precision {
    ($($float:ty),*) => {
        $(impl Precision for $float {
            #[allow(private_interfaces)]
            fn bijection(layer: &Layer) -> &dyn Bijection<Self> {
                layer.resolve()
            }
        })*
    };
}
precision!(f32, f64);

impl Layer {
    pub(crate) fn get<T: Precision>(&self) -> &dyn Bijection<T> {
        T::bijection(self)
    }

    /// Where the weights of each row of a conditioner lie in the flow's flat vector, masked ones and biases left out.
    pub(crate) fn weight_rows(&self) -> Vec<Range<usize>> {
        match self {
            Self::Coupling(layer) => layer.conditional.conditioner.weight_rows().collect(),
            Self::Autoregressive(layer) => layer.conditional.conditioner.weight_rows().collect(),
            Self::Convolutional(layer) => layer.weight_rows().collect(),
            Self::Linear(_) | Self::ElementWise(_) | Self::Permutation(_) | Self::Pointwise(_) => {
                Vec::new()
            }
        }
    }

    /// The perceptron of a layer that has one.
    pub(crate) fn conditioner(&self) -> Option<&Conditioner> {
        match self {
            Self::Coupling(layer) => Some(&layer.conditional.conditioner),
            Self::Autoregressive(layer) => Some(&layer.conditional.conditioner),
            Self::Linear(_)
            | Self::ElementWise(_)
            | Self::Permutation(_)
            | Self::Convolutional(_)
            | Self::Pointwise(_) => None,
        }
    }

    /// [`Layer::get`], to be called from where the float type is known.
    fn resolve<T: Real>(&self) -> &dyn Bijection<T> {
        match self {
            Self::Coupling(layer) => layer,
            Self::Autoregressive(layer) => layer,
            Self::Linear(layer) => layer,
            Self::ElementWise(layer) => layer,
            Self::Permutation(layer) => layer,
            Self::Convolutional(layer) => layer,
            Self::Pointwise(layer) => layer,
        }
    }
}
