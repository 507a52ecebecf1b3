//! Loss and gradients of zuko flows (`tests/peers/zuko_case.py` wrote the fixtures), in `f64` and `f32`.

use flow_embedded::artefact::{Activation, Direction, Form, Transformer};
use flow_model::{
    BaseParts, Batch, CategoricalParts, ConditionerParts, DenseParts, Flow, FlowParts, LayerParts,
    Objective, Precision, Real, Threads,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    event: usize,
    x: Vec<Vec<f64>>,
    loss: f64,
    log_prob: Vec<f64>,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    rank: Vec<usize>,
    dense: Vec<Dense>,
}

/// Rows in zuko's order.
#[derive(Deserialize)]
struct Dense {
    mask: Vec<Vec<u8>>,
    weights: Vec<Vec<f64>>,
    biases: Vec<f64>,
    weight_gradient: Vec<Vec<f64>>,
    bias_gradient: Vec<f64>,
}

/// An affine and a spline autoregressive flow, each with its transformer.
fn cases() -> [(Case, Transformer); 2] {
    let read = |text| serde_json::from_str(text).expect("the fixture is what its script writes");
    let affine = Transformer::Affine {
        log_scale_bound: 1000f32.ln(),
    };
    let spline = Transformer::Spline {
        bins: 5,
        bound: 5.0,
    };
    [
        (
            read(include_str!("../../../../tests/peers/zuko_maf.json")),
            affine,
        ),
        (
            read(include_str!("../../../../tests/peers/zuko_nsf.json")),
            spline,
        ),
    ]
}

/// One dense layer with its units sorted by what they see, and the permutation of its rows.
fn sorted(
    dense: &Dense,
    columns: &[usize],
    rows: Vec<usize>,
    weights: &[Vec<f64>],
    biases: &[f64],
) -> DenseParts<f64> {
    let seen = |row: usize| dense.mask[row].iter().filter(|&&bit| bit == 1).count();
    DenseParts {
        inputs: columns.len(),
        prefix: rows.iter().map(|&row| seen(row)).collect(),
        weights: rows
            .iter()
            .flat_map(|&row| columns.iter().map(move |&column| weights[row][column]))
            .collect(),
        biases: rows.into_iter().map(|row| biases[row]).collect(),
    }
}

/// The flow, and its gradient in the order of the flow's parameters.
fn flow_and_gradient(case: &Case, transformer: Transformer) -> (Flow<f64>, Vec<f64>) {
    let (mut parts, mut gradient) = (Vec::new(), Vec::new());
    for layer in &case.layers {
        let mut order = vec![0; case.event];
        layer
            .rank
            .iter()
            .enumerate()
            .for_each(|(channel, &rank)| order[rank] = channel);
        let mut columns = order.clone();
        let mut dense_parts = Vec::new();
        for (index, dense) in layer.dense.iter().enumerate() {
            let rows: Vec<usize> = if index + 1 == layer.dense.len() {
                order
                    .iter()
                    .flat_map(|&channel| {
                        let count = transformer.parameters();
                        channel * count..(channel + 1) * count
                    })
                    .collect()
            } else {
                let mut rows: Vec<usize> = (0..dense.biases.len()).collect();
                rows.sort_by_key(|&row| dense.mask[row].iter().filter(|&&bit| bit == 1).count());
                rows
            };
            let part = sorted(dense, &columns, rows.clone(), &dense.weights, &dense.biases);
            let of_part = sorted(
                dense,
                &columns,
                rows.clone(),
                &dense.weight_gradient,
                &dense.bias_gradient,
            );
            gradient.extend(of_part.weights.into_iter().chain(of_part.biases));
            dense_parts.push(part);
            columns = rows;
        }
        parts.push(LayerParts::Autoregressive {
            order,
            groups: vec![1; case.event],
            direction: Direction::Normalizing,
            transformer,
            conditioner: ConditionerParts {
                activation: Activation::Relu,
                form: Form::Plain,
                dense: dense_parts,
            },
        });
    }
    let parts = FlowParts {
        event: case.event,
        context: 0,
        circular: Vec::new(),
        categorical: CategoricalParts::default(),
        layers: parts,
        base: BaseParts::Normal,
    };
    let flow = Flow::from_parts(parts).expect("zuko's masks are staircases once sorted");
    (flow, gradient)
}

