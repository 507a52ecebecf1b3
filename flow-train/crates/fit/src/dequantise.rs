//! Variational dequantisation (Ho et al. 2019, "Flow++").
//!
//! Where in its cell a rounded row stands is not drawn evenly but by a flow of its own, `q`, given the row: conditional
//! on the prepared channels, its values are the offsets within the cells through a sigmoid. Both flows are trained on
//! the bound `ln P(row) >= E [ln p(row + offset) - ln q(offset | row)]`, `q` by the gradient through its draws. The
//! flow that is kept is then free to be high in a part of each cell, instead of having to be flat in all of it.

use super::adam::{Adam, norm};
use super::average::Average;
use super::config::Config;
use flow_data::Preparation;
use flow_data::domain::generate;
use flow_host::random::Random;
use flow_model::{BaseSpec, ConditionerSpec, Family, Flow, Spec};

/// The flow of the offsets within the cells of so many channels, given the prepared channels.
///
/// Starts near the uniform distribution. It takes part in training only, so its size costs nothing on the chip.
pub fn spec(channels: usize) -> Spec {
    let plain = Spec::new(Family::Nsf, channels, channels);
    Spec {
        layers: 4,
        conditioner: ConditionerSpec {
            hidden: vec![64],
            ..plain.conditioner.clone()
        },
        // Its sigmoid is uniform.
        base: BaseSpec::Logistic,
        ..plain
    }
}

/// Draws the offsets of batches, and learns from what becomes of them.
pub(super) struct Dequantiser<'f> {
    flow: &'f mut Flow<f32>,
    adam: Adam<f32>,
    average: Average<f32>,
    best: Vec<f32>,
    /// Base values of the last draws.
    base: Vec<f32>,
    /// What they became, before the sigmoid.
    values: Vec<f32>,
    /// The offsets, in steps of the grid, -1/2 to 1/2.
    offsets: Vec<f32>,
    /// What the draws are conditional on.
    contexts: Vec<f32>,
    log_det: Vec<f32>,
    /// `ln q` of the offsets of each row, in steps of the grid.
    log_q: Vec<f32>,
    d_values: Vec<f32>,
    d_log_det: Vec<f32>,
}

impl<'f> Dequantiser<'f> {
    /// For batches of up to `capacity` rows.
    pub(super) fn new(flow: &'f mut Flow<f32>, capacity: usize, config: &Config) -> Self {
        let values = vec![0.0; capacity * flow.event()];
        let rows = vec![0.0; capacity];
        Self {
            // One thread: the batches are small.
            adam: Adam::new(flow.parameters().len(), 1),
            average: Average::new(flow.parameters(), config.average),
            best: flow.parameters().to_vec(),
            base: values.clone(),
            offsets: values.clone(),
            contexts: values.clone(),
            d_values: values.clone(),
            values,
            log_det: rows.clone(),
            log_q: rows.clone(),
            d_log_det: rows,
            flow,
        }
    }

    /// Draws an offset, in steps, for each channel of raw rows.
    pub(super) fn draw(
        &mut self,
        raw: &[f32],
        preparation: &Preparation,
        random: &mut Random,
    ) -> &[f32] {
        let (count, rows) = (raw.len(), raw.len() / self.flow.event());
        let contexts = &mut self.contexts[..count];
        contexts.copy_from_slice(raw);
        preparation.events(contexts, &mut self.log_det[..rows]);
        for z in &mut self.base[..count] {
            let share = random.uniform().clamp(1e-9, 1.0 - 1e-9);
            *z = (share / (1.0 - share)).ln() as f32;
        }
        let values = &mut self.values[..count];
        values.copy_from_slice(&self.base[..count]);
        self.flow
            .generate_and_log_det(values, contexts, &mut self.log_det[..rows]);
        let channels = self.flow.event();
        for (row, log_q) in self.log_q[..rows].iter_mut().enumerate() {
            let own = row * channels..(row + 1) * channels;
            let log_base: f32 = self.base[own.clone()]
                .iter()
                .map(|z| log_logistic(*z))
                .sum();
            let log_slope: f32 = values[own].iter().map(|e| log_logistic(*e)).sum();
            // The slope of the sigmoid is the density of its own logistic distribution.
            *log_q = log_base - self.log_det[row] - log_slope;
        }
        for (offset, value) in self.offsets[..count].iter_mut().zip(values) {
            *offset = sigmoid(*value) - 0.5;
        }
        &self.offsets[..count]
    }

    /// `ln q` of the last draws, of each row, in steps.
    pub(super) fn log_q(&self) -> &[f32] {
        &self.log_q
    }

    /// One step against the gradient of the batch's loss: `d_events` is that by the prepared `events`, in which the
    /// weight of each row, `factors`, is a factor already.
    pub(super) fn learn(
        &mut self,
        events: &[f32],
        d_events: &[f32],
        factors: impl Iterator<Item = f32>,
        preparation: &Preparation,
        (rate, config): (f64, &Config),
    ) {
        let (count, channels) = (events.len(), self.flow.event());
        let rows = count / channels;
        for (row, factor) in factors.enumerate().take(rows) {
            self.d_log_det[row] = -factor;
            for (channel, map) in preparation.event.iter().enumerate() {
                let index = row * channels + channel;
                let (inv_std, factor) = (f64::from(map.inv_std), f64::from(factor));
                let place = f64::from(events[index]) / inv_std + f64::from(map.mean);
                let mapped = generate(map.domain, place);
                let by_raw = (f64::from(d_events[index]) * inv_std + factor * mapped.d_log_slope)
                    / mapped.slope;
                let share = f64::from(sigmoid(self.values[index]));
                let step = map.grid.map_or(0.0, |grid| f64::from(grid.step));
                let by_value = by_raw * step * share * (1.0 - share) + factor * (2.0 * share - 1.0);
                self.d_values[index] = by_value as f32;
            }
        }
        let gradient = self.flow.generate_backward(
            &self.base[..count],
            &self.contexts[..count],
            &self.d_values[..count],
            &self.d_log_det[..rows],
        );
        let length = norm(&gradient);
        if !length.is_finite() {
            return;
        }
        let shorten = (config.clip_norm / length.max(f64::MIN_POSITIVE)).min(1.0);
        let parameters = self.flow.parameters_mut();
        self.adam
            .step(parameters, &gradient, shorten, rate, config.weight_decay);
        self.average.update(self.flow.parameters());
    }

    /// Swaps the averaged parameters with the present ones, and back when called again.
    pub(super) fn swap(&mut self) {
        self.average.swap(self.flow.parameters_mut());
    }

    /// Keeps the averaged parameters as the best.
    pub(super) fn keep(&mut self) {
        self.best.copy_from_slice(self.average.values());
    }

    /// Back to the best parameters.
    pub(super) fn restart(&mut self) {
        self.flow.parameters_mut().copy_from_slice(&self.best);
        self.average.reset(&self.best);
        self.adam.reset();
    }
}

/// The standard logistic distribution's log-density.
fn log_logistic(x: f32) -> f32 {
    let size = x.abs();
    -size - 2.0 * (-size).exp().ln_1p()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
