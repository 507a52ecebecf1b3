//! The element-wise affine layer: `z = x exp(log_scale) + shift` for each channel; ActNorm (Kingma & Dhariwal 2018)
//! if it starts from the moments of a batch.

use super::bijection::{Bijection, LayerTrace};
use super::conditioner::Scratch;
use super::panel::Panel;
use super::parts::{LayerParts, ScalesParts};
use super::real::Real;
use flow_host::random::Random;

/// Log-scales, then shifts, from `offset` on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ElementWise {
    channels: usize,
    offset: usize,
}

impl ElementWise {
    pub(crate) fn new(channels: usize, offset: usize) -> Self {
        Self { channels, offset }
    }

    fn split<'a, T>(&self, parameters: &'a [T]) -> (&'a [T], &'a [T]) {
        parameters[self.offset..][..2 * self.channels].split_at(self.channels)
    }

    fn split_mut<'a, T>(&self, parameters: &'a mut [T]) -> (&'a mut [T], &'a mut [T]) {
        parameters[self.offset..][..2 * self.channels].split_at_mut(self.channels)
    }

    /// Takes the parameters that bring `rows` events of `x` to mean 0 and variance 1.
    pub(crate) fn set_moments<T: Real>(&self, x: &Panel<T>, rows: usize, parameters: &mut [T]) {
        /// Keeps a channel that hardly varies from being blown up.
        const LEAST_STD: f64 = 1e-3;
        let (log_scale, shift) = self.split_mut(parameters);
        for (channel, (log_scale, shift)) in log_scale.iter_mut().zip(shift).enumerate() {
            let values = || x.row(channel)[..rows].iter().map(|value| value.to_f64());
            let mean = values().sum::<f64>() / rows as f64;
            let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / rows as f64;
            let scale = variance.sqrt().max(LEAST_STD).recip();
            *log_scale = T::from_f64(scale.ln());
            *shift = T::from_f64(-mean * scale);
        }
    }
}

impl<T: Real> Bijection<T> for ElementWise {
    fn trace(&self, _columns: usize) -> LayerTrace<T> {
        LayerTrace::Nothing
    }

    fn normalize_and_log_det(
        &self,
        parameters: &[T],
        _context: &Panel<T>,
        x: &Panel<T>,
        _trace: &mut LayerTrace<T>,
        z: &mut Panel<T>,
        log_det: &mut [T],
    ) {
        let (log_scale, shift) = self.split(parameters);
        for (channel, (log_scale, &shift)) in log_scale.iter().zip(shift).enumerate() {
            let scale = log_scale.exp();
            let pairs = z.row_mut(channel).iter_mut().zip(x.row(channel));
            pairs.for_each(|(z, &x)| *z = x * scale + shift);
        }
        let constant: T = log_scale.iter().copied().sum();
        log_det.iter_mut().for_each(|sum| *sum += constant);
    }

    fn backward(
        &self,
        parameters: &[T],
        x: &Panel<T>,
        _z: &Panel<T>,
        _trace: &mut LayerTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        _scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    ) {
        let (log_scale, _) = self.split(parameters);
        let d_constant: T = d_log_det.iter().copied().sum();
        let (d_log_scale, d_shift) = self.split_mut(d_parameters);
        let outputs = d_log_scale.iter_mut().zip(d_shift);
        for (channel, (log_scale, (d_log_scale, d_shift))) in
            log_scale.iter().zip(outputs).enumerate()
        {
            let scale = log_scale.exp();
            let (mut by_scale, mut by_shift) = (T::ZERO, T::ZERO);
            for (g, &x) in gradient.row_mut(channel).iter_mut().zip(x.row(channel)) {
                by_shift += *g;
                *g *= scale;
                by_scale += *g * x;
            }
            *d_log_scale = by_scale + d_constant;
            *d_shift = by_shift;
        }
    }

    fn generate_and_log_det(
        &self,
        parameters: &[T],
        _context: &Panel<T>,
        z: &Panel<T>,
        _trace: &mut LayerTrace<T>,
        x: &mut Panel<T>,
        log_det: &mut [T],
    ) {
        let (log_scale, shift) = self.split(parameters);
        for (channel, (log_scale, &shift)) in log_scale.iter().zip(shift).enumerate() {
            let scale = log_scale.exp();
            let pairs = x.row_mut(channel).iter_mut().zip(z.row(channel));
            pairs.for_each(|(x, &z)| *x = (z - shift) / scale);
        }
        let constant: T = log_scale.iter().copied().sum();
        log_det.iter_mut().for_each(|sum| *sum += -constant);
    }

    fn generate_backward(
        &self,
        parameters: &[T],
        _z: &Panel<T>,
        x: &Panel<T>,
        _trace: &mut LayerTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        _scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    ) {
        // x = (z - shift) / scale, so dx/dshift = -1 / scale and dx/dlog_scale = -x.
        let (log_scale, _) = self.split(parameters);
        let d_constant: T = d_log_det.iter().copied().sum();
        let (d_log_scale, d_shift) = self.split_mut(d_parameters);
        let outputs = d_log_scale.iter_mut().zip(d_shift);
        for (channel, (log_scale, (d_log_scale, d_shift))) in
            log_scale.iter().zip(outputs).enumerate()
        {
            let inverse_scale = (-*log_scale).exp();
            let (mut by_scale, mut by_shift) = (T::ZERO, T::ZERO);
            for (g, &x) in gradient.row_mut(channel).iter_mut().zip(x.row(channel)) {
                by_scale += *g * x;
                *g *= inverse_scale;
                by_shift += *g;
            }
            *d_log_scale = -(by_scale + d_constant);
            *d_shift = -by_shift;
        }
    }

    fn parameters(&self) -> usize {
        2 * self.channels
    }

    fn macs(&self) -> usize {
        self.channels
    }

    fn stored(&self) -> usize {
        2 * self.channels
    }

    fn initialise(&self, parameters: &mut [T], _random: &mut Random) {
        parameters[self.offset..][..2 * self.channels].fill(T::ZERO);
    }

    fn to_parts(&self, parameters: &[T]) -> LayerParts<T> {
        let (log_scale, shift) = self.split(parameters);
        LayerParts::ElementWise(ScalesParts {
            scale: log_scale.iter().map(|log_scale| log_scale.exp()).collect(),
            shift: shift.to_vec(),
        })
    }
}
