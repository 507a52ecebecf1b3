//! Which of its two neighbours each weight becomes.
//!
//! Rounding every weight to the nearest integer makes errors that add up. Here the weights of a row
//! are rounded one after the other, and each time those that are left make up for the error as far as
//! the inputs go together: with `C` the covariance of the inputs over rows of data, the row's output
//! then changes by the least `ΔᵀCΔ` that this order can reach (Frantar et al. 2023, "GPTQ"). What is
//! left of the error's mean goes into the bias, which has digits to spare.

use flow_artefact::{Draft, DraftConditioner, DraftLayer, MaskedRow};
use flow_data::Dataset;
use flow_embedded::artefact::{Role, WeightFormat};
use flow_plan::{Interpreter, weight_scale};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// Rows of data that are enough for the covariance of the widest layer.
const MOST_ROWS: usize = 4096;
/// Added to the variance of each input, as a share of their mean: inputs that always go together
/// have no inverse.
const DAMPING: f64 = 0.01;

/// Rounds the weights of every conditioner to the integers of `i8`, in place. `fractions` are those
/// of the quantisation.
pub(super) fn round(draft: &mut Draft, flow: &Interpreter, rows: &Dataset, fractions: &[u8]) {
    let mut inputs = moments(flow, rows).into_iter().zip(fractions);
    let conditioners = draft
        .layers
        .iter_mut()
        .filter_map(DraftLayer::conditioner_mut);
    for own in conditioners {
        for dense in dense_layers(own) {
            // One for each dense layer of the model, in this order.
            let Some((inputs, fraction)) = inputs.next() else {
                return;
            };
            dense
                .par_iter_mut()
                .for_each(|row| round_row(row, &inputs, *fraction));
        }
    }
}

/// The rows of each dense layer.
fn dense_layers(own: &mut DraftConditioner) -> Vec<&mut [MaskedRow]> {
    let hidden: Vec<usize> = own
        .hidden
        .iter()
        .map(|blocks| blocks.iter().map(|units| usize::from(*units)).sum())
        .collect();
    let output = own.form.dense_layers(hidden.len()) - 1;
    let units = (0..output).map(|dense| match own.form.role(hidden.len(), dense) {
        Role::Hidden(index) => hidden[index],
        // All others have the units of the first hidden layer.
        _ => hidden[0],
    });
    let mut rest = own.rows.as_mut_slice();
    let mut layers = Vec::new();
    for units in units {
        let (layer, behind) = rest.split_at_mut(units);
        layers.push(layer);
        rest = behind;
    }
    layers.push(rest);
    layers
}

