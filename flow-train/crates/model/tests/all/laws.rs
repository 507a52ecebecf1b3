//! Laws that every kind of layer must keep, run over one table of flows, in `f64`.

use flow_embedded::artefact::{Activation, ContextTerm, Form, PreActivation};
use flow_model::{
    BaseParts, BaseSpec, Batch, ConditionerSpec, FactorsParts, Family, Flow, ImageSpec, LayerParts,
    Objective, Order, ScalesParts, Spec, Threads,
};
use flow_shared_tests::forms::formed;

/// Rows of a batch: not a multiple of a vector's length.
const ROWS: usize = 21;

/// A row of the table.
#[derive(Debug)]
struct Case {
    spec: Spec,
    /// The form of the conditioners, where it is none that a spec can have.
    form: Option<Form>,
}

impl From<Spec> for Case {
    fn from(spec: Spec) -> Self {
        Self { spec, form: None }
    }
}

impl std::ops::Deref for Case {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        &self.spec
    }
}

/// A spec with its conditioner.
fn spec(family: Family, event: usize, context: usize, layers: usize, hidden: &[usize]) -> Spec {
    let plain = Spec::new(family, event, context);
    Spec {
        layers,
        bins: 5,
        spline_bound: 3.0,
        conditioner: ConditionerSpec {
            hidden: hidden.to_vec(),
            ..plain.conditioner.clone()
        },
        ..plain
    }
}

const LEAKY: Activation = Activation::LeakyRelu { slope: 0.2 };
const ELU: Activation = Activation::Elu { alpha: 1.5 };

/// Every family with every activation, with and without context and residual connections, at several depths and
/// numbers of channels; then orders, passes, linear layers, bases and angles.
fn table() -> Vec<Case> {
    use Activation::{Gelu, GeluTanh, Relu, Silu, Tanh};
    let mut specs = Vec::new();
    for family in Family::ALL {
        for (activation, residual, event, context, layers, hidden) in [
            (Relu, false, 1, 0, 2, &[7][..]),
            (Tanh, false, 1, 2, 1, &[]),
            (Silu, true, 1, 1, 2, &[6, 6]),
            (Relu, false, 2, 0, 3, &[9, 13]),
            (Silu, false, 3, 1, 2, &[8, 3, 6]),
            (Relu, true, 3, 2, 2, &[8, 8, 8]),
            (Tanh, false, 5, 0, 1, &[]),
            (Tanh, true, 5, 3, 2, &[13, 13]),
            (Silu, true, 5, 0, 3, &[9, 9]),
            (LEAKY, false, 3, 1, 2, &[8, 6]),
            (LEAKY, true, 4, 0, 2, &[7, 7]),
            (Gelu, false, 3, 1, 2, &[8, 6]),
            (Gelu, true, 4, 0, 2, &[7, 7]),
            (GeluTanh, false, 3, 1, 2, &[8, 6]),
            (GeluTanh, true, 4, 0, 2, &[7, 7]),
            (ELU, false, 3, 1, 2, &[8, 6]),
            (ELU, true, 4, 0, 2, &[7, 7]),
        ] {
            let mut own = spec(family, event, context, layers, hidden);
            own.conditioner.activation = activation;
            own.conditioner.residual = residual;
            specs.push(own);
        }
        for order in [Order::Reversed, Order::Random] {
            let order_only = Spec {
                order,
                ..spec(family, 4, 1, 3, &[9])
            };
            specs.push(Spec {
                passes: Some(2),
                event: 5,
                ..order_only.clone()
            });
            specs.push(order_only);
        }
        for base in [
            BaseSpec::Logistic,
            BaseSpec::Laplace,
            BaseSpec::StudentT {
                degrees_of_freedom: 4.5,
            },
            BaseSpec::Mixture { components: 3 },
            BaseSpec::Contaminated {
                share: 0.1,
                scale: 4.0,
            },
        ] {
            specs.push(Spec {
                base,
                linear: matches!(base, BaseSpec::Mixture { .. } | BaseSpec::Logistic),
                ..spec(family, 3, 1, 3, &[8])
            });
        }
        specs.push(Spec {
            regression: true,
            ..spec(family, 3, 2, 2, &[8])
        });
        if family.is_coupling() {
            specs.extend(images(family));
        }
        if family.has_splines() {
            for (event, circular) in [(1, vec![0]), (3, vec![0, 2]), (4, vec![1])] {
                specs.push(Spec {
                    circular,
                    ..spec(family, event, 2, 3, &[9])
                });
            }
        }
    }
    let cases = specs.into_iter().map(Case::from);
    cases.chain(forms()).collect()
}

