//! What a layer of a flow must do, and the layers there are.

use super::affine::AffineTrace;
use super::autoregressive::Autoregressive;
use super::conditioner::Scratch;
use super::coupling::Coupling;
use super::panel::Panel;
use super::parts::LayerParts;
use super::real::Real;

/// An invertible map of events given contexts, with parameters in the flow's flat vector.
///
/// A new family implements this and gets an arm in [`Layer`].
pub(crate) trait Bijection<T: Real> {
    /// What a forward pass over `columns` events needs to leave for the backward pass.
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

    /// Reverse pass: `gradient` holds dL/dz on entry and dL/dx on return; dL/dparameters is written at its place.
    #[allow(clippy::too_many_arguments)]
    fn backward(
        &self,
        parameters: &[T],
        x: &Panel<T>,
        trace: &LayerTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    );

    /// Base to data, for one event in place.
    fn generate(&self, parameters: &[T], context: &[T], event: &mut [T]);

    /// Number of parameters, masked ones included.
    fn parameters(&self) -> usize;

    /// Rows of the highest panel of a pass.
    fn height(&self) -> usize;

    /// The layer taken apart.
    fn to_parts(&self, parameters: &[T]) -> LayerParts<T>;
}

/// What a layer's forward pass leaves behind.
#[derive(Debug)]
pub(crate) enum LayerTrace<T> {
    Affine(AffineTrace<T>),
}

/// The layers there are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Layer {
    Coupling(Coupling),
    Autoregressive(Autoregressive),
}

impl Layer {
    pub(crate) fn get<T: Real>(&self) -> &dyn Bijection<T> {
        match self {
            Self::Coupling(layer) => layer,
            Self::Autoregressive(layer) => layer,
        }
    }

    /// The dense layers, for initialisation.
    pub(crate) fn conditioner(&self) -> &super::conditioner::Conditioner {
        match self {
            Self::Coupling(layer) => layer.conditioner(),
            Self::Autoregressive(layer) => layer.conditioner(),
        }
    }
}