/// Loss and worst error of the gradient, relative to its largest entry.
fn compare<T: Precision>(flow: &Flow<T>, case: &Case, expected: &[f64]) -> (f64, f64) {
    let events: Vec<T> = case
        .x
        .iter()
        .flatten()
        .map(|&value| T::from_f64(value))
        .collect();
    let mut objective = Objective::new(flow, case.x.len(), &Threads::new(1));
    let loss = objective.loss_and_gradient(
        flow,
        Batch {
            events: &events,
            contexts: &[],
            weights: &[],
        },
    );
    let largest = expected.iter().fold(0.0f64, |max, g| max.max(g.abs()));
    let pairs = objective.gradient().iter().zip(expected);
    (
        loss,
        pairs
            .map(|(ours, theirs)| (ours.to_f64() - theirs).abs())
            .inspect(|error| assert!(!error.is_nan(), "a gradient is NaN"))
            .fold(0.0, f64::max)
            / largest,
    )
}

#[test]
fn loss_and_gradients_are_zukos() {
    for (case, transformer) in cases() {
        let (flow, gradient) = flow_and_gradient(&case, transformer);
        let (loss, error) = compare(&flow, &case, &gradient);
        // The bounds of splines are numbers of f32 with us; zuko was given that of the affine maps in f32, which
        // stands for |ln 1e-3| itself with us.
        let tolerance = match transformer {
            Transformer::Spline { .. } => 1e-7,
            Transformer::Affine { .. } => 1e-8,
            _ => 1e-12,
        };
        assert!(
            (loss - case.loss).abs() < tolerance * case.loss.abs(),
            "{loss} against {}",
            case.loss
        );
        assert!(error < tolerance, "f64, {transformer:?}: {error:e}");

        let parts = flow.to_parts();
        let narrow = Flow::<f32>::from_parts(FlowParts {
            event: case.event,
            context: 0,
            circular: Vec::new(),
            categorical: CategoricalParts::default(),
            layers: parts.layers.into_iter().map(narrow_layer).collect(),
            base: BaseParts::Normal,
        })
        .expect("as in f64");
        let (loss, error) = compare(&narrow, &case, &gradient);
        assert!(
            (loss - case.loss).abs() < 1e-6 * case.loss.abs(),
            "{loss} against {}",
            case.loss
        );
        assert!(error < 2e-6, "f32, {transformer:?}: {error:e}");
        println!("{transformer:?}: worst error of the gradient in f32: {error:e}");
    }
}

fn narrow_layer(layer: LayerParts<f64>) -> LayerParts<f32> {
    match layer {
        LayerParts::Autoregressive {
            order,
            groups,
            direction,
            transformer,
            conditioner,
        } => LayerParts::Autoregressive {
            order,
            groups,
            direction,
            transformer,
            conditioner: ConditionerParts {
                activation: conditioner.activation,
                form: conditioner.form,
                dense: conditioner.dense.into_iter().map(narrow).collect(),
            },
        },
        other => panic!("a layer that the case doesn't have: {other:?}"),
    }
}

fn narrow(dense: DenseParts<f64>) -> DenseParts<f32> {
    let values = |values: Vec<f64>| values.into_iter().map(f32::from_f64).collect();
    DenseParts {
        inputs: dense.inputs,
        prefix: dense.prefix,
        weights: values(dense.weights),
        biases: values(dense.biases),
    }
}

#[test]
fn log_prob_of_each_event_is_zukos() {
    for (case, transformer) in cases() {
        let (flow, _) = flow_and_gradient(&case, transformer);
        let events: Vec<f64> = case.x.iter().flatten().copied().collect();
        let mut log_prob = vec![0.0; case.x.len()];
        flow.log_prob(&events, &[], &mut log_prob);
        for (ours, theirs) in log_prob.iter().zip(&case.log_prob) {
            assert!(
                (ours - theirs).abs() < 1e-7 * (1.0 + theirs.abs()),
                "{transformer:?}: {ours} against {theirs}"
            );
        }
    }
}
