//! The element-wise affine layer: `z = x exp(log_scale) + shift` for each channel; ActNorm (Kingma & Dhariwal 2018)
//! if it starts from the moments of a batch.

use super::bijection::{Bijection, Forward, Reverse};
use super::panel::Panel;
use super::parts::{LayerParts, ScalesParts};
use super::real::Real;
use flow_embedded::artefact::Direction;
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

    fn backward<T: Real>(&self, pass: Reverse<'_, T>) {
        let Reverse {
            parameters,
            from: x,
            d_log_det,
            gradient,
            d_parameters,
            ..
        } = pass;
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

    fn inverse_backward<T: Real>(&self, pass: Reverse<'_, T>) {
        let Reverse {
            parameters,
            to: x,
            d_log_det,
            gradient,
            d_parameters,
            ..
        } = pass;
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
}

impl<T: Real> Bijection<T> for ElementWise {
    type Trace = ();

    fn trace(&self, _columns: usize) {}

    fn forward(&self, direction: Direction, pass: Forward<'_, T>, (): &mut ()) {
        let (log_scale, shift) = self.split(pass.parameters);
        for (channel, (log_scale, &shift)) in log_scale.iter().zip(shift).enumerate() {
            let scale = log_scale.exp();
            let from = pass.from.row(channel);
            let pairs = pass.to.row_mut(channel).iter_mut().zip(from);
            match direction {
                Direction::Normalizing => pairs.for_each(|(z, &x)| *z = x * scale + shift),
                Direction::Generative => pairs.for_each(|(x, &z)| *x = (z - shift) / scale),
            }
        }
        let sum: T = log_scale.iter().copied().sum();
        let constant = match direction {
            Direction::Normalizing => sum,
            Direction::Generative => -sum,
        };
        pass.log_det.iter_mut().for_each(|sum| *sum += constant);
    }

    fn reverse(&self, direction: Direction, pass: Reverse<'_, T>, (): &mut ()) {
        match direction {
            Direction::Normalizing => self.backward(pass),
            Direction::Generative => self.inverse_backward(pass),
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
