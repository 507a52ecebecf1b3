//! Training: it learns, it is repeatable, and it ends well.

use flow_train::fit::{Config, FitError, Schedule, Split, Stop, fit};
use flow_train::model::{Batch, Family, Flow, Spec};
use std::sync::atomic::{AtomicBool, Ordering};

static GO: AtomicBool = AtomicBool::new(false);

/// Pairs on a noisy parabola, moved by a context: `y = x^2 - 1 + c + noise / 4`.
fn parabola(rows: usize, seed: u64) -> (Vec<f32>, Vec<f32>) {
    let mut state = seed;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut normal = || (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
    let (mut events, mut contexts) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let (x, c, noise) = (normal(), normal(), normal());
        events.extend([x, x * x - 1.0 + c + 0.25 * noise]);
        contexts.push(c);
    }
    (events, contexts)
}

fn quick() -> Config {
    Config {
        epochs: 30,
        batch: 200,
        learning_rate: 5e-3,
        weight_decay: 0.0,
        ..Config::default()
    }
}

/// Trains a small flow on the parabola.
fn train(
    family: Family,
    config: &Config,
    stop: &AtomicBool,
    mut watch: impl FnMut(usize) + Send,
) -> (Flow<f32>, flow_train::fit::Report) {
    let (training, validation) = (parabola(2000, 1), parabola(1000, 2));
    let split = Split {
        training: Batch {
            events: &training.0,
            contexts: &training.1,
        },
        validation: Batch {
            events: &validation.0,
            contexts: &validation.1,
        },
    };
    let spec = Spec {
        hidden: vec![32, 32],
        layers: 4,
        ..Spec::new(family, 2, 1)
    };
    let mut flow = Flow::new(&spec, 1).unwrap();
    let report = fit(&mut flow, &split, config, stop, |epoch| watch(epoch.epoch)).unwrap();
    (flow, report)
}

#[test]
fn both_families_come_close_to_the_entropy() {
    // H = H(x) + H(y | x, c): two normals, of standard deviation 1 and 1/4.
    let entropy = (std::f64::consts::TAU.ln() + 1.0) + 0.25f64.ln();
    for (family, schedule) in [
        (Family::Maf, Schedule::Cosine),
        (
            Family::RealNvp,
            Schedule::Plateau {
                factor: 0.5,
                patience: 4,
            },
        ),
    ] {
        let (flow, report) = train(
            family,
            &Config {
                schedule,
                ..quick()
            },
            &GO,
            |_| (),
        );
        let (events, contexts) = parabola(4000, 3);
        let mut log_prob = vec![0.0; 4000];
        flow.log_prob(&events, &contexts, &mut log_prob);
        let nats = -log_prob.iter().map(|&l| f64::from(l)).sum::<f64>() / 4000.0;
        assert!(
            nats > entropy - 0.1,
            "{family:?}: {nats} nats is better than the truth, {entropy}"
        );
        assert!(
            nats < entropy + 0.15,
            "{family:?}: {nats} nats, the truth has {entropy}"
        );
        assert!(report.restarts == 0 && report.best_epoch > 5, "{report:?}");
    }
}

#[test]
fn same_seed_same_bits_on_any_number_of_threads() {
    let config = |seed, threads| Config {
        epochs: 3,
        batch: 600,
        noise: 0.1,
        seed,
        threads,
        ..quick()
    };
    let (one, report) = train(Family::Maf, &config(1, 1), &GO, |_| ());
    assert_eq!(
        (one.clone(), report),
        train(Family::Maf, &config(1, 2), &GO, |_| ())
    );
    assert_ne!(one, train(Family::Maf, &config(2, 1), &GO, |_| ()).0);
}

#[test]
fn an_interrupt_keeps_the_best_so_far() {
    let stop = AtomicBool::new(false);
    let (flow, report) = train(Family::Maf, &quick(), &stop, |epoch| {
        stop.store(epoch == 3, Ordering::Relaxed);
    });
    assert_eq!((report.stop, report.epochs), (Stop::Interrupted, 4));
    let (events, contexts) = parabola(1000, 2);
    let mut log_prob = vec![0.0; 1000];
    flow.log_prob(&events, &contexts, &mut log_prob);
    let nats = -log_prob.iter().map(|&l| f64::from(l)).sum::<f64>() / 1000.0;
    assert!(
        report.best_epoch > 0 && (nats - report.validation_nats).abs() < 1e-5,
        "{nats} {report:?}"
    );
}

