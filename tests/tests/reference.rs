//! The runtime against the trainer's `f64` arithmetic, which shares no code
//! with it: log-likelihoods, and samples against the density.

use flow_embedded::LoadedFlow;
use flow_embedded::artefact::Activation;
use flow_embedded::math::Backend;
use flow_tests::drafts::{draft, rng, table, uniform};
use flow_train::data::Dataset;
use flow_train::evaluate::exact_log_probs;
use flow_train::export::{Draft, DraftChannel, DraftLayer};
use flow_train::model::{Family, Flow, Spec};

/// `log_prob` of a raw row in `f64`.
fn reference(draft: &Draft, event: &[f32], context: &[f32]) -> f64 {
    let names = |channels: &[DraftChannel]| channels.iter().map(|c| c.name.clone()).collect();
    let mut data = Dataset::new(names(&draft.event), names(&draft.context));
    data.push(event, context);
    exact_log_probs(draft, &data).expect("the layers of a flow")[0]
}

#[test]
fn log_prob_is_the_density_in_raw_units() {
    for (name, kind) in table() {
        let draft = draft(&kind, 21);
        let bytes = draft.encode().expect(name);
        let loaded = LoadedFlow::from_bytes(&bytes).expect(name);
        let mut scratch = vec![0.0; loaded.scratch_len()];
        let rng = &mut rng(3);
        // micromath's own error is a number in its table, not a defect here.
        let tolerance = if kind.math == Backend::Micromath {
            0.05
        } else {
            2e-5
        };
        for _ in 0..300 {
            let near = |c: &DraftChannel, u: f32| c.mean + 2.0 * u / c.inv_std;
            let event: Vec<f32> = draft.event.iter().map(|c| near(c, uniform(rng))).collect();
            let context: Vec<f32> = draft
                .context
                .iter()
                .map(|c| near(c, uniform(rng)))
                .collect();
            let own = loaded.log_prob(&event, &context, &mut scratch).expect(name);
            let exact = reference(&draft, &event, &context);
            let error = (f64::from(own) - exact).abs() / exact.abs().max(1.0);
            assert!(error < tolerance, "{name}: {own} against {exact}");
        }
    }
}

/// What the trainer builds, exported, is the same density.
#[test]
fn trained_flows_export_to_the_same_density() {
    for family in [Family::RealNvp, Family::Maf] {
        for (event, context) in [(2, 0), (3, 2), (6, 0), (7, 1)] {
            for activation in [
                flow_train::model::Activation::Relu,
                flow_train::model::Activation::Tanh,
            ] {
                let mut spec = Spec::new(family, event, context);
                spec.hidden = vec![20, 13];
                spec.activation = activation;
                let mut flow = Flow::<f32>::new(&spec, 5).expect("a valid spec");
                // Away from the near-identity start.
                let rng = &mut rng(9);
                for parameter in flow.parameters_mut() {
                    *parameter *= 1.0 + 2.0 * uniform(rng);
                }
                let channel = |name: String| DraftChannel {
                    name,
                    unit: String::new(),
                    mean: 0.0,
                    inv_std: 1.0,
                };
                let draft = Draft {
                    event: (0..event).map(|i| channel(format!("e{i}"))).collect(),
                    context: (0..context).map(|i| channel(format!("c{i}"))).collect(),
                    layers: DraftLayer::from_flow(&flow).expect("packs"),
                    ..draft(&table()[0].1, 1)
                };
                let bytes = draft.encode().expect("exports");
                let loaded = LoadedFlow::from_bytes(&bytes).expect("loads");
                let mut scratch = vec![0.0; loaded.scratch_len()];
                let wide = Flow::<f64>::from(&flow);
                for _ in 0..50 {
                    let mut row =
                        |n: usize| -> Vec<f32> { (0..n).map(|_| 2.0 * uniform(rng)).collect() };
                    let (x, c) = (row(event), row(context));
                    let own = loaded.log_prob(&x, &c, &mut scratch).expect("fits");
                    let widen = |v: &[f32]| v.iter().copied().map(f64::from).collect::<Vec<_>>();
                    let mut exact = [0.0];
                    wide.log_prob(&widen(&x), &widen(&c), &mut exact);
                    let error = (f64::from(own) - exact[0]).abs();
                    assert!(
                        error < 1e-4,
                        "{family:?} {event}|{context}: {own} against {}",
                        exact[0]
                    );
                }
            }
        }
    }
}

