//! Shapes and parts from which no flow can be built.

use flow_embedded::artefact::Transformer;
use flow_model::{
    BaseParts, BaseSpec, ConditionerParts, ConditionerSpec, FactorsParts, Family, Flow, FlowParts,
    LayerParts, ModelError, ScalesParts, Spec,
};

#[test]
fn impossible_shapes_are_refused() {
    let good = Spec::new(Family::Maf, 3, 1);
    let hidden = |hidden: Vec<usize>, residual: bool| Spec {
        conditioner: ConditionerSpec {
            hidden,
            residual,
            ..good.conditioner.clone()
        },
        ..good.clone()
    };
    let splines = Spec::new(Family::NsfAr, 3, 1);
    assert!(good.validate().is_ok());
    for (spec, error) in [
        (Spec::new(Family::Maf, 0, 1), ModelError::NoEvent),
        (
            Spec {
                layers: 0,
                ..good.clone()
            },
            ModelError::NoLayers,
        ),
        (
            hidden(vec![8, 0], false),
            ModelError::EmptyHidden { index: 1 },
        ),
        (hidden(vec![8, 9], true), ModelError::UnevenResidual),
        (
            Spec {
                log_scale_bound: 0.0,
                ..good.clone()
            },
            ModelError::Bound { bound: 0.0 },
        ),
        (
            Spec {
                log_scale_bound: 100.0,
                ..good.clone()
            },
            ModelError::Bound { bound: 100.0 },
        ),
        (
            Spec {
                bins: 1,
                ..splines.clone()
            },
            ModelError::Spline {
                bins: 1,
                bound: 5.0,
            },
        ),
        (
            Spec {
                spline_bound: 0.0,
                ..splines.clone()
            },
            ModelError::Spline {
                bins: 8,
                bound: 0.0,
            },
        ),
        (
            Spec {
                passes: Some(4),
                ..good.clone()
            },
            ModelError::Passes {
                passes: 4,
                event: 3,
            },
        ),
        (
            Spec {
                circular: vec![3],
                ..splines.clone()
            },
            ModelError::CircularChannel,
        ),
        (
            Spec {
                circular: vec![0],
                linear: true,
                ..splines
            },
            ModelError::CircularNeedsSplines,
        ),
        (
            Spec {
                circular: vec![0],
                ..good.clone()
            },
            ModelError::CircularNeedsSplines,
        ),
        (
            Spec {
                base: BaseSpec::StudentT {
                    degrees_of_freedom: 0.0,
                },
                ..good.clone()
            },
            ModelError::DegreesOfFreedom {
                degrees_of_freedom: 0.0,
            },
        ),
        (
            Spec {
                base: BaseSpec::Mixture { components: 0 },
                ..good.clone()
            },
            ModelError::Components { components: 0 },
        ),
    ] {
        assert_eq!(Flow::<f32>::new(&spec, 0).unwrap_err(), error);
    }
    assert!(
        Spec {
            log_scale_bound: f64::NAN,
            ..good
        }
        .validate()
        .is_err()
    );
}

/// The fault told after `spoil` has had its way with a flow.
fn fault(spec: &Spec, spoil: impl FnOnce(&mut FlowParts<f32>)) -> String {
    let mut parts = Flow::new(spec, 0).unwrap().to_parts();
    spoil(&mut parts);
    Flow::from_parts(parts)
        .expect_err("spoilt parts")
        .to_string()
}

fn small(family: Family) -> Spec {
    let plain = Spec::new(family, 3, 1);
    Spec {
        conditioner: ConditionerSpec {
            hidden: vec![7],
            ..plain.conditioner.clone()
        },
        ..plain
    }
}

