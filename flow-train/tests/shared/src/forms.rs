//! Conditioners of forms that a spec does not have: an import makes them.

use flow_embedded::artefact::{Form, Role};
use flow_model::{ConditionerParts, DenseParts};

/// A conditioner in another form, given so many features of the context: its own dense layers, and others for what
/// the form has more, the same for the same seed.
pub fn formed(
    own: ConditionerParts<f64>,
    form: Form,
    context: usize,
    seed: usize,
) -> ConditionerParts<f64> {
    let hidden = own.dense.len() - 1;
    let first = own.dense[0].prefix.clone();
    let mut rest = own.dense.into_iter();
    let dense = (0..form.dense_layers(hidden)).map(|index| {
        let (inputs, prefix): (usize, Vec<usize>) = match form.role(hidden, index) {
            Role::Hidden(_) | Role::Output => return rest.next().expect("a dense layer"),
            Role::Inner(_) | Role::Outer(_) => {
                let seen = |own: &usize| first.partition_point(|other| other <= own);
                (first.len(), first.iter().map(seen).collect())
            }
            Role::Start | Role::Term(_) | Role::Gate(_) => (context, vec![context; first.len()]),
        };
        let number = |place: usize| ((place + 1) as f64 * (1.7 + (seed + index) as f64)).sin();
        let mut weights: Vec<f64> = (0..inputs * prefix.len()).map(number).collect();
        for (row, prefix) in weights.chunks_exact_mut(inputs).zip(&prefix) {
            row[*prefix..].fill(0.0);
            let scale = 1.0 / (*prefix as f64).sqrt().max(1.0);
            row.iter_mut().for_each(|weight| *weight *= scale);
        }
        DenseParts {
            inputs,
            weights,
            biases: (0..prefix.len()).map(|row| 0.5 * number(2 * row)).collect(),
            prefix,
        }
    });
    ConditionerParts {
        activation: own.activation,
        form,
        dense: dense.collect(),
    }
}
