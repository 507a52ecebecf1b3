//! The affine coupling layer: some channels change, given all the others (Dinh, Sohl-Dickstein & Bengio 2017).

use super::affine::Affine;
use super::bijection::{Bijection, LayerTrace};
use super::conditioner::{Conditioner, Scratch};
use super::panel::Panel;
use super::parts::{LayerKind, LayerParts};
use super::real::Real;
use super::spec::Activation;

/// Transforms `transformed`, conditional on context and on the channels that it copies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coupling {
    affine: Affine,
}

impl Coupling {
    /// The channels of an event that are not in `transformed`, ascending.
    pub(crate) fn identity(event: usize, transformed: &[usize]) -> Vec<usize> {
        (0..event)
            .filter(|channel| !transformed.contains(channel))
            .collect()
    }

    /// The staircases of a conditioner with these hidden widths: everything is visible.
    pub(crate) fn staircases(
        inputs: usize,
        hidden: &[usize],
        transformed: usize,
    ) -> Vec<Vec<usize>> {
        let widths = hidden.iter().copied().chain([2 * transformed]);
        let mut inputs = inputs;
        widths
            .map(|width| {
                let prefix = vec![inputs; width];
                inputs = width;
                prefix
            })
            .collect()
    }

    pub(crate) fn new(
        event: usize,
        context: usize,
        transformed: Vec<usize>,
        staircases: Vec<Vec<usize>>,
        activation: Activation,
        log_scale_bound: f64,
        offset: usize,
    ) -> Self {
        let given = Self::identity(event, &transformed);
        let conditioner = Conditioner::new(activation, context + given.len(), staircases, offset);
        Self {
            affine: Affine {
                given,
                transformed,
                conditioner,
                log_scale_bound,
            },
        }
    }

    pub(crate) fn conditioner(&self) -> &Conditioner {
        &self.affine.conditioner
    }
}

impl<T: Real> Bijection<T> for Coupling {
    fn trace(&self, columns: usize) -> LayerTrace<T> {
        LayerTrace::Affine(self.affine.trace(columns))
    }

    fn normalize_and_log_det(
        &self,
        parameters: &[T],
        context: &Panel<T>,
        x: &Panel<T>,
        trace: &mut LayerTrace<T>,
        z: &mut Panel<T>,
        log_det: &mut [T],
    ) {
        let LayerTrace::Affine(trace) = trace;
        self.affine
            .normalize(parameters, context, x, trace, z, log_det);
        for &channel in &self.affine.given {
            z.row_mut(channel).copy_from_slice(x.row(channel));
        }
    }

    fn backward(
        &self,
        parameters: &[T],
        x: &Panel<T>,
        trace: &LayerTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    ) {
        let LayerTrace::Affine(trace) = trace;
        self.affine.backward(
            parameters,
            x,
            trace,
            d_log_det,
            gradient,
            scratch,
            d_parameters,
        );
    }

    fn generate(&self, parameters: &[T], context: &[T], event: &mut [T]) {
        let pairs = self.affine.evaluate(parameters, context, event);
        for (&channel, (shift, log_scale)) in self.affine.transformed.iter().zip(pairs) {
            event[channel] = (event[channel] - shift) * (-log_scale).exp();
        }
    }

    fn parameters(&self) -> usize {
        self.affine.conditioner.parameters()
    }

    fn height(&self) -> usize {
        self.affine.conditioner.height()
    }

    fn to_parts(&self, parameters: &[T]) -> LayerParts<T> {
        LayerParts {
            kind: LayerKind::Coupling {
                transformed: self.affine.transformed.clone(),
            },
            activation: self.affine.conditioner.activation,
            log_scale_bound: self.affine.log_scale_bound,
            dense: self.affine.conditioner.to_parts(parameters),
        }
    }
}
