//! Laws that every kind of layer must keep, run over one table of flows, in `f64`.

use flow_train::model::{Activation, Batch, Family, Flow, Objective, Spec, Threads};

/// Rows of a batch: not a multiple of a vector's length.
const ROWS: usize = 21;

/// Every family, activation, context and depth.
fn table() -> Vec<Spec> {
    let mut specs = Vec::new();
    for family in [Family::RealNvp, Family::Maf] {
        for activation in [Activation::Relu, Activation::Tanh] {
            for (event, context) in [(1, 0), (1, 2), (2, 0), (3, 1), (5, 0), (5, 3)] {
                if family == Family::RealNvp && event < 2 {
                    continue;
                }
                for (layers, hidden) in [
                    (1, vec![]),
                    (1, vec![7]),
                    (3, vec![9, 13]),
                    (2, vec![8, 3, 6]),
                ] {
                    specs.push(Spec {
                        layers,
                        hidden,
                        activation,
                        ..Spec::new(family, event, context)
                    });
                }
            }
        }
    }
    specs
}

/// Values spread over about ±2, without a pattern; the same for the same seed.
fn values(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64 * 4.0 - 2.0
        })
        .collect()
}

/// A flow far from the identity: its parameters times 1.5, and output layers as large as the others.
fn flow(spec: &Spec) -> Flow<f64> {
    let mut flow = Flow::new(spec, 7).unwrap();
    let mut parts = flow.to_parts();
    for layer in &mut parts {
        let last = layer.dense.last_mut().unwrap();
        last.weights
            .iter_mut()
            .chain(&mut last.biases)
            .for_each(|value| *value *= 10.0);
    }
    flow = Flow::from_parts(spec.event, spec.context, parts).unwrap();
    flow.parameters_mut()
        .iter_mut()
        .for_each(|value| *value *= 1.5);
    flow
}

fn loss(flow: &Flow<f64>, events: &[f64], contexts: &[f64]) -> f64 {
    Objective::new(flow, ROWS, &Threads::new(1)).loss(flow, Batch { events, contexts })
}

#[test]
fn gradients_equal_central_differences() {
    for spec in table() {
        let mut flow = flow(&spec);
        let (events, contexts) = (values(ROWS * spec.event, 1), values(ROWS * spec.context, 2));
        let mut objective = Objective::new(&flow, ROWS, &Threads::new(1));
        objective.loss_and_gradient(
            &flow,
            Batch {
                events: &events,
                contexts: &contexts,
            },
        );
        let gradient = objective.gradient().to_vec();
        let scale = gradient.iter().fold(0.0f64, |max, g| max.max(g.abs()));
        let mask: Vec<bool> = masked(&flow);
        for index in (0..gradient.len()).filter(|&index| !mask[index]) {
            let here = flow.parameters()[index];
            let mut at = |step: f64| {
                flow.parameters_mut()[index] = here + step;
                loss(&flow, &events, &contexts)
            };
            let step = 1e-5;
            let difference = (at(step) - at(-step)) / (2.0 * step);
            at(0.0);
            // A ReLU whose kink lies within the step is off by as much as its event weighs: see the tolerance.
            let error = (gradient[index] - difference).abs();
            assert!(
                error < 2e-6 * (1.0 + scale),
                "{spec:?}: parameter {index}: {} against {difference}",
                gradient[index]
            );
        }
        assert!(
            scale > 1e-3,
            "{spec:?}: a gradient that is nearly zero shows nothing"
        );
    }
}

/// For each parameter, whether it is a weight beyond its row's prefix.
fn masked(flow: &Flow<f64>) -> Vec<bool> {
    let mut mask = Vec::new();
    for dense in flow.to_parts().into_iter().flat_map(|layer| layer.dense) {
        for prefix in &dense.prefix {
            mask.extend((0..dense.inputs).map(|column| column >= *prefix));
        }
        mask.extend(dense.biases.iter().map(|_| false));
    }
    assert_eq!(mask.len(), flow.parameters().len());
    mask
}

