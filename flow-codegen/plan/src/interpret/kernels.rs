//! The kernels of `f32`, chosen by what the plan says.

use crate::plan::Table;
use flow_embedded::artefact::Transformer;
use flow_embedded::kernels::{
    affine_forward, affine_inverse, circular_forward, circular_inverse, dot,
    floored_spline_forward, floored_spline_inverse_and_log_det, scaled_forward, scaled_inverse,
    spline_forward, spline_inverse_and_log_det,
};
use flow_embedded::math::Math;

/// A channel's transformer: its value and log-determinant.
pub(super) fn transform<M: Math>(
    transformer: Transformer,
    circular: bool,
    forward: bool,
    x: f32,
    parameters: &mut [f32],
) -> (f32, f32) {
    match (transformer, parameters) {
        (Transformer::Shift, [shift, ..]) if forward => (x + *shift, 0.0),
        (Transformer::Shift, [shift, ..]) => (x - *shift, 0.0),
        (Transformer::Affine { log_scale_bound }, [shift, a, ..]) => {
            let inv_bound = 1.0 / log_scale_bound;
            match forward {
                true => affine_forward::<M>(x, *shift, *a, inv_bound),
                false => affine_inverse::<M>(x, *shift, *a, inv_bound),
            }
        }
        (Transformer::Scaled { scale, direction }, [shift, a, ..]) => {
            match direction.as_it_stands(forward) {
                true => scaled_forward::<M, _>(x, *shift, *a, scale),
                false => scaled_inverse::<M, _>(x, *shift, *a, scale),
            }
        }
        (Transformer::FlooredSpline(own), parameters) => {
            match own.direction.as_it_stands(forward) {
                true => floored_spline_forward::<M>(x, parameters, own.bound, own.floor()),
                false => {
                    floored_spline_inverse_and_log_det::<M>(x, parameters, own.bound, own.floor())
                }
            }
        }
        (_, parameters) if circular && forward => circular_forward::<M>(x, parameters),
        (_, parameters) if circular => (circular_inverse::<M>(x, parameters), 0.0),
        (Transformer::Spline { bound, .. }, parameters) if forward => {
            spline_forward::<M>(x, parameters, bound)
        }
        (Transformer::Spline { bound, .. }, parameters) => {
            spline_inverse_and_log_det::<M>(x, parameters, bound)
        }
        _ => (x, 0.0),
    }
}

/// A row over what is stored for it, zeros included.
pub(super) fn product(table: &Table, row: usize, input: &[f32]) -> f32 {
    let mut row = table.rows[row].clone();
    row.resize(1 + table.stored, 0.0);
    let mut input = input.to_vec();
    // What is not known yet is zero.
    input.resize(table.stored, 0.0);
    dot(&row, &input)
}
