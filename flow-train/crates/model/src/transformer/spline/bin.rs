//! The bin that holds a value, and the curve within it.

use super::super::vector::Vector;
use super::SAVED;
use super::constants::Constants;
use crate::real::Real;
use pulp::Simd;

/// The piece of the spline that holds a value, for a vector of events.
#[derive(Clone, Copy)]
pub(super) struct Bin<S: Simd, T: Real> {
    pub(super) index: Vector<S, T>,
    /// The share of the bin's width that lies to the left of the value.
    pub(super) xi: Vector<S, T>,
    pub(super) left: Vector<S, T>,
    pub(super) width: Vector<S, T>,
    pub(super) bottom: Vector<S, T>,
    pub(super) height: Vector<S, T>,
    /// Derivatives at the lower and the upper knot ...
    pub(super) lower: Vector<S, T>,
    pub(super) upper: Vector<S, T>,
    /// ... and theirs by the unnormalised ones.
    pub(super) d_lower: Vector<S, T>,
    pub(super) d_upper: Vector<S, T>,
    /// From exponentials to widths, and to heights.
    pub(super) across: Vector<S, T>,
    pub(super) up: Vector<S, T>,
}

impl<S: Simd, T: Real> Bin<S, T> {
    #[inline(always)]
    pub(super) fn save(self, saved: &mut [T::Lanes<S>], stride: usize, vector: usize) {
        let Self {
            index,
            xi,
            left,
            width,
            bottom,
            height,
            lower,
            upper,
            d_lower,
            d_upper,
            across,
            up,
        } = self;
        let fields: [_; SAVED] = [
            index, xi, left, width, bottom, height, lower, upper, d_lower, d_upper, across, up,
        ];
        for (row, field) in fields.into_iter().enumerate() {
            saved[row * stride + vector] = field.lanes();
        }
    }

    #[inline(always)]
    pub(super) fn load(simd: S, saved: &[T::Lanes<S>], stride: usize, vector: usize) -> Self {
        let mut fields = [Vector::splat(simd, T::ZERO); SAVED];
        for (row, field) in fields.iter_mut().enumerate() {
            *field = Vector::new(simd, saved[row * stride + vector]);
        }
        let [
            index,
            xi,
            left,
            width,
            bottom,
            height,
            lower,
            upper,
            d_lower,
            d_upper,
            across,
            up,
        ] = fields;
        Self {
            index,
            xi,
            left,
            width,
            bottom,
            height,
            lower,
            upper,
            d_lower,
            d_upper,
            across,
            up,
        }
    }

    /// `xi` for a value of the spline: the root of a quadratic, in the form that does not cancel for the sign of the
    /// linear coefficient; where that is negative, the quadratic one is positive. Rounding can make the discriminant
    /// negative at a knot, where it is zero in truth.
    #[inline(always)]
    pub(super) fn invert(self, c: Constants<S, T>, y: Vector<S, T>) -> Vector<S, T> {
        let slope = self.height / self.width;
        let rise = y - self.bottom;
        let bend = rise * (self.lower + self.upper - c.two * slope);
        let quadratic = self.height.mul_add(slope - self.lower, bend);
        let linear = self.height * self.lower - bend;
        let constant = slope * rise;
        let four = c.two + c.two;
        let discriminant = (linear * linear + four * quadratic * constant).at_least(c.zero);
        let root = discriminant.sqrt();
        let negative = linear.less(c.zero);
        let numerator = negative.select(root - linear, c.two * constant);
        numerator / negative.select(c.two * quadratic, linear + root)
    }
}

/// The curve within a [`Bin`] at its `xi`; by the parts of a bin, at fixed `xi`, its partial derivatives.
pub(super) struct Curve<S: Simd, T: Real> {
    pub(super) slope: Vector<S, T>,
    pub(super) rest: Vector<S, T>,
    /// `xi (1 - xi)`.
    pub(super) both: Vector<S, T>,
    pub(super) inverse_denominator: Vector<S, T>,
    /// Of `dy/dx`, but for the square of `slope / denominator`.
    pub(super) numerator: Vector<S, T>,
    /// The share of the bin's height that lies below the value.
    pub(super) share: Vector<S, T>,
}

impl<S: Simd, T: Real> Curve<S, T> {
    #[inline(always)]
    pub(super) fn new(c: Constants<S, T>, bin: Bin<S, T>, slope: Vector<S, T>) -> Self {
        let xi = bin.xi;
        let rest = c.one - xi;
        let both = xi * rest;
        let bend = bin.lower + bin.upper - c.two * slope;
        let inverse_denominator = c.one / bend.mul_add(both, slope);
        let rise = (slope * xi).mul_add(xi, bin.lower * both);
        let numerator =
            (bin.upper * xi).mul_add(xi, (bin.lower * rest).mul_add(rest, c.two * slope * both));
        Self {
            slope,
            rest,
            both,
            inverse_denominator,
            numerator,
            share: rise * inverse_denominator,
        }
    }

    /// `dy/dx`.
    #[inline(always)]
    pub(super) fn derivative(&self) -> Vector<S, T> {
        let ratio = self.slope * self.inverse_denominator;
        ratio * ratio * self.numerator
    }
}
