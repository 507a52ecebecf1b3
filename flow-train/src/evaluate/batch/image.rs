//! Layers over images: planes as panels, positions side by side.

use super::activation;
use super::lanes::LaneMath;
use super::linear::Linear;
use super::transformer::{self, Way};
use crate::model::image::{Filter, Planes};
use crate::model::matmul::{Staircase, Then, forward_rounded};
use crate::model::panel::{Panel, padded};
use flow_embedded::artefact::{Activation, ConvolutionalCoupling, Transformer};

/// Some planes of an image transformed given others.
#[derive(Debug)]
pub(super) struct Convolutional {
    given: Planes,
    transformed: Planes,
    transformer: Transformer,
    activation: Activation,
    residual: bool,
    /// The hidden layers, then the output; their weights lie one behind the other.
    filters: Vec<Filter>,
    weights: Vec<f32>,
}

/// Memory of couplings of the same sizes, for one chunk.
#[derive(Debug)]
pub(super) struct Memory {
    input: Panel<f32>,
    /// What each convolution multiplies.
    seen: Vec<Panel<f32>>,
    hidden: Vec<Panel<f32>>,
    /// The parameters of one plane.
    parameters: Panel<f32>,
    values: Panel<f32>,
    /// Of each plane the log-determinants at all positions.
    log_dets: Vec<Vec<f32>>,
    zeros: Vec<f32>,
}

impl Convolutional {
    /// Takes its weights from `stored`.
    pub(super) fn new(
        own: &ConvolutionalCoupling<'_>,
        context: usize,
        stored: impl Iterator<Item = f32>,
    ) -> Self {
        let mut offset = 0;
        let filters = own.convolutions(context).map(|(sizes, features)| {
            let filter = Filter::new(sizes, features, offset);
            offset += filter.parameters();
            filter
        });
        Self {
            given: Planes::from(&own.given),
            transformed: Planes::from(&own.transformed),
            transformer: own.transformer,
            activation: own.conditioner.activation,
            residual: own.conditioner.residual,
            filters: filters.collect(),
            weights: stored.collect(),
        }
    }

    /// Whether memory for another coupling serves this one.
    pub(super) fn shares_memory(&self, other: &Self) -> bool {
        self.filters == other.filters
            && self.transformer.parameters() == other.transformer.parameters()
    }

    /// Memory for chunks of up to `rows` rows.
    pub(super) fn memory(&self, rows: usize) -> Memory {
        let columns = padded(rows);
        let wide = self.given.positions() * columns;
        let (_, hidden) = self.split();
        let planes = self.transformed.count();
        let features = self.filters.iter().map(Filter::features);
        Memory {
            input: self.given.panel(columns),
            seen: self.filters.iter().map(|own| own.seen(columns)).collect(),
            hidden: hidden
                .iter()
                .map(|own| Panel::new(own.features(), wide))
                .collect(),
            parameters: Panel::new(self.transformer.parameters(), wide),
            values: self.transformed.panel(columns),
            log_dets: vec![vec![0.0; wide]; planes],
            zeros: vec![0.0; features.max().unwrap_or(0)],
        }
    }

    /// Transforms the planes in place; adds their log-determinants where the way has them. `context` starts with the
    /// context's features.
    pub(super) fn apply<M: LaneMath>(
        &self,
        way: Way,
        context: &Panel<f32>,
        event: &mut Panel<f32>,
        memory: &mut Memory,
        log_det: &mut [f32],
    ) {
        self.given.gather(event, &mut memory.input);
        let (output, hidden) = self.split();
        for (index, own) in hidden.iter().enumerate() {
            self.load(index, context, memory);
            let (before, behind) = memory.hidden.split_at_mut(index);
            let units = &mut behind[0];
            let (seen, zeros) = (&memory.seen[index], &memory.zeros);
            let rows = 0..own.features();
            forward_rounded(
                self.staircase(own, 0),
                zeros,
                seen,
                units,
                rows.clone(),
                Then::Nothing,
            );
            let values = units.rows_mut(rows.clone());
            activation::apply::<M>(self.activation, values);
            if let Some(input) = before.last().filter(|_| self.residual) {
                let pairs = values.iter_mut().zip(input.rows_of(rows));
                pairs.for_each(|(unit, input)| *unit += input);
            }
        }
        self.load(hidden.len(), context, memory);
        self.transformed.gather(event, &mut memory.values);
        let (seen, zeros) = (&memory.seen[hidden.len()], &memory.zeros);
        for (plane, log_dets) in memory.log_dets.iter_mut().enumerate() {
            let count = self.transformer.parameters();
            let staircase = self.staircase(output, plane * count);
            forward_rounded(
                staircase,
                zeros,
                seen,
                &mut memory.parameters,
                0..count,
                Then::Nothing,
            );
            log_dets.fill(0.0);
            transformer::apply::<M>(
                self.transformer,
                way,
                false,
                memory.values.row_mut(plane),
                &mut memory.parameters,
                log_dets,
            );
        }
        self.transformed.scatter(&memory.values, event);
        // Position by position, as the runtime adds.
        let width = event.width();
        for block in 0..self.given.positions() {
            for log_dets in &memory.log_dets {
                let own = &log_dets[block * width..][..width];
                log_det
                    .iter_mut()
                    .zip(own)
                    .for_each(|(sum, own)| *sum += own);
            }
        }
    }

    /// What the convolution of this number multiplies.
    fn load(&self, index: usize, context: &Panel<f32>, memory: &mut Memory) {
        let seen = &mut memory.seen[index];
        let input = match index.checked_sub(1) {
            Some(before) => &memory.hidden[before],
            None => {
                self.filters[0].load_context(context, seen);
                &memory.input
            }
        };
        self.filters[index].load(input, seen);
    }

    /// The rows of a convolution from `first` on.
    fn staircase<'c>(&'c self, own: &'c Filter, first: usize) -> Staircase<'c, f32> {
        let all = own.staircase(&self.weights);
        Staircase {
            weights: &all.weights[first * all.inputs..],
            prefix: &all.prefix[first..],
            inputs: all.inputs,
        }
    }

    fn split(&self) -> (&Filter, &[Filter]) {
        self.filters
            .split_last()
            .expect("a valid coupling has an output layer")
    }
}

/// An invertible 1×1 convolution.
#[derive(Debug)]
pub(super) struct Pointwise {
    planes: Planes,
    linear: Linear,
}

impl Pointwise {
    /// Takes its weights from the front of `stored`.
    pub(super) fn new(planes: Planes, stored: &mut impl Iterator<Item = f32>) -> Self {
        let linear = Linear::new(planes.count(), stored);
        Self { planes, linear }
    }

    pub(super) fn normalize(&self, event: &mut Panel<f32>) {
        self.apply(event, |planes, sum| self.linear.normalize(planes, sum));
    }

    pub(super) fn generate(&self, event: &mut Panel<f32>) {
        self.apply(event, |planes, sum| self.linear.generate(planes, sum));
    }

    fn apply(&self, event: &mut Panel<f32>, map: impl Fn(&mut Panel<f32>, &mut [f32])) {
        let mut planes = self.planes.panel(event.width());
        self.planes.gather(event, &mut planes);
        let mut sum = vec![0.0; planes.width()];
        map(&mut planes, &mut sum);
        self.planes.scatter(&planes, event);
    }
}
