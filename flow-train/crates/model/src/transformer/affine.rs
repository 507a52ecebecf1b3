//! `z = x exp(log_scale) + shift` with `log_scale = a / (1 + |a| / bound)` (a soft clip: the slope at 0 is 1, and
//! the bound is never reached); the parameters are `shift` and `a` (Dinh, Sohl-Dickstein & Bengio 2017, "RealNVP").
//!
//! A pass leaves `log_scale` in the place of `a`, and what it multiplied by in the saved row.

use crate::panel::{Rows, RowsMut};
use crate::real::Real;
use pulp::Arch;

pub(super) fn forward<T: Real>(
    bound: f32,
    x: &[T],
    parameters: RowsMut<'_, T>,
    saved: RowsMut<'_, T>,
    z: &mut [T],
    log_det: &mut [T],
) {
    let inverse_bound = T::from_f64(1.0 / exact(bound));
    let (shift, a) = parameters.into_pair();
    let scale = saved.into_row();
    Arch::new().dispatch(
        #[inline(always)]
        || forward_row(x, shift, inverse_bound, a, scale, z, log_det),
    );
}

pub(super) fn inverse<T: Real>(
    bound: f32,
    z: &[T],
    parameters: RowsMut<'_, T>,
    saved: RowsMut<'_, T>,
    x: &mut [T],
    log_det: Option<&mut [T]>,
) {
    let inverse_bound = T::from_f64(1.0 / exact(bound));
    let (shift, a) = parameters.into_pair();
    let scale = saved.into_row();
    Arch::new().dispatch(
        #[inline(always)]
        || inverse_row(z, shift, inverse_bound, a, scale, x),
    );
    if let Some(log_det) = log_det {
        Arch::new().dispatch(
            #[inline(always)]
            || {
                log_det
                    .iter_mut()
                    .zip(a)
                    .for_each(|(sum, log_scale)| *sum -= *log_scale);
            },
        );
    }
}

pub(super) fn backward<T: Real>(
    bound: f32,
    x: &[T],
    parameters: Rows<'_, T>,
    saved: Rows<'_, T>,
    d_log_det: &[T],
    gradient: &mut [T],
    d_parameters: RowsMut<'_, T>,
) {
    let inverse_bound = T::from_f64(1.0 / exact(bound));
    let (log_scale, scale) = (parameters.row(1), saved.row(0));
    let (d_shift, d_a) = d_parameters.into_pair();
    Arch::new().dispatch(
        #[inline(always)]
        || {
            backward_row(
                x,
                log_scale,
                scale,
                d_log_det,
                inverse_bound,
                gradient,
                d_shift,
                d_a,
            );
        },
    );
}

pub(super) fn inverse_backward<T: Real>(
    bound: f32,
    out: &[T],
    parameters: Rows<'_, T>,
    saved: Rows<'_, T>,
    d_log_det: &[T],
    gradient: &mut [T],
    d_parameters: RowsMut<'_, T>,
) {
    let inverse_bound = T::from_f64(1.0 / exact(bound));
    let (log_scale, scale) = (parameters.row(1), saved.row(0));
    let (d_shift, d_a) = d_parameters.into_pair();
    Arch::new().dispatch(
        #[inline(always)]
        || {
            inverse_backward_row(
                out,
                log_scale,
                scale,
                d_log_det,
                inverse_bound,
                gradient,
                d_shift,
                d_a,
            );
        },
    );
}

/// The bound in `f64`. What an `f32` keeps of `|ln 1e-3|`, the bound that zuko has, stands for that number itself, so
/// that flows which were fitted in `f64` keep their digits.
fn exact(bound: f32) -> f64 {
    const USUAL: f64 = 6.907_755_278_982_137;
    match bound == USUAL as f32 {
        true => USUAL,
        false => f64::from(bound),
    }
}

#[inline(always)]
fn soft_clip<T: Real>(a: T, inverse_bound: T) -> T {
    a / (T::ONE + a.abs() * inverse_bound)
}

/// `d log_scale / da = 1 / (1 + |a| / bound)^2`, and `1 / (1 + |a| / bound) = 1 - |log_scale| / bound`.
#[inline(always)]
fn soft_clip_slope<T: Real>(log_scale: T, inverse_bound: T) -> T {
    let root = T::ONE - log_scale.abs() * inverse_bound;
    root * root
}

#[inline(always)]
fn forward_row<T: Real>(
    x: &[T],
    shift: &[T],
    inverse_bound: T,
    a: &mut [T],
    scale: &mut [T],
    z: &mut [T],
    log_det: &mut [T],
) {
    let n = x.len();
    let (shift, a, scale) = (&shift[..n], &mut a[..n], &mut scale[..n]);
    let (z, log_det) = (&mut z[..n], &mut log_det[..n]);
    for i in 0..n {
        let log_scale = soft_clip(a[i], inverse_bound);
        let s = log_scale.exp();
        a[i] = log_scale;
        scale[i] = s;
        z[i] = x[i] * s + shift[i];
        log_det[i] += log_scale;
    }
}

#[inline(always)]
fn inverse_row<T: Real>(
    z: &[T],
    shift: &[T],
    inverse_bound: T,
    a: &mut [T],
    scale: &mut [T],
    x: &mut [T],
) {
    let n = z.len();
    let (shift, a, scale) = (&shift[..n], &mut a[..n], &mut scale[..n]);
    let x = &mut x[..n];
    for i in 0..n {
        let log_scale = soft_clip(a[i], inverse_bound);
        let s = (-log_scale).exp();
        a[i] = log_scale;
        scale[i] = s;
        x[i] = (z[i] - shift[i]) * s;
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn backward_row<T: Real>(
    x: &[T],
    log_scale: &[T],
    scale: &[T],
    d_log_det: &[T],
    inverse_bound: T,
    gradient: &mut [T],
    d_shift: &mut [T],
    d_a: &mut [T],
) {
    let n = x.len();
    let (log_scale, scale, d_log_det) = (&log_scale[..n], &scale[..n], &d_log_det[..n]);
    let (gradient, d_shift, d_a) = (&mut gradient[..n], &mut d_shift[..n], &mut d_a[..n]);
    for i in 0..n {
        let d_z = gradient[i];
        let d_x = d_z * scale[i];
        d_shift[i] = d_z;
        d_a[i] = (d_x * x[i] + d_log_det[i]) * soft_clip_slope(log_scale[i], inverse_bound);
        gradient[i] = d_x;
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn inverse_backward_row<T: Real>(
    out: &[T],
    log_scale: &[T],
    scale: &[T],
    d_log_det: &[T],
    inverse_bound: T,
    gradient: &mut [T],
    d_shift: &mut [T],
    d_a: &mut [T],
) {
    let n = out.len();
    let (log_scale, scale, d_log_det) = (&log_scale[..n], &scale[..n], &d_log_det[..n]);
    let (gradient, d_shift, d_a) = (&mut gradient[..n], &mut d_shift[..n], &mut d_a[..n]);
    for i in 0..n {
        let d_out = gradient[i];
        let d_given = d_out * scale[i];
        d_shift[i] = -d_given;
        d_a[i] = -(d_out * out[i] + d_log_det[i]) * soft_clip_slope(log_scale[i], inverse_bound);
        gradient[i] = d_given;
    }
}
