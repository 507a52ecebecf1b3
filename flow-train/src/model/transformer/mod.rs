//! Transformers: the monotone maps of one channel whose parameters a conditioner gives, over rows of events.
//!
//! They are those of the runtime's kernels, up to rounding. `forward` maps data to base or, in an inverse
//! autoregressive flow, base to data; `inverse` the other way. Each has a reverse pass, written out by hand.
//!
//! All rows are of one width, a multiple of 16; parameters stand in [`Transformer::parameters`] rows. A pass
//! overwrites them, and fills the [`saved`] rows, by what its reverse pass needs. Where a column's gradients
//! are zero (padding), so are all that a reverse pass writes there.

mod affine;
mod shift;
mod spline;
#[cfg(test)]
mod tests;
pub(crate) mod vector;

use super::panel::{Rows, RowsMut};
use super::real::Real;
use flow_embedded::artefact::Transformer;
use spline::Spline;

/// Rows for each channel that a pass leaves to its reverse pass, beside those of the parameters.
pub(crate) fn saved(transformer: Transformer) -> usize {
    match transformer {
        Transformer::Shift => 0,
        Transformer::Affine { .. } => 1,
        Transformer::Spline { .. } => spline::SAVED,
    }
}

/// `x` to `z`; adds `ln |dz/dx|` to `log_det`.
///
/// On a `circular` channel, values are angles in radians and a spline is followed by a rotation.
pub(crate) fn forward<T: Real>(
    transformer: Transformer,
    circular: bool,
    x: &[T],
    parameters: RowsMut<'_, T>,
    saved: RowsMut<'_, T>,
    z: &mut [T],
    log_det: &mut [T],
) {
    match transformer {
        Transformer::Shift => shift::forward(x, parameters, z),
        Transformer::Affine { log_scale_bound } => {
            affine::forward(log_scale_bound, x, parameters, saved, z, log_det);
        }
        Transformer::Spline { bins, bound } => {
            Spline::new(bins, bound, circular).forward(x, parameters, saved, z, log_det);
        }
    }
}

/// The reverse pass of [`forward`]: turns `gradient`, the loss's by each `z`, into that by each `x`, and writes
/// `d_parameters`.
///
/// `d_log_det` is the loss's derivative by each event's `log_det`.
#[allow(clippy::too_many_arguments)]
pub(crate) fn backward<T: Real>(
    transformer: Transformer,
    circular: bool,
    x: &[T],
    parameters: Rows<'_, T>,
    saved: Rows<'_, T>,
    d_log_det: &[T],
    gradient: &mut [T],
    d_parameters: RowsMut<'_, T>,
) {
    match transformer {
        Transformer::Shift => shift::backward(gradient, d_parameters),
        Transformer::Affine { log_scale_bound } => affine::backward(
            log_scale_bound,
            x,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        ),
        Transformer::Spline { bins, bound } => Spline::new(bins, bound, circular).backward(
            x,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        ),
    }
}

/// `z` to `x`, the inverse of [`forward`]; adds `ln |dx/dz|` to `log_det`, where one is asked for.
pub(crate) fn inverse<T: Real>(
    transformer: Transformer,
    circular: bool,
    z: &[T],
    parameters: RowsMut<'_, T>,
    saved: RowsMut<'_, T>,
    x: &mut [T],
    log_det: Option<&mut [T]>,
) {
    match transformer {
        Transformer::Shift => shift::inverse(z, parameters, x),
        Transformer::Affine { log_scale_bound } => {
            affine::inverse(log_scale_bound, z, parameters, saved, x, log_det);
        }
        Transformer::Spline { bins, bound } => {
            Spline::new(bins, bound, circular).inverse(z, parameters, saved, x, log_det);
        }
    }
}

/// The reverse pass of [`inverse`], whose input was `given` and whose result was `out`: turns `gradient`, the
/// loss's by each `out`, into that by each `given`, and writes `d_parameters`.
///
/// `d_log_det` is the loss's derivative by each event's `log_det`.
#[allow(clippy::too_many_arguments)]
pub(crate) fn inverse_backward<T: Real>(
    transformer: Transformer,
    circular: bool,
    given: &[T],
    out: &[T],
    parameters: Rows<'_, T>,
    saved: Rows<'_, T>,
    d_log_det: &[T],
    gradient: &mut [T],
    d_parameters: RowsMut<'_, T>,
) {
    match transformer {
        Transformer::Shift => shift::inverse_backward(gradient, d_parameters),
        Transformer::Affine { log_scale_bound } => affine::inverse_backward(
            log_scale_bound,
            out,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        ),
        Transformer::Spline { bins, bound } => Spline::new(bins, bound, circular).inverse_backward(
            given,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        ),
    }
}
