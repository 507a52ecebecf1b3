//! Transformers: the monotone maps of one channel whose parameters a conditioner gives, over rows of events.
//!
//! They are those of the runtime's kernels, up to rounding. `forward` maps data to base or, in an inverse
//! autoregressive flow, base to data; `inverse` the other way. Each has a reverse pass, written out by hand.
//!
//! All rows are of one width, a multiple of 16; parameters stand in [`Transformer::parameters`] rows. A pass
//! overwrites them, and fills the [`saved`] rows, by what its reverse pass needs. Where a column's gradients
//! are zero (padding), so are all that a reverse pass writes there.

mod affine;
mod scaled;
mod shift;
mod spline;
#[cfg(test)]
mod tests;
pub mod vector;

use super::panel::{Rows, RowsMut};
use super::real::Real;
use flow_embedded::artefact::{Direction, Transformer};
use scaled::Scaled;
use spline::{Axis, Spline};

/// Rows for each channel that a pass leaves to its reverse pass, beside those of the parameters.
pub fn saved(transformer: Transformer) -> usize {
    match transformer {
        Transformer::Shift => 0,
        Transformer::Affine { .. } | Transformer::Scaled { .. } => 1,
        Transformer::Spline { .. } | Transformer::FlooredSpline(_) => spline::SAVED,
    }
}

/// `x` to `z`; adds `ln |dz/dx|` to `log_det`.
///
/// On a `circular` channel, values are angles in radians and a spline is followed by a rotation.
pub fn forward<T: Real>(
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
            let own = Spline::new(bins, bound, circular);
            own.map(Axis::Input, x, parameters, saved, z, Some(log_det));
        }
        Transformer::Scaled { scale, direction } => {
            let inverted = direction == Direction::Generative;
            Scaled { scale, inverted }.map(x, parameters, saved, z, Some(log_det));
        }
        Transformer::FlooredSpline(own) => {
            let axis = Axis::as_it_stands(own.direction);
            Spline::floored(own).map(axis, x, parameters, saved, z, Some(log_det));
        }
    }
}

/// The reverse pass of [`forward`]: turns `gradient`, the loss's by each `z`, into that by each `x`, and writes
/// `d_parameters`.
///
/// `d_log_det` is the loss's derivative by each event's `log_det`.
#[allow(clippy::too_many_arguments)]
pub fn backward<T: Real>(
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
            Axis::Input,
            x,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        ),
        Transformer::Scaled { scale, direction } => {
            let inverted = direction == Direction::Generative;
            let own = Scaled { scale, inverted };
            own.backward(x, parameters, saved, d_log_det, gradient, d_parameters);
        }
        Transformer::FlooredSpline(own) => Spline::floored(own).backward(
            Axis::as_it_stands(own.direction),
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
pub fn inverse<T: Real>(
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
            let own = Spline::new(bins, bound, circular);
            own.map(Axis::Output, z, parameters, saved, x, log_det);
        }
        Transformer::Scaled { scale, direction } => {
            let inverted = direction == Direction::Normalizing;
            Scaled { scale, inverted }.map(z, parameters, saved, x, log_det);
        }
        Transformer::FlooredSpline(own) => {
            let axis = Axis::as_it_stands(own.direction).other();
            Spline::floored(own).map(axis, z, parameters, saved, x, log_det);
        }
    }
}

/// The reverse pass of [`inverse`], whose input was `given` and whose result was `out`: turns `gradient`, the
/// loss's by each `out`, into that by each `given`, and writes `d_parameters`.
///
/// `d_log_det` is the loss's derivative by each event's `log_det`.
#[allow(clippy::too_many_arguments)]
pub fn inverse_backward<T: Real>(
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
        Transformer::Spline { bins, bound } => Spline::new(bins, bound, circular).backward(
            Axis::Output,
            given,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        ),
        Transformer::Scaled { scale, direction } => {
            let inverted = direction == Direction::Normalizing;
            let own = Scaled { scale, inverted };
            own.backward(given, parameters, saved, d_log_det, gradient, d_parameters);
        }
        Transformer::FlooredSpline(own) => Spline::floored(own).backward(
            Axis::as_it_stands(own.direction).other(),
            given,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        ),
    }
}

/// A number of an imported transformer in `f64`. An artefact keeps an `f32` of what a library has as a short decimal
/// number: it stands for that number itself, so that flows which were fitted in `f64` keep their digits.
fn decimal(own: f32) -> f64 {
    // The shortest decimal number of an f32 is one of an f64, too.
    own.to_string().parse().unwrap_or_else(|_| own.into())
}