/// What is known of the inputs of a dense layer.
struct Moments {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

/// The inputs of each dense layer, conditioner by conditioner.
fn moments(flow: &Interpreter, rows: &Dataset) -> Vec<Moments> {
    let (event, context) = (rows.event_dim(), rows.context_dim());
    let step = rows.rows().div_ceil(MOST_ROWS).max(1);
    let activations: Vec<Vec<Vec<f32>>> = (0..rows.rows())
        .into_par_iter()
        .step_by(step)
        .map(|row| {
            let event = &rows.events()[row * event..][..event];
            let context = &rows.contexts()[row * context..][..context];
            flow.activations(event, context).concat()
        })
        .collect();
    let layers = activations.first().map_or(0, Vec::len);
    let layer = |layer: usize| {
        let seen: Vec<&Vec<f32>> = activations
            .iter()
            .map(|row| &row[layer])
            .filter(|units| units.iter().all(|unit| unit.is_finite()))
            .collect();
        let width = activations[0][layer].len();
        let seen = DMatrix::from_fn(seen.len(), width, |row, unit| f64::from(seen[row][unit]));
        let mean = seen.row_mean().transpose();
        let centred = DMatrix::from_fn(seen.nrows(), width, |row, unit| {
            seen[(row, unit)] - mean[unit]
        });
        let covariance = centred.tr_mul(&centred) / (seen.nrows().max(1) as f64);
        Moments { mean, covariance }
    };
    (0..layers).into_par_iter().map(layer).collect()
}

/// Rounds one row, unless that would change the step between its integers.
fn round_row(row: &mut MaskedRow, inputs: &Moments, fraction: u8) {
    let scale = weight_scale(row.bias, &row.weights, fraction, WeightFormat::I8);
    let Some(rounded) = rounded(&row.weights, inputs, scale) else {
        return;
    };
    let error = row.weights.iter().zip(&rounded).zip(inputs.mean.iter());
    let error: f64 = error
        .map(|((weight, rounded), mean)| f64::from(weight - rounded) * mean)
        .sum();
    let bias = (f64::from(row.bias) + error) as f32;
    // The compiler finds the step from the largest weight.
    let again = weight_scale(bias, &rounded, fraction, WeightFormat::I8);
    if bias.is_finite() && (again / scale - 1.0).abs() < 1e-5 {
        *row = MaskedRow {
            bias,
            weights: rounded,
        };
    }
}

/// Multiples of `scale` near some weights; none where the covariance has no inverse.
fn rounded(weights: &[f32], inputs: &Moments, scale: f64) -> Option<Vec<f32>> {
    let count = weights.len();
    let variance = |input: usize| inputs.covariance[(input, input)];
    let damping = DAMPING * (0..count).map(variance).sum::<f64>() / count.max(1) as f64;
    // The largest first, which is exact and decides the step; then those that weigh most.
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| variance(*b).total_cmp(&variance(*a)));
    let largest = (0..count).max_by(|a, b| weights[*a].abs().total_cmp(&weights[*b].abs()))?;
    order.retain(|input| *input != largest);
    order.insert(0, largest);

    let covariance = DMatrix::from_fn(count, count, |i, j| {
        inputs.covariance[(order[i], order[j])] + if i == j { damping } else { 0.0 }
    });
    let inverse = covariance.cholesky()?.inverse();
    // Column i holds how the weights behind the i-th make up for its error.
    let factor = inverse.cholesky()?.unpack();
    let mut left: Vec<f64> = order.iter().map(|input| weights[*input].into()).collect();
    let mut result = vec![0.0; count];
    for (place, input) in order.iter().enumerate() {
        let steps = (left[place] / scale).round().clamp(-127.0, 127.0);
        let error = (left[place] - steps * scale) / factor[(place, place)];
        for (behind, left) in left.iter_mut().enumerate().skip(place + 1) {
            *left -= error * factor[(behind, place)];
        }
        result[*input] = (steps * scale) as f32;
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::{Moments, rounded};
    use nalgebra::{DMatrix, DVector};

    /// Inputs that follow three hidden causes: what one weight loses, the others make up.
    #[test]
    fn errors_are_made_up_for_by_inputs_that_go_together() {
        let count = 32;
        let causes = DMatrix::from_fn(count, 3, |i, j| ((3 * i + 7 * j) as f64).sin());
        let covariance: DMatrix<f64> =
            &causes * causes.transpose() + 0.01 * DMatrix::identity(count, count);
        let inputs = Moments {
            mean: DVector::zeros(count),
            covariance: covariance.clone(),
        };
        let weights: Vec<f32> = (0..count).map(|i| (i as f32 * 0.7).cos()).collect();
        let scale = f64::from(weights.iter().fold(0.0f32, |m, w| m.max(w.abs()))) / 127.0;
        let error = |rounded: &[f32]| {
            let error = DVector::from_fn(count, |i, _| f64::from(weights[i] - rounded[i]));
            (error.transpose() * &covariance * error)[(0, 0)]
        };
        let own = rounded(&weights, &inputs, scale).expect("a covariance");
        let nearest = |w: &f32| ((f64::from(*w) / scale).round() * scale) as f32;
        let nearest: Vec<f32> = weights.iter().map(nearest).collect();
        assert!(
            error(&own) < 0.5 * error(&nearest),
            "{} {}",
            error(&own),
            error(&nearest)
        );
        for weight in own {
            let steps = f64::from(weight) / scale;
            assert!((steps - steps.round()).abs() < 1e-4 && steps.abs() < 127.5);
        }
    }
}