#[test]
fn masked_weights_and_their_gradients_are_exactly_zero() {
    for spec in table() {
        let flow = flow(&spec);
        let (events, contexts) = (values(ROWS * spec.event, 1), values(ROWS * spec.context, 2));
        let mut objective = Objective::new(&flow, ROWS, &Threads::new(1));
        objective.loss_and_gradient(
            &flow,
            Batch {
                events: &events,
                contexts: &contexts,
            },
        );
        for (index, _) in masked(&flow)
            .iter()
            .enumerate()
            .filter(|(_, masked)| **masked)
        {
            assert!(
                flow.parameters()[index] == 0.0 && objective.gradient()[index] == 0.0,
                "{spec:?}: {index}"
            );
        }
    }
}

#[test]
fn generating_inverts_normalizing() {
    for spec in table() {
        let flow = flow(&spec);
        let (events, contexts) = (values(ROWS * spec.event, 3), values(ROWS * spec.context, 4));
        let (mut z, mut log_det) = (vec![0.0; events.len()], vec![0.0; ROWS]);
        flow.normalize_and_log_det(&events, &contexts, &mut z, &mut log_det);
        for row in 0..ROWS {
            let event = &mut z[row * spec.event..][..spec.event];
            flow.generate(&contexts[row * spec.context..][..spec.context], event);
            for (back, there) in event.iter().zip(&events[row * spec.event..]) {
                assert!(
                    (back - there).abs() < 1e-9,
                    "{spec:?}: row {row}: {back} for {there}"
                );
            }
        }
    }
}

/// The Jacobian dz/dx of one event by central differences, row-major.
fn jacobian(flow: &Flow<f64>, event: &[f64], context: &[f64]) -> Vec<f64> {
    let d = event.len();
    let normalize = |event: &[f64]| {
        let (mut z, mut log_det) = (vec![0.0; d], [0.0]);
        flow.normalize_and_log_det(event, context, &mut z, &mut log_det);
        z
    };
    let (mut jacobian, step) = (vec![0.0; d * d], 1e-6);
    for column in 0..d {
        let mut moved = event.to_vec();
        moved[column] = event[column] + step;
        let above = normalize(&moved);
        moved[column] = event[column] - step;
        let below = normalize(&moved);
        for row in 0..d {
            jacobian[row * d + column] = (above[row] - below[row]) / (2.0 * step);
        }
    }
    jacobian
}

/// ln |det| by elimination with pivots.
fn log_abs_det(mut m: Vec<f64>, d: usize) -> f64 {
    let mut sum = 0.0;
    for k in 0..d {
        let pivot = (k..d)
            .max_by(|&a, &b| m[a * d + k].abs().total_cmp(&m[b * d + k].abs()))
            .unwrap();
        for column in 0..d {
            m.swap(k * d + column, pivot * d + column);
        }
        sum += m[k * d + k].abs().ln();
        for row in k + 1..d {
            let factor = m[row * d + k] / m[k * d + k];
            for column in k..d {
                m[row * d + column] -= factor * m[k * d + column];
            }
        }
    }
    sum
}

#[test]
fn log_det_is_that_of_the_jacobian() {
    for spec in table() {
        let flow = flow(&spec);
        let (events, contexts) = (values(4 * spec.event, 5), values(4 * spec.context, 6));
        for row in 0..4 {
            let event = &events[row * spec.event..][..spec.event];
            let context = &contexts[row * spec.context..][..spec.context];
            let (mut z, mut log_det, mut log_prob) = (vec![0.0; spec.event], [0.0], [0.0]);
            flow.normalize_and_log_det(event, context, &mut z, &mut log_det);
            let numerical = log_abs_det(jacobian(&flow, event, context), spec.event);
            assert!(
                (log_det[0] - numerical).abs() < 1e-6,
                "{spec:?}: {} against {numerical}",
                log_det[0]
            );
            flow.log_prob(event, context, &mut log_prob);
            let base: f64 = z
                .iter()
                .map(|z| -0.5 * (z * z + std::f64::consts::TAU.ln()))
                .sum();
            assert!(
                (log_prob[0] - (base + log_det[0])).abs() < 1e-12,
                "{spec:?}"
            );
        }
    }
}

