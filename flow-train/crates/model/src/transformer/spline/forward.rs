//! A pass in either direction.

use super::super::vector::Vector;
use super::bin::{Bin, Curve};
use super::constants::{Constants, rotate};
use super::{Axis, ROTATION, Spline};
use crate::real::Real;
use pulp::{Simd, WithSimd};

/// A pass in either direction.
pub(super) struct Pass<'a, T, const ROOM: usize, const FLOORED: bool> {
    pub(super) spline: Spline<FLOORED>,
    pub(super) axis: Axis,
    pub(super) given: &'a [T],
    pub(super) parameters: &'a mut [T],
    pub(super) stride: usize,
    pub(super) saved: &'a mut [T],
    pub(super) saved_stride: usize,
    pub(super) out: &'a mut [T],
    pub(super) log_det: Option<&'a mut [T]>,
}

impl<T: Real, const ROOM: usize, const FLOORED: bool> WithSimd for Pass<'_, T, ROOM, FLOORED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = self.given.len() / T::lanes::<S>(self.given).len();
        let circular = self.spline.circular;
        let c = Constants::<S, T>::new(simd, self.spline);
        let given = T::lanes::<S>(self.given);
        let parameters = T::lanes_mut::<S>(self.parameters);
        let saved = T::lanes_mut::<S>(self.saved);
        let out = T::lanes_mut::<S>(self.out);
        let mut log_det = self.log_det.map(T::lanes_mut::<S>);
        let (stride, saved_stride) = (self.stride / lanes, self.saved_stride / lanes);
        let mut knots = [[c.zero; ROOM]; 2];
        for vector in 0..given.len() {
            let mut value = Vector::new(simd, given[vector]);
            if circular && matches!(self.axis, Axis::Output) {
                value = rotate(simd, value, -ROTATION);
            }
            let inside = c.inside(value);
            let at = inside.select(value, c.zero);
            let own = &mut parameters[vector..];
            let mut bin = find(simd, c, self.spline, self.axis, at, own, stride, &mut knots);
            let xi = match self.axis {
                Axis::Input => (at - bin.left) / bin.width,
                Axis::Output => bin.invert(c, at),
            };
            bin.xi = xi.at_least(c.zero).at_most(c.one);
            bin.save(saved, saved_stride, vector);
            let curve = Curve::new(c, bin, bin.height / bin.width);
            let moved = match self.axis {
                Axis::Input => curve.share.mul_add(bin.height, bin.bottom),
                Axis::Output => bin.xi.mul_add(bin.width, bin.left),
            };
            let mut result = inside.select(moved, value);
            if circular && matches!(self.axis, Axis::Input) {
                result = rotate(simd, result, ROTATION);
            }
            out[vector] = result.lanes();
            if let Some(log_det) = &mut log_det {
                let log_slope = inside.select(curve.derivative(), c.one).ln();
                let sum = Vector::new(simd, log_det[vector]);
                log_det[vector] = match self.axis {
                    Axis::Input => sum + log_slope,
                    Axis::Output => sum - log_slope,
                }
                .lanes();
            }
        }
    }
}

/// The bin whose side along `axis` holds `value`, but for its `xi`. Overwrites sizes by their derivatives.
///
/// Every bin is looked at, and kept where the value lies beyond the knot before it.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(super) fn find<S: Simd, T: Real, const ROOM: usize, const FLOORED: bool>(
    simd: S,
    c: Constants<S, T>,
    spline: Spline<FLOORED>,
    axis: Axis,
    value: Vector<S, T>,
    parameters: &mut [T::Lanes<S>],
    stride: usize,
    knots: &mut [[Vector<S, T>; ROOM]; 2],
) -> Bin<S, T> {
    let bins = spline.bins;
    let mut scales = [c.zero; 2];
    for (side, knots) in knots.iter_mut().enumerate() {
        let knots = &mut knots[..bins];
        let mut largest = Vector::new(simd, parameters[side * bins * stride]);
        if FLOORED {
            for k in 1..bins {
                let size = parameters[(side * bins + k) * stride];
                largest = largest.at_least(Vector::new(simd, size));
            }
        }
        let mut sum = c.zero;
        for (k, knot) in knots.iter_mut().enumerate() {
            let size = &mut parameters[(side * bins + k) * stride];
            let raw = Vector::new(simd, *size);
            let [exp, d_exp] = match FLOORED {
                true => [(raw - largest).exp(); 2],
                false => c.clipped_exp(raw, c.inverse_size_bound),
            };
            *size = d_exp.lanes();
            sum = sum + exp;
            *knot = sum;
        }
        if FLOORED {
            // What a least size adds to each exponential.
            let lift = sum * c.least_size * c.inverse_span;
            let mut lifts = c.zero;
            for knot in knots.iter_mut() {
                lifts = lifts + lift;
                *knot = *knot + lifts;
            }
            sum = sum + lifts;
        }
        let scale = (c.bound + c.bound) / sum;
        for knot in &mut knots[..bins - 1] {
            *knot = knot.mul_add(scale, -c.bound);
        }
        // Exactly, as the other end is: values are clamped to it.
        knots[bins - 1] = c.bound;
        scales[side] = scale;
    }
    let [across, up] = [&knots[0][..bins], &knots[1][..bins]];
    let measured = match axis {
        Axis::Input => across,
        Axis::Output => up,
    };
    let derivatives = &parameters[2 * bins * stride..];
    let (mut left, mut right) = (-c.bound, across[0]);
    let (mut bottom, mut top) = (-c.bound, up[0]);
    // The unnormalised derivatives.
    let derivative = |knot: usize| {
        let row = match FLOORED && spline.floor.free_ends {
            true => Some(knot),
            false if knot < bins => knot.checked_sub(1),
            false => None,
        };
        row.map_or(c.end, |row| Vector::new(simd, derivatives[row * stride]))
    };
    let (mut lower, mut upper) = (derivative(0), derivative(1));
    let mut last = upper;
    let mut index = c.zero;
    let mut count = c.zero;
    for k in 1..bins {
        let before = value.less(measured[k - 1]);
        let next = derivative(k + 1);
        count = count + c.one;
        index = before.select(index, count);
        left = before.select(left, across[k - 1]);
        right = before.select(right, across[k]);
        bottom = before.select(bottom, up[k - 1]);
        top = before.select(top, up[k]);
        lower = before.select(lower, last);
        upper = before.select(upper, next);
        last = next;
    }
    let [lower, d_lower] = c.derivative::<FLOORED>(lower);
    let [upper, d_upper] = c.derivative::<FLOORED>(upper);
    Bin {
        index,
        xi: c.zero,
        left,
        width: right - left,
        bottom,
        height: top - bottom,
        lower,
        upper,
        d_lower,
        d_upper,
        across: scales[0],
        up: scales[1],
    }
}
