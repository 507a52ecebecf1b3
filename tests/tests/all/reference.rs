//! The runtime against the trainer's `f64` arithmetic, which shares no code
//! with it: log-likelihoods, and samples against the density.

use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{
    Activation, Base, ContextTerm, Direction, Domain, Form, Transformer,
};
use flow_embedded::math::Backend;
use flow_tests::channels::{destandardise, features, standardise};
use flow_tests::drafts::{Bijection, Kind, draft, rng, table, uniform};
use flow_train::artefact::{Draft, DraftChannel};
use flow_train::data::Dataset;
use flow_train::evaluate::exact_log_probs;
use flow_train::export::{set_flow, to_flow};
use flow_train::model::{BaseSpec, Family, Flow, Spec};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::{PI, TAU};

/// `log_prob` of a raw row in `f64`.
fn reference(draft: &Draft, event: &[f32], context: &[f32]) -> f64 {
    let names = |channels: &[DraftChannel]| channels.iter().map(|c| c.name.clone()).collect();
    let mut data = Dataset::new(names(&draft.event), names(&draft.context));
    data.push(event, context);
    exact_log_probs(draft, &data).expect("the layers of a flow")[0]
}

/// Raw values within two standard deviations.
fn near(channels: &[DraftChannel], rng: &mut ChaCha8Rng) -> Vec<f32> {
    let value =
        |channel: &DraftChannel| destandardise(channel, 2.0 * f64::from(uniform(rng))).0 as f32;
    channels.iter().map(value).collect()
}

fn has_splines(kind: &Kind) -> bool {
    kind.layers.iter().any(|layer| {
        matches!(
            layer,
            Bijection::Coupling(own) | Bijection::Autoregressive(own, ..) if own.is_spline()
        )
    })
}

/// The largest error of `log_prob` in nats, or relative to it where it is large.
fn tolerance(kind: &Kind) -> f64 {
    match kind.math {
        // Its own error is a number in its table, not a defect here.
        Backend::Micromath => 0.05,
        // A slope that changes from 0.1 to 10 within a bin makes a rounding of
        // x worth a thousand of it.
        _ if has_splines(kind) => 1e-3,
        // The logarithm at the end of a domain.
        _ if !kind.domains.is_empty() => 1e-4,
        _ => 2e-5,
    }
}

#[test]
fn log_prob_is_the_density_in_raw_units() {
    for (name, kind) in table() {
        let draft = draft(&kind, 21);
        let bytes = draft.encode().expect(name);
        let loaded = LoadedFlow::from_bytes(&bytes).expect(name);
        let mut scratch = vec![0.0; loaded.scratch_len()];
        let rng = &mut rng(3);
        let (mut worst, mut sum) = (0.0f64, 0.0);
        let rows = 400;
        for _ in 0..rows {
            let (event, context) = (near(&draft.event, rng), near(&draft.context, rng));
            let own = loaded.log_prob(&event, &context, &mut scratch).expect(name);
            let exact = reference(&draft, &event, &context);
            let error = (f64::from(own) - exact).abs() / exact.abs().max(1.0);
            assert!(error < tolerance(&kind), "{name}: {own} against {exact}");
            worst = worst.max(error);
            sum += error;
        }
        let mean = sum / f64::from(rows);
        println!("{name:20} mean {mean:.1e}, worst {worst:.1e}");
        assert!(
            kind.math == Backend::Micromath || mean < 2e-5,
            "{name}: {mean}"
        );
    }
}

/// What the trainer builds, exported, is the same density.
#[test]
fn trained_flows_export_to_the_same_density() {
    let bases = [
        BaseSpec::Normal,
        BaseSpec::Logistic,
        BaseSpec::Laplace,
        BaseSpec::StudentT {
            degrees_of_freedom: 5.0,
        },
        BaseSpec::Mixture { components: 3 },
    ];
    let mut specs = Vec::new();
    for family in Family::ALL {
        for (event, context) in [(1, 1), (2, 0), (3, 2), (6, 0), (7, 1)] {
            for activation in Activation::ALL {
                let mut spec = Spec::new(family, event, context);
                spec.conditioner.hidden = vec![20, 13];
                spec.conditioner.activation = activation;
                spec.base = bases[specs.len() % bases.len()];
                spec.linear = event > 1 && specs.len() % 2 == 1;
                if activation == Activation::Tanh {
                    spec.conditioner.hidden = vec![16, 16];
                    spec.conditioner.residual = true;
                    spec.passes = (!family.is_coupling() && event > 2).then_some(3);
                }
                specs.push(spec);
            }
        }
    }
    let mut compared = 0;
    for spec in specs {
        if spec.validate().is_err() {
            // A coupling needs two channels.
            assert!(spec.event == 1 && spec.family.is_coupling(), "{spec:?}");
            continue;
        }
        compared += 1;
        export_agrees(&spec);
    }
    assert!(compared >= 80, "{compared}");
}

