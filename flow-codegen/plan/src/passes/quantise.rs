//! Integer weights, a scale for each row.
//!
//! A row of weights `w` becomes integers `q = round(w / s)` whose largest fills
//! the format, with `s` as small as the accumulator allows: the sum of bias and
//! products stays within 32 bits for *all* inputs that `i16` can hold, so it
//! cannot overflow, whatever the event. The sum is then brought to the unit of
//! the activations, or to Q16 for the output layer and for what something is
//! added to, by a multiplier of 15 bits and a shift.

use crate::Error;
use crate::plan::{Bijection, Conditional, IntegerRow, Plan, Table};
use flow_embedded::artefact::{Quantisation, WeightFormat};
use half::f16;

/// Bits behind the point of channels and parameters.
const CHANNEL_BITS: u8 = 16;
/// What Q24 holds of the weights of linear and element-wise layers.
const LARGEST: f32 = 128.0;

pub(super) fn run(mut plan: Plan, quantisation: &Quantisation<'_>) -> Result<Plan, Error> {
    plan.weights = Some(quantisation.weights);
    if !quantisation.weights.is_integer() {
        return match (halves(&plan), categorical_halves(&plan)) {
            (None, true) => Ok(plan),
            (None, false) => Err(Error::NotHalfCategories),
            (Some(layer), _) => Err(Error::NotHalf { layer }),
        };
    }
    let mut fractions = quantisation.fractions;
    for (index, layer) in plan.layers.iter_mut().enumerate() {
        let fits = match &mut layer.bijection {
            Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => {
                // One for each dense layer: the artefact was validated.
                let (first, rest) = fractions.split_at(1 + own.hidden.len());
                fractions = rest;
                own.fractions = first.to_vec();
                conditioner(own, quantisation.weights).is_some()
            }
            Bijection::Linear { upper, lower, .. } => {
                let lower = lower.iter().flat_map(|row| &row[1..]);
                upper
                    .iter()
                    .flatten()
                    .chain(lower)
                    .all(|w| w.abs() < LARGEST)
            }
            Bijection::ElementWise(pairs) => pairs.iter().all(|[w, _]| w.abs() < LARGEST),
            Bijection::Permutation(_) | Bijection::FoldedPermutation(_) => true,
            Bijection::Convolutional(_) | Bijection::Pointwise { .. } => {
                return Err(Error::QuantiseImage { layer: index });
            }
        };
        if !fits {
            return Err(Error::Quantise { layer: index });
        }
    }
    Ok(plan)
}

/// The first layer with a weight that half precision does not hold.
fn halves(plan: &Plan) -> Option<usize> {
    plan.layers.iter().position(|layer| {
        let tables = layer.bijection.tables().into_iter();
        let mut weights = tables.flat_map(|own| own.rows.concat());
        weights.any(|weight| f16::from_f32(weight).to_f32() != weight)
    })
}

/// Whether half precision holds all weights of embeddings and heads.
fn categorical_halves(plan: &Plan) -> bool {
    let own = &plan.categorical;
    let heads = own.heads.iter().flat_map(|own| own.conditioner.tables());
    let heads = heads.flat_map(|own| own.rows.concat());
    let embeddings = own.vocabularies.iter().flat_map(|own| own.rows.concat());
    let mut weights = heads.chain(embeddings);
    weights.all(|weight| f16::from_f32(weight).to_f32() == weight)
}

fn conditioner(own: &mut Conditional, weights: WeightFormat) -> Option<()> {
    let pre_activation = |dense: usize| match own.activation.keeps_unit() {
        true => own.fractions[dense + 1],
        false => CHANNEL_BITS,
    };
    let output = own.hidden.len();
    let bits: Vec<(u8, u8)> = (0..=output)
        .map(|dense| {
            let to = match own.is_direct(dense) {
                true => pre_activation(dense),
                false => CHANNEL_BITS,
            };
            (own.fractions[dense], to)
        })
        .collect();
    for (tables, bits) in own.hidden.iter_mut().zip(&bits) {
        tables
            .iter_mut()
            .try_for_each(|own| table(own, *bits, weights))?;
    }
    let mut tables = own.output.iter_mut().flatten();
    tables.try_for_each(|own| table(own, bits[output], weights))
}

/// `bits` are those behind the point of the inputs, and of the result.
fn table(own: &mut Table, bits: (u8, u8), weights: WeightFormat) -> Option<()> {
    let rows = own.rows.iter().map(|numbers| row(numbers, bits, weights));
    own.integers = rows.collect::<Option<_>>()?;
    Some(())
}