#[test]
fn training_ends_early_and_restores_the_best() {
    let config = Config {
        epochs: 400,
        patience: 5,
        schedule: Schedule::Plateau {
            factor: 0.5,
            patience: 50,
        },
        ..quick()
    };
    let mut seen = 0;
    let (_, report) = train(Family::RealNvp, &config, &GO, |epoch| seen = epoch);
    assert_eq!(report.stop, Stop::Early);
    assert_eq!(
        (report.epochs, seen),
        (report.best_epoch + 5, report.epochs)
    );
}

#[test]
fn a_wild_rate_is_tamed_or_told_as_divergence() {
    // Values near the end of f32: the squares overflow, so no loss is ever finite.
    let events = vec![3e38f32; 200];
    let batch = Batch {
        events: &events,
        contexts: &[],
    };
    let mut flow = Flow::new(&Spec::new(Family::Maf, 2, 0), 0).unwrap();
    let start = flow.clone();
    let error = fit(
        &mut flow,
        &Split {
            training: batch,
            validation: batch,
        },
        &quick(),
        &GO,
        |_| (),
    )
    .unwrap_err();
    assert!(
        matches!(error, FitError::Diverged { restarts: 9, .. }),
        "{error}"
    );
    assert_eq!(flow, start);
    // One training batch in ten overflows: the rest still teach.
    let (mut training, validation) = (parabola(2000, 1), parabola(500, 2));
    training.0[0] = 1e30;
    let split = Split {
        training: Batch {
            events: &training.0,
            contexts: &training.1,
        },
        validation: Batch {
            events: &validation.0,
            contexts: &validation.1,
        },
    };
    let mut flow = Flow::new(&Spec::new(Family::Maf, 2, 1), 0).unwrap();
    let report = fit(
        &mut flow,
        &split,
        &Config {
            epochs: 4,
            ..quick()
        },
        &GO,
        |_| (),
    )
    .unwrap();
    assert!(
        report.restarts > 0 && report.best_epoch > 0 && report.validation_nats < 3.5,
        "{report:?}"
    );
}

#[test]
fn wrong_settings_and_rows_are_told() {
    let events = [0.0f32, 1.0, 2.0, f32::NAN];
    let (good, bad) = (
        Batch {
            events: &events[..2],
            contexts: &[],
        },
        Batch {
            events: &events,
            contexts: &[],
        },
    );
    let mut flow = Flow::new(&Spec::new(Family::Maf, 2, 0), 0).unwrap();
    let mut error = |training, validation, config: Config| {
        fit(
            &mut flow,
            &Split {
                training,
                validation,
            },
            &config,
            &GO,
            |_| (),
        )
        .unwrap_err()
    };
    assert_eq!(
        error(good, bad, quick()),
        FitError::NonFinite {
            part: "validation",
            row: 1
        }
    );
    let none = Batch {
        events: &[],
        contexts: &[],
    };
    assert!(matches!(
        error(none, good, quick()),
        FitError::Shape {
            part: "training",
            ..
        }
    ));
    let odd = Batch {
        events: &events[..3],
        contexts: &[],
    };
    assert!(matches!(
        error(odd, good, quick()),
        FitError::Shape {
            part: "training",
            ..
        }
    ));
    for (config, name) in [
        (
            Config {
                epochs: 0,
                ..quick()
            },
            "epochs",
        ),
        (
            Config {
                batch: 0,
                ..quick()
            },
            "batch",
        ),
        (
            Config {
                learning_rate: f64::NAN,
                ..quick()
            },
            "learning rate",
        ),
        (
            Config {
                weight_decay: -1.0,
                ..quick()
            },
            "weight decay",
        ),
        (
            Config {
                clip_norm: 0.0,
                ..quick()
            },
            "largest gradient norm",
        ),
        (
            Config {
                patience: 0,
                ..quick()
            },
            "patience",
        ),
        (
            Config {
                noise: f32::INFINITY,
                ..quick()
            },
            "noise",
        ),
        (
            Config {
                schedule: Schedule::Plateau {
                    factor: 1.0,
                    patience: 1,
                },
                ..quick()
            },
            "plateau factor",
        ),
        (
            Config {
                schedule: Schedule::Plateau {
                    factor: 0.5,
                    patience: 0,
                },
                ..quick()
            },
            "plateau patience",
        ),
    ] {
        assert!(
            matches!(error(good, good, config), FitError::Setting { setting, .. } if setting == name),
            "{name}"
        );
    }
}
