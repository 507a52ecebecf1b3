//! What a spline computes with that is the same for all events.

use super::super::vector::{Mask, Vector};
use super::{DERIVATIVE_BOUND, FAR, SIZE_BOUND, Spline};
use crate::real::Real;
use pulp::Simd;
use std::f64::consts::PI;

/// What does not change from event to event.
#[derive(Clone, Copy)]
pub(super) struct Constants<S: Simd, T: Real> {
    pub(super) zero: Vector<S, T>,
    pub(super) one: Vector<S, T>,
    pub(super) two: Vector<S, T>,
    pub(super) bound: Vector<S, T>,
    pub(super) inverse_size_bound: Vector<S, T>,
    pub(super) inverse_derivative_bound: Vector<S, T>,
    /// The unnormalised slope that stands for the slope 1 of an end.
    pub(super) end: Vector<S, T>,
    pub(super) least_size: Vector<S, T>,
    pub(super) least_slope: Vector<S, T>,
    /// One over what the least sizes of all bins leave of the spline's.
    pub(super) inverse_span: Vector<S, T>,
}

impl<S: Simd, T: Real> Constants<S, T> {
    #[inline(always)]
    pub(super) fn new<const FLOORED: bool>(simd: S, spline: Spline<FLOORED>) -> Self {
        let Spline {
            bins, bound, floor, ..
        } = spline;
        let span = 2.0 * bound - bins as f64 * floor.size;
        Self {
            zero: constant(simd, 0.0),
            one: constant(simd, 1.0),
            two: constant(simd, 2.0),
            bound: constant(simd, bound),
            inverse_size_bound: constant(simd, 1.0 / SIZE_BOUND),
            inverse_derivative_bound: constant(simd, 1.0 / DERIVATIVE_BOUND),
            end: match FLOORED {
                true => constant(simd, (1.0 - floor.slope).exp_m1().ln()),
                false => constant(simd, 0.0),
            },
            least_size: constant(simd, floor.size),
            least_slope: constant(simd, floor.slope),
            inverse_span: constant(simd, 1.0 / span),
        }
    }

    /// A slope and its derivative by the unnormalised one.
    #[inline(always)]
    pub(super) fn derivative<const FLOORED: bool>(self, raw: Vector<S, T>) -> [Vector<S, T>; 2] {
        if !FLOORED {
            return self.clipped_exp(raw, self.inverse_derivative_bound);
        }
        let e = (-raw.abs()).exp();
        let sum = self.one + e;
        // What the sum rounds away is made good.
        let rounded = sum - self.one;
        let small = rounded.less(e * e);
        let log = small.select(e, sum.ln() * (e / small.select(self.one, rounded)));
        let positive = self.zero.less(raw);
        let softplus = positive.select(raw, self.zero) + log;
        [
            softplus + self.least_slope,
            positive.select(self.one, e) / sum,
        ]
    }

    /// `e^clip(r)` and its derivative by `r`, where `clip(r) = r / (1 + |r| / bound)`.
    #[inline(always)]
    pub(super) fn clipped_exp(
        self,
        raw: Vector<S, T>,
        inverse_bound: Vector<S, T>,
    ) -> [Vector<S, T>; 2] {
        let shrink = self.one / raw.abs().mul_add(inverse_bound, self.one);
        let exp = (raw * shrink).exp();
        [exp, exp * (shrink * shrink)]
    }

    /// Whether a value lies within the spline; false for NaN.
    #[inline(always)]
    pub(super) fn inside(self, value: Vector<S, T>) -> Mask<S, T> {
        value.abs().less(self.bound)
    }
}

#[inline(always)]
pub(super) fn constant<S: Simd, T: Real>(simd: S, value: f64) -> Vector<S, T> {
    Vector::splat(simd, T::from_f64(value))
}

/// An angle plus `turn`, modulo a full turn, into -π ..= π; NaN where the runtime's is.
#[inline(always)]
pub(super) fn rotate<S: Simd, T: Real>(simd: S, angle: Vector<S, T>, turn: f64) -> Vector<S, T> {
    let angle = angle + constant(simd, turn);
    let full = constant(simd, 2.0 * PI);
    let round = Vector::splat(simd, T::ROUND);
    let turns = (angle / full + round) - round;
    let wrapped = (-turns).mul_add(full, angle);
    let far = constant(simd, FAR).less(angle.abs());
    far.select(constant(simd, f64::NAN), wrapped)
}
