//! Layers over images, `f32`.

use super::kernels::transform;
use crate::plan::{Convolutional, Filters};
use flow_embedded::kernels::convolve_at;
use flow_embedded::math::Math;

/// A coupling over an image, in place; returns its log-determinant.
pub(super) fn convolutional<M: Math>(
    own: &Convolutional,
    x: &mut [f32],
    given: &[f32],
    forward: bool,
) -> f32 {
    let mut units: Vec<f32> = own.given.iter().map(|place| x[*place]).collect();
    for (index, layer) in own.layers.iter().enumerate() {
        let sums = slide(layer, given, &units);
        units = match index == own.output() {
            true => sums,
            false => {
                let activated = sums.iter().map(|sum| own.activation.of::<M>(*sum));
                match own.adds_input(index) {
                    true => activated
                        .zip(&units)
                        .map(|(unit, input)| unit + input)
                        .collect(),
                    false => activated.collect(),
                }
            }
        };
    }
    let parameters = units.chunks_mut(own.transformer.parameters());
    own.transformed
        .iter()
        .zip(parameters)
        .fold(0.0, |log_det, (place, parameters)| {
            let channel = &mut x[*place];
            let (value, log_slope) =
                transform::<M>(own.transformer, false, forward, *channel, parameters);
            *channel = value;
            log_det + log_slope
        })
}

/// All features at all positions.
fn slide(layer: &Filters, given: &[f32], input: &[f32]) -> Vec<f32> {
    let positions = 0..layer.sizes.positions();
    let sums = positions.flat_map(|position| {
        let rows = layer.table.rows.iter();
        rows.map(move |row| convolve_at(row, &layer.sizes, position, given, input))
    });
    sums.collect()
}

/// A linear kernel over the planes at each position.
pub(super) fn pointwise(
    x: &mut [f32],
    places: &[usize],
    upper: &[Vec<f32>],
    lower: &[Vec<f32>],
    kernel: impl Fn(&mut [f32], &[f32], &[f32]),
) {
    for own in places.chunks(upper.len()) {
        let mut values: Vec<f32> = own.iter().map(|place| x[*place]).collect();
        kernel(&mut values, &upper.concat(), &lower.concat());
        for (place, value) in own.iter().zip(values) {
            x[*place] = value;
        }
    }
}
