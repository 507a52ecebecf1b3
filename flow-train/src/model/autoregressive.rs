//! The masked autoregressive layer: each channel changes, given those before it in an order
//! (Papamakarios, Pavlakou & Murray 2017; masks as in MADE, Germain et al. 2015).
//!
//! Every hidden unit has a degree `m` and sees the context and the channels of rank below `m`. Units are sorted by
//! degree, so what a unit sees is a prefix of its input, and the masks are staircases.

use super::affine::Affine;
use super::bijection::{Bijection, LayerTrace};
use super::conditioner::{Conditioner, Scratch};
use super::panel::Panel;
use super::parts::{LayerKind, LayerParts};
use super::real::Real;
use super::spec::Activation;

/// Transforms every channel, conditional on context and on the channels of lower rank.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Autoregressive {
    affine: Affine,
}

/// The degrees of `width` hidden units, ascending and as even as possible.
///
/// With context 0..event: a unit that sees the context alone serves the channel of rank 0. Without context such a
/// unit would be a constant, so the degrees are 1..event.
fn degrees(width: usize, event: usize, context: usize) -> Vec<usize> {
    let lowest = usize::from(context == 0 && event > 1);
    let count = event - lowest;
    (0..width)
        .map(|unit| lowest + unit * count / width)
        .collect()
}

impl Autoregressive {
    /// The staircases of a conditioner with these hidden widths.
    pub(crate) fn staircases(event: usize, context: usize, hidden: &[usize]) -> Vec<Vec<usize>> {
        let mut staircases = Vec::with_capacity(hidden.len() + 1);
        let mut before: Option<Vec<usize>> = None;
        // How many units of the layer before have a degree up to this one; at first, the inputs of lower rank.
        let visible = |before: &Option<Vec<usize>>, degree: usize| match before {
            None => context + degree,
            Some(degrees) => degrees.partition_point(|&m| m <= degree),
        };
        for &width in hidden {
            let own = degrees(width, event, context);
            staircases.push(own.iter().map(|&degree| visible(&before, degree)).collect());
            before = Some(own);
        }
        staircases.push(
            (0..event)
                .flat_map(|rank| [visible(&before, rank); 2])
                .collect(),
        );
        staircases
    }

    pub(crate) fn new(
        context: usize,
        order: Vec<usize>,
        staircases: Vec<Vec<usize>>,
        activation: Activation,
        log_scale_bound: f64,
        offset: usize,
    ) -> Self {
        let conditioner = Conditioner::new(activation, context + order.len(), staircases, offset);
        Self {
            affine: Affine {
                given: order.clone(),
                transformed: order,
                conditioner,
                log_scale_bound,
            },
        }
    }

    pub(crate) fn conditioner(&self) -> &Conditioner {
        &self.affine.conditioner
    }
}

impl<T: Real> Bijection<T> for Autoregressive {
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
        // Rank by rank; what a rank doesn't see may still hold base values.
        for (rank, &channel) in self.affine.transformed.iter().enumerate() {
            let (shift, log_scale) = self.affine.evaluate(parameters, context, event)[rank];
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
            kind: LayerKind::Autoregressive {
                order: self.affine.transformed.clone(),
            },
            activation: self.affine.conditioner.activation,
            log_scale_bound: self.affine.log_scale_bound,
            dense: self.affine.conditioner.to_parts(parameters),
        }
    }
}