/// The step between the integers of a row of weights, for inputs with so many
/// bits behind the point: the largest weight fills the format, unless the sum of
/// all products, bias included, would not stay within 32 bits.
pub fn weight_scale(bias: f32, weights: &[f32], fraction: u8, format: WeightFormat) -> f64 {
    let most = match format {
        WeightFormat::I8 => f64::from(i8::MAX),
        _ => f64::from(i16::MAX),
    };
    let sizes = weights.iter().map(|weight| f64::from(weight.abs()));
    let largest = sizes.clone().fold(0.0, f64::max);
    let inputs_per_unit = 2f64.powi(fraction.into());
    // The largest sum; each weight may be rounded up by half a step.
    let reach = sizes.sum::<f64>() * 32_768.0 + f64::from(bias.abs()) * inputs_per_unit;
    let room = f64::from(i32::MAX) - 32_768.0 * (weights.len() as f64 + 1.0);
    f64::max(largest / most, reach / room)
}

fn row(numbers: &[f32], (from, to): (u8, u8), format: WeightFormat) -> Option<IntegerRow> {
    let (bias, weights) = numbers.split_first()?;
    let input = 2f64.powi(-i32::from(from));
    let result = 2f64.powi(-i32::from(to));
    let mut scale = weight_scale(*bias, weights, from, format);
    if weights.iter().all(|weight| *weight == 0.0) {
        // A constant: as fine as the multiplier makes use of.
        scale = f64::max(scale, result / input / 4.0);
    }
    // multiplier / 2^(16 + shift), the multiplier of 15 bits.
    let ratio = scale * input / result;
    let shift = (-2.0 - ratio.log2()).floor() + 1.0;
    let shift = shift.min(15.0);
    if shift < -8.0 {
        return None;
    }
    let multiplier = (ratio * 2f64.powi(16 + shift as i32)).round().min(32_767.0);
    Some(IntegerRow {
        bias: (f64::from(*bias) / (scale * input)).round() as i32,
        multiplier: multiplier as i16,
        shift: shift as i8,
        weights: weights
            .iter()
            .map(|weight| (f64::from(*weight) / scale).round() as i16)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::row;
    use flow_embedded::artefact::WeightFormat;
    use flow_embedded::fixed::requantise;
    use proptest::prelude::*;

    fn numbers() -> impl Strategy<Value = Vec<f32>> {
        let scale = prop_oneof![Just(1e-6f32), Just(0.01), Just(0.3), Just(2.0), Just(20.0)];
        let row = prop::collection::vec(-1.0f32..1.0, 1..70);
        (row, scale).prop_map(|(row, scale)| row.iter().map(|x| x * scale).collect())
    }

    proptest! {
        /// No input can make the sum leave 32 bits, and what comes out is the
        /// row within what its format can tell apart.
        #[test]
        fn sums_fit_and_rows_are_themselves(
            numbers in numbers(), from in 6u8..=15, to in 8u8..=16,
            eight in any::<bool>(), seed in any::<u64>(),
        ) {
            let format = if eight { WeightFormat::I8 } else { WeightFormat::I16 };
            let Some(own) = row(&numbers, (from, to), format) else {
                let largest = numbers.iter().fold(0.0f32, |m, x| m.max(x.abs()));
                // Only weights far beyond the unit of the result are refused.
                prop_assert!(largest * 2f32.powi(i32::from(to) - i32::from(from)) > 100.0);
                return Ok(());
            };
            let worst: i64 = own.weights.iter().map(|w| i64::from(w.abs()) * 32_768).sum();
            prop_assert!(worst + i64::from(own.bias).abs() <= i64::from(i32::MAX));
            let mut state = seed | 1;
            let input: Vec<i16> = own.weights.iter().map(|_| {
                state ^= state << 13; state ^= state >> 7; state ^= state << 17;
                (state >> 48) as i16
            }).collect();
            let sum = own.weights.iter().zip(&input).fold(own.bias, |sum, (w, x)| {
                sum + i32::from(*w) * i32::from(*x)
            });
            let got = f64::from(requantise(sum, own.multiplier, own.shift)) * 2f64.powi(-i32::from(to));
            let x = |x: &i16| f64::from(*x) * 2f64.powi(-i32::from(from));
            let exact: f64 = f64::from(numbers[0]) + numbers[1..].iter().zip(&input)
                .map(|(w, i)| f64::from(*w) * x(i)).sum::<f64>();
            // Results saturate at 32 bits.
            let far = 2f64.powi(31 - i32::from(to));
            let exact = exact.clamp(-far, far);
            let largest = numbers[1..].iter().fold(0.0f64, |m, w| m.max(w.abs().into()));
            let total: f64 = numbers[1..].iter().map(|w| f64::from(w.abs())).sum();
            let most = if eight { 127.0 } else { 32_767.0 };
            let reach = total * 32_768.0 + f64::from(numbers[0].abs()) * 2f64.powi(from.into());
            let scale = (largest / most).max(reach / 2.1e9);
            let inputs: f64 = input.iter().map(|i| x(i).abs()).sum::<f64>() + 1.0;
            let bound = 0.51 * scale * inputs + 1.01 * 2f64.powi(-i32::from(to)) + exact.abs() * 5e-5
                + reach * 2f64.powi(-i32::from(from)) * 3e-5;
            prop_assert!((got - exact).abs() <= bound, "{} against {}", got, exact);
        }
    }
}
