//! One pass of a batch through all layers and back.

use super::bijection::LayerTrace;
use super::conditioner::Scratch;
use super::flow::Flow;
use super::panel::Panel;
use super::real::Real;

/// Everything that a pass over up to `capacity` events needs, allocated once.
#[derive(Debug)]
pub(crate) struct Pass<T> {
    rows: usize,
    context: Panel<T>,
    /// The input of each layer, then the base values.
    values: Vec<Panel<T>>,
    traces: Vec<LayerTrace<T>>,
    log_det: Vec<T>,
    energies: Vec<T>,
    /// The loss's derivative by each event's `log_det`: 0 in the padding.
    d_log_det: Vec<T>,
    gradient: Panel<T>,
    scratch: Scratch<T>,
}

impl<T: Real> Pass<T> {
    pub(crate) fn new(flow: &Flow<T>, capacity: usize) -> Self {
        let height = flow
            .layers()
            .iter()
            .map(|layer| layer.get::<T>().height())
            .max()
            .unwrap_or(0);
        let gradient = Panel::new(flow.event(), capacity);
        let width = gradient.width();
        Self {
            rows: 0,
            context: Panel::new(flow.context(), capacity),
            values: (0..=flow.layers().len())
                .map(|_| Panel::new(flow.event(), capacity))
                .collect(),
            traces: flow
                .layers()
                .iter()
                .map(|layer| layer.get::<T>().trace(capacity))
                .collect(),
            log_det: vec![T::ZERO; width],
            energies: vec![T::ZERO; width],
            d_log_det: vec![T::ZERO; width],
            gradient,
            scratch: Scratch::new(height, capacity),
        }
    }

    /// Takes row-major events and contexts; no more than the capacity.
    pub(crate) fn load(&mut self, events: &[T], contexts: &[T]) {
        self.rows = events.len() / self.gradient.rows();
        transpose(events, self.rows, &mut self.values[0]);
        transpose(contexts, self.rows, &mut self.context);
    }

    /// Data to base.
    pub(crate) fn forward(&mut self, flow: &Flow<T>) {
        self.log_det.fill(T::ZERO);
        for (index, (layer, trace)) in flow.layers().iter().zip(&mut self.traces).enumerate() {
            let (before, after) = self.values.split_at_mut(index + 1);
            layer.get::<T>().normalize_and_log_det(
                flow.parameters(),
                &self.context,
                &before[index],
                trace,
                &mut after[0],
                &mut self.log_det,
            );
        }
        let half = T::from_f64(0.5);
        for (energy, &log_det) in self.energies.iter_mut().zip(&self.log_det) {
            *energy = -log_det;
        }
        let base = &self.values[flow.layers().len()];
        for channel in 0..base.rows() {
            for (energy, &z) in self.energies.iter_mut().zip(base.row(channel)) {
                *energy += half * z * z;
            }
        }
    }

    /// Base values and log-determinants of the last forward pass.
    pub(crate) fn base(&self) -> (&Panel<T>, &[T]) {
        (&self.values[self.values.len() - 1], &self.log_det)
    }

    /// `z^2 / 2 - log_det` of each event of the last forward pass: its negative log-density without the constant.
    pub(crate) fn energies(&self) -> &[T] {
        &self.energies[..self.rows]
    }

    /// The gradient of `weight * sum of energies` with respect to the parameters, after a forward pass.
    pub(crate) fn backward(&mut self, flow: &Flow<T>, weight: T, d_parameters: &mut [T]) {
        self.d_log_det[..self.rows].fill(-weight);
        self.d_log_det[self.rows..].fill(T::ZERO);
        let base = &self.values[flow.layers().len()];
        for channel in 0..base.rows() {
            let (gradient, base) = (self.gradient.row_mut(channel), base.row(channel));
            for (g, &z) in gradient[..self.rows].iter_mut().zip(base) {
                *g = weight * z;
            }
            gradient[self.rows..].fill(T::ZERO);
        }
        for (index, layer) in flow.layers().iter().enumerate().rev() {
            layer.get::<T>().backward(
                flow.parameters(),
                &self.values[index],
                &self.traces[index],
                &self.d_log_det,
                &mut self.gradient,
                &mut self.scratch,
                d_parameters,
            );
        }
    }
}

/// Row-major `[rows x panel.rows()]` to feature-major; the padding becomes 0.
fn transpose<T: Real>(values: &[T], rows: usize, panel: &mut Panel<T>) {
    let channels = panel.rows();
    debug_assert_eq!(values.len(), rows * channels);
    for channel in 0..channels {
        let (row, padding) = panel.row_mut(channel).split_at_mut(rows);
        for (to, from) in row
            .iter_mut()
            .zip(values[channel..].iter().step_by(channels))
        {
            *to = *from;
        }
        padding.fill(T::ZERO);
    }
}
