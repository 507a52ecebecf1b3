//! What holds of the layers of every library: inverses undo them, and signs pass through them.

use super::dense::Dense;
use super::layers::{Conditioned, contiguous, inverted, scaled, unconditional};
use super::net::Net;
use super::signs::absorbed;
use super::{Shape, lu};
use flow_embedded::artefact::{
    Activation, ContextTerm, Direction, Ends, FlooredSpline, Form, PreActivation, Scale,
    Transformer,
};
use flow_model::{BaseParts, CategoricalParts, Flow, FlowParts, LayerParts, ScalesParts};

const SHAPE: Shape = Shape {
    event: 3,
    context: 2,
};
const ROWS: usize = 40;

/// Numbers in −1 .. 1 from a linear congruential generator.
struct Numbers(u64);

impl Numbers {
    fn take(&mut self, count: usize) -> Vec<f64> {
        let mut next = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn dense(&mut self, inputs: usize, rows: usize, mask: Option<&[f64]>) -> Dense {
        Dense::new(inputs, self.take(inputs * rows), self.take(rows), mask)
    }

    /// A MADE of one hidden layer of six units, or of blocks behind it.
    fn made(&mut self, form: Form, parameters: usize) -> Net {
        let degree = |unit: usize| 1 + unit % 2;
        let mask = |rows: usize, columns: usize, sees: &dyn Fn(usize, usize) -> bool| {
            let places = (0..rows).flat_map(|row| (0..columns).map(move |own| (row, own)));
            let seen = places.map(|(row, own)| f64::from(u8::from(sees(row, own))));
            seen.collect::<Vec<f64>>()
        };
        let context = 3..5;
        let first = mask(6, 5, &|unit, own| {
            context.contains(&own) || own < degree(unit)
        });
        let inner = mask(6, 6, &|a, b| degree(a) >= degree(b));
        let last = mask(3 * parameters, 6, &|row, unit| {
            row / parameters >= degree(unit)
        });
        let mut dense = vec![self.dense(5, 6, Some(&first))];
        if let Form::PreActivation(own) = form {
            for _ in 0..own.blocks {
                dense.push(self.dense(6, 6, Some(&inner)));
                dense.push(self.dense(6, 6, Some(&inner)));
                if own.context == ContextTerm::Gated {
                    dense.push(self.dense(2, 6, None));
                }
            }
        }
        dense.push(self.dense(6, 3 * parameters, Some(&last)));
        Net {
            activation: Activation::Tanh,
            form,
            dense,
        }
    }

    /// A network that reads so many channels and the context.
    fn perceptron(&mut self, channels: usize, parameters: usize) -> Net {
        let dense = vec![
            self.dense(channels + 2, 5, None),
            self.dense(5, parameters, None),
        ];
        Net::plain(Activation::Silu, dense)
    }

    /// Diagonally dominant, so that its inverse is tame; signs of the diagonal by turns.
    fn matrix(&mut self) -> Vec<f64> {
        let mut matrix = self.take(9);
        for (own, diagonal) in [(0, 2.0), (4, -2.5), (8, 3.0)] {
            matrix[own] = diagonal;
        }
        matrix
    }
}

fn spline(ends: Ends) -> Transformer {
    Transformer::FlooredSpline(FlooredSpline {
        bins: 4,
        bound: 3.0,
        least_size: 6e-3,
        least_slope: 1e-3,
        ends,
        direction: Direction::Normalizing,
    })
}

/// A layer of each kind, by name.
fn table() -> Vec<(&'static str, LayerParts<f64>)> {
    let mut numbers = Numbers(3);
    let blocks = Form::PreActivation(PreActivation {
        blocks: 1,
        activated: true,
        context: ContextTerm::Gated,
    });
    let conditioned = |net: Net, channels: usize, transformer: Transformer| {
        let count = transformer.parameters();
        Conditioned {
            key: String::new(),
            net,
            transformer,
            rows: contiguous(channels, &(0..count).collect::<Vec<_>>()),
        }
    };
    let softplus = scaled(Scale::Softplus { least: 1e-3 });
    let sigmoid = scaled(Scale::Sigmoid { least: 1e-3 });
    let mut made = |form, transformer: Transformer, direction| {
        let net = numbers.made(form, transformer.parameters());
        let own = conditioned(net, 3, transformer);
        own.autoregressive(SHAPE, direction).expect("no circle")
    };
    let mut all = vec![
        ("maf", made(Form::Plain, softplus, Direction::Normalizing)),
        ("iaf", made(blocks, sigmoid, Direction::Generative)),
        (
            "autoregressive spline",
            made(blocks, spline(Ends::Smooth), Direction::Normalizing),
        ),
    ];
    let mut coupling = |transformed: Vec<usize>, transformer: Transformer| {
        let parameters = transformed.len() * transformer.parameters();
        let net = numbers.perceptron(3 - transformed.len(), parameters);
        conditioned(net, transformed.len(), transformer).coupling(SHAPE, transformed)
    };
    all.extend([
        ("affine coupling", coupling(vec![0, 2], sigmoid)),
        ("spline coupling", coupling(vec![1], spline(Ends::Free))),
    ]);
    let parameters = numbers.take(2 * spline(Ends::Smooth).parameters());
    let alone = unconditional(SHAPE, vec![0, 1], spline(Ends::Smooth), parameters);
    all.push(("unconditional spline", alone));
    all.push(("permutation", LayerParts::Permutation(vec![2, 0, 1])));
    let [linear, ..] = lu::dense("", &numbers.matrix(), 3).expect("an inverse");
    all.push(("linear", linear));
    all.push((
        "element-wise",
        LayerParts::ElementWise(ScalesParts {
            scale: vec![0.5, 1.5, 3.0],
            shift: vec![0.1, -0.7, 0.2],
        }),
    ));
    all
}

/// The log-likelihoods of rows by these layers.
fn log_probs(layers: Vec<LayerParts<f64>>, events: &[f64], contexts: &[f64]) -> Vec<f64> {
    let flow = Flow::from_parts(FlowParts {
        event: SHAPE.event,
        context: SHAPE.context,
        circular: Vec::new(),
        categorical: CategoricalParts::default(),
        layers,
        base: BaseParts::Normal,
    });
    let mut found = vec![0.0; ROWS];
    let flow = flow.expect("a flow");
    flow.log_prob(events, contexts, &mut found);
    found
}

fn assert_near(name: &str, found: &[f64], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        let off = (found - expected).abs() / expected.abs().max(1.0);
        assert!(off < 1e-11, "{name}: {found}, not {expected}");
    }
}