#[test]
fn conditioners_that_do_not_fit_are_refused() {
    let maf = |spoil: fn(&mut ConditionerParts<f32>)| {
        fault(&small(Family::Maf), |parts| match &mut parts.layers[1] {
            LayerParts::Autoregressive { conditioner, .. } => spoil(conditioner),
            other => panic!("{other:?}"),
        })
    };
    assert!(maf(|part| part.dense[0].weights[1] = f32::NAN).contains("layer 1: dense layer 0"));
    assert!(maf(|part| part.dense[0].weights[1] = f32::NAN).contains("not finite"));
    assert!(maf(|part| part.dense[1].biases[0] = f32::INFINITY).contains("not finite"));
    assert!(maf(|part| part.dense[0].weights[3] = 1.0).contains("beyond its prefix"));
    assert!(maf(|part| part.dense[0].biases.truncate(1)).contains("expected"));
    assert!(maf(|part| part.dense[0].prefix[0] = 3).contains("decrease"));
    assert!(maf(|part| part.dense.truncate(1)).contains("must end in 6 rows"));
    assert!(maf(|part| part.dense[1].prefix.fill(7)).contains("doesn't come before"));
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let replaced =
        |layer: LayerParts<f32>| fault(&small(Family::Maf), |parts| parts.layers[1] = layer);
    let orders = |spoil: fn(&mut Vec<usize>, &mut Vec<usize>)| {
        fault(&small(Family::Maf), |parts| match &mut parts.layers[1] {
            LayerParts::Autoregressive { order, groups, .. } => spoil(order, groups),
            other => panic!("{other:?}"),
        })
    };
    assert!(orders(|order, _| *order = vec![0, 1, 1]).contains("permutation"));
    assert!(orders(|_, groups| *groups = vec![2, 0, 1]).contains("every channel once"));
    assert!(orders(|_, groups| groups.truncate(1)).contains("every channel once"));
    let coupling = |channels: &[usize]| {
        fault(&small(Family::RealNvp), |parts| {
            match &mut parts.layers[1] {
                LayerParts::Coupling { transformed, .. } => *transformed = channels.to_vec(),
                other => panic!("{other:?}"),
            }
        })
    };
    for wrong in [&[][..], &[2, 0], &[0, 3]] {
        assert!(coupling(wrong).contains("ascending"));
    }
    assert!(coupling(&[0, 1, 2]).contains("leave a channel"));
    assert!(replaced(LayerParts::Permutation(vec![0, 2])).contains("permutation"));
    let scales = |scale: &[f32]| {
        replaced(LayerParts::ElementWise(ScalesParts {
            scale: scale.to_vec(),
            shift: vec![0.0; 3],
        }))
    };
    assert!(scales(&[1.0, 0.0, 1.0]).contains("positive"));
    assert!(scales(&[1.0, f32::NAN, 1.0]).contains("not finite"));
    assert!(scales(&[1.0]).contains("3 scales"));
    let linear = |diagonal: f32, bias: Vec<f32>| {
        let mut upper = vec![0.0; 9];
        upper.iter_mut().step_by(4).for_each(|d| *d = diagonal);
        replaced(LayerParts::Linear {
            permutation: vec![0, 1, 2],
            factors: FactorsParts {
                lower: vec![0.0; 9],
                upper,
                bias,
            },
        })
    };
    assert!(linear(0.0, vec![0.0; 3]).contains("diagonal"));
    assert!(linear(1.0, vec![0.0; 2]).contains("3 biases"));
    assert!(linear(1.0, vec![f32::NAN; 3]).contains("not finite"));
}

#[test]
fn bases_and_transformers_that_do_not_fit_are_refused() {
    let base = |base: BaseParts<f32>| fault(&small(Family::Maf), |parts| parts.base = base);
    let mixture = |mean: usize, std: f32| BaseParts::Mixture {
        log_weights: vec![0.0; 2],
        mean: vec![0.0; mean],
        std: vec![std; 6],
    };
    assert!(base(mixture(5, 1.0)).contains("6 means"));
    assert!(base(mixture(6, 0.0)).contains("positive"));
    assert!(base(mixture(6, f32::INFINITY)).contains("not finite"));
    let bins = fault(&small(Family::Nsf), |parts| match &mut parts.layers[1] {
        LayerParts::Coupling { transformer, .. } => {
            *transformer = Transformer::Spline {
                bins: 1,
                bound: 5.0,
            };
        }
        other => panic!("{other:?}"),
    });
    assert!(bins.contains("2 to 255 bins"), "{bins}");
}
