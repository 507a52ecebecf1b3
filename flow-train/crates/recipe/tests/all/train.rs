//! From a recording to an artefact: domains, rounded columns, weights, few rows and odd ones.

use flow_calibrate::CalibrationError;
use flow_data::{
    CleaningReport, ColumnRequest, Columns, CsvFormat, Dataset, Fractions, Loaded, Memory,
    PrepareOptions, Recording, Table, load_within,
};
use flow_embedded::artefact::{Domain, LoadedFlow};
use flow_evaluate::Scorer;
use flow_fit::{Config, Overrides, Stop};
use flow_model::{Family, Spec};
use flow_recipe::TrainError;
use flow_recipe::auto::Budget;
use flow_recipe::{Model, Progress, Recipe, Trained, train, train_streamed};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

static GO: AtomicBool = AtomicBool::new(false);

/// Uniform and normal numbers.
struct Numbers(u64);

impl Numbers {
    fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

fn recording(data: Dataset) -> Recording {
    Recording {
        data,
        anomalies: None,
        groups: None,
        weights: None,
        report: CleaningReport::default(),
        has_header: true,
    }
}

fn recipe(family: Family, domains: &[(&str, &str)]) -> Recipe {
    let mut spec = Spec::new(family, 1, 0);
    spec.layers = 3;
    spec.conditioner.hidden = vec![16, 16];
    Recipe {
        name: "test".into(),
        model: Model::Named {
            spec,
            config: Config {
                epochs: 15,
                learning_rate: 5e-3,
                ..Config::default()
            },
        },
        seed: 0,
        features: vec![],
        prepare: PrepareOptions {
            domains: domains
                .iter()
                .map(|(name, domain)| ((*name).to_owned(), domain.parse().unwrap()))
                .collect(),
            circular: family.has_splines(),
            ..PrepareOptions::default()
        },
        fractions: Fractions::default(),
        random_split: false,
        dequantise: false,
        noise: false,
        alpha: 0.01,
        command: String::new(),
    }
}

fn run(recording: &Recording, recipe: &Recipe) -> Result<Trained, TrainError> {
    train(Path::new("table.csv"), recording, recipe, &GO, |_| ())
}

/// `load` is log-normal, `duty` within 0 and 100, `angle` goes around, given the time of day.
fn machine(rows: usize) -> Dataset {
    let mut numbers = Numbers(7);
    let names = ["load", "duty", "angle"].map(str::to_owned).to_vec();
    let mut data = Dataset::new(names, vec!["hour".into()]);
    for _ in 0..rows {
        let hour = 24.0 * numbers.uniform();
        let day = (hour / 24.0 * std::f64::consts::TAU).sin();
        let load = (0.8 * numbers.normal() + day).exp();
        let duty = 100.0 / (1.0 + (-numbers.normal() - 0.5 * load.ln()).exp());
        let angle = (360.0 + 15.0 * hour + 40.0 * numbers.normal()).rem_euclid(360.0);
        data.push(&[load as f32, duty as f32, angle as f32], &[hour as f32]);
    }
    data
}

#[test]
fn log_likelihoods_are_in_raw_units_through_every_domain() {
    let data = machine(2000);
    let domains = [
        ("load", "positive"),
        ("duty", "bounded:0:100"),
        ("angle", "circular:0:360"),
        ("hour", "circular:0:24"),
    ];
    let soft = [("load", "soft-positive"), ("duty", "bounded:-1:101")];
    for (family, domains) in [
        (Family::NsfAr, &domains[..]),
        (Family::Nsf, &domains[..]),
        (Family::Maf, &soft[..]),
        (Family::RealNvp, &[][..]),
    ] {
        let recipe = recipe(family, domains);
        let mut last = None;
        let trained = train(
            Path::new("table.csv"),
            &recording(data.clone()),
            &recipe,
            &GO,
            |progress: Progress| last = Some(progress.best),
        )
        .unwrap();
        // What the trainer saw on the validation rows is what the artefact gives.
        let flow = LoadedFlow::from_bytes(&trained.bytes).unwrap();
        let validation = data.select(&(1400..1600).collect::<Vec<_>>());
        assert_eq!(trained.rows, [1400, 200, 400]);
        let log_probs = Scorer::new(&flow).unwrap().log_probs(&validation).unwrap();
        let mean = log_probs.iter().map(|x| f64::from(*x)).sum::<f64>() / 200.0;
        let best = last.unwrap();
        assert!((mean - best).abs() < 1e-3, "{family:?}: {mean} {best}");
        assert!(trained.log_prob.mean.is_finite() && trained.impossible == 0);
        assert!(trained.calibration.is_ok());
    }
}

#[test]
fn a_positive_column_is_found_and_helps() {
    let mut numbers = Numbers(3);
    let mut data = Dataset::new(vec!["x".into(), "y".into()], vec![]);
    for _ in 0..3000 {
        let x = numbers.normal();
        data.push(
            &[(0.55 * x).exp() as f32, (x + 0.5 * numbers.normal()) as f32],
            &[],
        );
    }
    let data = recording(data);
    let mut recipe = recipe(Family::Maf, &[]);
    let inferred = run(&data, &recipe).unwrap();
    let found = inferred.choices[0].domain;
    assert!(matches!(found, Domain::Positive { low } if (-0.2..0.0).contains(&low)));
    assert_eq!(inferred.choices[1].domain, Domain::Real);
    recipe.prepare.infer = false;
    let plain = run(&data, &recipe).unwrap();
    // E ln p: −H of the normals, less E ln x = 0, and ln of the scales.
    let truth = -(std::f64::consts::TAU.ln() + 1.0) - (0.55f64 * 0.5).ln();
    assert!((inferred.log_prob.mean - truth).abs() < 0.1, "{inferred:?}");
    let gain = inferred.log_prob.mean - plain.log_prob.mean;
    assert!(gain > 0.01, "{gain}");
}

#[test]
fn few_rows_give_a_model_without_a_promise_and_say_why() {
    let data = recording(machine(30));
    for family in Family::ALL {
        let trained = run(&data, &recipe(family, &[])).unwrap();
        assert_eq!(trained.rows, [18, 6, 6]);
        let Err(fault) = trained.calibration else {
            panic!("six rows can't promise 0.01")
        };
        assert_eq!(
            fault,
            CalibrationError::TooFewRows {
                have: 6,
                need: 99,
                alpha: 0.01
            }
        );
        assert!(fault.to_string().ends_with("a rate of at least 0.143"));
        let flow = LoadedFlow::from_bytes(&trained.bytes).unwrap();
        assert!(flow.calibration().is_none());
        assert!(trained.log_prob.mean.is_finite(), "{family:?}");
        // A rate within reach is promised.
        let mut modest = recipe(family, &[]);
        modest.alpha = 0.1;
        let trained = run(&data, &modest).unwrap();
        assert_eq!(trained.rows, [15, 6, 9]);
        assert!(trained.calibration.unwrap().threshold().is_some());
    }
    let error = run(&recording(machine(12)), &recipe(Family::Maf, &[])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has 12 usable rows and at least 20 are needed"),
        "{error}"
    );
}

/// A column, row by row.
type Value<'a> = Box<dyn Fn(usize) -> f32 + 'a>;

#[test]
fn odd_columns_give_a_finite_model_or_a_sentence() {
    let mut numbers = Numbers(11);
    let normals: Vec<f32> = (0..400).map(|_| numbers.normal() as f32).collect();
    let odd: [(&str, Value<'_>); 6] = [
        (
            "an outlier in training",
            Box::new(|row| if row == 5 { 1e6 } else { normals[row] }),
        ),
        (
            "an outlier in validation",
            Box::new(|row| if row == 290 { 1e6 } else { normals[row] }),
        ),
        (
            "an outlier in calibration",
            Box::new(|row| if row == 390 { -1e6 } else { normals[row] }),
        ),
        (
            "out of all proportion",
            Box::new(|row| if row == 5 { 1e30 } else { normals[row] }),
        ),
        (
            "nearly constant",
            Box::new(|row| if row % 150 == 7 { 1.000_001 } else { 1.0 }),
        ),
        ("rows that repeat", Box::new(|row| normals[row % 8])),
    ];
    for (name, value) in &odd {
        for family in Family::ALL {
            let mut data = Dataset::new(vec!["x".into(), "y".into()], vec![]);
            for (row, normal) in normals.iter().enumerate() {
                data.push(&[value(row), normal + 0.1 * value(row).min(9.0)], &[]);
            }
            let mut recipe = recipe(family, &[]);
            if let Model::Named { config, .. } = &mut recipe.model {
                config.epochs = 4;
            }
            match run(&recording(data), &recipe) {
                Ok(trained) => assert!(
                    trained.log_prob.mean.is_finite() && trained.fit.validation_nats.is_finite(),
                    "{name}, {family:?}: {trained:?}"
                ),
                Err(error) => assert!(
                    error
                        .to_string()
                        .contains("column `x` holds the value 1e30"),
                    "{name}, {family:?}: {error}"
                ),
            }
        }
    }
}

#[test]
fn rows_of_weight_zero_do_not_count() {
    let data = machine(900);
    let mut spoilt = recording(data.clone());
    let mut rows = Dataset::new(data.event_names().to_vec(), data.context_names().to_vec());
    let mut weights = Vec::new();
    for row in 0..900 {
        rows.push(data.event(row), data.context(row));
        weights.push(1.0 + (row % 3) as f32);
        if row % 9 == 0 {
            // Anything, if it does not count.
            rows.push(&[-1e9, 1e9, -5.0], &[700.0]);
            weights.push(0.0);
        }
    }
    spoilt.data = rows;
    spoilt.weights = Some(weights);
    let recipe = recipe(
        Family::Maf,
        &[("load", "positive"), ("duty", "bounded:0:100")],
    );
    let trained = run(&spoilt, &recipe).unwrap();
    assert_eq!(trained.rows.iter().sum::<usize>(), 900);
    assert!(trained.log_prob.mean.is_finite() && trained.impossible == 0);
}

#[test]
fn a_value_outside_a_domain_that_was_asked_for_is_told() {
    let error = run(
        &recording(machine(500)),
        &recipe(Family::Maf, &[("duty", "bounded:0:50")]),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.starts_with("table.csv: column `duty` holds the value 9")
            && error.contains("bounded:0:50"),
        "{error}"
    );
}

#[test]
fn a_streamed_table_trains_as_well_as_one_in_memory() {
    let data = machine(6000);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "load,duty,angle,hour").unwrap();
    for row in 0..data.rows() {
        let [load, duty, angle] = data.event(row) else {
            unreachable!("three channels")
        };
        writeln!(file, "{load},{duty},{angle},{}", data.context(row)[0]).unwrap();
    }
    let table = Table::open(file.path(), CsvFormat::default()).unwrap();
    let request = ColumnRequest {
        context: vec!["hour".into()],
        ..ColumnRequest::default()
    };
    let columns = Columns::find(&table, &request).unwrap();
    let memory = Memory {
        limit: 64 << 10,
        folder: None,
    };
    let Loaded::TooLarge(survey) = load_within(&table, &columns, &memory).unwrap() else {
        panic!("96,000 bytes are more than a quarter of 64 KiB")
    };
    let recipe = recipe(
        Family::Maf,
        &[("load", "positive"), ("duty", "bounded:0:100")],
    );
    let stream = || train_streamed(file.path(), &survey, &recipe, &GO, |_| ()).unwrap();
    let streamed = stream();
    assert_eq!(streamed.bytes, stream().bytes);
    let memory = run(&recording(data), &recipe).unwrap();
    assert_eq!(streamed.rows, memory.rows);
    let apart = streamed.log_prob.mean - memory.log_prob.mean;
    // They are measured on other rows: streaming keeps a sample of them.
    let error = streamed.log_prob.stderr + memory.log_prob.stderr;
    assert!(apart.abs() < 0.05 + 3.0 * error, "{apart} ± {error}");
}

#[test]
fn a_comparison_decides_and_when_interrupted_keeps_the_best_so_far() {
    let data = recording(machine(600));
    let spec = Spec::new(Family::NsfAr, 1, 0);
    let mut recipe = recipe(Family::NsfAr, &[]);
    recipe.model = Model::Auto {
        spec,
        overrides: Overrides::default(),
        budget: Budget {
            weights: 4000,
            steps: 60,
            trial_steps: 40,
        },
    };
    let whole = run(&data, &recipe).unwrap();
    assert_eq!(whole.candidates.len(), 3);
    let chosen: Vec<_> = whole.candidates.iter().filter(|c| c.chosen).collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0].family, whole.spec.family.name());
    assert!(whole.candidates.iter().all(|c| c.weights <= 4000));
    assert!(whole.config.noise > 0.0);
    assert_eq!(run(&data, &recipe).unwrap().bytes, whole.bytes);

    // After the third epoch of the first model that is tried.
    let stop = AtomicBool::new(false);
    let observer = |progress: Progress| stop.store(progress.epoch >= 3, Ordering::Relaxed);
    let early = train(Path::new("table.csv"), &data, &recipe, &stop, observer).unwrap();
    assert_eq!(early.fit.stop, Stop::Interrupted);
    assert_eq!(early.candidates.len(), 1);
    assert!(early.log_prob.mean.is_finite());
}
