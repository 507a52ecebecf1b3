//! One pass of a batch through all layers and back.

use super::base::BaseTrace;
use super::bijection::{AnyBijection, Forward, Layer, Precision, Reverse, Step};
use super::categorical::CategoricalTrace;
use super::conditioner::{Conditioner, Scratch};
use super::flow::Flow;
use super::panel::Panel;
use super::real::Real;
use flow_embedded::artefact::Direction;

/// Everything that a pass over up to `capacity` events needs, allocated once.
#[derive(Debug)]
pub(crate) struct Pass<T> {
    rows: usize,
    /// Event channels and context numbers of a row, and the event channels that layers act on.
    event_width: usize,
    context_width: usize,
    continuous: Vec<usize>,
    /// What conditions.
    context: Panel<T>,
    categorical: CategoricalTrace<T>,
    /// The input of each layer, then the base values.
    values: Vec<Panel<T>>,
    steps: Vec<Box<dyn Step<T>>>,
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

impl<T: Precision> Pass<T> {
    pub(crate) fn new(flow: &Flow<T>, capacity: usize) -> Self {
        let layers = || flow.layers().iter().map(Layer::get::<T>);
        let categorical = flow.categorical();
        let (channels, features) = (categorical.continuous().len(), categorical.features());
        let gradient = Panel::new(channels, capacity);
        let zeros = vec![T::ZERO; gradient.width()];
        let heads = categorical.heads().iter().map(Conditioner::heights);
        let learned = if categorical.is_empty() { 0 } else { features };
        Self {
            rows: 0,
            event_width: flow.event(),
            context_width: flow.context(),
            continuous: categorical.continuous().to_vec(),
            context: Panel::new(features, capacity),
            categorical: categorical.trace(capacity),
            values: (0..=flow.layers().len())
                .map(|_| Panel::new(channels, capacity))
                .collect(),
            steps: layers().map(|layer| layer.step(capacity)).collect(),
            base: flow.base().trace(capacity),
            log_det: zeros.clone(),
            energies: zeros.clone(),
            weights: zeros.clone(),
            d_energy: zeros.clone(),
            d_log_det: zeros,
            gradient,
            scratch: Scratch::new(
                layers().map(AnyBijection::heights).chain(heads),
                learned,
                capacity,
            ),
        }
    }

    /// Takes row-major events and contexts, no more than the capacity. Without weights each event counts as one.
    pub(crate) fn load(&mut self, flow: &Flow<T>, events: &[T], contexts: &[T], weights: &[T]) {
        self.load_values(flow, 0, events, contexts);
        let (own, padding) = self.weights.split_at_mut(self.rows);
        match weights {
            [] => own.fill(T::ONE),
            weights => own.copy_from_slice(weights),
        }
        padding.fill(T::ZERO);
    }

    /// Takes row-major base values and contexts, no more than the capacity.
    pub(crate) fn load_base(&mut self, flow: &Flow<T>, z: &[T], contexts: &[T]) {
        self.load_values(flow, self.values.len() - 1, z, contexts);
    }

    fn load_values(&mut self, flow: &Flow<T>, index: usize, values: &[T], contexts: &[T]) {
        self.rows = values.len() / self.event_width;
        let rows = (values, self.event_width);
        transpose(rows, &self.continuous, self.rows, &mut self.values[index]);
        flow.categorical().load(
            rows,
            (contexts, self.context_width),
            self.rows,
            &mut self.categorical,
            &mut self.context,
        );
    }

    /// What the categorical channels give: features that condition, and the energies to begin with.
    fn condition(&mut self, flow: &Flow<T>) {
        self.energies.fill(T::ZERO);
        flow.categorical().forward(
            flow.parameters(),
            &mut self.categorical,
            &mut self.context,
            &mut self.energies,
        );
    }

    /// Data to base.
    pub(crate) fn forward(&mut self, flow: &Flow<T>) {
        self.condition(flow);
        self.log_det.fill(T::ZERO);
        for (index, step) in self.steps.iter_mut().enumerate() {
            let (before, after) = self.values.split_at_mut(index + 1);
            let pass = Forward {
                parameters: flow.parameters(),
                context: &self.context,
                from: &before[index],
                to: &mut after[0],
                log_det: &mut self.log_det,
            };
            step.forward(Direction::Normalizing, pass);
        }
        for (energy, &log_det) in self.energies.iter_mut().zip(&self.log_det) {
            *energy -= log_det;
        }
        let z = &self.values[flow.layers().len()];
        flow.base()
            .energy(flow.parameters(), z, &mut self.base, &mut self.energies);
    }