#[test]
fn one_layer_has_the_structure_of_its_family() {
    for event in [2, 3, 5] {
        for context in [0, 2] {
            for (family, layers) in [
                (Family::Maf, 1),
                (Family::RealNvp, 1),
                (Family::Maf, 2),
                (Family::RealNvp, 2),
            ] {
                let spec = Spec {
                    layers,
                    hidden: vec![16, 16],
                    activation: Activation::Tanh,
                    ..Spec::new(family, event, context)
                };
                // The last layer alone.
                let parts = flow(&spec).to_parts().split_off(layers - 1);
                let flow = Flow::from_parts(event, context, parts).unwrap();
                let jacobian = jacobian(&flow, &values(event, 8), &values(context, 9));
                for (index, value) in jacobian.iter().enumerate() {
                    let (row, column) = (index / event, index % event);
                    let changes = row % 2 == layers % 2;
                    let depends = row == column
                        || match family {
                            Family::RealNvp => changes && column % 2 != layers % 2,
                            Family::Maf if layers == 1 => column < row,
                            Family::Maf => column > row,
                        };
                    assert_eq!(
                        *value != 0.0,
                        depends,
                        "{spec:?}: dz[{row}]/dx[{column}] = {value}"
                    );
                }
            }
        }
    }
}

#[test]
fn extreme_inputs_give_no_nan() {
    for spec in table() {
        let flow32 = Flow::<f32>::new(&spec, 3).unwrap();
        for size in [0.0, 1e-30, 1e3, 1e6, 1e9] {
            let events: Vec<f32> = values(ROWS * spec.event, 1)
                .iter()
                .map(|v| (v * size) as f32)
                .collect();
            let contexts: Vec<f32> = values(ROWS * spec.context, 2)
                .iter()
                .map(|v| (v * size) as f32)
                .collect();
            let mut log_prob = vec![0.0; ROWS];
            flow32.log_prob(&events, &contexts, &mut log_prob);
            assert!(
                log_prob.iter().all(|value| value.is_finite()),
                "{spec:?}: size {size}: {log_prob:?}"
            );
        }
        let mut log_prob = [0.0];
        flow32.log_prob(
            &vec![f32::NAN; spec.event],
            &vec![0.0; spec.context],
            &mut log_prob,
        );
        assert!(log_prob[0].is_nan(), "{spec:?}: NaN in, NaN out");
    }
}

#[test]
fn f32_and_f64_agree_and_parts_make_the_same_flow() {
    for spec in table() {
        let narrow = Flow::<f32>::new(&spec, 11).unwrap();
        let wide = Flow::<f64>::from(&narrow);
        assert_eq!(
            narrow,
            Flow::from_parts(spec.event, spec.context, narrow.to_parts()).unwrap()
        );
        let events: Vec<f32> = values(300 * spec.event, 1)
            .iter()
            .map(|&v| v as f32)
            .collect();
        let contexts: Vec<f32> = values(300 * spec.context, 2)
            .iter()
            .map(|&v| v as f32)
            .collect();
        let widen = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let (mut narrow_out, mut wide_out) = (vec![0.0; 300], vec![0.0; 300]);
        narrow.log_prob(&events, &contexts, &mut narrow_out);
        wide.log_prob(&widen(&events), &widen(&contexts), &mut wide_out);
        for (narrow, wide) in narrow_out.iter().zip(&wide_out) {
            assert!(
                (f64::from(*narrow) - wide).abs() < 1e-5 * (1.0 + wide.abs()),
                "{spec:?}: {narrow} against {wide}"
            );
        }
    }
}
