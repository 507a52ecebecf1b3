//! What a layer of a flow must do, and the layers there are.

use super::autoregressive::Autoregressive;
use super::conditioner::{Conditioner, Scratch};
use super::coupling::Coupling;
use super::element_wise::ElementWise;
use super::image::{ConvolutionalCoupling, Pointwise};
use super::linear::Linear;
use super::panel::Panel;
use super::parts::LayerParts;
use super::permutation::Permutation;
use super::real::Real;
use flow_embedded::artefact::Direction;
use flow_host::random::Random;
use std::fmt::Debug;
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

/// What a layer is given on its way in one direction.
pub(crate) struct Forward<'p, T> {
    /// The flow's.
    pub(crate) parameters: &'p [T],
    /// What conditions.
    pub(crate) context: &'p Panel<T>,
    /// The values that go in.
    pub(crate) from: &'p Panel<T>,
    /// Takes those that come out.
    pub(crate) to: &'p mut Panel<T>,
    /// Takes the sum of itself and `ln |d to / d from|`, in nats, of each event.
    pub(crate) log_det: &'p mut [T],
}

/// What the way back through a layer is given, behind a [`Forward`] in the same direction.
pub(crate) struct Reverse<'p, T> {
    /// The flow's.
    pub(crate) parameters: &'p [T],
    /// The values that went in.
    pub(crate) from: &'p Panel<T>,
    /// Those that came out.
    pub(crate) to: &'p Panel<T>,
    /// The loss's derivative by each event's `log_det`.
    pub(crate) d_log_det: &'p [T],
    /// The loss's gradient by `to`; becomes that by `from`.
    pub(crate) gradient: &'p mut Panel<T>,
    /// Memory of all conditioners.
    pub(crate) scratch: &'p mut Scratch<T>,
    /// Takes the gradient by the layer's parameters at their place.
    pub(crate) d_parameters: &'p mut [T],
}

/// An invertible map of events given contexts, with parameters in the flow's flat vector.
///
/// A new kind of layer implements this and gets an arm in [`Layer`].
pub(crate) trait Bijection<T: Real>: Clone + Debug + Send + Sync + 'static {
    /// What a pass leaves for the way back.
    type Trace: Debug + Send + Sync;

    /// Memory for passes over `columns` events.
    fn trace(&self, columns: usize) -> Self::Trace;

    /// Data to base, or base to data.
    fn forward(&self, direction: Direction, pass: Forward<'_, T>, trace: &mut Self::Trace);

    /// The reverse pass of [`Bijection::forward`] in that direction.
    fn reverse(&self, direction: Direction, pass: Reverse<'_, T>, trace: &mut Self::Trace);

    /// What a conditioner has read on the last pass; nothing without one.
    fn read(_trace: &Self::Trace) -> Option<&Panel<T>> {
        None
    }

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

/// Any bijection, its kind of trace left out; see [`Bijection`].
pub(crate) trait AnyBijection<T: Real> {
    fn step(&self, columns: usize) -> Box<dyn Step<T>>;
    fn parameters(&self) -> usize;
    fn heights(&self) -> Vec<usize>;
    fn macs(&self) -> usize;
    fn stored(&self) -> usize;
    fn initialise(&self, parameters: &mut [T], random: &mut Random);
    fn to_parts(&self, parameters: &[T]) -> LayerParts<T>;
}

impl<T: Real, B: Bijection<T>> AnyBijection<T> for B {
    fn step(&self, columns: usize) -> Box<dyn Step<T>> {
        Box::new(Traced {
            trace: self.trace(columns),
            bijection: self.clone(),
        })
    }

    fn parameters(&self) -> usize {
        Bijection::parameters(self)
    }

    fn heights(&self) -> Vec<usize> {
        Bijection::heights(self)
    }

    fn macs(&self) -> usize {
        Bijection::macs(self)
    }

    fn stored(&self) -> usize {
        Bijection::stored(self)
    }

    fn initialise(&self, parameters: &mut [T], random: &mut Random) {
        Bijection::initialise(self, parameters, random);
    }

    fn to_parts(&self, parameters: &[T]) -> LayerParts<T> {
        Bijection::to_parts(self, parameters)
    }
}

/// A bijection with the memory of its passes.
pub(crate) trait Step<T>: Debug + Send + Sync {
    /// As [`Bijection::forward`].
    fn forward(&mut self, direction: Direction, pass: Forward<'_, T>);

    /// As [`Bijection::reverse`].
    fn reverse(&mut self, direction: Direction, pass: Reverse<'_, T>);

    /// As [`Bijection::read`].
    fn read(&self) -> Option<&Panel<T>>;
}

#[derive(Debug)]
struct Traced<B, M> {
    bijection: B,
    trace: M,
}

impl<T: Real, B: Bijection<T>> Step<T> for Traced<B, B::Trace> {
    fn forward(&mut self, direction: Direction, pass: Forward<'_, T>) {
        self.bijection.forward(direction, pass, &mut self.trace);
    }

    fn reverse(&mut self, direction: Direction, pass: Reverse<'_, T>) {
        self.bijection.reverse(direction, pass, &mut self.trace);
    }

    fn read(&self) -> Option<&Panel<T>> {
        B::read(&self.trace)
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
    fn bijection(layer: &Layer) -> &dyn AnyBijection<Self>;
}

macro_rules! precision {
    ($($float:ty),*) => {
        $(impl Precision for $float {
            #[allow(private_interfaces)]
            fn bijection(layer: &Layer) -> &dyn AnyBijection<Self> {
                layer.resolve()
            }
        })*
    };
}
precision!(f32, f64);

impl Layer {
    pub(crate) fn get<T: Precision>(&self) -> &dyn AnyBijection<T> {
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
    fn resolve<T: Real>(&self) -> &dyn AnyBijection<T> {
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
