//! The reverse pass in either direction.

use super::super::vector::Vector;
use super::bin::{Bin, Curve};
use super::constants::{Constants, rotate};
use super::{Axis, ROTATION, Spline};
use crate::panel::{Rows, RowsMut};
use crate::real::Real;
use pulp::{Simd, WithSimd};

/// A reverse pass in either direction.
///
/// With S the forward spline and l = ln S', the loss's gradient by the parameters is `g_y dS + g_l dl` at fixed
/// input. Backward of a pass along the inputs, `g_y` and `g_l` are those given. The inverse pass has
/// `out = S^-1(given)` and `log_det = -l(out)`; by the implicit function theorem `d out / d given = 1 / S'` and
/// `d out = -dS / S'`, so that there `g_l = -d_log_det` and `g_y = -(g_out + g_l dl/d out) / S'`.
pub(super) struct Reverse<'a, T, const FLOORED: bool> {
    pub(super) spline: Spline<FLOORED>,
    pub(super) axis: Axis,
    pub(super) given: &'a [T],
    pub(super) parameters: Rows<'a, T>,
    pub(super) saved: Rows<'a, T>,
    pub(super) d_log_det: &'a [T],
    pub(super) gradient: &'a mut [T],
    pub(super) d_parameters: RowsMut<'a, T>,
}

impl<T: Real, const FLOORED: bool> WithSimd for Reverse<'_, T, FLOORED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = self.given.len() / T::lanes::<S>(self.given).len();
        let circular = self.spline.circular;
        let c = Constants::<S, T>::new(simd, self.spline);
        let strides = [
            self.parameters.stride() / lanes,
            self.saved.stride() / lanes,
            self.d_parameters.stride() / lanes,
        ];
        let given = T::lanes::<S>(self.given);
        let parameters = T::lanes::<S>(self.parameters.as_slice());
        let saved = T::lanes::<S>(self.saved.as_slice());
        let d_log_det = T::lanes::<S>(self.d_log_det);
        let gradient = T::lanes_mut::<S>(self.gradient);
        let d_parameters = T::lanes_mut::<S>(self.d_parameters.into_mut_slice());
        for vector in 0..given.len() {
            let mut value = Vector::new(simd, given[vector]);
            if circular && matches!(self.axis, Axis::Output) {
                value = rotate(simd, value, -ROTATION);
            }
            let inside = c.inside(value);
            let outer = Vector::new(simd, gradient[vector]);
            let within = inside.select(outer, c.zero);
            let by_log_det = Vector::new(simd, d_log_det[vector]);
            let by_log_det = inside.select(by_log_det, c.zero);
            let bin = Bin::load(simd, saved, strides[1], vector);
            let d_bin = gradient_of_bin(c, bin, self.axis, within, by_log_det);
            let d_given = match self.axis {
                Axis::Input => -d_bin.left,
                Axis::Output => -d_bin.bottom,
            };
            gradient[vector] = inside.select(d_given, outer).lanes();
            spread(
                simd,
                c,
                self.spline,
                bin,
                &d_bin,
                (&parameters[vector..], strides[0]),
                (&mut d_parameters[vector..], strides[2]),
            );
        }
    }
}

/// A gradient by the parts of a [`Bin`].
pub(super) struct BinGradient<S: Simd, T: Real> {
    pub(super) left: Vector<S, T>,
    pub(super) width: Vector<S, T>,
    pub(super) bottom: Vector<S, T>,
    pub(super) height: Vector<S, T>,
    pub(super) lower: Vector<S, T>,
    pub(super) upper: Vector<S, T>,
}

