//! Layers over images.

use super::{Conditioning, Walk, Way, parameters_of, take};
use crate::artefact::{Activation, ConvolutionalCoupling, Planes};
use crate::kernels::{Convolution, convolve_at, gather_places};
use crate::math::Math;

impl<M: Math> Walk<'_, M> {
    /// A coupling over an image, in place; returns its log-determinant.
    pub(super) fn convolutional(
        &self,
        own: &ConvolutionalCoupling<'_>,
        way: Way,
        mut weights: &[[u8; 4]],
        x: &mut [f32],
        memory: &mut Conditioning<'_>,
    ) -> f32 {
        let conditioner = own.conditioner;
        let (context, event) = memory
            .input
            .split_at_mut_checked(self.shape.context)
            .unwrap_or_default();
        gather_places(x, own.given.places, event);
        let mut previous = &*event;
        let mut rest = &mut *memory.hidden;
        let mut layers = own.convolutions(self.shape.context);
        let hidden = layers.len().saturating_sub(1);
        for (layer, (sizes, rows)) in layers.by_ref().take(hidden).enumerate() {
            let filters = take(&mut weights, rows * sizes.row());
            let units = core::mem::take(&mut rest);
            let Some((units, behind)) = units.split_at_mut_checked(rows * sizes.positions()) else {
                return f32::NAN;
            };
            let residual = conditioner.residual && layer > 0;
            let filters = Filters {
                sizes,
                rows,
                weights: filters,
                residual: if residual { previous } else { &[] },
            };
            filters.slide::<M>(conditioner.activation, context, previous, units);
            previous = units;
            rest = behind;
        }
        let Some((sizes, _)) = layers.next() else {
            return f32::NAN;
        };
        let parameters = parameters_of(memory.parameters, own.transformer);
        let planes = own.transformed.count();
        let mut places = own.transformed.places.iter();
        let mut log_det = 0.0;
        for position in 0..sizes.positions() {
            let mut weights = weights;
            for channel in places.by_ref().take(planes) {
                for parameter in parameters.iter_mut() {
                    let row = take(&mut weights, sizes.row());
                    *parameter = convolve_at(row, &sizes, position, context, previous);
                }
                let channel = usize::from(*channel);
                log_det += self.transform(own.transformer, way, channel, x, parameters);
            }
        }
        log_det
    }
}

/// One convolution of a conditioner's hidden layers.
struct Filters<'f> {
    sizes: Convolution,
    rows: usize,
    weights: &'f [[u8; 4]],
    /// What is added behind the activation: nothing, or the input.
    residual: &'f [f32],
}

impl Filters<'_> {
    fn slide<M: Math>(
        &self,
        activation: Activation,
        context: &[f32],
        input: &[f32],
        units: &mut [f32],
    ) {
        let mut sums = units.iter_mut();
        for position in 0..self.sizes.positions() {
            let mut weights = self.weights;
            for sum in sums.by_ref().take(self.rows) {
                let row = take(&mut weights, self.sizes.row());
                *sum = convolve_at(row, &self.sizes, position, context, input);
            }
        }
        activation.apply::<M>(units);
        for (unit, input) in units.iter_mut().zip(self.residual) {
            *unit += input;
        }
    }
}

/// Room for one number of each plane.
pub(super) fn plane_values<'m>(planes: &Planes<'_>, memory: &'m mut [f32]) -> &'m mut [f32] {
    memory.get_mut(..planes.count()).unwrap_or_default()
}