/// Every family with conditioners of every form that an import makes.
fn forms() -> Vec<Case> {
    use Activation::{Gelu, GeluTanh, Relu, Silu, Tanh};
    use ContextTerm::{Added, Gated, Input};
    let blocks = |blocks, activated, context| {
        Form::PreActivation(PreActivation {
            blocks,
            activated,
            context,
        })
    };
    let mut cases = Vec::new();
    for family in Family::ALL {
        for (form, activation, event, context, hidden) in [
            (blocks(2, true, Added), Relu, 4, 2, &[9][..]),
            (blocks(1, true, Added), Silu, 3, 1, &[7]),
            (blocks(2, false, Added), Tanh, 3, 2, &[7]),
            (blocks(2, true, Gated), Tanh, 3, 2, &[8]),
            (blocks(2, false, Gated), Silu, 4, 1, &[8]),
            (blocks(2, true, Input), Silu, 4, 0, &[9]),
            (blocks(3, false, Input), Relu, 3, 1, &[8]),
            (Form::ContextFirst, Relu, 3, 2, &[9, 7]),
            (Form::ContextFirst, Silu, 4, 1, &[8]),
            (blocks(2, true, Added), LEAKY, 3, 2, &[7]),
            (Form::ContextFirst, LEAKY, 3, 1, &[7]),
            (blocks(2, true, Added), Gelu, 3, 2, &[7]),
            (blocks(1, true, Gated), GeluTanh, 3, 1, &[7]),
            (blocks(2, true, Added), ELU, 3, 2, &[7]),
            (Form::ContextFirst, ELU, 3, 1, &[7]),
        ] {
            let mut own = spec(family, event, context, 2, hidden);
            own.conditioner.activation = activation;
            cases.push(Case {
                spec: own,
                form: Some(form),
            });
        }
    }
    cases
}

