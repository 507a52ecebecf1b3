//! Training: it learns, it is repeatable, and it ends well.

use flow_data::{Dataset, Preparation, PrepareOptions};
use flow_embedded::artefact::{Grid, WeightFormat};
use flow_fit::{Config, FitError, InMemory, Report, RowsError, Schedule, Split, Stop, fit};
use flow_model::{Batch, DenseParts, Family, Flow, LayerParts, Spec};
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

type Table = (Vec<f32>, Vec<f32>);

/// Fits to rows that are prepared already, with contexts of one channel or none.
fn fit_rows(
    flow: &mut Flow<f32>,
    training: Batch<'_, f32>,
    validation: Batch<'_, f32>,
    config: &Config,
    stop: &AtomicBool,
    mut watch: impl FnMut(usize) + Send,
) -> Result<Report, FitError> {
    let (event, context) = (flow.event(), flow.context());
    let rows = |part, batch| {
        InMemory::new(batch, event, context).map_err(|fault| FitError::Rows { part, fault })
    };
    let split = Split {
        training: &mut rows("training", training)?,
        validation: &mut rows("validation", validation)?,
        preparation: &Preparation::identity(event, context),
        dequantiser: None,
    };
    fit(flow, split, config, stop, |epoch| watch(epoch.epoch))
}

fn batch((events, contexts): &Table) -> Batch<'_, f32> {
    Batch {
        events,
        contexts,
        weights: &[],
    }
}

fn rows(data: &Dataset) -> InMemory<'_> {
    let batch = Batch {
        events: data.events(),
        contexts: data.contexts(),
        weights: data.weights(),
    };
    InMemory::new(batch, data.event_dim(), data.context_dim()).unwrap()
}

/// Trains a small flow on the parabola.
fn train(
    family: Family,
    config: &Config,
    stop: &AtomicBool,
    watch: impl FnMut(usize) + Send,
) -> (Flow<f32>, Report) {
    let (training, validation) = (parabola(2000, 1), parabola(1000, 2));
    let mut flow = small(family, 2, 1);
    let report = fit_rows(
        &mut flow,
        batch(&training),
        batch(&validation),
        config,
        stop,
        watch,
    )
    .unwrap();
    (flow, report)
}

fn small(family: Family, event: usize, context: usize) -> Flow<f32> {
    let mut spec = Spec::new(family, event, context);
    spec.layers = 4;
    spec.conditioner.hidden = vec![32, 32];
    Flow::new(&spec, 1).unwrap()
}

