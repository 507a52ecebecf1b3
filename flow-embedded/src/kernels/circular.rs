//! Angles: circular splines (Rezende et al. 2020, "Normalizing Flows on Tori and
//! Spheres"), and what a conditioner sees of an angle.

use super::spline::{spline_forward, spline_inverse};
use crate::math::Math;
use core::f32::consts::PI;

/// What a circular channel turns by after each spline, in radians: the golden
/// angle, so that no few layers fix the same point of the circle.
const ROTATION: f32 = 2.399_963_2;

/// Data to base for an angle in −π ..= π: a spline whose ends meet, then a
/// rotation by the golden angle. Returns the angle and the log-determinant.
pub fn circular_forward<M: Math>(x: f32, parameters: &mut [f32]) -> (f32, f32) {
    let (y, log_det) = spline_forward::<M>(x, parameters, PI);
    (wrap(y + ROTATION), log_det)
}

/// Base to data for an angle, the inverse of [`circular_forward`].
pub fn circular_inverse<M: Math>(y: f32, parameters: &mut [f32]) -> f32 {
    spline_inverse::<M>(wrap(y - ROTATION), parameters, PI)
}

/// An angle modulo a full turn, into −π ..= π. NaN beyond ten thousand turns,
/// where an `f32` no longer tells the angle.
#[inline]
pub fn wrap(x: f32) -> f32 {
    const TURN: f32 = 2.0 * PI;
    const FAR: f32 = 62_832.0;
    // Adding it rounds a small number to an integer.
    const ROUND: f32 = 12_582_912.0;
    if x.abs() > FAR || x.is_nan() {
        return f32::NAN;
    }
    let turns = (x / TURN + ROUND) - ROUND;
    x - turns * TURN
}

/// Cosine and sine of an angle: its features for a conditioner.
#[inline]
pub fn circle<M: Math>(x: f32) -> [f32; 2] {
    let (sin, cos) = M::sin_cos(x);
    [cos, sin]
}