fn export_agrees(spec: &Spec) {
    let mut flow = Flow::<f32>::new(spec, 5).expect("a valid spec");
    // Away from the near-identity start.
    let rng = &mut rng(9);
    for parameter in flow.parameters_mut() {
        *parameter *= 1.0 + 0.5 * uniform(rng);
    }
    let channel = |name: String| DraftChannel {
        name,
        unit: String::new(),
        domain: Domain::Real,
        grid: None,
        mean: 0.0,
        inv_std: 1.0,
    };
    let mut draft = Draft {
        event: (0..spec.event).map(|i| channel(format!("e{i}"))).collect(),
        context: (0..spec.context)
            .map(|i| channel(format!("c{i}")))
            .collect(),
        ..draft(&table()[0].1, 1)
    };
    set_flow(&mut draft, &flow).expect("packs");
    let bytes = draft.encode().expect("exports");
    let loaded = LoadedFlow::from_bytes(&bytes).expect("loads");
    let mut scratch = vec![0.0; loaded.scratch_len()];
    let wide = Flow::<f64>::from(&flow);
    for _ in 0..50 {
        let mut row = |n: usize| -> Vec<f32> { (0..n).map(|_| 2.0 * uniform(rng)).collect() };
        let (x, c) = (row(spec.event), row(spec.context));
        let own = loaded.log_prob(&x, &c, &mut scratch).expect("fits");
        let widen = |v: &[f32]| v.iter().copied().map(f64::from).collect::<Vec<_>>();
        let mut exact = [0.0];
        wide.log_prob(&widen(&x), &widen(&c), &mut exact);
        let error = (f64::from(own) - exact[0]).abs() / exact[0].abs().max(1.0);
        assert!(error < 1e-4, "{spec:?}: {own} against {}", exact[0]);
    }
}

/// A density integrates to one: by a grid in two standardised dimensions.
#[test]
fn densities_integrate_to_one() {
    for (name, kind) in table()
        .into_iter()
        .filter(|(_, kind)| !kind.is_categorical())
    {
        let kind = kind.of_two_channels();
        let draft = draft(&kind, 2);
        let bytes = draft.encode().expect(name);
        let loaded = LoadedFlow::from_bytes(&bytes).expect(name);
        let mut scratch = vec![0.0; loaded.scratch_len()];
        let context: Vec<f32> = draft
            .context
            .iter()
            .map(|c| destandardise(c, 0.3).0 as f32)
            .collect();
        // The grid covers the samples with a wide margin, and the whole turn of
        // an angle.
        let rng = &mut rng(8);
        let mut samples = vec![[0.0f32; 2]; 2_000];
        for event in &mut samples {
            loaded
                .sample(rng, &context, event, &mut scratch)
                .expect(name);
        }
        let cells = 600;
        let axes = [0, 1].map(|i| {
            let channel = &draft.event[i];
            let all = samples
                .iter()
                .map(|event| standardise(channel, f64::from(event[i])));
            let low = all.clone().fold(f64::INFINITY, f64::min);
            let high = all.fold(f64::NEG_INFINITY, f64::max);
            let (low, high) = match channel.domain {
                Domain::Circular => (-PI, PI),
                _ => (low - 0.6 * (high - low), high + 0.6 * (high - low)),
            };
            let step = (high - low) / f64::from(cells);
            let axis: Vec<(f32, f64)> = (0..cells)
                .map(|cell| destandardise(channel, low + (f64::from(cell) + 0.5) * step))
                .map(|(raw, log_slope)| (raw as f32, log_slope.exp() * step))
                .collect();
            axis
        });
        let mut sum = 0.0;
        for (a, width) in &axes[0] {
            for (b, height) in &axes[1] {
                let log_prob = loaded.log_prob(&[*a, *b], &context, &mut scratch);
                sum += f64::from(log_prob.expect(name)).exp() * width * height;
            }
        }
        let tolerance = match kind.math {
            Backend::Micromath => 0.05,
            _ => 0.01,
        };
        assert!((sum - 1.0).abs() < tolerance, "{name}: {sum}");
    }
}