/// Mean negative log-likelihood.
fn nats(flow: &Flow<f32>, (events, contexts): &Table) -> f64 {
    let rows = events.len() / flow.event();
    let mut log_prob = vec![0.0; rows];
    flow.log_prob(events, contexts, &mut log_prob);
    -log_prob.iter().map(|&l| f64::from(l)).sum::<f64>() / rows as f64
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
        let nats = nats(&flow, &parabola(4000, 3));
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
        context_noise: 0.05,
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
    let nats = nats(&flow, &parabola(1000, 2));
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
    let huge = (vec![3e38f32; 200], vec![]);
    let mut flow = Flow::new(&Spec::new(Family::Maf, 2, 0), 0).unwrap();
    let start = flow.clone();
    let rows = batch(&huge);
    let error = fit_rows(&mut flow, rows, rows, &quick(), &GO, |_| ()).unwrap_err();
    assert!(
        matches!(error, FitError::Diverged { restarts: 9, .. }),
        "{error}"
    );
    assert_eq!(flow, start);
    // One training batch in ten overflows: the rest still teach.
    let (mut training, validation) = (parabola(2000, 1), parabola(500, 2));
    training.0[0] = 1e30;
    let mut flow = Flow::new(&Spec::new(Family::Maf, 2, 1), 0).unwrap();
    let config = Config {
        epochs: 4,
        ..quick()
    };
    let report = fit_rows(
        &mut flow,
        batch(&training),
        batch(&validation),
        &config,
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
fn a_row_twice_and_a_row_of_weight_two_are_the_same() {
    let (events, contexts) = parabola(400, 1);
    let doubled = (
        [&events[..], &events[..200]].concat(),
        [&contexts[..], &contexts[..100]].concat(),
    );
    let weights: Vec<f32> = (0..400)
        .map(|row| if row < 100 { 2.0 } else { 1.0 })
        .collect();
    let weighted = Batch {
        events: &events,
        contexts: &contexts,
        weights: &weights,
    };
    // The same mean, whichever way the rows are counted.
    let validated = |validation| {
        let mut flow = small(Family::Maf, 2, 1);
        let config = Config {
            learning_rate: 1e-12,
            weight_decay: 0.0,
            epochs: 1,
            ..quick()
        };
        fit_rows(&mut flow, weighted, validation, &config, &GO, |_| ())
            .unwrap()
            .validation_nats
    };
    let (one, two) = (validated(weighted), validated(batch(&doubled)));
    assert!((one - two).abs() < 1e-6, "{one} {two}");
    // Weights move the fit: of two clouds, the heavier one wins.
    let clouds: Vec<f32> = events
        .chunks_exact(2)
        .enumerate()
        .flat_map(|(row, event)| [event[0] + if row % 2 == 0 { 2.0 } else { -2.0 }, event[1]])
        .collect();
    let weights: Vec<f32> = (0..400).map(|row| [9.0, 1.0][row % 2]).collect();
    let share = |weights: &[f32]| {
        let rows = Batch {
            events: &clouds,
            contexts: &contexts,
            weights,
        };
        let mut flow = small(Family::Maf, 2, 1);
        fit_rows(&mut flow, rows, rows, &quick(), &GO, |_| ()).unwrap();
        let cloud = |sign: f32| {
            let own: Vec<f32> = clouds
                .chunks_exact(2)
                .zip(&contexts)
                .filter(|(event, _)| event[0] * sign > 0.0)
                .flat_map(|(event, context)| [event[0], event[1], *context])
                .collect();
            let table = (
                own.chunks_exact(3)
                    .flat_map(|row| [row[0], row[1]])
                    .collect(),
                own.chunks_exact(3).map(|row| row[2]).collect(),
            );
            nats(&flow, &table)
        };
        cloud(-1.0) - cloud(1.0)
    };
    // By ln 9 = 2.2 nats, were the clouds far apart and the flow flexible.
    let (even, heavy) = (share(&[]), share(&weights));
    assert!(heavy > even + 0.8, "{even} {heavy}");
}

#[test]
fn a_rounded_normal_has_the_likelihood_of_its_cells() {
    // A normal of standard deviation 1 in steps of 0.4: ln(probability / step), averaged, is the truth.
    let step = 0.4f32;
    let (normals, _) = parabola(8000, 4);
    let counts: Vec<f32> = normals
        .iter()
        .step_by(2)
        .map(|x| (x / step).round() * step)
        .collect();
    let half = |from: usize| {
        let mut data = Dataset::new(vec!["x".into(), "y".into()], vec![]);
        for pair in counts[from..from + 4000].chunks_exact(2) {
            data.push(pair, &[]);
        }
        data
    };
    let (training, validation) = (half(0), half(4000));
    let (preparation, choices) =
        Preparation::fit(&training, &training.ranges(), &PrepareOptions::default()).unwrap();
    assert!(
        choices
            .iter()
            .all(|choice| (choice.grid.unwrap().step - step).abs() < 1e-6)
    );
    let mut flow = small(Family::Maf, 2, 0);
    let split = Split {
        training: &mut rows(&training),
        validation: &mut rows(&validation),
        preparation: &preparation,
        dequantiser: None,
    };
    let report = fit(&mut flow, split, &quick(), &GO, |_| ()).unwrap();
    let maps = preparation.event.iter();
    let constant: f64 = maps.map(|map| f64::from(map.inv_std).ln()).sum();
    let dequantised = constant - report.validation_nats;
    let cdf = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let truth: f64 = (-20..=20)
        .map(|k| {
            let (middle, half) = (f64::from(k) * f64::from(step), 0.5 * f64::from(step));
            let p = cdf(middle + half) - cdf(middle - half);
            if p > 0.0 {
                p * (p / f64::from(step)).ln()
            } else {
                0.0
            }
        })
        .sum();
    assert!(
        (dequantised - 2.0 * truth).abs() < 0.08,
        "{dequantised} {}",
        2.0 * truth
    );
}

#[test]
fn thirty_rows_and_rows_that_repeat_train() {
    let (mut events, mut contexts) = parabola(30, 1);
    for repeat in [false, true] {
        if repeat {
            events = events[..6].repeat(10);
            contexts = contexts[..3].repeat(10);
        }
        let rows = (events.clone(), contexts.clone());
        for rows_used in [30, 1] {
            let table = (
                rows.0[..2 * rows_used].to_vec(),
                rows.1[..rows_used].to_vec(),
            );
            let mut flow = small(Family::Maf, 2, 1);
            let config = Config {
                epochs: 5,
                ..quick()
            };
            let own = batch(&table);
            let report = fit_rows(&mut flow, own, own, &config, &GO, |_| ()).unwrap();
            // An epoch has eight steps, or one for each row.
            assert_eq!(report.steps, 5 * if rows_used == 30 { 10 } else { 1 });
            assert!(report.validation_nats.is_finite() && nats(&flow, &table).is_finite());
        }
    }
}

#[test]
fn the_average_is_what_is_validated_and_kept() {
    let config = |average| Config {
        average,
        epochs: 6,
        learning_rate: 2e-2,
        schedule: Schedule::Plateau {
            factor: 0.5,
            patience: 50,
        },
        ..quick()
    };
    let (averaged, with) = train(Family::Maf, &config(0.99), &GO, |_| ());
    let (last, without) = train(Family::Maf, &config(0.0), &GO, |_| ());
    assert_ne!(averaged, last);
    // At a rate so high, the average is clearly better than where the last step led.
    assert!(
        with.validation_nats < without.validation_nats,
        "{} {}",
        with.validation_nats,
        without.validation_nats
    );
    let measured = nats(&averaged, &parabola(1000, 2));
    assert!((measured - with.validation_nats).abs() < 1e-5);
}

/// The dense layers of a flow's conditioners.
fn dense(flow: &Flow<f32>) -> Vec<DenseParts<f32>> {
    let layers = flow.to_parts().layers.into_iter();
    let dense = layers.flat_map(|layer| match layer {
        LayerParts::Coupling { conditioner, .. }
        | LayerParts::Autoregressive { conditioner, .. } => conditioner.dense,
        _ => Vec::new(),
    });
    dense.collect()
}

#[test]
fn weights_trained_for_a_format_are_of_it_and_lose_little() {
    let (exact, _) = train(Family::Maf, &quick(), &GO, |_| {});
    let config = Config {
        weight_format: Some(WeightFormat::I8),
        ..quick()
    };
    let (rounded, report) = train(Family::Maf, &config, &GO, |_| {});
    let mut between = 0;
    for flow in [&exact, &rounded] {
        for own in dense(flow) {
            let rows = own.weights.chunks_exact(own.inputs).zip(&own.prefix);
            for (row, prefix) in rows.filter(|(_, prefix)| **prefix > 0) {
                let scale = row.iter().fold(0.0f32, |most, w| most.max(w.abs())) / 127.0;
                for weight in &row[..*prefix] {
                    let steps = weight / scale;
                    between += usize::from((steps - steps.round()).abs() > 1e-3);
                }
            }
        }
        if std::ptr::eq(flow, &exact) {
            assert!(between > 1000, "{between}");
            between = 0;
        }
    }
    assert_eq!(between, 0);
    let test = parabola(4000, 3);
    let lost = nats(&rounded, &test) - nats(&exact, &test);
    assert!(lost.abs() < 0.03, "{lost}");
    // What was validated is what was kept.
    let validation = nats(&rounded, &parabola(1000, 2));
    assert!((validation - report.validation_nats).abs() < 1e-4);
}

#[test]
fn wrong_settings_and_rows_are_told() {
    let table = |events: &[f32]| (events.to_vec(), vec![]);
    let (good, bad) = (table(&[0.0, 1.0]), table(&[0.0, 1.0, 2.0, f32::NAN]));
    let mut flow = Flow::new(&Spec::new(Family::Maf, 2, 0), 0).unwrap();
    let mut error = |training: &Table, validation: &Table, config: &Config| {
        fit_rows(
            &mut flow,
            batch(training),
            batch(validation),
            config,
            &GO,
            |_| (),
        )
        .unwrap_err()
    };
    assert_eq!(
        error(&good, &bad, &quick()),
        FitError::Rows {
            part: "validation",
            fault: RowsError::NonFinite { row: 1 }
        }
    );
    for odd in [table(&[]), table(&[1.0, 2.0, 3.0])] {
        assert!(matches!(
            error(&odd, &good, &quick()),
            FitError::Rows {
                part: "training",
                fault: RowsError::Shape(_)
            }
        ));
    }
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
            "smoothing",
        ),
        (
            Config {
                context_noise: -0.1,
                ..quick()
            },
            "smoothing of the context",
        ),
        (
            Config {
                average: 1.0,
                ..quick()
            },
            "decay of the average",
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
            matches!(error(&good, &good, &config), FitError::Setting { setting, .. } if setting == name),
            "{name}"
        );
    }
}

