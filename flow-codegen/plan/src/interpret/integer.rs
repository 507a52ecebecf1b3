//! Integers, as `flow_embedded::fixed` computes with them.

use super::walk::{Arithmetic, Place, normalize};
use crate::plan::{Channels, Conditional, Constants, Convolutional, IntegerRow, Plan, Table};
use flow_embedded::artefact::{Base, Domain, FlooredSpline, Transformer};
use flow_embedded::fixed::{
    self, Bounded, Floor, HeavyTailed, Mapped, Positive, Saturation, SoftPositive, Standardise,
    StudentT, affine_forward, affine_inverse, circle, circular_forward, element_wise_normalize,
    floored_spline_forward, floored_spline_inverse_and_log_det, linear_normalize, requantise,
    scaled_forward, scaled_inverse, spline_forward, spline_inverse_and_log_det, to_activation,
    wrap,
};

pub(super) struct Integer<'p> {
    plan: &'p Plan,
    saturation: &'p mut Saturation,
}

impl<'p> Integer<'p> {
    pub(super) fn new(plan: &'p Plan, saturation: &'p mut Saturation) -> Self {
        Self { plan, saturation }
    }

    /// The log-likelihood and the latents, which are zero where a channel is not
    /// finite.
    pub(super) fn log_prob(&mut self, event: &[f32], context: &[f32]) -> (f32, Vec<f32>) {
        let found = self.log_prob_q16(event, context);
        let log_prob = fixed::conclude(found.as_ref().map(|(log_prob, _)| *log_prob));
        let latents = found.map_or_else(|| vec![0; event.len()], |(_, latents)| latents);
        (log_prob, latents.into_iter().map(fixed::to_f32).collect())
    }

    fn log_prob_q16(&mut self, event: &[f32], context: &[f32]) -> Option<(i32, Vec<i32>)> {
        let plan = self.plan;
        let (mut x, log_det) = self.standardise(&plan.event, event)?;
        let (standard, _) = self.standardise(&plan.context, context)?;
        let features = standard.iter().enumerate();
        let given: Vec<i32> = features
            .flat_map(|(channel, x)| match plan.context.is_circular(channel) {
                false => vec![*x],
                true => circle(*x).to_vec(),
            })
            .collect();
        let log_det = normalize(self, plan, &mut x, &given, log_det);
        let log_norm = Constants::q16(plan.log_norm);
        let log_prob = log_norm
            .saturating_add(log_det)
            .saturating_sub(self.energy(&x));
        let latents = plan.base.places.iter().map(|place| x[*place]);
        Some((log_prob, latents.collect()))
    }

    /// Standardised channels, and the log-determinant of their domains; none
    /// if one is not finite.
    fn standardise(&mut self, channels: &Channels, raw: &[f32]) -> Option<(Vec<i32>, i32)> {
        let mut log_det = 0i32;
        let mut standard = Vec::new();
        for (channel, raw) in channels.0.iter().zip(raw) {
            let map = Standardise::new(channel.mean, channel.inv_std);
            let mapped: Option<Mapped> = match channel.domain {
                Domain::Real | Domain::Circular | Domain::Categorical { .. } => None,
                Domain::Positive { low } => Some(Positive::new(low).normalize(*raw)?),
                Domain::SoftPositive { low, scale } => {
                    Some(SoftPositive::new(low, scale).normalize(*raw)?)
                }
                Domain::Bounded { low, high } => Some(Bounded::new(low, high).normalize(*raw)?),
                Domain::HeavyTailed { centre, scale } => {
                    Some(HeavyTailed::new(centre, scale).normalize(*raw)?)
                }
            };
            let x = match mapped {
                None => map.apply(*raw, self.saturation)?,
                Some(mapped) => {
                    log_det = log_det.saturating_add(mapped.log_det);
                    map.apply_mapped(mapped.value, self.saturation)
                }
            };
            standard.push(if channel.is_circular() { wrap(x) } else { x });
        }
        Some((standard, log_det))
    }

    fn energy(&self, x: &[i32]) -> i32 {
        let plan = self.plan;
        let places = plan.base.places.iter();
        let straight = places.filter(|place| !plan.event.is_circular(**place));
        let z: Vec<i32> = straight.map(|place| x[*place]).collect();
        match plan.base.distribution {
            Base::Normal => fixed::normal_energy(&z),
            Base::Logistic => fixed::logistic_energy(&z),
            Base::Laplace => fixed::laplace_energy(&z),
            Base::StudentT { degrees_of_freedom } => StudentT::new(degrees_of_freedom).energy(&z),
            Base::Mixture { .. } => fixed::mixture_energy(&z, &Constants::mixture(&plan.base)),
        }
    }
}

