//! The coupling layer: some channels change, given all the others (Dinh, Krueger & Bengio 2015; Dinh, Sohl-Dickstein
//! & Bengio 2017; Durkan et al. 2019).

use super::bijection::{Bijection, Dimensions, Forward, Reverse};
use super::conditional::{Conditional, ConditionalTrace, Group};
use super::conditioner::{Conditioner, Perceptron};
use super::features::Features;
use super::panel::Panel;
use super::parts::{ConditionerParts, LayerParts};
use super::real::Real;
use super::spec::ConditionerSpec;
use flow_embedded::artefact::{Direction, Transformer};
use flow_host::random::Random;

/// Transforms some channels, conditional on context and on the channels that it copies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coupling {
    pub(super) conditional: Conditional,
    identity: Vec<usize>,
}

impl Coupling {
    /// The form of a conditioner whose rows see everything.
    pub(crate) fn form(
        dimensions: Dimensions<'_>,
        transformed: &[usize],
        transformer: Transformer,
        spec: &ConditionerSpec,
    ) -> Perceptron {
        let mut inputs = Self::features(dimensions, transformed).inputs();
        let outputs = transformed.len() * transformer.parameters();
        let staircase = |width: usize| {
            let prefix = vec![inputs; width];
            inputs = width;
            prefix
        };
        let widths = spec.hidden.iter().copied().chain([outputs]);
        Perceptron {
            activation: spec.activation,
            form: spec.form(),
            staircases: widths.map(staircase).collect(),
        }
    }

    /// Checks that a conditioner fits the channels.
    pub(crate) fn check<T: Real>(
        dimensions: Dimensions<'_>,
        transformed: &[usize],
        transformer: Transformer,
        conditioner: &ConditionerParts<T>,
    ) -> Result<(), String> {
        let ascending = transformed.is_sorted_by(|a, b| a < b);
        let last = transformed.last();
        if !ascending || last.is_none_or(|&last| last >= dimensions.event) {
            return Err("the transformed channels must be ascending channel numbers".into());
        }
        if transformed.len() == dimensions.event {
            return Err("a coupling layer must leave a channel as it is".into());
        }
        let inputs = Self::features(dimensions, transformed).inputs();
        let outputs = transformed.len() * transformer.parameters();
        conditioner.check(dimensions.context, inputs, outputs)
    }

    /// A layer with its parameters from `offset` on.
    pub(crate) fn new(
        dimensions: Dimensions<'_>,
        transformed: &[usize],
        transformer: Transformer,
        form: Perceptron,
        offset: usize,
    ) -> Self {
        let given = Self::features(dimensions, transformed);
        let inputs = given.inputs();
        let outputs = [transformed.len() * transformer.parameters()];
        Self {
            conditional: Conditional {
                given,
                transformed: Conditional::channels(transformed, dimensions.circular),
                groups: vec![Group {
                    transformed: 0..transformed.len(),
                    given: 0..0,
                }],
                transformer,
                conditioner: Conditioner::new(form, inputs, vec![inputs], &outputs, offset),
            },
            identity: identity(dimensions.event, transformed),
        }
    }

    fn features(dimensions: Dimensions<'_>, transformed: &[usize]) -> Features {
        let identity = identity(dimensions.event, transformed);
        Features::new(dimensions.context, &identity, dimensions.circular)
    }

    fn copy<T: Real>(&self, from: &Panel<T>, to: &mut Panel<T>) {
        for &channel in &self.identity {
            to.row_mut(channel).copy_from_slice(from.row(channel));
        }
    }
}

/// The channels that stay, ascending.
fn identity(event: usize, transformed: &[usize]) -> Vec<usize> {
    (0..event)
        .filter(|channel| !transformed.contains(channel))
        .collect()
}

impl<T: Real> Bijection<T> for Coupling {
    type Trace = ConditionalTrace<T>;

    fn trace(&self, columns: usize) -> ConditionalTrace<T> {
        self.conditional.trace(columns)
    }

    fn forward(&self, direction: Direction, pass: Forward<'_, T>, trace: &mut ConditionalTrace<T>) {
        self.copy(pass.from, pass.to);
        match direction {
            Direction::Normalizing => self.conditional.forward(pass, trace),
            Direction::Generative => self.conditional.inverse(pass, trace),
        }
    }

    fn reverse(&self, direction: Direction, pass: Reverse<'_, T>, trace: &mut ConditionalTrace<T>) {
        match direction {
            Direction::Normalizing => self.conditional.backward(pass, trace),
            Direction::Generative => self.conditional.inverse_backward(pass, trace),
        }
    }

    fn parameters(&self) -> usize {
        self.conditional.conditioner.parameters()
    }

    fn heights(&self) -> Vec<usize> {
        self.conditional.conditioner.heights()
    }

    fn macs(&self) -> usize {
        self.conditional.conditioner.macs()
    }

    fn stored(&self) -> usize {
        self.conditional.conditioner.stored()
    }

    fn initialise(&self, parameters: &mut [T], random: &mut Random) {
        self.conditional.conditioner.initialise(parameters, random);
    }

    fn to_parts(&self, parameters: &[T]) -> LayerParts<T> {
        let transformed = self.conditional.transformed.iter();
        LayerParts::Coupling {
            transformed: transformed.map(|(channel, _)| *channel).collect(),
            transformer: self.conditional.transformer,
            conditioner: self.conditional.conditioner.to_parts(parameters),
        }
    }
}