/// Couplings by convolutions over images: of one scale and of two, with colours, heads for each position and for all.
fn images(family: Family) -> Vec<Spec> {
    let image = |width, height, event, context, hidden: &[usize]| Spec {
        image: Some(ImageSpec {
            scales: 1,
            ..ImageSpec::new(width, height)
        }),
        ..spec(family, event, context, 2, hidden)
    };
    let mut colours = image(2, 2, 12, 0, &[5, 4]);
    colours.conditioner.activation = Activation::Silu;
    if let Some(image) = &mut colours.image {
        image.by_position = false;
    }
    let mut residual = image(4, 2, 8, 2, &[3, 3]);
    residual.conditioner.residual = true;
    residual.conditioner.activation = Activation::Tanh;
    residual.linear = true;
    let mut scales = image(4, 4, 16, 1, &[4]);
    scales.image = Some(ImageSpec {
        factor_out: true,
        ..ImageSpec::new(4, 4)
    });
    scales.base = BaseSpec::Logistic;
    vec![colours, residual, scales]
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

/// A flow far from the identity: output layers ten times as large as usual (three times behind blocks, whose units are
/// larger), everything half as large again, and
/// nothing that isn't masked left at 0.
fn flow(case: &Case) -> Flow<f64> {
    let mut parts = Flow::new(&case.spec, 7).unwrap().to_parts();
    let context = parts.context;
    let gain = if case.form.is_some() { 3.0 } else { 10.0 };
    for (index, layer) in parts.layers.iter_mut().enumerate() {
        if let LayerParts::Coupling { conditioner, .. }
        | LayerParts::Autoregressive { conditioner, .. } = layer
        {
            if let Some(form) = case.form {
                *conditioner = formed(conditioner.clone(), form, context, index);
            }
            let last = conditioner.dense.last_mut().unwrap();
            last.weights
                .iter_mut()
                .chain(&mut last.biases)
                .for_each(|value| *value *= gain);
        } else if let LayerParts::Convolutional { conditioner, .. } = layer {
            let last = conditioner.layers.last_mut().unwrap();
            last.weights.iter_mut().for_each(|value| *value *= 10.0);
        }
    }
    let mut flow = Flow::from_parts(parts).unwrap();
    let mask = masked(&flow);
    let noise = values(mask.len(), 77);
    for ((value, masked), noise) in flow.parameters_mut().iter_mut().zip(mask).zip(noise) {
        if !masked {
            *value = 1.5 * *value + 0.05 * noise;
        }
    }
    flow
}

fn batch<'a>(events: &'a [f64], contexts: &'a [f64]) -> Batch<'a, f64> {
    Batch {
        events,
        contexts,
        weights: &[],
    }
}

fn loss(flow: &Flow<f64>, batch: Batch<'_, f64>) -> f64 {
    Objective::new(flow, ROWS, &Threads::new(1)).loss(flow, batch)
}

/// For each parameter, whether it is a weight beyond its row's prefix, or no part of a triangle.
fn masked(flow: &Flow<f64>) -> Vec<bool> {
    let mut mask = Vec::new();
    for layer in flow.to_parts().layers {
        match layer {
            LayerParts::Coupling { conditioner, .. }
            | LayerParts::Autoregressive { conditioner, .. } => {
                for dense in conditioner.dense {
                    for prefix in &dense.prefix {
                        mask.extend((0..dense.inputs).map(|column| column >= *prefix));
                    }
                    mask.extend(dense.biases.iter().map(|_| false));
                }
            }
            LayerParts::Linear {
                factors: FactorsParts { bias, .. },
                ..
            }
            | LayerParts::Pointwise {
                factors: FactorsParts { bias, .. },
                ..
            } => {
                let entries =
                    || (0..bias.len() * bias.len()).map(|i| (i / bias.len(), i % bias.len()));
                mask.extend(entries().map(|(row, column)| column >= row));
                mask.extend(entries().map(|(row, column)| column < row));
                mask.extend(bias.iter().map(|_| false));
            }
            LayerParts::ElementWise(ScalesParts { scale, shift }) => {
                mask.extend(scale.iter().chain(&shift).map(|_| false));
            }
            LayerParts::Convolutional { conditioner, .. } => {
                let layers = conditioner.layers.iter();
                mask.extend(layers.flat_map(|own| own.weights.iter().map(|_| false)));
            }
            LayerParts::Permutation(_) => {}
        }
    }
    // The rest belongs to the base.
    mask.resize(flow.parameters().len(), false);
    mask
}

#[test]
fn gradients_equal_central_differences() {
    for spec in table() {
        let mut flow = flow(&spec);
        let (events, contexts) = (values(ROWS * spec.event, 1), values(ROWS * spec.context, 2));
        let weights: Vec<f64> = values(ROWS, 9).iter().map(|v| v.abs()).collect();
        for weights in [&[][..], &weights] {
            let batch = Batch {
                weights,
                ..batch(&events, &contexts)
            };
            let mut objective = Objective::new(&flow, ROWS, &Threads::new(1));
            objective.loss_and_gradient(&flow, batch);
            let gradient = objective.gradient().to_vec();
            let scale = gradient.iter().fold(0.0f64, |max, g| max.max(g.abs()));
            let mask = masked(&flow);
            // With weights, a part of the parameters shows as much.
            let every = if weights.is_empty() { 1 } else { 7 };
            for index in (0..gradient.len()).step_by(every).filter(|i| !mask[*i]) {
                let here = flow.parameters()[index];
                let mut at = |step: f64| {
                    flow.parameters_mut()[index] = here + step;
                    loss(&flow, batch)
                };
                // Where a kink of an activation lies within the first step, none lies within a shorter one.
                let differences = [1e-5, 1e-8].map(|step| (at(step) - at(-step)) / (2.0 * step));
                at(0.0);
                let near =
                    |difference: &f64| (gradient[index] - difference).abs() < 2e-6 * (1.0 + scale);
                assert!(
                    differences.iter().any(near),
                    "{spec:?}: parameter {index}: {} against {differences:?}",
                    gradient[index]
                );
            }
            assert!(
                scale > 1e-3,
                "{spec:?}: a gradient that is nearly zero shows nothing"
            );
        }
    }
}

/// Of a loss that weighs every generated value and every log-determinant differently.
#[test]
fn gradients_of_generated_events_equal_central_differences() {
    for spec in table() {
        let mut flow = flow(&spec);
        let (z, contexts) = (values(ROWS * spec.event, 1), values(ROWS * spec.context, 2));
        let (d_events, d_log_det) = (values(ROWS * spec.event, 3), values(ROWS, 4));
        let gradient = flow.generate_backward(&z, &contexts, &d_events, &d_log_det);
        let scale = gradient.iter().fold(0.0f64, |max, g| max.max(g.abs()));
        let mask = masked(&flow);
        // Those of the base come last; its values are given.
        let base = flow.to_parts().base;
        let trained = match base {
            BaseParts::Mixture { .. } if matches!(spec.base, BaseSpec::Mixture { .. }) => {
                3 * (1 + 2 * spec.event)
            }
            _ => 0,
        };
        let layers = gradient.len() - trained;
        assert!(gradient[layers..].iter().all(|g| *g == 0.0), "{spec:?}");
        for index in (0..layers).filter(|i| !mask[*i]) {
            let here = flow.parameters()[index];
            let generate = |flow: &Flow<f64>| {
                let (mut events, mut log_det) = (z.clone(), vec![0.0; ROWS]);
                flow.generate_and_log_det(&mut events, &contexts, &mut log_det);
                (events, log_det)
            };
            let mut at = |step: f64| {
                flow.parameters_mut()[index] = here + step;
                generate(&flow)
            };
            // Short, so that no kink (a ReLU's, or a knot's in a log-determinant) lies within it.
            let step = 1e-6;
            let (above, below) = (at(step), at(-step));
            at(0.0);
            let events = above.0.iter().zip(&below.0).zip(&d_events).enumerate();
            let by_events: f64 = events
                .map(|(i, ((a, b), d))| d * difference(&spec, i % spec.event, *a, *b))
                .sum();
            let log_dets = above.1.iter().zip(&below.1).zip(&d_log_det);
            let by_log_det: f64 = log_dets.map(|((a, b), d)| d * (a - b)).sum();
            let expected = (by_events + by_log_det) / (2.0 * step);
            let error = (gradient[index] - expected).abs();
            assert!(
                error < 4e-6 * (1.0 + scale),
                "{spec:?}: parameter {index}: {} against {expected}",
                gradient[index]
            );
        }
        assert!(scale > 1e-3, "{spec:?}");
    }
}

#[test]
fn masked_weights_and_their_gradients_are_exactly_zero() {
    for spec in table() {
        let flow = flow(&spec);
        let (events, contexts) = (values(ROWS * spec.event, 1), values(ROWS * spec.context, 2));
        let mut objective = Objective::new(&flow, ROWS, &Threads::new(1));
        objective.loss_and_gradient(&flow, batch(&events, &contexts));
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

/// The smallest angle between two values of a channel; their difference if it isn't circular.
fn difference(spec: &Spec, channel: usize, a: f64, b: f64) -> f64 {
    let turn = std::f64::consts::TAU;
    match spec.circular.contains(&channel) {
        true => (a - b) - turn * ((a - b) / turn).round(),
        false => a - b,
    }
}

#[test]
fn generating_inverts_normalizing() {
    for spec in table() {
        let flow = flow(&spec);
        let (events, contexts) = (values(ROWS * spec.event, 3), values(ROWS * spec.context, 4));
        let (mut z, mut log_det) = (vec![0.0; events.len()], vec![0.0; ROWS]);
        flow.normalize_and_log_det(&events, &contexts, &mut z, &mut log_det);
        let mut back_log_det = vec![0.0; ROWS];
        flow.generate_and_log_det(&mut z, &contexts, &mut back_log_det);
        for (index, (back, there)) in z.iter().zip(&events).enumerate() {
            let error = difference(&spec, index % spec.event, *back, *there);
            assert!(
                error.abs() < 1e-8,
                "{spec:?}: value {index}: {back} for {there}"
            );
        }
        for (there, back) in log_det.iter().zip(&back_log_det) {
            assert!(
                (there + back).abs() < 1e-7,
                "{spec:?}: {there} and {back} must cancel"
            );
        }
    }
}

/// The Jacobian dz/dx of one event by central differences, row-major.
fn jacobian(flow: &Flow<f64>, spec: &Spec, event: &[f64], context: &[f64]) -> Vec<f64> {
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
            jacobian[row * d + column] =
                difference(spec, row, above[row], below[row]) / (2.0 * step);
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
            let (mut z, mut log_det) = (vec![0.0; spec.event], [0.0]);
            flow.normalize_and_log_det(event, context, &mut z, &mut log_det);
            let numerical = log_abs_det(jacobian(&flow, &spec, event, context), spec.event);
            assert!(
                (log_det[0] - numerical).abs() < 2e-6,
                "{spec:?}: {} against {numerical}",
                log_det[0]
            );
        }
    }
}

/// `ln p` of one base value, written out.
fn base_log_prob(spec: &Spec, flow: &Flow<f64>, z: &[f64]) -> f64 {
    use std::f64::consts::{LN_2, PI, TAU};
    if let BaseParts::Mixture {
        log_weights,
        mean,
        std,
    } = flow.to_parts().base
    {
        let d = z.len();
        let component = |k: usize| {
            let normal = |i: usize| {
                let deviation = (z[i] - mean[k * d + i]) / std[k * d + i];
                -0.5 * (deviation * deviation + TAU.ln()) - std[k * d + i].ln()
            };
            (log_weights[k] + (0..d).map(normal).sum::<f64>()).exp()
        };
        return (0..log_weights.len()).map(component).sum::<f64>().ln();
    }
    let one = |z: f64| match spec.base {
        BaseSpec::Normal => -0.5 * (z * z + TAU.ln()),
        BaseSpec::Logistic => -z - 2.0 * (1.0 + (-z).exp()).ln(),
        BaseSpec::Laplace => -z.abs() - LN_2,
        // Γ(2.75) and Γ(2.25), from tables.
        BaseSpec::StudentT { .. } => {
            let norm = 1.608_359_421_985_546_f64 / 1.133_003_096_319_347;
            (norm / (4.5 * PI).sqrt()).ln() - 2.75 * (1.0 + z * z / 4.5).ln()
        }
        BaseSpec::Mixture { .. } | BaseSpec::Contaminated { .. } => {
            unreachable!("handled above")
        }
    };
    z.iter()
        .enumerate()
        .map(|(channel, z)| match spec.circular.contains(&channel) {
            true => -TAU.ln(),
            false => one(*z),
        })
        .sum()
}

#[test]
fn log_prob_is_that_of_the_base_and_the_log_det() {
    for spec in table() {
        let flow = flow(&spec);
        let (events, contexts) = (values(ROWS * spec.event, 5), values(ROWS * spec.context, 6));
        let (mut z, mut log_det) = (vec![0.0; events.len()], vec![0.0; ROWS]);
        flow.normalize_and_log_det(&events, &contexts, &mut z, &mut log_det);
        let mut log_prob = vec![0.0; ROWS];
        flow.log_prob(&events, &contexts, &mut log_prob);
        let rows = z.chunks_exact(spec.event).zip(&log_det);
        for ((z, log_det), log_prob) in rows.zip(&log_prob) {
            let expected = base_log_prob(&spec, &flow, z) + log_det;
            assert!(
                (log_prob - expected).abs() < 1e-11 * (1.0 + expected.abs()),
                "{spec:?}: {log_prob} against {expected}"
            );
        }
        let mean = log_prob.iter().sum::<f64>() / ROWS as f64;
        let loss = loss(&flow, batch(&events, &contexts));
        assert!((mean + loss).abs() < 1e-11 * (1.0 + loss.abs()), "{spec:?}");
    }
}

#[test]
fn context_changes_the_density() {
    for spec in table().into_iter().filter(|spec| spec.context > 0) {
        let flow = flow(&spec);
        let events = values(ROWS * spec.event, 5);
        let log_prob = |seed: u64| {
            let mut log_prob = vec![0.0; ROWS];
            flow.log_prob(&events, &values(ROWS * spec.context, seed), &mut log_prob);
            log_prob
        };
        let (here, there) = (log_prob(1), log_prob(2));
        assert!(
            here.iter().zip(&there).all(|(a, b)| (a - b).abs() > 1e-9),
            "{spec:?}"
        );
    }
}

/// In the layer of a family, what depends on what.
#[test]
fn one_layer_has_the_structure_of_its_family() {
    for (event, context) in [(2, 0), (3, 2), (5, 0), (6, 2)] {
        for family in Family::ALL {
            for (order, passes) in [
                (Order::Alternate, None),
                (Order::Reversed, None),
                (Order::Random, None),
                (Order::Alternate, Some(2)),
            ] {
                let mut spec = Spec {
                    order,
                    passes,
                    ..spec(family, event, context, 1, &[16, 16])
                };
                // Without units that are silent.
                spec.conditioner.activation = Activation::Tanh;
                let spec = Case::from(spec);
                let flow = flow(&spec);
                let jacobian = jacobian(&flow, &spec, &values(event, 8), &values(context, 9));
                // The step in which each channel changes; nothing for one that stays.
                let steps: Vec<Option<usize>> = match &flow.to_parts().layers[0] {
                    LayerParts::Coupling { transformed, .. } => (0..event)
                        .map(|channel| transformed.contains(&channel).then_some(0))
                        .collect(),
                    LayerParts::Autoregressive { order, groups, .. } => {
                        let group = groups.iter().enumerate();
                        let steps: Vec<usize> = group
                            .flat_map(|(step, count)| std::iter::repeat_n(step, *count))
                            .collect();
                        let place = |channel| order.iter().position(|c| *c == channel).unwrap();
                        (0..event)
                            .map(|channel| Some(steps[place(channel)]))
                            .collect()
                    }
                    other => panic!("{other:?}"),
                };
                if !family.is_coupling() {
                    let last = steps.iter().flatten().max().unwrap() + 1;
                    assert_eq!(last, passes.unwrap_or(event).min(event), "{spec:?}");
                }
                for (index, value) in jacobian.iter().enumerate() {
                    let (row, column) = (index / event, index % event);
                    let depends = row == column
                        || match (steps[row], steps[column]) {
                            (Some(own), Some(other)) => other < own,
                            (Some(_), None) => true,
                            (None, _) => false,
                        };
                    assert_eq!(
                        value.abs() > 1e-7,
                        depends,
                        "{spec:?}: dz[{row}]/dx[{column}] = {value}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_new_flow_is_near_the_identity() {
    for spec in table() {
        let flow = Flow::<f64>::new(&spec, 3).unwrap();
        if !spec.circular.is_empty() || spec.linear {
            continue;
        }
        let (events, contexts) = (values(ROWS * spec.event, 3), values(ROWS * spec.context, 4));
        let (mut z, mut log_det) = (vec![0.0; events.len()], vec![0.0; ROWS]);
        flow.normalize_and_log_det(&events, &contexts, &mut z, &mut log_det);
        let worst = z
            .iter()
            .zip(&events)
            .map(|(z, x)| (z - x).abs())
            .inspect(|moved| assert!(!moved.is_nan(), "{spec:?}: NaN"))
            .fold(0.0, f64::max);
        assert!(worst < 1.2, "{spec:?}: {worst}");
    }
}

#[test]
fn extreme_inputs_give_no_nan() {
    for spec in table() {
        let flow32 = Flow::<f32>::new(&spec, 3).unwrap();
        for size in [0.0, 1e-30, 1e3, 1e6, 1e9] {
            let scaled = |count: usize, seed: u64| {
                let values = values(count, seed);
                values.iter().map(|v| (v * size) as f32).collect::<Vec<_>>()
            };
            let mut events = scaled(ROWS * spec.event, 1);
            for (index, value) in events.iter_mut().enumerate() {
                if spec.circular.contains(&(index % spec.event)) {
                    *value = value.clamp(-3.0, 3.0);
                }
            }
            let contexts = scaled(ROWS * spec.context, 2);
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
        let again = Flow::from_parts(narrow.to_parts()).unwrap();
        for (own, other) in narrow.parameters().iter().zip(again.parameters()) {
            // A diagonal or a deviation goes through exp and ln.
            assert!((own - other).abs() < 1e-6, "{spec:?}: {own} {other}");
        }
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
                (f64::from(*narrow) - wide).abs() < 2e-5 * (1.0 + wide.abs()),
                "{spec:?}: {narrow} against {wide}"
            );
        }
    }
}

#[test]
fn act_norm_starts_from_the_moments() {
    for family in Family::ALL {
        let spec = Spec {
            linear: true,
            ..spec(family, 3, 0, 2, &[8])
        };
        let mut flow = Flow::<f64>::new(&spec, 1).unwrap();
        let events: Vec<f64> = values(300 * 3, 1).iter().map(|v| 5.0 * v + 3.0).collect();
        flow.set_moments(&events, &[]);
        let mut parts = flow.to_parts();
        // Up to and including the first element-wise layer.
        parts.layers.truncate(2);
        let start = Flow::from_parts(parts).unwrap();
        let (mut z, mut log_det) = (vec![0.0; events.len()], vec![0.0; 300]);
        start.normalize_and_log_det(&events, &[], &mut z, &mut log_det);
        for channel in 0..3 {
            let column = || z.iter().skip(channel).step_by(3);
            let mean = column().sum::<f64>() / 300.0;
            let square = column().map(|z| z * z).sum::<f64>() / 300.0;
            assert!(
                mean.abs() < 1e-9 && (square - 1.0).abs() < 1e-9,
                "{family:?}: {mean} {square}"
            );
        }
    }
}

/// Channels that are linear in a context and in one another: the residual is white at once, and the layers behind
/// leave it alone.
#[test]
fn a_regression_starts_from_least_squares() {
    const ROWS: usize = 2000;
    for family in Family::ALL {
        let spec = Spec {
            regression: true,
            ..spec(family, 2, 2, 2, &[8])
        };
        let mut flow = Flow::<f64>::new(&spec, 1).unwrap();
        let (contexts, new) = (values(ROWS * 2, 1), values(ROWS * 2, 2));
        let events: Vec<f64> = (0..ROWS)
            .flat_map(|row| {
                let ([a, b], [e, f]) = (
                    [0, 1].map(|i| contexts[2 * row + i]),
                    [0, 1].map(|i| new[2 * row + i]),
                );
                let first = 0.3 + 0.5 * a - 0.2 * b + 0.4 * e;
                [first, 0.7 * first + b - 1.0 + 0.3 * f]
            })
            .collect();
        flow.set_moments(&events, &contexts);
        let (mut z, mut log_det) = (vec![0.0; events.len()], vec![0.0; ROWS]);
        flow.normalize_and_log_det(&events, &contexts, &mut z, &mut log_det);
        let column = |values: &[f64], channel: usize| -> Vec<f64> {
            values.iter().skip(channel).step_by(2).copied().collect()
        };
        let product =
            |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / ROWS as f64;
        for channel in 0..2 {
            let own = column(&z, channel);
            assert!(
                (product(&own, &own) - 1.0).abs() < 1e-6,
                "{family:?} {channel}"
            );
            for other in 0..2 {
                let known = product(&own, &column(&contexts, other));
                assert!(known.abs() < 1e-6, "{family:?} {channel} {other}: {known}");
            }
        }
        assert!(
            product(&column(&z, 0), &column(&z, 1)).abs() < 1e-6,
            "{family:?}"
        );
    }
}
