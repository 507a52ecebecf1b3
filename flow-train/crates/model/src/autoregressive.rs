//! The autoregressive layer: each group of channels changes, given those before it in an order (Papamakarios,
//! Pavlakou & Murray 2017; Kingma et al. 2016; masks as in MADE, Germain et al. 2015).
//!
//! Every hidden unit has a degree `m` and sees the context and the groups below `m`. Units are sorted by degree, so
//! what a unit sees is a prefix of its input, and the masks are staircases.

use super::bijection::{Bijection, Dimensions, Forward, Reverse};
use super::conditional::{Conditional, ConditionalTrace, Group};
use super::conditioner::{Conditioner, Perceptron};
use super::features::Features;
use super::panel::Panel;
use super::parts::{ConditionerParts, LayerParts, check_permutation};
use super::real::Real;
use super::regression::Regression;
use super::spec::ConditionerSpec;
use flow_embedded::artefact::{Direction, Transformer};
use flow_host::random::Random;

/// Transforms every channel, conditional on context and on the groups before its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Autoregressive {
    pub(super) conditional: Conditional,
    direction: Direction,
}

/// The channels in the order of their groups, and the channels in each group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    pub(crate) channels: &'a [usize],
    pub(crate) groups: &'a [usize],
}

impl Order<'_> {
    fn features(self, dimensions: Dimensions<'_>) -> Features {
        Features::new(dimensions.context, self.channels, dimensions.circular)
    }

    fn ranges(self) -> Vec<Group> {
        let group = |end: &mut usize, count: &usize| {
            let range = *end..*end + count;
            *end = range.end;
            Some(Group {
                transformed: range.clone(),
                given: range,
            })
        };
        self.groups.iter().scan(0, group).collect()
    }

    /// The inputs that each group sees: what comes before it.
    fn visible(self, given: &Features) -> Vec<usize> {
        let before = |group: Group| given.rows(group.given).start;
        self.ranges().into_iter().map(before).collect()
    }
}

/// The degrees of `width` hidden units, ascending and as even as possible.
///
/// With context 0..groups: a unit that sees the context alone serves the first group. Without context such a unit
/// would be a constant, so the degrees are 1..groups.
fn degrees(width: usize, groups: usize, context: usize) -> Vec<usize> {
    let lowest = usize::from(context == 0 && groups > 1);
    let count = groups - lowest;
    (0..width)
        .map(|unit| lowest + unit * count / width)
        .collect()
}

impl Autoregressive {
    /// The form of a MADE.
    pub(crate) fn form(
        dimensions: Dimensions<'_>,
        order: Order<'_>,
        transformer: Transformer,
        spec: &ConditionerSpec,
    ) -> Perceptron {
        let inputs = order.visible(&order.features(dimensions));
        let groups = order.groups.len();
        let mut staircases = Vec::with_capacity(spec.hidden.len() + 1);
        let mut before: Option<Vec<usize>> = None;
        // How many units of the layer before have a degree up to this one; at first, the inputs of lower groups.
        let visible = |before: &Option<Vec<usize>>, degree: usize| match before {
            None => inputs[degree],
            Some(degrees) => degrees.partition_point(|&m| m <= degree),
        };
        for &width in &spec.hidden {
            let own = degrees(width, groups, dimensions.context);
            staircases.push(own.iter().map(|&degree| visible(&before, degree)).collect());
            before = Some(own);
        }
        let outputs = order.groups.iter().enumerate().flat_map(|(degree, count)| {
            let rows = count * transformer.parameters();
            std::iter::repeat_n(visible(&before, degree), rows)
        });
        staircases.push(outputs.collect());
        Perceptron {
            activation: spec.activation,
            form: spec.form(),
            staircases,
        }
    }

    /// Checks that order and masks let no channel see its own group or a later one.
    pub(crate) fn check<T: Real>(
        dimensions: Dimensions<'_>,
        order: Order<'_>,
        transformer: Transformer,
        conditioner: &ConditionerParts<T>,
    ) -> Result<(), String> {
        check_permutation(order.channels, dimensions.event)?;
        if order.groups.contains(&0) || order.groups.iter().sum::<usize>() != dimensions.event {
            return Err("the groups must hold every channel once".into());
        }
        let given = order.features(dimensions);
        let count = transformer.parameters();
        let context = dimensions.context;
        conditioner.check(context, given.inputs(), dimensions.event * count)?;
        // For each row, the number of leading inputs that it depends on.
        let inputs: Vec<usize> = (1..=given.inputs()).collect();
        let reach = conditioner.reach(&inputs);
        let groups = order.ranges().into_iter();
        for (group, visible) in groups.zip(order.visible(&given)) {
            let rows = group.transformed.start * count..group.transformed.end * count;
            if let Some(row) = rows.into_iter().find(|&row| reach[row] > visible) {
                return Err(format!(
                    "output row {row} sees a channel that doesn't come before its own"
                ));
            }
        }
        Ok(())
    }

