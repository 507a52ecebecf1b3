//! Angles in Q16 radians.

use super::number::{ONE, round};
use super::spline::spline_forward;

/// π in Q16.
const PI: i32 = 205_887;
/// What a circular channel turns by after each spline: the golden angle, as in
/// [`crate::kernels::circular_forward`].
const ROTATION: i32 = 157_284;

/// Data to base for an angle in −π ..= π: a spline whose ends meet, then a
/// rotation by the golden angle. Returns the angle and the log-determinant.
#[inline]
pub fn circular_forward(x: i32, parameters: &mut [i32]) -> (i32, i32) {
    let (y, log_det) = spline_forward(x, parameters, PI);
    (wrap(y.saturating_add(ROTATION)), log_det)
}

/// An angle modulo a full turn, into −π ..= π.
#[inline(never)]
pub fn wrap(x: i32) -> i32 {
    /// `1 / 2π` in Q32.
    const TURNS: i64 = 683_565_276;
    /// `2π` in Q29.
    const TURN: i32 = 3_373_259_426_u32 as i32;
    let turns = nearest(x, TURNS);
    // Modulo 2^32: what is left is below 2^31.
    round((x << 13).wrapping_sub(turns.wrapping_mul(TURN)), 13)
}

/// Cosine and sine of an angle in −π ..= π: its features for a conditioner.
#[inline(never)]
pub fn circle(x: i32) -> [i32; 2] {
    /// `2 / π` in Q32.
    const QUARTERS: i64 = 2_734_261_102;
    /// `π / 2` in Q30.
    const QUARTER: i32 = 1_686_629_713;
    let quarters = nearest(x, QUARTERS);
    let r = (x << 14).wrapping_sub(quarters.wrapping_mul(QUARTER));
    // Taylor's polynomials on |r| ≤ π / 4, all but the last sum in 16 bits.
    let short = round(r, 14);
    let square = ((short.wrapping_mul(short) as u32).wrapping_add(1 << 15) >> 16) as i32;
    // (r − sin r) / r in Q18.
    let sixth = 43_691 - ((square * (2_185 - ((square * 52) >> 16))) >> 16);
    let below = (square * sixth) >> 16;
    let sin = round((r >> 10) - ((short * below) >> 14), 4);
    // (1 − cos r) / r² in Q16.
    let fourth = 2_731 - ((square * (91 - ((square * 2) >> 16))) >> 16);
    let half = (1 << 15) - ((square * fourth) >> 16);
    let cos = ONE - round(square * half, 16);
    match quarters & 3 {
        0 => [cos, sin],
        1 => [-sin, cos],
        2 => [-cos, -sin],
        _ => [sin, -cos],
    }
}

/// The product of an angle and a number in Q32, to the nearest integer.
#[inline(always)]
fn nearest(x: i32, factor: i64) -> i32 {
    ((i64::from(x) * factor + (1 << 47)) >> 48) as i32
}
