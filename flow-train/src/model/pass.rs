//! One pass of a batch through all layers and back.

use super::base::BaseTrace;
use super::bijection::{Bijection, Layer, LayerTrace};
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
    base: BaseTrace<T>,
    log_det: Vec<T>,
    energies: Vec<T>,
    /// The weight of each event: 0 in the padding.
    weights: Vec<T>,
    /// The loss's derivative by each event's energy, and by its `log_det`.
    d_energy: Vec<T>,
    d_log_det: Vec<T>,
    gradient: Panel<T>,
    scratch: Scratch<T>,
}

impl<T: Real> Pass<T> {
    pub(crate) fn new(flow: &Flow<T>, capacity: usize) -> Self {
        let layers = || flow.layers().iter().map(Layer::get::<T>);
        let gradient = Panel::new(flow.event(), capacity);
        let zeros = vec![T::ZERO; gradient.width()];
        Self {
            rows: 0,
            context: Panel::new(flow.context(), capacity),
            values: (0..=flow.layers().len())
                .map(|_| Panel::new(flow.event(), capacity))
                .collect(),
            traces: layers().map(|layer| layer.trace(capacity)).collect(),
            base: flow.base().trace(capacity),
            log_det: zeros.clone(),
            energies: zeros.clone(),
            weights: zeros.clone(),
            d_energy: zeros.clone(),
            d_log_det: zeros,
            gradient,
            scratch: Scratch::new(layers().map(Bijection::heights), capacity),
        }
    }

    /// Takes row-major events and contexts, no more than the capacity. Without weights each event counts as one.
    pub(crate) fn load(&mut self, events: &[T], contexts: &[T], weights: &[T]) {
        self.load_values(0, events, contexts);
        let (own, padding) = self.weights.split_at_mut(self.rows);
        match weights {
            [] => own.fill(T::ONE),
            weights => own.copy_from_slice(weights),
        }
        padding.fill(T::ZERO);
    }

    /// Takes row-major base values and contexts, no more than the capacity.
    pub(crate) fn load_base(&mut self, z: &[T], contexts: &[T]) {
        self.load_values(self.values.len() - 1, z, contexts);
    }

    fn load_values(&mut self, index: usize, values: &[T], contexts: &[T]) {
        self.rows = values.len() / self.gradient.rows();
        transpose(values, self.rows, &mut self.values[index]);
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
        for (energy, &log_det) in self.energies.iter_mut().zip(&self.log_det) {
            *energy = -log_det;
        }
        let z = &self.values[flow.layers().len()];
        flow.base()
            .energy(flow.parameters(), z, &mut self.base, &mut self.energies);
    }

    /// Base to data.
    pub(crate) fn generate(&mut self, flow: &Flow<T>) {
        self.log_det.fill(T::ZERO);
        let layers = flow.layers().iter().zip(&mut self.traces).enumerate();
        for (index, (layer, trace)) in layers.rev() {
            let (before, after) = self.values.split_at_mut(index + 1);
            layer.get::<T>().generate_and_log_det(
                flow.parameters(),
                &self.context,
                &after[0],
                trace,
                &mut before[index],
                &mut self.log_det,
            );
        }
    }

    /// The gradient with respect to the parameters of a loss on what the last pass from base to data gave, from the
    /// loss's derivatives by its row-major events and by its log-determinants. The base's parameters are left out.
    pub(crate) fn generate_backward(
        &mut self,
        flow: &Flow<T>,
        d_events: &[T],
        d_log_det: &[T],
        d_parameters: &mut [T],
    ) {
        transpose(d_events, self.rows, &mut self.gradient);
        let (own, padding) = self.d_log_det.split_at_mut(self.rows);
        own.copy_from_slice(d_log_det);
        padding.fill(T::ZERO);
        for (index, layer) in flow.layers().iter().enumerate() {
            layer.get::<T>().generate_backward(
                flow.parameters(),
                &self.values[index + 1],
                &self.values[index],
                &mut self.traces[index],
                &self.d_log_det,
                &mut self.gradient,
                &mut self.scratch,
                d_parameters,
            );
        }
    }

    /// What went into a layer in the last forward pass.
    pub(crate) fn input(&self, layer: usize) -> &Panel<T> {
        &self.values[layer]
    }

    /// What a layer's pass left behind.
    pub(crate) fn trace(&mut self, layer: usize) -> &mut LayerTrace<T> {
        &mut self.traces[layer]
    }

    /// Base values, row-major, and log-determinants of the last forward pass.
    pub(crate) fn base(&self, z: &mut [T], log_det: &mut [T]) {
        self.copy_out(self.values.len() - 1, z, log_det);
    }

    /// Events, row-major, and log-determinants of the last pass from base to data.
    pub(crate) fn data(&self, x: &mut [T], log_det: &mut [T]) {
        self.copy_out(0, x, log_det);
    }

    fn copy_out(&self, index: usize, values: &mut [T], log_det: &mut [T]) {
        untranspose(&self.values[index], values);
        log_det.copy_from_slice(&self.log_det[..self.rows]);
    }

    /// The negative log-density of each event of the last forward pass, without the base's constant.
    pub(crate) fn energies(&self) -> &[T] {
        &self.energies[..self.rows]
    }

    /// Number of event channels.
    pub(crate) fn event(&self) -> usize {
        self.gradient.rows()
    }

    /// The weight of each event.
    pub(crate) fn weights(&self) -> &[T] {
        &self.weights[..self.rows]
    }

    /// The gradient by the events, row-major, that the last backward pass ended in.
    pub(crate) fn d_events(&self, d_events: &mut [T]) {
        untranspose(&self.gradient, d_events);
    }

    /// The gradient of `factor * sum of weight * energy` with respect to the parameters, after a forward pass.
    pub(crate) fn backward(&mut self, flow: &Flow<T>, factor: T, d_parameters: &mut [T]) {
        let derivatives = self.d_energy.iter_mut().zip(&mut self.d_log_det);
        for ((d_energy, d_log_det), &weight) in derivatives.zip(&self.weights) {
            *d_energy = factor * weight;
            *d_log_det = -*d_energy;
        }
        flow.base().backward(
            flow.parameters(),
            &self.values[flow.layers().len()],
            &mut self.base,
            &self.d_energy,
            &mut self.gradient,
            d_parameters,
        );
        for (index, layer) in flow.layers().iter().enumerate().rev() {
            layer.get::<T>().backward(
                flow.parameters(),
                &self.values[index],
                &self.values[index + 1],
                &mut self.traces[index],
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

/// Feature-major to row-major, without the padding.
fn untranspose<T: Real>(panel: &Panel<T>, values: &mut [T]) {
    for channel in 0..panel.rows() {
        let column = values.iter_mut().skip(channel).step_by(panel.rows());
        column
            .zip(panel.row(channel))
            .for_each(|(to, &from)| *to = from);
    }
}