/// Samples follow the density: their base events, by the trainer, are those of
/// the base distribution, so their probability transforms are uniform, by the
/// test of Kolmogorov and Smirnov.
#[test]
fn samples_follow_the_density() {
    let rows = 10_000;
    for (name, kind) in table() {
        if kind.math == Backend::Micromath || kind.is_categorical() {
            continue;
        }
        let draft = draft(&kind, 4);
        let bytes = draft.encode().expect(name);
        let loaded = LoadedFlow::from_bytes(&bytes).expect(name);
        let mut scratch = vec![0.0; loaded.scratch_len()];
        let flow = to_flow(&draft).expect(name);
        let rng = &mut rng(5);
        let context = near(&draft.context, rng);
        let given = features(&draft.context, &context);
        let mut transforms = vec![Vec::new(); kind.event];
        let mut event = vec![0.0; kind.event];
        for _ in 0..rows {
            loaded
                .sample(rng, &context, &mut event, &mut scratch)
                .expect(name);
            let x: Vec<f64> = event
                .iter()
                .zip(&draft.event)
                .map(|(x, channel)| standardise(channel, f64::from(*x)))
                .collect();
            let mut z = x.clone();
            flow.normalize_and_log_det(&x, &given, &mut z, &mut [0.0]);
            for (channel, z) in z.iter().enumerate() {
                let share = probability(&draft, channel, *z);
                assert!((-1e-9..=1.0 + 1e-9).contains(&share), "{name}: {z}");
                transforms[channel].push(share);
            }
        }
        let count = f64::from(rows);
        for (channel, mut shares) in transforms.into_iter().enumerate() {
            shares.sort_unstable_by(f64::total_cmp);
            let steps = shares.iter().enumerate();
            let distance = steps.fold(0.0f64, |worst, (below, share)| {
                let (low, high) = (below as f64 / count, (below + 1) as f64 / count);
                worst.max((share - low).abs()).max((high - share).abs())
            });
            // Exceeded by chance once in ten thousand.
            assert!(
                distance * count.sqrt() < 2.23,
                "{name}, channel {channel}: {distance}"
            );
        }
    }
}

/// The distribution function of a channel's base.
fn probability(draft: &Draft, channel: usize, z: f64) -> f64 {
    let normal = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
    if draft.event[channel].domain == Domain::Circular {
        return (z + PI) / TAU;
    }
    match draft.base {
        Base::Normal => normal(z),
        Base::Logistic => 1.0 / (1.0 + (-z).exp()),
        Base::Laplace if z < 0.0 => 0.5 * z.exp(),
        Base::Laplace => 1.0 - 0.5 * (-z).exp(),
        Base::StudentT { degrees_of_freedom } => student_t(f64::from(degrees_of_freedom), z),
        Base::Mixture { .. } => {
            let components = draft.base_weights.chunks(2 + 2 * draft.event.len());
            let mut before = 0.0;
            components
                .map(|component| {
                    let weight = f64::from(component[1]) - before;
                    before = f64::from(component[1]);
                    let pair = &component[2 + 2 * channel..];
                    weight * normal((z - f64::from(pair[0])) * f64::from(pair[1]))
                })
                .sum()
        }
    }
}