/// A density integrates to one: importance-free, by a grid in two dimensions.
#[test]
fn densities_integrate_to_one() {
    for (name, kind) in table() {
        let kind = flow_tests::drafts::Kind { event: 2, ..kind };
        let draft = draft(&kind, 2);
        let bytes = draft.encode().expect(name);
        let loaded = LoadedFlow::from_bytes(&bytes).expect(name);
        let mut scratch = vec![0.0; loaded.scratch_len()];
        let context: Vec<f32> = draft
            .context
            .iter()
            .map(|c| c.mean + 0.3 / c.inv_std)
            .collect();
        // The grid covers the samples with a wide margin.
        let rng = &mut rng(8);
        let mut samples = vec![[0.0f32; 2]; 2_000];
        for event in &mut samples {
            loaded
                .sample(rng, &context, event, &mut scratch)
                .expect(name);
        }
        let bounds = [0, 1].map(|i| {
            let low = samples.iter().map(|e| e[i]).fold(f32::INFINITY, f32::min);
            let high = samples
                .iter()
                .map(|e| e[i])
                .fold(f32::NEG_INFINITY, f32::max);
            (low - 0.6 * (high - low), high + 0.6 * (high - low))
        });
        let cells = 1_200;
        let step = bounds.map(|(low, high)| (high - low) / cells as f32);
        let mut sum = 0.0;
        for i in 0..cells {
            for j in 0..cells {
                let event = [
                    bounds[0].0 + (i as f32 + 0.5) * step[0],
                    bounds[1].0 + (j as f32 + 0.5) * step[1],
                ];
                sum +=
                    f64::from(loaded.log_prob(&event, &context, &mut scratch).expect(name)).exp();
            }
        }
        let integral = sum * f64::from(step[0]) * f64::from(step[1]);
        let tolerance = if kind.math == Backend::Micromath {
            0.05
        } else {
            0.01
        };
        assert!((integral - 1.0).abs() < tolerance, "{name}: {integral}");
    }
}

/// Samples follow the density: the mean of `log_prob` over the flow's own
/// samples is the negative entropy, and the base event of a sample is the one
/// that it was generated from, so `Σ z²` averages to the number of channels.
#[test]
fn samples_follow_the_density() {
    for (name, kind) in table() {
        if kind.math == Backend::Micromath {
            continue;
        }
        let draft = draft(&kind, 4);
        let bytes = draft.encode().expect(name);
        let loaded = LoadedFlow::from_bytes(&bytes).expect(name);
        let mut scratch = vec![0.0; loaded.scratch_len()];
        let flow = draft.to_flow().expect(name);
        let context: Vec<f32> = draft.context.iter().map(|c| c.mean).collect();
        let given = vec![0.0; kind.context];
        let rng = &mut rng(5);
        let (rows, mut square, mut fourth) = (20_000, 0.0, 0.0);
        let mut event = vec![0.0; kind.event];
        for _ in 0..rows {
            loaded
                .sample(rng, &context, &mut event, &mut scratch)
                .expect(name);
            let pairs = event.iter().zip(&draft.event);
            let mut x: Vec<f64> = pairs
                .map(|(x, c)| (f64::from(*x) - f64::from(c.mean)) * f64::from(c.inv_std))
                .collect();
            flow.normalize_and_log_det(&x.clone(), &given, &mut x, &mut [0.0]);
            for z in x {
                square += z * z;
                fourth += z.powi(4);
            }
        }
        let count = f64::from(rows) * kind.event as f64;
        let (second, fourth) = (square / count, fourth / count);
        // Standard errors of the second and fourth moments of a normal.
        assert!(
            (second - 1.0).abs() < 4.5 * (2.0 / count).sqrt(),
            "{name}: {second}"
        );
        assert!(
            (fourth - 3.0).abs() < 4.5 * (96.0 / count).sqrt(),
            "{name}: {fourth}"
        );
    }
}

#[test]
fn the_table_has_every_kind() {
    let kinds: Vec<_> = table().into_iter().map(|(_, kind)| kind).collect();
    for math in [Backend::Polynomial, Backend::Libm, Backend::Micromath] {
        assert!(kinds.iter().any(|kind| kind.math == math));
    }
    for activation in [Activation::Relu, Activation::Tanh] {
        assert!(kinds.iter().any(|kind| kind.activation == activation));
    }
    for coupling in [true, false] {
        let of_kind = |kind: &&flow_tests::drafts::Kind| kind.coupling.contains(&coupling);
        assert!(kinds.iter().filter(of_kind).any(|kind| kind.context > 0));
        assert!(kinds.iter().filter(of_kind).any(|kind| kind.context == 0));
    }
}