fn rows() -> (Vec<f64>, Vec<f64>) {
    let mut numbers = Numbers(11);
    let events = numbers.take(ROWS * SHAPE.event);
    let events = events.into_iter().map(|own| 4.0 * own).collect();
    (events, numbers.take(ROWS * SHAPE.context))
}

#[test]
fn inverses_undo_layers() {
    let (events, contexts) = rows();
    let nothing = LayerParts::Permutation(vec![0, 1, 2]);
    let base = log_probs(vec![nothing], &events, &contexts);
    for (name, layer) in table() {
        let back = inverted(name, vec![layer.clone()]).expect("an inverse");
        let both = [vec![layer], back].concat();
        assert_near(name, &log_probs(both, &events, &contexts), &base);
    }
}

#[test]
fn signs_pass_through_layers() {
    let (events, contexts) = rows();
    let signs = vec![-1.0, 1.0, -1.0];
    let turned: Vec<f64> = events
        .iter()
        .zip(signs.iter().cycle())
        .map(|(own, sign)| own * sign)
        .collect();
    let change = LayerParts::ElementWise(ScalesParts {
        scale: signs,
        shift: vec![0.0; 3],
    });
    for (name, layer) in table() {
        let before = vec![change.clone(), layer.clone()];
        let absorbed = absorbed(3, before, &mut BaseParts::Normal);
        assert_eq!(absorbed.len(), 1, "{name}: a change of signs is left");
        let found = log_probs(absorbed, &events, &contexts);
        assert_near(name, &found, &log_probs(vec![layer], &turned, &contexts));
    }
}

#[test]
fn a_matrix_is_its_factors() {
    let (events, contexts) = rows();
    let matrix = Numbers(5).matrix();
    let factors = lu::dense("", &matrix, 3).expect("an inverse");
    let factors = absorbed(3, factors.into(), &mut BaseParts::Normal);
    let product = |row: &[f64]| -> f64 {
        let z = matrix
            .chunks(3)
            .map(|own| own.iter().zip(row).map(|(a, b)| a * b).sum::<f64>());
        z.map(|z| -0.5 * z * z - 0.5 * std::f64::consts::TAU.ln())
            .sum()
    };
    let minor =
        |a: usize, b: usize, c: usize, d: usize| matrix[a] * matrix[d] - matrix[b] * matrix[c];
    let determinant = matrix[0] * minor(4, 5, 7, 8) - matrix[1] * minor(3, 5, 6, 8)
        + matrix[2] * minor(3, 4, 6, 7);
    let expected: Vec<f64> = events
        .chunks(3)
        .map(|row| product(row) + determinant.abs().ln())
        .collect();
    assert_near("matrix", &log_probs(factors, &events, &contexts), &expected);
    assert!(lu::dense("flows.0.W", &[0.0; 9], 3).is_err());
}
