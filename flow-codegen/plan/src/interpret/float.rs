//! `f32`.

use super::image;
use super::kernels::{product, transform};
use super::walk::{Arithmetic, Place, Walk, normalize, scatter};
use crate::plan::{Bijection, ChannelPlan, Channels, Conditional, Convolutional, Plan, Table};
use flow_embedded::artefact::{Direction, Form, Shape};
use flow_embedded::kernels::{
    Activation, Sigmoid, category_log_prob, circle, conclude, element_wise_generate,
    element_wise_normalize, embedding, linear_generate, linear_normalize, wrap,
};
use flow_embedded::math::Math;
use std::marker::PhantomData;

/// What each dense layer of each conditioner reads: of a chain its inputs, and then
/// each of its hidden layers.
pub type Activations = Vec<Vec<Vec<f32>>>;

pub(super) struct Float<'p, M> {
    plan: &'p Plan,
    /// What the dense layers of each conditioner read last.
    activations: Activations,
    math: PhantomData<M>,
}

impl<'p, M: Math> Float<'p, M> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let conditional = plan
            .layers
            .iter()
            .filter_map(|layer| layer.bijection.conditional());
        Self {
            plan,
            activations: conditional
                .map(|own| vec![Vec::new(); 1 + own.hidden.len()])
                .collect(),
            math: PhantomData,
        }
    }

    pub(super) fn into_activations(self) -> Activations {
        self.activations
    }

    /// The log-likelihood and the latents.
    pub(super) fn log_prob(&mut self, event: &[f32], context: &[f32]) -> (f32, Vec<f32>) {
        let plan = self.plan;
        let mut given = features::<M>(plan, context);
        let mut log_det = 0.0;
        let mut surprises = Vec::new();
        for (index, head) in plan.categorical.heads.iter().enumerate() {
            let logits = self.logits(index, &given);
            let log_prob = category_log_prob::<M>(event[head.channel], &logits);
            log_det += log_prob;
            surprises.push(-log_prob);
            given.extend(embed(plan, head.vocabulary, event[head.channel]));
        }
        let continuous = plan.categorical.continuous.iter();
        let continuous: Vec<f32> = continuous.map(|channel| event[*channel]).collect();
        let mut x = standardise::<M>(&plan.event, &continuous, &mut log_det);
        let log_det = normalize(self, plan, &mut x, &given, log_det);
        let mut z: Vec<f32> = plan.base.places.iter().map(|place| x[*place]).collect();
        let energy = plan
            .base
            .distribution
            .energy::<M, _>(&shape(plan), &plan.base.weights, &z);
        let log_prob = conclude((plan.log_norm + log_det) - energy, event, context);
        z.extend(surprises);
        (log_prob, z)
    }

    pub(super) fn generate(&mut self, base: &[f32], context: &[f32]) -> Vec<f32> {
        let plan = self.plan;
        let mut given = features::<M>(plan, context);
        for head in &plan.categorical.heads {
            given.extend(embed(plan, head.vocabulary, base[head.channel]));
        }
        let continuous = &plan.categorical.continuous;
        let mut x = vec![0.0; continuous.len()];
        for (place, channel) in plan.base.places.iter().zip(continuous) {
            x[*place] = base[*channel];
        }
        let mut conditional = self.activations.len();
        for layer in plan.layers.iter().rev() {
            let mut evaluate = |own, at_once| {
                conditional -= 1;
                let mut walk = Walk {
                    arithmetic: &mut *self,
                    plan,
                    given: &given,
                    own,
                    conditional,
                };
                match at_once {
                    None => walk.at_once(&mut x, false),
                    Some(Direction::Normalizing) => walk.sequential(&mut x),
                    Some(Direction::Generative) => walk.at_once(&mut x, true),
                };
            };
            match &layer.bijection {
                Bijection::Coupling(own) => evaluate(own, None),
                Bijection::Autoregressive(direction, own) => evaluate(own, Some(*direction)),
                Bijection::Linear {
                    places,
                    upper,
                    lower,
                } => {
                    linear_generate(&mut x, &upper.concat(), &lower.concat());
                    scatter(&mut x, places);
                }
                Bijection::ElementWise(pairs) => element_wise_generate(&mut x, pairs),
                Bijection::Permutation(order) => scatter(&mut x, order),
                Bijection::FoldedPermutation(_) => {}
                Bijection::Convolutional(own) => {
                    image::convolutional::<M>(own, &mut x, &given, false);
                }
                Bijection::Pointwise {
                    places,
                    upper,
                    lower,
                } => image::pointwise(&mut x, places, upper, lower, linear_generate::<f32>),
            }
        }
        let mut event = base.to_vec();
        for ((place, channel), x) in continuous.iter().zip(&plan.event.0).zip(x) {
            event[*place] = channel.destandardise::<M>(x);
        }
        event
    }

    /// The logits of a head.
    fn logits(&mut self, index: usize, given: &[f32]) -> Vec<f32> {
        let head = &self.plan.categorical.heads[index];
        let own = &head.conditioner;
        let mut before = given[..head.inputs].to_vec();
        for (dense, blocks) in own.hidden.iter().enumerate() {
            let place = Place { own, dense };
            let mut units = Vec::new();
            for (table, row) in rows(blocks) {
                let unit = self.unit(place, table, row, &before);
                let residual = own.form == Form::Residual && dense > 0;
                units.push(if residual {
                    unit + before[units.len()]
                } else {
                    unit
                });
            }
            before = units;
        }
        let outputs = own.output.iter().flat_map(|tables| rows(tables));
        outputs
            .map(|(table, row)| self.parameter(table, row, &before))
            .collect()
    }
}