/// What kernels take of a spline with floors.
fn floor(own: FlooredSpline) -> Floor {
    let free = own.floor().free_ends;
    Floor::new(own.least_size, own.least_slope, own.bound, own.bins, free)
}

/// Multiplies a row, and brings the sum to the unit of its result.
fn product(row: &IntegerRow, input: &[i16]) -> i32 {
    let products = row.weights.iter().zip(input);
    let sum = products.fold(row.bias, |sum, (weight, x)| {
        sum + i32::from(*weight) * i32::from(*x)
    });
    requantise(sum, row.multiplier, row.shift)
}

impl Arithmetic for Integer<'_> {
    type Number = i32;
    type Unit = i16;

    fn input(&mut self, place: Place<'_>, x: i32) -> i16 {
        to_activation(x, place.own.fractions[0], self.saturation)
    }

    fn circle(&mut self, x: i32) -> [i32; 2] {
        circle(x)
    }

    fn unit(&mut self, place: Place<'_>, table: &Table, row: usize, input: &[i16]) -> i16 {
        let sum = product(&table.integers[row], input);
        let fraction = place.own.fractions[place.dense + 1];
        let unit = place.own.activation.of_integer(sum);
        match place.own.activation.keeps_unit() {
            true => self.saturation.activation(unit),
            false => to_activation(unit, fraction, self.saturation),
        }
    }

    fn activated(&mut self, own: &Conditional, x: i32) -> i32 {
        own.activation.of_integer(x)
    }

    fn reading(&mut self, own: &Conditional, dense: usize, x: i32) -> i16 {
        to_activation(x, own.fractions[dense], self.saturation)
    }

    fn gated(&mut self, sum: i32, gate: i32) -> i32 {
        fixed::gated(sum, gate)
    }

    fn add(&mut self, unit: i16, input: i16) -> i16 {
        self.saturation
            .activation(i32::from(unit) + i32::from(input))
    }

    fn parameter(&mut self, table: &Table, row: usize, input: &[i16]) -> i32 {
        product(&table.integers[row], input)
    }

    fn transform(
        &mut self,
        own: &Conditional,
        circular: bool,
        forward: bool,
        x: i32,
        parameters: &mut [i32],
    ) -> (i32, i32) {
        match (own.transformer, parameters) {
            (Transformer::Shift, [shift, ..]) => {
                let shift = i64::from(*shift);
                let shift = if forward { shift } else { -shift };
                (self.saturation.channel(i64::from(x) + shift), 0)
            }
            (Transformer::Affine { log_scale_bound }, [shift, a, ..]) => {
                let inv_bound = Constants::inv_bound(log_scale_bound);
                match forward {
                    true => affine_forward(x, *shift, *a, inv_bound, self.saturation),
                    false => affine_inverse(x, *shift, *a, inv_bound, self.saturation),
                }
            }
            (Transformer::Scaled { scale, direction }, [shift, a, ..]) => {
                match direction.as_it_stands(forward) {
                    true => scaled_forward(x, *shift, *a, scale, self.saturation),
                    false => scaled_inverse(x, *shift, *a, scale, self.saturation),
                }
            }
            (Transformer::FlooredSpline(own), parameters) => {
                let (bound, floor) = (Constants::q16(own.bound), floor(own));
                match own.direction.as_it_stands(forward) {
                    true => floored_spline_forward(x, parameters, bound, floor),
                    false => floored_spline_inverse_and_log_det(x, parameters, bound, floor),
                }
            }
            (_, parameters) if circular => circular_forward(x, parameters),
            (Transformer::Spline { bound, .. }, parameters) => {
                let bound = Constants::q16(bound);
                match forward {
                    true => spline_forward(x, parameters, bound),
                    false => spline_inverse_and_log_det(x, parameters, bound),
                }
            }
            _ => (x, 0),
        }
    }

    fn sum(&mut self, a: i32, b: i32) -> i32 {
        a.saturating_add(b)
    }

    fn linear(&mut self, x: &mut [i32], upper: &[Vec<f32>], lower: &[Vec<f32>]) {
        let upper = Constants::upper(upper);
        let lower = Constants::lower(lower);
        linear_normalize(x, &upper, &lower, self.saturation);
    }

    fn element_wise(&mut self, x: &mut [i32], pairs: &[[f32; 2]]) {
        element_wise_normalize(x, &Constants::pairs(pairs), self.saturation);
    }

    fn convolutional(&mut self, _: &Convolutional, _: &mut [i32], _: &[i32]) -> i32 {
        unreachable!("{NO_IMAGES}")
    }

    fn pointwise(&mut self, _: &mut [i32], _: &[usize], _: &[Vec<f32>], _: &[Vec<f32>]) {
        unreachable!("{NO_IMAGES}")
    }
}

const NO_IMAGES: &str = "the pass `quantise` refuses layers over images";
