//! Some rows on their way through the layers, feature by feature.

use super::conditioner::Memory;
use super::image::{self, Convolutional, Image, pointwise};
use super::lanes::LaneMath;
use super::linear::{gather, scale, scatter, unscale};
use super::plan::{Conditional, Panels, Plan};
use super::transformer::{self, Way};
use flow_artefact::Layer;
use flow_embedded::artefact::{Base, Direction, Domain, Header, Transformer};
use flow_embedded::kernels::{circle, conclude};
use flow_model::panel::Panel;

/// Memory for one chunk of rows.
#[derive(Debug)]
pub(super) struct Chunk<'p> {
    plan: &'p Plan,
    event: Panel<f32>,
    spare: Panel<f32>,
    memory: Memory,
    images: Vec<image::Memory>,
    /// Log-determinants: of the layers so far, and of the present one.
    log_det: Vec<f32>,
    own_log_det: Vec<f32>,
}

impl<'p> Chunk<'p> {
    /// For up to `rows` rows at a time.
    pub(super) fn new(plan: &'p Plan, rows: usize) -> Self {
        let panel = || Panel::new(plan.shape.event.max(1), rows);
        let event = panel();
        let width = event.width();
        Self {
            plan,
            event,
            spare: panel(),
            memory: Memory::new(plan.conditioners(), plan.features(), rows),
            images: plan.images().iter().map(|own| own.memory(rows)).collect(),
            log_det: vec![0.0; width],
            own_log_det: vec![0.0; width],
        }
    }

    /// The log-likelihood of each row, in nats, in the units of the raw data.
    pub(super) fn log_prob<M: LaneMath>(
        &mut self,
        header: &Header<'_>,
        events: &[f32],
        contexts: &[f32],
        log_probs: &mut [f32],
    ) {
        let rows = log_probs.len();
        self.log_det.fill(0.0);
        self.load(events, header.event.len(), rows);
        self.context::<M>(contexts, rows);
        self.categories::<M>(events, header.event.len(), rows);
        let plan = self.plan;
        for (index, channel) in plan.channels.iter().enumerate() {
            let values = self.event.row_mut(index)[..rows].iter_mut();
            if channel.domain == Domain::Real {
                // As `standardise` has it, in a loop that becomes one over vectors.
                let (mean, inv_std) = (channel.mean, channel.inv_std);
                values.for_each(|x| *x = (*x - mean) * inv_std);
                continue;
            }
            for (x, log_det) in values.zip(&mut self.log_det) {
                *log_det += channel.standardise::<M>(x);
            }
        }
        for layer in &plan.layers {
            self.own_log_det.fill(0.0);
            self.normalize::<M>(layer);
            let sums = self.log_det.iter_mut().zip(&self.own_log_det);
            sums.for_each(|(sum, own)| *sum += own);
        }
        self.energies::<M>(header, log_probs);
        let (event, context) = (header.event.len(), header.context.len());
        let finite = |values: &[f32]| values.iter().fold(true, |all, x| all & x.is_finite());
        let sound = finite(events) && finite(&contexts[..rows * context]);
        for (row, (log_prob, log_det)) in log_probs.iter_mut().zip(&self.log_det).enumerate() {
            let sum = (header.log_norm + log_det) - *log_prob;
            *log_prob = match sound {
                true => conclude(sum, &[], &[]),
                false => conclude(
                    sum,
                    &events[row * event..][..event],
                    &contexts[row * context..][..context],
                ),
            };
        }
    }

    /// The energy of each row, which is a base event.
    fn energies<M: LaneMath>(&self, header: &Header<'_>, energies: &mut [f32]) {
        let (shape, numbers) = (&self.plan.shape, &self.plan.base);
        if header.base == Base::Normal && shape.circular.is_empty() {
            // Channel by channel, in loops that become ones over vectors: the sums of the runtime.
            energies.fill(0.0);
            for channel in 0..shape.event {
                let values = self.event.row(channel).iter();
                let sums = energies.iter_mut().zip(values);
                sums.for_each(|(sum, z)| *sum += z * z);
            }
            energies.iter_mut().for_each(|sum| *sum *= 0.5);
            return;
        }
        let mut z = vec![0.0; shape.event];
        for (row, energy) in energies.iter_mut().enumerate() {
            for (channel, z) in z.iter_mut().enumerate() {
                *z = self.event.row(channel)[row];
            }
            *energy = header.base.energy::<M, _>(shape, numbers, &z);
        }
    }