/// The rows of some tables.
fn rows(tables: &[Table]) -> impl Iterator<Item = (&Table, usize)> {
    let tables = tables.iter();
    tables.flat_map(|table| (0..table.rows.len()).map(move |row| (table, row)))
}

/// The embedding of a code.
fn embed(plan: &Plan, vocabulary: usize, code: f32) -> Vec<f32> {
    let rows = &plan.categorical.vocabularies[vocabulary].rows;
    embedding(
        &rows.concat(),
        rows.len(),
        plan.categorical.width(vocabulary),
        code,
    )
    .collect()
}

/// Standardised channels; adds the log-determinant of their domains.
fn standardise<M: Math>(channels: &Channels, raw: &[f32], log_det: &mut f32) -> Vec<f32> {
    let standard = channels.0.iter().zip(raw).map(|(channel, raw)| {
        let mut x = *raw;
        *log_det += channel.standardise::<M>(&mut x);
        x
    });
    standard.collect()
}

fn features<M: Math>(plan: &Plan, raw: &[f32]) -> Vec<f32> {
    let standard = standardise::<M>(&plan.context, raw, &mut 0.0);
    let channels = plan.context.0.iter().zip(standard);
    let features = channels.flat_map(|(channel, x)| match channel.vocabulary() {
        Some(vocabulary) => embed(plan, vocabulary, x),
        None if channel.is_circular() => circle::<M>(x).to_vec(),
        None => vec![x],
    });
    features.collect()
}

/// The shape of the base event.
fn shape(plan: &Plan) -> Shape {
    let places = plan.base.places.iter().enumerate();
    let circular = places.filter(|(_, place)| plan.event.is_circular(**place));
    Shape {
        event: plan.event.len(),
        context: plan.given(),
        circular: circular.map(|(channel, _)| channel).collect(),
    }
}

impl ChannelPlan {
    fn standardise<M: Math>(&self, x: &mut f32) -> f32 {
        let log_det = self.domain.normalize::<M>(x);
        *x = (*x - self.mean) * self.inv_std;
        if self.is_circular() {
            *x = wrap(*x);
        }
        log_det
    }

    fn destandardise<M: Math>(&self, x: f32) -> f32 {
        let mut raw = x / self.inv_std + self.mean;
        self.domain.generate::<M>(&mut raw);
        raw
    }
}

impl<M: Math> Arithmetic for Float<'_, M> {
    type Number = f32;
    type Unit = f32;

    fn read(&mut self, conditional: usize, dense: usize, units: &[f32]) {
        self.activations[conditional][dense] = units.to_vec();
    }

    fn input(&mut self, _: Place<'_>, x: f32) -> f32 {
        x
    }

    fn circle(&mut self, x: f32) -> [f32; 2] {
        circle::<M>(x)
    }

    fn unit(&mut self, place: Place<'_>, table: &Table, row: usize, input: &[f32]) -> f32 {
        place.own.activation.of::<M>(product(table, row, input))
    }

    fn activated(&mut self, own: &Conditional, x: f32) -> f32 {
        own.activation.of::<M>(x)
    }

    fn reading(&mut self, _: &Conditional, _: usize, x: f32) -> f32 {
        x
    }

    fn gated(&mut self, sum: f32, gate: f32) -> f32 {
        sum * Sigmoid::<M>::apply(gate)
    }

    fn add(&mut self, unit: f32, input: f32) -> f32 {
        unit + input
    }

    fn parameter(&mut self, table: &Table, row: usize, input: &[f32]) -> f32 {
        product(table, row, input)
    }

    fn transform(
        &mut self,
        own: &Conditional,
        circular: bool,
        forward: bool,
        x: f32,
        parameters: &mut [f32],
    ) -> (f32, f32) {
        transform::<M>(own.transformer, circular, forward, x, parameters)
    }

    fn sum(&mut self, a: f32, b: f32) -> f32 {
        a + b
    }

    fn linear(&mut self, x: &mut [f32], upper: &[Vec<f32>], lower: &[Vec<f32>]) {
        linear_normalize(x, &upper.concat(), &lower.concat());
    }

    fn element_wise(&mut self, x: &mut [f32], pairs: &[[f32; 2]]) {
        element_wise_normalize(x, pairs);
    }

    fn convolutional(&mut self, own: &Convolutional, x: &mut [f32], given: &[f32]) -> f32 {
        image::convolutional::<M>(own, x, given, true)
    }

    fn pointwise(
        &mut self,
        x: &mut [f32],
        places: &[usize],
        upper: &[Vec<f32>],
        lower: &[Vec<f32>],
    ) {
        let kernel = linear_normalize::<f32>;
        image::pointwise(x, places, upper, lower, kernel);
    }
}
