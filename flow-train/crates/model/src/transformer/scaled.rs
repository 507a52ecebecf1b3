//! `x * scale(a) + shift`, where the scale comes of its parameter as in other libraries, as it stands or inverted.
//!
//! A pass leaves in the place of `a` the derivative of `ln scale` by it, and saves what it multiplied by.

use super::decimal;
use crate::panel::{Rows, RowsMut};
use crate::real::Real;
use flow_embedded::artefact::Scale;
use pulp::Arch;

/// The maps of one channel.
#[derive(Clone, Copy)]
pub(super) struct Scaled {
    pub(super) scale: Scale,
    /// Whether the pass is from `x * scale + shift` to `x`.
    pub(super) inverted: bool,
}

impl Scaled {
    /// Adds to `log_det`, where one is asked for, what the pass has.
    pub(super) fn map<T: Real>(
        self,
        given: &[T],
        parameters: RowsMut<'_, T>,
        saved: RowsMut<'_, T>,
        out: &mut [T],
        mut log_det: Option<&mut [T]>,
    ) {
        let (shift, a) = parameters.into_pair();
        let factor = saved.into_row();
        let least = T::from_f64(decimal(self.scale.least()));
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for i in 0..given.len() {
                    let [scale, log_scale, slope] = scale_of(self.scale, least, a[i]);
                    a[i] = slope;
                    let own = match self.inverted {
                        false => {
                            factor[i] = scale;
                            out[i] = given[i] * scale + shift[i];
                            log_scale
                        }
                        true => {
                            factor[i] = T::ONE / scale;
                            out[i] = (given[i] - shift[i]) * factor[i];
                            -log_scale
                        }
                    };
                    if let Some(log_det) = &mut log_det {
                        log_det[i] += own;
                    }
                }
            },
        );
    }

    /// The reverse pass of [`Scaled::map`].
    pub(super) fn backward<T: Real>(
        self,
        given: &[T],
        parameters: Rows<'_, T>,
        saved: Rows<'_, T>,
        d_log_det: &[T],
        gradient: &mut [T],
        d_parameters: RowsMut<'_, T>,
    ) {
        let (shift, slope, factor) = (parameters.row(0), parameters.row(1), saved.row(0));
        let (d_shift, d_a) = d_parameters.into_pair();
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for i in 0..given.len() {
                    let d_out = gradient[i];
                    gradient[i] = d_out * factor[i];
                    (d_shift[i], d_a[i]) = match self.inverted {
                        false => (d_out, (gradient[i] * given[i] + d_log_det[i]) * slope[i]),
                        true => {
                            let out = (given[i] - shift[i]) * factor[i];
                            (-gradient[i], -(d_out * out + d_log_det[i]) * slope[i])
                        }
                    };
                }
            },
        );
    }
}

/// The scale, its logarithm, and that one's derivative by `a`.
#[inline(always)]
fn scale_of<T: Real>(scale: Scale, least: T, a: T) -> [T; 3] {
    match scale {
        Scale::Exponential { .. } if least == T::ZERO => [a.exp(), a, T::ONE],
        Scale::Exponential { .. } => {
            let exp = a.exp();
            let scale = exp + least;
            [scale, scale.ln(), exp / scale]
        }
        Scale::Softplus { .. } => {
            // Which of the two exponentials does not overflow.
            let e = (-a.abs()).exp();
            let positive = if a > T::ZERO { a } else { T::ZERO };
            let scale = positive + log_1p(e) + least;
            let slope = if a > T::ZERO { T::ONE } else { e } / (T::ONE + e);
            [scale, scale.ln(), slope / scale]
        }
        Scale::Sigmoid { .. } => {
            let e = (-a.abs()).exp();
            let sum = T::ONE + e;
            let sigmoid = if a > T::ZERO { T::ONE } else { e } / sum;
            let scale = sigmoid + least;
            [scale, scale.ln(), e / (sum * sum) / scale]
        }
    }
}

/// `ln(1 + e)`, with the digits of a small `e`.
#[inline(always)]
fn log_1p<T: Real>(e: T) -> T {
    let sum = T::ONE + e;
    let rounded = sum - T::ONE;
    match rounded == T::ZERO {
        true => e,
        false => sum.ln() * (e / rounded),
    }
}