    /// Base to data.
    pub(crate) fn generate(&mut self, flow: &Flow<T>) {
        self.condition(flow);
        self.log_det.fill(T::ZERO);
        for (index, step) in self.steps.iter_mut().enumerate().rev() {
            let (before, after) = self.values.split_at_mut(index + 1);
            let pass = Forward {
                parameters: flow.parameters(),
                context: &self.context,
                from: &after[0],
                to: &mut before[index],
                log_det: &mut self.log_det,
            };
            step.forward(Direction::Generative, pass);
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
        let rows = (d_events, self.event_width);
        transpose(rows, &self.continuous, self.rows, &mut self.gradient);
        self.scratch.clear_context();
        let (own, padding) = self.d_log_det.split_at_mut(self.rows);
        own.copy_from_slice(d_log_det);
        padding.fill(T::ZERO);
        for (index, step) in self.steps.iter_mut().enumerate() {
            let pass = Reverse {
                parameters: flow.parameters(),
                from: &self.values[index + 1],
                to: &self.values[index],
                d_log_det: &self.d_log_det,
                gradient: &mut self.gradient,
                scratch: &mut self.scratch,
                d_parameters,
            };
            step.reverse(Direction::Generative, pass);
        }
    }

    /// What went into a layer in the last forward pass.
    pub(crate) fn input(&self, layer: usize) -> &Panel<T> {
        &self.values[layer]
    }

    /// What the conditioner of a layer read in the last pass; nothing without one.
    pub(crate) fn read(&self, layer: usize) -> Option<&Panel<T>> {
        self.steps[layer].read()
    }

    /// Base values, row-major, and log-determinants of the last forward pass.
    pub(crate) fn base(&self, flow: &Flow<T>, z: &mut [T], log_det: &mut [T]) {
        self.copy_out(flow, self.values.len() - 1, z, log_det);
    }

    /// Events, row-major, and log-determinants of the last pass from base to data.
    pub(crate) fn data(&self, flow: &Flow<T>, x: &mut [T], log_det: &mut [T]) {
        self.copy_out(flow, 0, x, log_det);
    }

    fn copy_out(&self, flow: &Flow<T>, index: usize, values: &mut [T], log_det: &mut [T]) {
        untranspose(
            &self.values[index],
            &self.continuous,
            self.event_width,
            values,
        );
        flow.categorical()
            .copy_codes(&self.categorical, self.event_width, values);
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

    /// The gradient by the events, row-major, that the last backward pass ended in; 0 by codes.
    pub(crate) fn d_events(&self, d_events: &mut [T]) {
        d_events.fill(T::ZERO);
        untranspose(&self.gradient, &self.continuous, self.event_width, d_events);
    }

    /// The gradient of `factor * sum of weight * energy` with respect to the parameters, after a forward pass.
    pub(crate) fn backward(&mut self, flow: &Flow<T>, factor: T, d_parameters: &mut [T]) {
        self.backward_with(flow, factor, d_parameters, |_, _| {});
    }

    /// As [`backward`](Self::backward); `visit` sees the values before each layer and behind the last one, and the
    /// gradient by them, from the base to the data.
    fn backward_with(
        &mut self,
        flow: &Flow<T>,
        factor: T,
        d_parameters: &mut [T],
        mut visit: impl FnMut(&Panel<T>, &Panel<T>),
    ) {
        let derivatives = self.d_energy.iter_mut().zip(&mut self.d_log_det);
        for ((d_energy, d_log_det), &weight) in derivatives.zip(&self.weights) {
            *d_energy = factor * weight;
            *d_log_det = -*d_energy;
        }
        let z = &self.values[flow.layers().len()];
        flow.base().backward(
            flow.parameters(),
            z,
            &mut self.base,
            &self.d_energy,
            &mut self.gradient,
            d_parameters,
        );
        visit(z, &self.gradient);
        self.scratch.clear_context();
        for (index, step) in self.steps.iter_mut().enumerate().rev() {
            let pass = Reverse {
                parameters: flow.parameters(),
                from: &self.values[index],
                to: &self.values[index + 1],
                d_log_det: &self.d_log_det,
                gradient: &mut self.gradient,
                scratch: &mut self.scratch,
                d_parameters,
            };
            step.reverse(Direction::Normalizing, pass);
            visit(&self.values[index], &self.gradient);
        }
        flow.categorical().backward(
            flow.parameters(),
            &self.categorical,
            &self.d_energy,
            &mut self.scratch,
            d_parameters,
        );
    }

    /// What the log-likelihood of each loaded event consists of, by sizes, and what a relative error in the numbers
    /// between layers does to it; see [`Sizes`]. Runs both passes.
    pub(crate) fn sizes(&mut self, flow: &Flow<T>) -> Sizes<T> {
        self.forward(flow);
        let mut d_parameters = vec![T::ZERO; flow.parameters().len()];
        let mut by_values = vec![T::ZERO; self.energies.len()];
        self.backward_with(flow, T::ONE, &mut d_parameters, |values, gradient| {
            for channel in 0..values.rows() {
                let pairs = values.row(channel).iter().zip(gradient.row(channel));
                for (sum, (&value, &slope)) in by_values.iter_mut().zip(pairs) {
                    *sum += (value * slope).abs();
                }
            }
        });
        let mut by_event = vec![T::ZERO; self.rows * self.event_width];
        self.d_events(&mut by_event);
        // The terms one by one: the pass itself keeps only their sum.
        let mut terms = vec![flow.base().log_norm().abs(); self.rows];
        for (index, step) in self.steps.iter_mut().enumerate() {
            self.log_det.fill(T::ZERO);
            let (before, after) = self.values.split_at_mut(index + 1);
            let pass = Forward {
                parameters: flow.parameters(),
                context: &self.context,
                from: &before[index],
                to: &mut after[0],
                log_det: &mut self.log_det,
            };
            step.forward(Direction::Normalizing, pass);
            let pairs = terms.iter_mut().zip(&self.log_det);
            pairs.for_each(|(sum, own)| *sum += own.to_f64().abs());
        }
        let z = &self.values[flow.layers().len()];
        self.energies.fill(T::ZERO);
        flow.base()
            .energy(flow.parameters(), z, &mut self.base, &mut self.energies);
        let pairs = terms.iter_mut().zip(&self.energies);
        pairs.for_each(|(sum, own)| *sum += own.to_f64().abs());
        by_values.truncate(self.rows);
        Sizes {
            terms,
            by_values,
            by_event,
        }
    }
}

/// Sizes of what makes up the log-likelihood of each event of a batch.
#[derive(Debug, Clone, Default)]
pub struct Sizes<T> {
    /// The sum of absolute values of the terms, in nats: the base's density and constant, and the log-determinant of
    /// each layer.
    pub terms: Vec<f64>,
    /// The sum of `|v ∂ log p / ∂v|` over all numbers `v` before, between and behind the layers: what a relative error
    /// of 1 in each of them would do, to first order.
    pub by_values: Vec<T>,
    /// `− ∂ log p / ∂x`, row-major.
    pub by_event: Vec<T>,
}

impl<T> Sizes<T> {
    /// Appends those of the next rows.
    pub fn extend(&mut self, next: Self) {
        self.terms.extend(next.terms);
        self.by_values.extend(next.by_values);
        self.by_event.extend(next.by_event);
    }
}

/// Some columns of row-major values `[rows x width]` to feature-major; the padding becomes 0.
fn transpose<T: Real>(
    (values, width): (&[T], usize),
    columns: &[usize],
    rows: usize,
    panel: &mut Panel<T>,
) {
    debug_assert_eq!(values.len(), rows * width);
    for (channel, column) in columns.iter().enumerate() {
        let (row, padding) = panel.row_mut(channel).split_at_mut(rows);
        for (to, from) in row.iter_mut().zip(values[*column..].iter().step_by(width)) {
            *to = *from;
        }
        padding.fill(T::ZERO);
    }
}

/// Feature-major to some columns of row-major values, without the padding.
fn untranspose<T: Real>(panel: &Panel<T>, columns: &[usize], width: usize, values: &mut [T]) {
    for (channel, column) in columns.iter().enumerate() {
        let to = values.iter_mut().skip(*column).step_by(width);
        to.zip(panel.row(channel))
            .for_each(|(to, &from)| *to = from);
    }
}
