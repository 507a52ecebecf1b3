//! Layers over images: planes as panels, positions side by side.

use super::activation;
use super::lanes::LaneMath;
use super::transformer::{self, Way};
use flow_artefact::Planes;
use flow_embedded::artefact::{Activation, ConvolutionalCoupling, Transformer};
use flow_model::image::{Filter, PlanePanels as _};
use flow_model::matmul::{Staircase, Then, forward_rounded};
use flow_model::panel::{Panel, padded};

/// What transforms some planes of an image given others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Convolutional {
    activation: Activation,
    residual: bool,
    /// The image, the planes that condition and those that are transformed, and the parameters of each.
    sizes: Sizes,
    /// The hidden layers, then the output; their weights lie one behind the other.
    filters: Vec<Filter>,
    weights: Vec<f32>,
    /// The place of the memory that it works in: couplings of the same sizes share one.
    pub(super) memory: usize,
}

/// What the memory of a coupling depends on, beside its filters.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sizes {
    positions: usize,
    given: usize,
    transformed: usize,
    parameters: usize,
}

/// The planes of a coupling, and what happens to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Image<'l> {
    pub(super) given: &'l Planes,
    pub(super) transformed: &'l Planes,
    pub(super) transformer: Transformer,
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
            activation: own.conditioner.activation,
            residual: own.conditioner.residual,
            sizes: Sizes {
                positions: own.given.positions(),
                given: own.given.count(),
                transformed: own.transformed.count(),
                parameters: own.transformer.parameters(),
            },
            filters: filters.collect(),
            weights: stored.collect(),
            memory: 0,
        }
    }

    /// Whether memory for another coupling serves this one.
    pub(super) fn shares_memory(&self, other: &Self) -> bool {
        self.filters == other.filters && self.sizes == other.sizes
    }

    /// Memory for chunks of up to `rows` rows.
    pub(super) fn memory(&self, rows: usize) -> Memory {
        let columns = padded(rows);
        let sizes = self.sizes;
        let wide = sizes.positions * columns;
        let (_, hidden) = self.split();
        let features = self.filters.iter().map(Filter::features);
        Memory {
            input: Panel::new(sizes.given, wide),
            seen: self.filters.iter().map(|own| own.seen(columns)).collect(),
            hidden: hidden
                .iter()
                .map(|own| Panel::new(own.features(), wide))
                .collect(),
            parameters: Panel::new(sizes.parameters, wide),
            values: Panel::new(sizes.transformed, wide),
            log_dets: vec![vec![0.0; wide]; sizes.transformed],
            zeros: vec![0.0; features.max().unwrap_or(0)],
        }
    }

    /// Transforms the planes in place; adds their log-determinants where the way has them. `context` starts with the
    /// context's features.
    pub(super) fn apply<M: LaneMath>(
        &self,
        image: Image<'_>,
        way: Way,
        context: &Panel<f32>,
        event: &mut Panel<f32>,
        memory: &mut Memory,
        log_det: &mut [f32],
    ) {
        image.given.gather(event, &mut memory.input);
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
        image.transformed.gather(event, &mut memory.values);
        let (seen, zeros) = (&memory.seen[hidden.len()], &memory.zeros);
        for (plane, log_dets) in memory.log_dets.iter_mut().enumerate() {
            let count = self.sizes.parameters;
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
                image.transformer,
                way,
                false,
                memory.values.row_mut(plane),
                &mut memory.parameters,
                log_dets,
            );
        }
        image.transformed.scatter(&memory.values, event);
        // Position by position, as the runtime adds.
        let width = event.width();
        for block in 0..self.sizes.positions {
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

/// An invertible 1×1 convolution: applies `map` to the planes of `event`, given memory for a row of them.
pub(super) fn pointwise(
    planes: &Planes,
    event: &mut Panel<f32>,
    map: impl Fn(&mut Panel<f32>, &mut [f32]),
) {
    let mut own = planes.panel(event.width());
    planes.gather(event, &mut own);
    let mut sum = vec![0.0; own.width()];
    map(&mut own, &mut sum);
    planes.scatter(&own, event);
}