/// The distribution function of Student's t, by Simpson's rule over the angle
/// `atan(z / √ν)`.
fn student_t(degrees_of_freedom: f64, z: f64) -> f64 {
    let half = 0.5 * (degrees_of_freedom + 1.0);
    let log_norm = libm::lgamma(half) - libm::lgamma(0.5 * degrees_of_freedom) - 0.5 * PI.ln();
    let end = (z / degrees_of_freedom.sqrt()).atan();
    let density = |angle: f64| (log_norm + (degrees_of_freedom - 1.0) * angle.cos().ln()).exp();
    let steps = 64;
    let step = end / f64::from(steps);
    let sum: f64 = (0..=steps)
        .map(|i| {
            let weight = match i {
                0 => 1.0,
                _ if i == steps => 1.0,
                _ if i % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(step * f64::from(i))
        })
        .sum();
    0.5 + sum * step / 3.0
}

#[test]
fn the_table_has_every_kind() {
    let kinds: Vec<_> = table().into_iter().map(|(_, kind)| kind).collect();
    let any = |what: &str, has: &dyn Fn(&Kind) -> bool| {
        assert!(kinds.iter().any(has), "no {what} in the table");
    };
    for math in [Backend::Polynomial, Backend::Libm, Backend::Micromath] {
        any(math.name(), &|kind| kind.math == math);
    }
    for activation in Activation::ALL {
        any(activation.name(), &|kind| {
            kind.activation.name() == activation.name()
        });
    }
    for base in ["normal", "logistic", "laplace", "student-t", "mixture"] {
        any(base, &|kind| kind.base.name() == base);
    }
    let domain = |domain: &Domain| match domain {
        Domain::Real => "real",
        Domain::Positive { .. } => "positive",
        Domain::SoftPositive { .. } => "soft-positive",
        Domain::Bounded { .. } => "bounded",
        Domain::Circular => "circular",
        Domain::HeavyTailed { .. } => "heavy-tailed",
        Domain::Categorical { .. } => "categorical",
    };
    for name in [
        "positive",
        "soft-positive",
        "bounded",
        "circular",
        "heavy-tailed",
        "categorical",
    ] {
        any(name, &|kind| {
            kind.domains.iter().any(|own| domain(own) == name)
        });
    }
    for name in ["positive", "circular", "categorical"] {
        any(name, &|kind| {
            kind.context_domains.iter().any(|own| domain(own) == name)
        });
    }
    let transformer = |own: &Transformer| match own {
        Transformer::Shift => "shift",
        Transformer::Affine { .. } => "affine",
        Transformer::Spline { .. } => "spline",
        Transformer::Scaled { .. } => "scaled",
        Transformer::FlooredSpline(_) => "floored spline",
    };
    let has = |kind: &Kind, wanted: &dyn Fn(&Bijection) -> bool| kind.layers.iter().any(wanted);
    for name in ["shift", "affine", "spline", "scaled", "floored spline"] {
        any(&format!("{name} coupling"), &|kind| {
            has(
                kind,
                &|layer| matches!(layer, Bijection::Coupling(own) if transformer(own) == name),
            )
        });
        for direction in [Direction::Normalizing, Direction::Generative] {
            // A shift is the same either way but for its sign.
            let needed = name != "shift" || direction == Direction::Generative;
            let what = format!("{name} {direction:?}");
            if needed {
                any(&what, &|kind| {
                    has(kind, &|layer| {
                        matches!(layer, Bijection::Autoregressive(own, way, _)
                            if transformer(own) == name && *way == direction)
                    })
                });
            }
        }
    }
    for per_group in [1, 2, 3] {
        any(&format!("group of {per_group}"), &|kind| {
            has(
                kind,
                &|layer| matches!(layer, Bijection::Autoregressive(_, _, own) if *own == per_group),
            )
        });
    }
    for context in [ContextTerm::Input, ContextTerm::Added, ContextTerm::Gated] {
        any(&format!("blocks, {context:?}"), &|kind| {
            let blocks = kind.form.pre_activation();
            blocks.is_some_and(|own| own.context == context)
        });
    }
    for activated in [true, false] {
        any(&format!("blocks, activated {activated}"), &|kind| {
            let blocks = kind.form.pre_activation();
            blocks.is_some_and(|own| own.activated == activated)
        });
    }
    any("context first", &|kind| kind.form == Form::ContextFirst);
    any("linear layer", &|kind| {
        has(kind, &|l| matches!(l, Bijection::Linear))
    });
    any("element-wise layer", &|kind| {
        has(kind, &|l| matches!(l, Bijection::ElementWise))
    });
    any("permutation", &|kind| {
        has(kind, &|l| matches!(l, Bijection::Permutation))
    });
    for wanted in [true, false] {
        any(&format!("residual {wanted}"), &|kind| {
            (kind.form == Form::Residual) == wanted
        });
        for splines in [true, false] {
            let what = format!("context {wanted}, splines {splines}");
            any(&what, &|kind| {
                (kind.context > 0) == wanted && has_splines(kind) == splines
            });
        }
    }
}
