//! The affine transform of some channels given others: what coupling and autoregressive layers share.
//!
//! `z = x exp(log_scale) + shift` with `log_scale = a / (1 + |a| / bound)` (a soft clip: the slope at 0 is 1, and
//! the bound is never reached), where a conditioner gives `shift` and `a` for each transformed channel.

use super::conditioner::{Conditioner, Scratch, Trace};
use super::panel::Panel;
use super::real::Real;
use pulp::Arch;

/// Channels in, channels out, and the conditioner between them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Affine {
    /// Event channels that the conditioner sees, in its input order.
    pub(crate) given: Vec<usize>,
    /// Channels that change, in the order of the conditioner's output.
    pub(crate) transformed: Vec<usize>,
    pub(crate) conditioner: Conditioner,
    pub(crate) log_scale_bound: f64,
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub(crate) struct AffineTrace<T> {
    /// Its output rows are `shift, log_scale` for each transformed channel.
    conditioner: Trace<T>,
    /// `exp(log_scale)`.
    scale: Panel<T>,
}

impl Affine {
    pub(crate) fn trace<T: Real>(&self, columns: usize) -> AffineTrace<T> {
        AffineTrace {
            conditioner: self.conditioner.trace(columns),
            scale: Panel::new(self.transformed.len(), columns),
        }
    }

    /// Writes the transformed channels of `z` and adds to `log_det`; other channels of `z` aren't touched.
    pub(crate) fn normalize<T: Real>(
        &self,
        parameters: &[T],
        context: &Panel<T>,
        x: &Panel<T>,
        trace: &mut AffineTrace<T>,
        z: &mut Panel<T>,
        log_det: &mut [T],
    ) {
        let AffineTrace { conditioner, scale } = trace;
        for row in 0..context.rows() {
            conditioner
                .input
                .row_mut(row)
                .copy_from_slice(context.row(row));
        }
        for (row, &channel) in self.given.iter().enumerate() {
            conditioner
                .input
                .row_mut(context.rows() + row)
                .copy_from_slice(x.row(channel));
        }
        self.conditioner.forward(parameters, conditioner);
        let inverse_bound = T::from_f64(1.0 / self.log_scale_bound);
        for (index, &channel) in self.transformed.iter().enumerate() {
            let (shift, a) = rows_of(&mut conditioner.output, index);
            let (x, scale, z) = (x.row(channel), scale.row_mut(index), z.row_mut(channel));
            Arch::new().dispatch(
                #[inline(always)]
                || normalize_row(x, shift, inverse_bound, a, scale, z, log_det),
            );
        }
    }

    /// Turns `gradient` from that with respect to `z` into that with respect to `x`.
    ///
    /// `d_log_det` is the loss's derivative by each event's `log_det`.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn backward<T: Real>(
        &self,
        parameters: &[T],
        x: &Panel<T>,
        trace: &AffineTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    ) {
        let inverse_bound = T::from_f64(1.0 / self.log_scale_bound);
        for (index, &channel) in self.transformed.iter().enumerate() {
            let (d_shift, d_a) = rows_of(&mut scratch.gradient, index);
            let (x, scale) = (x.row(channel), trace.scale.row(index));
            let log_scale = trace.conditioner.output.row(2 * index + 1);
            let g = gradient.row_mut(channel);
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    backward_row(
                        x,
                        log_scale,
                        scale,
                        d_log_det,
                        inverse_bound,
                        g,
                        d_shift,
                        d_a,
                    );
                },
            );
        }
        let context = trace.conditioner.input.rows() - self.given.len();
        self.conditioner.backward(
            parameters,
            &trace.conditioner,
            scratch,
            context,
            d_parameters,
        );
        for (row, &channel) in self.given.iter().enumerate() {
            let d_input = scratch.gradient.row(context + row);
            gradient
                .row_mut(channel)
                .iter_mut()
                .zip(d_input)
                .for_each(|(g, &d)| *g += d);
        }
    }

    /// `shift` and `log_scale` of each transformed channel, for one event.
    pub(crate) fn evaluate<T: Real>(
        &self,
        parameters: &[T],
        context: &[T],
        event: &[T],
    ) -> Vec<(T, T)> {
        let given = self.given.iter().map(|&channel| event[channel]);
        let input: Vec<T> = context.iter().copied().chain(given).collect();
        let inverse_bound = T::from_f64(1.0 / self.log_scale_bound);
        let output = self.conditioner.evaluate(parameters, &input);
        output
            .chunks_exact(2)
            .map(|pair| (pair[0], soft_clip(pair[1], inverse_bound)))
            .collect()
    }
}

/// Rows `2 index` and `2 index + 1`, without their padding.
fn rows_of<T: Real>(panel: &mut Panel<T>, index: usize) -> (&mut [T], &mut [T]) {
    let (stride, width) = (panel.stride(), panel.width());
    let (first, second) =
        panel.as_mut_slice()[2 * index * stride..][..2 * stride].split_at_mut(stride);
    (&mut first[..width], &mut second[..width])
}

#[inline(always)]
fn soft_clip<T: Real>(a: T, inverse_bound: T) -> T {
    a / (T::ONE + a.abs() * inverse_bound)
}

#[inline(always)]
fn normalize_row<T: Real>(
    x: &[T],
    shift: &[T],
    inverse_bound: T,
    a: &mut [T],
    scale: &mut [T],
    z: &mut [T],
    log_det: &mut [T],
) {
    let n = x.len();
    let (shift, a, scale, z, log_det) = (
        &shift[..n],
        &mut a[..n],
        &mut scale[..n],
        &mut z[..n],
        &mut log_det[..n],
    );
    for i in 0..n {
        let log_scale = soft_clip(a[i], inverse_bound);
        let s = log_scale.exp();
        a[i] = log_scale;
        scale[i] = s;
        z[i] = x[i] * s + shift[i];
        log_det[i] += log_scale;
    }
}

/// `d log_scale / da = 1 / (1 + |a| / bound)^2`, and `1 / (1 + |a| / bound) = 1 - |log_scale| / bound`.
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
        let slope = T::ONE - log_scale[i].abs() * inverse_bound;
        let d_x = d_z * scale[i];
        d_shift[i] = d_z;
        d_a[i] = (d_x * x[i] + d_log_det[i]) * (slope * slope);
        gradient[i] = d_x;
    }
}
