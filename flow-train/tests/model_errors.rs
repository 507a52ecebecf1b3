//! Shapes and parts from which no flow can be built.

use flow_train::model::{Family, Flow, LayerKind, LayerParts, ModelError, Spec};

#[test]
fn impossible_shapes_are_refused() {
    let good = Spec::new(Family::Maf, 3, 1);
    assert!(good.validate().is_ok());
    for (spec, error) in [
        (Spec::new(Family::Maf, 0, 1), ModelError::NoEvent),
        (
            Spec::new(Family::RealNvp, 1, 1),
            ModelError::CouplingNeedsTwo,
        ),
        (
            Spec {
                layers: 0,
                ..good.clone()
            },
            ModelError::NoLayers,
        ),
        (
            Spec {
                hidden: vec![8, 0],
                ..good.clone()
            },
            ModelError::EmptyHidden { index: 1 },
        ),
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

/// The fault told after `spoil` has had its way with the second layer.
fn fault(family: Family, spoil: impl Fn(&mut LayerParts<f32>)) -> String {
    let flow = Flow::new(
        &Spec {
            hidden: vec![7],
            ..Spec::new(family, 3, 1)
        },
        0,
    )
    .unwrap();
    let mut parts = flow.to_parts();
    spoil(&mut parts[1]);
    match Flow::from_parts(3, 1, parts) {
        Err(ModelError::Parts { layer: 1, fault }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let maf = |spoil: fn(&mut LayerParts<f32>)| fault(Family::Maf, spoil);
    assert!(maf(|part| part.dense[0].weights[1] = f32::NAN).contains("not finite"));
    assert!(maf(|part| part.dense[1].biases[0] = f32::INFINITY).contains("not finite"));
    assert!(maf(|part| part.dense[0].weights[3] = 1.0).contains("beyond its prefix"));
    assert!(maf(|part| part.dense[0].biases.truncate(1)).contains("expected"));
    assert!(maf(|part| part.dense[0].prefix[0] = 3).contains("decrease"));
    assert!(maf(|part| part.dense.truncate(1)).contains("must end in 6 rows"));
    assert!(
        maf(|part| part.kind = LayerKind::Autoregressive {
            order: vec![0, 1, 1]
        })
        .contains("permutation")
    );
    assert!(maf(|part| part.dense[1].prefix.fill(7)).contains("doesn't come before"));
    let coupling = |transformed: &[usize]| {
        fault(Family::RealNvp, |part| {
            part.kind = LayerKind::Coupling {
                transformed: transformed.to_vec(),
            }
        })
    };
    for wrong in [&[][..], &[2, 0], &[0, 3]] {
        assert!(coupling(wrong).contains("ascending"));
    }
    assert!(coupling(&[0, 1, 2]).contains("leave a channel"));
}