    /// Base events to raw events, in place, row-major; a category stands there as its quantile.
    pub(super) fn generate_from<M: LaneMath>(
        &mut self,
        header: &Header<'_>,
        contexts: &[f32],
        events: &mut [f32],
    ) {
        let channels = header.event.len();
        let rows = events.len() / channels;
        self.load(events, channels, rows);
        self.context::<M>(contexts, rows);
        self.draw_categories::<M>(channels, events);
        let plan = self.plan;
        for layer in plan.layers.iter().rev() {
            self.generate::<M>(layer);
        }
        let continuous = plan.continuous.iter().zip(&plan.channels);
        for (index, (place, channel)) in continuous.enumerate() {
            let places = events[*place..].iter_mut().step_by(channels);
            for (place, x) in places.zip(self.event.row(index)) {
                *place = channel.destandardise::<M>(*x);
            }
        }
    }

    /// Turns row-major events of so many channels into rows of those that bijections act on.
    fn load(&mut self, events: &[f32], width: usize, rows: usize) {
        for (index, channel) in self.plan.continuous.iter().enumerate() {
            let values = events[*channel..].iter().step_by(width).take(rows);
            for (x, raw) in self.event.row_mut(index).iter_mut().zip(values) {
                *x = *raw;
            }
        }
    }

    /// Adds the log-probabilities of the categories, and embeds them.
    fn categories<M: LaneMath>(&mut self, events: &[f32], width: usize, rows: usize) {
        let mut own = Vec::new();
        for head in &self.plan.heads {
            head.evaluate::<M>(&mut self.memory);
            let codes = events[head.channel..].iter().step_by(width).take(rows);
            let sums = self.log_det.iter_mut().zip(codes.clone());
            for (row, (sum, code)) in sums.enumerate() {
                *sum += head.log_prob::<M>(*code, &self.memory.parameters, row, &mut own);
            }
            let vocabulary = &self.plan.vocabularies[head.vocabulary];
            vocabulary.embed(codes.copied(), head.inputs, &mut self.memory.input);
        }
    }

    /// Draws the categories of row-major events at the quantiles that stand there, and embeds them.
    fn draw_categories<M: LaneMath>(&mut self, width: usize, events: &mut [f32]) {
        let mut own = Vec::new();
        for head in &self.plan.heads {
            head.evaluate::<M>(&mut self.memory);
            let codes = events[head.channel..].iter_mut().step_by(width);
            for (row, code) in codes.enumerate() {
                *code = head.code::<M>(*code, &self.memory.parameters, row, &mut own);
            }
            let codes = events[head.channel..].iter().step_by(width).copied();
            let vocabulary = &self.plan.vocabularies[head.vocabulary];
            vocabulary.embed(codes, head.inputs, &mut self.memory.input);
        }
    }

    /// The context's part of a conditioner's input.
    fn context<M: LaneMath>(&mut self, contexts: &[f32], rows: usize) {
        let channels = &self.plan.context;
        let mut slot = 0;
        let mut values = vec![0.0; self.event.width()];
        for (index, channel) in channels.iter().enumerate() {
            let raw = contexts[index..].iter().step_by(channels.len());
            if let Some(vocabulary) = channel.vocabulary() {
                let vocabulary = &self.plan.vocabularies[vocabulary];
                let codes = raw.copied().take(rows);
                vocabulary.embed(codes, slot, &mut self.memory.input);
                slot += vocabulary.width;
                continue;
            }
            for (x, raw) in values[..rows].iter_mut().zip(raw) {
                *x = *raw;
                channel.standardise::<M>(x);
            }
            let circular = channel.domain == Domain::Circular;
            slot += fill::<M>(&mut self.memory.input, slot, &values, circular);
        }
    }

    /// One layer from data to base; its log-determinant, without what is constant, goes to `own_log_det`.
    fn normalize<M: LaneMath>(&mut self, layer: &Layer<Panels>) {
        match layer {
            Layer::Coupling {
                transformed,
                transformer,
                conditioner,
            } => self.at_once::<M>(conditioner, transformed, *transformer, Way::Forward),
            Layer::Autoregressive {
                order,
                groups,
                direction,
                transformer,
                conditioner,
            } => match direction {
                Direction::Normalizing => {
                    self.at_once::<M>(conditioner, order, *transformer, Way::Forward);
                }
                Direction::Generative => {
                    let way = Way::InverseAndLogDet;
                    self.by_group::<M>(conditioner, groups, *transformer, way);
                }
            },
            Layer::Linear {
                permutation,
                factors,
            } => {
                gather(permutation, &mut self.event, &mut self.spare);
                factors.normalize(&mut self.event, self.spare.row_mut(0));
            }
            Layer::ElementWise(pairs) => {
                for (channel, pair) in pairs.iter().enumerate() {
                    scale(self.event.row_mut(channel), *pair);
                }
            }
            Layer::Permutation(order) => gather(order, &mut self.event, &mut self.spare),
            Layer::Convolutional {
                given,
                transformed,
                transformer,
                conditioner,
            } => {
                let image = Image {
                    given,
                    transformed,
                    transformer: *transformer,
                };
                self.convolutional::<M>(conditioner, image, Way::Forward);
            }
            Layer::Pointwise { planes, factors } => {
                pointwise(planes, &mut self.event, |x, sum| factors.normalize(x, sum));
            }
        }
    }