/// The gradient by the bin's parts, given those by a pass's result and by its log-determinant.
///
/// The forward spline moves with its input against the bin's start: `-left` is the gradient by that input.
#[inline(always)]
pub(super) fn gradient_of_bin<S: Simd, T: Real>(
    c: Constants<S, T>,
    bin: Bin<S, T>,
    axis: Axis,
    outer: Vector<S, T>,
    d_log_det: Vector<S, T>,
) -> BinGradient<S, T> {
    let inverse_width = c.one / bin.width;
    let slope = bin.height * inverse_width;
    let curve = Curve::new(c, bin, slope);
    let Curve {
        rest,
        both,
        inverse_denominator,
        share,
        ..
    } = curve;
    let xi = bin.xi;
    let twice = c.two * slope;
    let bend = bin.lower + bin.upper - twice;
    let tilt = rest - xi; // 1 - 2 xi, the derivative of `both`
    let inverse_numerator = c.one / curve.numerator;
    // Derivatives of ln dy/dx = 2 ln(slope / denominator) + ln(numerator), at fixed xi but for the first.
    let d_numerator = c.two * (bin.upper * xi - bin.lower * rest) + twice * tilt;
    let l_xi = d_numerator * inverse_numerator - c.two * bend * tilt * inverse_denominator;
    let l_slope = c.two
        * (c.one / slope - (c.one - c.two * both) * inverse_denominator + both * inverse_numerator);
    let l_both = c.two * both * inverse_denominator;
    let l_lower = rest * rest * inverse_numerator - l_both;
    let l_upper = xi * xi * inverse_numerator - l_both;
    // Derivatives of the share.
    let derivative = curve.derivative();
    let share_slope = (xi * xi - share * (c.one - c.two * both)) * inverse_denominator;
    let share_both = both * inverse_denominator;
    let l_x = l_xi * inverse_width;
    let (g_y, g_l) = match axis {
        Axis::Input => (outer, d_log_det),
        Axis::Output => ((d_log_det * l_x - outer) / derivative, -d_log_det),
    };
    let d_x = g_y * derivative + g_l * l_x;
    let g_share = g_y * bin.height;
    let g_slope = g_share * share_slope + g_l * l_slope;
    let g_slope_by_width = g_slope * inverse_width;
    BinGradient {
        left: -d_x,
        width: -(xi * d_x + g_slope_by_width * slope),
        bottom: g_y,
        height: g_y * share + g_slope_by_width,
        lower: g_share * share_both * (c.one - share) + g_l * l_lower,
        upper: g_l * l_upper - g_share * share_both * share,
    }
}

/// From the gradient by a bin to that by all parameters: a bin's start moves with the sizes before it, its size
/// with its own, and both shrink as the sum of all grows.
#[inline(always)]
pub(super) fn spread<S: Simd, T: Real, const FLOORED: bool>(
    simd: S,
    c: Constants<S, T>,
    spline: Spline<FLOORED>,
    bin: Bin<S, T>,
    d_bin: &BinGradient<S, T>,
    (parameters, stride): (&[T::Lanes<S>], usize),
    (d_parameters, d_stride): (&mut [T::Lanes<S>], usize),
) {
    let bins = spline.bins;
    let half = match FLOORED {
        true => c.inverse_span,
        false => c.one / (c.bound + c.bound),
    };
    // The part of a start and of a size that the exponentials make.
    let made = |start: Vector<S, T>, size: Vector<S, T>| match FLOORED {
        true => [
            start + c.bound - bin.index * c.least_size,
            size - c.least_size,
        ],
        false => [start + c.bound, size],
    };
    let across = by_exponentials(
        bin.across * half,
        [d_bin.left, d_bin.width],
        made(bin.left, bin.width),
        bin.across,
    );
    let up = by_exponentials(
        bin.up * half,
        [d_bin.bottom, d_bin.height],
        made(bin.bottom, bin.height),
        bin.up,
    );
    let d_lower = d_bin.lower * bin.d_lower;
    let d_upper = d_bin.upper * bin.d_upper;
    let mut count = c.zero;
    for k in 0..bins {
        // The bin is before this one, is this one, or the next.
        let passed = bin.index.less(count);
        count = count + c.one;
        let reached = bin.index.less(count);
        for (side, [before, at, after]) in [across, up].into_iter().enumerate() {
            let by_exp = passed.select(after, reached.select(at, before));
            let row = side * bins + k;
            let d_exp = Vector::new(simd, parameters[row * stride]);
            d_parameters[row * d_stride] = (by_exp * d_exp).lanes();
        }
        // The derivative of the knot behind bin k.
        let free_ends = FLOORED && spline.floor.free_ends;
        if k + 1 < bins || free_ends {
            let next = bin.index.less(count + c.one);
            let by_knot = reached.select(d_upper, next.select(d_lower, c.zero));
            let row = 2 * bins + k + usize::from(free_ends);
            d_parameters[row * d_stride] = passed.select(c.zero, by_knot).lanes();
        }
        if k == 0 && free_ends {
            d_parameters[2 * bins * d_stride] = reached.select(d_lower, c.zero).lanes();
        }
    }
}

/// The gradients by an exponential before the bin, of the bin, and after it, given those by the bin's start and
/// size; `inverse_sum` is that of all exponentials.
#[inline(always)]
pub(super) fn by_exponentials<S: Simd, T: Real>(
    inverse_sum: Vector<S, T>,
    [d_start, d_size]: [Vector<S, T>; 2],
    [start, size]: [Vector<S, T>; 2],
    scale: Vector<S, T>,
) -> [Vector<S, T>; 3] {
    let shrink = d_start.mul_add(start, d_size * size) * inverse_sum;
    [d_start * scale - shrink, d_size * scale - shrink, -shrink]
}