    /// A layer with its parameters from `offset` on.
    pub(crate) fn new(
        dimensions: Dimensions<'_>,
        order: Order<'_>,
        direction: Direction,
        transformer: Transformer,
        form: Perceptron,
        offset: usize,
    ) -> Self {
        let given = order.features(dimensions);
        let visible = order.visible(&given);
        let outputs: Vec<usize> = order
            .groups
            .iter()
            .map(|count| count * transformer.parameters())
            .collect();
        Self {
            conditional: Conditional {
                conditioner: Conditioner::new(form, given.inputs(), visible, &outputs, offset),
                given,
                transformed: Conditional::channels(order.channels, dimensions.circular),
                groups: order.ranges(),
                transformer,
            },
            direction,
        }
    }

    /// Whether a least-squares prediction of each channel from what its conditioner sees can be the layer.
    pub(crate) fn is_regression(&self) -> bool {
        let own = &self.conditional;
        self.direction == Direction::Normalizing
            && own.conditioner.is_linear()
            && !matches!(own.transformer, Transformer::Spline { .. })
            && own.transformed.iter().all(|(_, angle)| !angle)
    }

    /// No sums yet, of the inputs of the conditioner.
    pub(crate) fn regression(&self) -> Regression {
        Regression::new(self.conditional.given.inputs())
    }

    /// Takes the parameters that leave of each channel what least squares can't predict, at variance 1 where the
    /// transformer scales and its bound lets it; no scale depends on anything yet.
    pub(crate) fn set_regression<T: Real>(&self, sums: &Regression, parameters: &mut [T]) {
        /// The share of a bound that a start may use, so that there is a way on from it.
        const SHARE: f64 = 0.8;
        let own = &self.conditional;
        let count = own.transformer.parameters();
        let Some((weights, biases, prefix)) = own.conditioner.linear_mut(parameters) else {
            return;
        };
        let inputs = weights.len() / biases.len();
        for place in 0..own.transformed.len() {
            let (target, row) = (own.given.rows(place..place).start, place * count);
            let Some(found) = sums.predict(target, prefix[row]) else {
                continue;
            };
            let mut scale = 1.0;
            if let Transformer::Affine { log_scale_bound } = own.transformer {
                let bound = f64::from(log_scale_bound);
                let least = (-SHARE * bound).exp();
                let log_scale = -found.residual.clamp(least, least.recip()).ln();
                scale = log_scale.exp();
                weights[(row + 1) * inputs..][..inputs].fill(T::ZERO);
                biases[row + 1] = T::from_f64(log_scale / (1.0 - log_scale.abs() / bound));
            }
            let own = weights[row * inputs..].iter_mut().zip(&found.weights);
            own.for_each(|(to, weight)| *to = T::from_f64(-scale * weight));
            biases[row] = T::from_f64(-scale * found.intercept);
        }
    }

    /// What the layer does in either direction.
    #[cfg(test)]
    pub(super) fn conditional(&self) -> &Conditional {
        &self.conditional
    }
}

impl<T: Real> Bijection<T> for Autoregressive {
    type Trace = ConditionalTrace<T>;

    fn trace(&self, columns: usize) -> ConditionalTrace<T> {
        self.conditional.trace(columns)
    }

    fn forward(&self, direction: Direction, pass: Forward<'_, T>, trace: &mut ConditionalTrace<T>) {
        match direction == self.direction {
            true => self.conditional.forward(pass, trace),
            false => self.conditional.inverse(pass, trace),
        }
    }

    fn reverse(&self, direction: Direction, pass: Reverse<'_, T>, trace: &mut ConditionalTrace<T>) {
        match direction == self.direction {
            true => self.conditional.backward(pass, trace),
            false => self.conditional.inverse_backward(pass, trace),
        }
    }

    fn read(trace: &ConditionalTrace<T>) -> Option<&Panel<T>> {
        Some(trace.input())
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
        let order = self.conditional.transformed.iter();
        let groups = self.conditional.groups.iter();
        LayerParts::Autoregressive {
            order: order.map(|(channel, _)| *channel).collect(),
            groups: groups.map(|group| group.transformed.len()).collect(),
            direction: self.direction,
            transformer: self.conditional.transformer,
            conditioner: self.conditional.conditioner.to_parts(parameters),
        }
    }
}