/// A rounded normal narrower than its cells: evenly dequantised it has edges that splines can only approach, while
/// offsets that are learnt let the model be the normal itself. No bound can be below the entropy.
#[test]
fn learnt_offsets_come_nearer_to_the_probability_than_even_ones() {
    let mut state = 3_u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut rows = |count: usize| -> Vec<f32> {
        (0..2 * count)
            .map(|_| (0.5 * ((0..12).map(|_| uniform()).sum::<f32>() - 6.0)).round())
            .collect()
    };
    let (training, validation) = (rows(3000), rows(3000));
    let preparation = {
        let mut own = Preparation::identity(2, 0);
        for map in &mut own.event {
            map.grid = Some(Grid {
                offset: 0.0,
                step: 1.0,
            });
        }
        own
    };
    let config = Config {
        epochs: 40,
        batch: 200,
        learning_rate: 5e-3,
        weight_decay: 0.0,
        ..Config::default()
    };
    let nats = |dequantiser: Option<&mut Flow<f32>>| {
        let batch = |events| Batch {
            events,
            contexts: &[],
            weights: &[],
        };
        let (mut training, mut validation) = (
            InMemory::new(batch(&training), 2, 0).unwrap(),
            InMemory::new(batch(&validation), 2, 0).unwrap(),
        );
        let mut flow = small(Family::RealNvp, 2, 0);
        let split = Split {
            training: &mut training,
            validation: &mut validation,
            preparation: &preparation,
            dequantiser,
        };
        let report = fit(&mut flow, split, &config, &GO, |_| ()).unwrap();
        report.validation_nats
    };
    // The entropy of the validation rows themselves, which no code for them beats in the mean.
    let mut counts = std::collections::BTreeMap::new();
    for row in validation.chunks_exact(2) {
        *counts.entry((row[0] as i32, row[1] as i32)).or_insert(0.0) += 1.0 / 3000.0;
    }
    let entropy: f64 = counts.values().map(|share: &f64| -share * share.ln()).sum();
    let mut cells = Flow::<f32>::new(&Spec::new(Family::Nsf, 2, 2), 2).unwrap();
    let (even, learnt) = (nats(None), nats(Some(&mut cells)));
    assert!(learnt > entropy - 1e-3, "{learnt} below {entropy}");
    assert!(
        learnt - entropy < 0.5 * (even - entropy),
        "{learnt} and {even}, entropy {entropy}"
    );
}