    /// One layer from base to data.
    fn generate<M: LaneMath>(&mut self, layer: &Layer<Panels>) {
        match layer {
            Layer::Coupling {
                transformed,
                transformer,
                conditioner,
            } => self.at_once::<M>(conditioner, transformed, *transformer, Way::Inverse),
            Layer::Autoregressive {
                order,
                groups,
                direction,
                transformer,
                conditioner,
            } => match direction {
                Direction::Normalizing => {
                    self.by_group::<M>(conditioner, groups, *transformer, Way::Inverse);
                }
                Direction::Generative => {
                    self.at_once::<M>(conditioner, order, *transformer, Way::Forward);
                }
            },
            Layer::Linear {
                permutation,
                factors,
            } => {
                factors.generate(&mut self.event, self.spare.row_mut(0));
                scatter(permutation, &mut self.event, &mut self.spare);
            }
            Layer::ElementWise(pairs) => {
                for (channel, pair) in pairs.iter().enumerate() {
                    unscale(self.event.row_mut(channel), *pair);
                }
            }
            Layer::Permutation(order) => scatter(order, &mut self.event, &mut self.spare),
            Layer::Convolutional {
                given,
                transformed,
                transformer,
                conditioner,
            } => {
                let image = Image {
                    given,
                    transformed,
                    transformer: *transformer,
                };
                self.convolutional::<M>(conditioner, image, Way::Inverse);
            }
            Layer::Pointwise { planes, factors } => {
                pointwise(planes, &mut self.event, |z, sum| factors.generate(z, sum));
            }
        }
    }

    fn convolutional<M: LaneMath>(&mut self, own: &Convolutional, image: Image<'_>, way: Way) {
        own.apply::<M>(
            image,
            way,
            &self.memory.input,
            &mut self.event,
            &mut self.images[own.memory],
            &mut self.own_log_det,
        );
    }

    /// A coupling, or an autoregressive layer in the direction that needs one pass: all that the conditioner reads is
    /// known.
    fn at_once<M: LaneMath>(
        &mut self,
        own: &Conditional,
        channels: &[usize],
        transformer: Transformer,
        way: Way,
    ) {
        self.features::<M>(&own.reads, self.plan.shape.context);
        own.conditioner.evaluate::<M>(&mut self.memory);
        self.transform::<M>(own, (channels, 0), transformer, way);
    }

    /// An autoregressive layer in the direction that goes group by group: as soon as a group is known, the hidden
    /// units that wait for it are evaluated, each once.
    fn by_group<M: LaneMath>(
        &mut self,
        own: &Conditional,
        groups: &[usize],
        transformer: Transformer,
        way: Way,
    ) {
        let mut slot = self.plan.shape.context;
        let mut start = 0;
        for (block, size) in groups.iter().enumerate() {
            let group = &own.reads[start..start + size];
            own.conditioner.advance::<M>(block, &mut self.memory);
            self.transform::<M>(own, (group, start), transformer, way);
            slot = self.features::<M>(group, slot);
            start += size;
        }
    }

    /// Transforms channels, whose parameters begin at the place `first`.
    fn transform<M: LaneMath>(
        &mut self,
        own: &Conditional,
        (channels, first): (&[usize], usize),
        transformer: Transformer,
        way: Way,
    ) {
        for (place, channel) in (first..).zip(channels) {
            own.conditioner.parameters(place, &mut self.memory);
            transformer::apply::<M>(
                transformer,
                way,
                self.plan.shape.is_circular(*channel),
                self.event.row_mut(*channel),
                &mut self.memory.parameters,
                &mut self.own_log_det,
            );
        }
    }

    /// Writes the features of some channels from `slot` on; returns where they end.
    fn features<M: LaneMath>(&mut self, channels: &[usize], mut slot: usize) -> usize {
        for channel in channels {
            let circular = self.plan.shape.is_circular(*channel);
            slot += fill::<M>(
                &mut self.memory.input,
                slot,
                self.event.row(*channel),
                circular,
            );
        }
        slot
    }
}

/// Writes what a conditioner sees of some values of a channel from `slot` on: themselves, or cosine and sine of
/// angles; returns how many features that is.
fn fill<M: LaneMath>(input: &mut Panel<f32>, slot: usize, x: &[f32], circular: bool) -> usize {
    if !circular {
        input.row_mut(slot).copy_from_slice(x);
        return 1;
    }
    let (first, second) = input.rows_at_mut(slot, 2).into_pair();
    for ((x, first), second) in x.iter().zip(first).zip(second) {
        [*first, *second] = circle::<M>(*x);
    }
    2
}
