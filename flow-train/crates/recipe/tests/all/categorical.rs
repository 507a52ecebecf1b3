//! Categorical columns: gradients, tables of mixed columns, and texts.

use flow_data::{
    Alphabet, ColumnRequest, Columns, CsvFormat, Fractions, PrepareOptions, Recording, Table,
    load_columns,
};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{Activation, ContextTerm, Form, PreActivation};
use flow_embedded::kernels::code;
use flow_embedded::window::Feature;
use flow_evaluate::Scorer;
use flow_fit::Config;
use flow_model::{
    Batch, CategoricalSpec, ConditionerSpec, Family, Flow, ImageSpec, LayerParts, Objective, Spec,
    Threads, VocabularySpec,
};
use flow_recipe::{Model, Recipe, Trained, train};
use flow_shared_tests::forms::formed;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The gradient of the loss against differences, for heads, embeddings and layers that see them, also by dense
/// layers of the context alone.
#[test]
fn gradients_are_those_of_differences() {
    let blocks = |context| {
        Form::PreActivation(PreActivation {
            blocks: 2,
            activated: true,
            context,
        })
    };
    let plain = [Family::NsfAr, Family::RealNvp, Family::Iaf].map(|family| (family, None));
    let forms = [
        (Family::NsfAr, Some(blocks(ContextTerm::Added))),
        (Family::Iaf, Some(blocks(ContextTerm::Gated))),
        (Family::RealNvp, Some(blocks(ContextTerm::Gated))),
        (Family::Iaf, Some(Form::ContextFirst)),
    ];
    for (family, form) in plain.into_iter().chain(forms) {
        let mut spec = Spec::new(family, 5, 3);
        spec.layers = 2;
        spec.conditioner.hidden = match form {
            None => vec![7, 6],
            Some(_) => vec![7],
        };
        spec.conditioner.activation = Activation::Tanh;
        spec.categorical = CategoricalSpec {
            vocabularies: vec![
                VocabularySpec {
                    size: 4,
                    embedding: 3,
                },
                VocabularySpec {
                    size: 2,
                    embedding: 1,
                },
            ],
            event: vec![(1, 0), (3, 1)],
            context: vec![(0, 1), (2, 0)],
            head: ConditionerSpec {
                hidden: vec![6],
                ..spec.conditioner.clone()
            },
            embedding: None,
        };
        let mut parts = Flow::<f64>::new(&spec, 3).expect("a flow").to_parts();
        for (index, layer) in parts.layers.iter_mut().enumerate() {
            if let LayerParts::Coupling { conditioner, .. }
            | LayerParts::Autoregressive { conditioner, .. } = layer
                && let Some(form) = form
            {
                // One number of the context; the embeddings of two codes of it, and of two of the event.
                let features = 1 + (1 + 3) + (3 + 1);
                *conditioner = formed(conditioner.clone(), form, features, index);
            }
        }
        let mut flow = Flow::from_parts(parts).expect("a flow");
        let rows = 9;
        let at = |row: usize, place: usize| ((row * 7 + place * 3) as f64 * 0.61).sin();
        let events: Vec<f64> = (0..rows)
            .flat_map(|row| {
                [
                    at(row, 0),
                    (row % 4) as f64,
                    at(row, 1),
                    (row % 2) as f64,
                    at(row, 2),
                ]
            })
            .collect();
        let contexts: Vec<f64> = (0..rows)
            .flat_map(|row| [(row / 2 % 2) as f64, at(row, 3), (row * 3 % 4) as f64])
            .collect();
        let batch = Batch {
            events: &events,
            contexts: &contexts,
            weights: &[],
        };
        let mut objective = Objective::new(&flow, rows, &Threads::new(1));
        objective.loss_and_gradient(&flow, batch);
        let gradient = objective.gradient().to_vec();
        let step = 1e-5;
        let mut seen = 0;
        for (index, &found) in gradient.iter().enumerate() {
            let own = flow.parameters()[index];
            let mut loss = |value: f64| {
                flow.parameters_mut()[index] = value;
                let loss = objective.loss(&flow, batch);
                flow.parameters_mut()[index] = own;
                loss
            };
            let slope = (loss(own + step) - loss(own - step)) / (2.0 * step);
            // Masked weights have no gradient, whatever differences say.
            if found == 0.0 {
                continue;
            }
            seen += 1;
            let error = (slope - found).abs();
            assert!(
                error < 1e-6 + 1e-5 * slope.abs(),
                "{family:?} {form:?} {index}: {slope} {found}"
            );
        }
        assert!(
            seen > gradient.len() / 2,
            "{family:?}: {seen} of {}",
            gradient.len()
        );
    }
}

fn recipe(spec: Spec, config: Config, columns: &Columns, table: &Table) -> Recipe {
    Recipe {
        name: "test".into(),
        model: Model::Named { spec, config },
        seed: 1,
        features: columns.features().to_vec(),
        prepare: PrepareOptions {
            vocabularies: columns.vocabularies().names.clone(),
            codes: columns.codes(table),
            ..PrepareOptions::default()
        },
        fractions: Fractions::default(),
        random_split: columns.features().is_empty(),
        alpha: 0.01,
        dequantise: false,
        noise: false,
        command: String::new(),
    }
}

fn trained(path: &Path, recording: &Recording, recipe: &Recipe) -> Trained {
    let stop = AtomicBool::new(false);
    train(path, recording, recipe, &stop, |_| {}).expect("trains")
}

/// A machine whose state depends on its mode, and whose temperature depends on its state.
fn machine(rows: usize, seed: u64) -> String {
    let mut state = seed | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut text = String::from("mode,state,temperature\n");
    for _ in 0..rows {
        let mode = if uniform() < 0.3 { "eco" } else { "full" };
        let share = if mode == "eco" {
            [0.7, 0.95]
        } else {
            [0.1, 0.85]
        };
        let draw = uniform();
        let (name, centre) = match draw {
            _ if draw < share[0] => ("idle", 20.0),
            _ if draw < share[1] => ("run", 60.0),
            _ => ("wash", 40.0),
        };
        let noise: f64 = (0..6).map(|_| uniform() - 0.5).sum();
        writeln!(text, "{mode},{name},{:.4}", centre + 3.0 * noise).expect("a string");
    }
    text
}

/// The probabilities of a categorical column are the frequencies of its categories, given the context, and the
/// continuous column is conditioned on them.
/// Layers over images hand the gradient by the context on to the embeddings, one head for all positions or one for each.
#[test]
fn gradients_reach_embeddings_through_convolutions() {
    for by_position in [false, true] {
        let mut spec = Spec::new(Family::RealNvp, 16, 2);
        spec.layers = 2;
        spec.conditioner.hidden = vec![4, 3];
        spec.conditioner.activation = Activation::Silu;
        spec.image = Some(ImageSpec {
            by_position,
            scales: 1,
            ..ImageSpec::new(4, 4)
        });
        spec.categorical.vocabularies = vec![VocabularySpec {
            size: 3,
            embedding: 2,
        }];
        spec.categorical.context = vec![(1, 0)];
        let mut flow = Flow::<f64>::new(&spec, 3).expect("a flow");
        let rows = 7;
        let number = |index: usize| (index as f64 * 1.7).sin();
        let events: Vec<f64> = (0..rows * 16).map(number).collect();
        let contexts: Vec<f64> = (0..rows)
            .flat_map(|row| [number(row + 99), (row % 3) as f64])
            .collect();
        let batch = Batch {
            events: &events,
            contexts: &contexts,
            weights: &[],
        };
        let mut objective = Objective::new(&flow, rows, &Threads::new(1));
        objective.loss_and_gradient(&flow, batch);
        let gradient = objective.gradient().to_vec();
        let step = 1e-5;
        for (index, &found) in gradient.iter().enumerate() {
            let own = flow.parameters()[index];
            let mut loss = |value: f64| {
                flow.parameters_mut()[index] = value;
                let loss = objective.loss(&flow, batch);
                flow.parameters_mut()[index] = own;
                loss
            };
            let slope = (loss(own + step) - loss(own - step)) / (2.0 * step);
            assert!(
                (slope - found).abs() < 1e-8 + 1e-5 * slope.abs(),
                "by position {by_position}, {index}: {slope} {found}"
            );
        }
        let used = gradient.iter().filter(|own| **own != 0.0).count();
        assert!(
            used > gradient.len() * 9 / 10,
            "{used} of {}",
            gradient.len()
        );
    }
}

#[test]
fn probabilities_are_frequencies() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("machine.csv");
    std::fs::write(&path, machine(6000, 5)).expect("written");
    let table = Table::open(&path, CsvFormat::default()).expect("a table");
    let request = ColumnRequest {
        events: Some(vec!["state".into(), "temperature".into()]),
        context: vec!["mode".into()],
        ..ColumnRequest::default()
    };
    let columns = Columns::find(&table, &request).expect("columns");
    let columns = columns.with_categories(&table, &["state".into(), "mode".into()]);
    let columns = columns.expect("categories");
    let recording = load_columns(&table, &columns).expect("rows");
    let mut spec = Spec::new(Family::NsfAr, 2, 1);
    spec.layers = 1;
    spec.conditioner.hidden = vec![16];
    let config = Config {
        epochs: 40,
        learning_rate: 3e-3,
        ..Config::default()
    };
    let own = trained(&path, &recording, &recipe(spec, config, &columns, &table));
    let flow = LoadedFlow::from_bytes(&own.bytes).expect("a model");
    let mut scratch = vec![0.0; flow.scratch_len()];
    // Rows that no training has seen.
    let fresh = folder.path().join("fresh.csv");
    std::fs::write(&fresh, machine(20_000, 99)).expect("written");
    let table = Table::open(&fresh, CsvFormat::default()).expect("a table");
    let columns = Columns::find(&table, &request).expect("columns");
    let columns = columns.with_vocabularies(flow.header());
    let rows = load_columns(&table, &columns).expect("rows").data;
    for mode in 0..2 {
        let mut counts = [0.0f64; 3];
        for row in 0..rows.rows() {
            if rows.context(row)[0] == mode as f32 {
                counts[code(rows.event(row)[0], 3).expect("a code")] += 1.0;
            }
        }
        let total: f64 = counts.iter().sum();
        let mut sum = 0.0;
        for (category, count) in counts.into_iter().enumerate() {
            let mut latents = [0.0; 2];
            let event = [category as f32, 40.0];
            flow.log_prob_and_latents(&event, &[mode as f32], &mut latents, &mut scratch)
                .expect("its shape");
            // The surprise of the category stands behind the other latents.
            let p = f64::from(-latents[1]).exp();
            sum += p;
            let share = count / total;
            assert!(
                (p - share).abs() < 0.03,
                "mode {mode}, {category}: {p} against {share}"
            );
        }
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
    // Idle is cold: of two temperatures the right one is far likelier.
    let mut log_prob = |event: [f32; 2]| {
        flow.log_prob(&event, &[0.0], &mut scratch)
            .expect("its shape")
    };
    assert!(log_prob([0.0, 20.0]) > log_prob([0.0, 60.0]) + 5.0);
    assert!(log_prob([1.0, 60.0]) > log_prob([1.0, 20.0]) + 5.0);
    // What is no code has no likelihood.
    assert_eq!(log_prob([3.0, 20.0]), f32::NEG_INFINITY);
    assert_eq!(log_prob([0.5, 20.0]), f32::NEG_INFINITY);
    let mean = own.log_prob.mean;
    let fresh = Scorer::new(&flow)
        .expect("scores")
        .log_probs(&rows)
        .expect("its shape");
    let fresh = fresh.iter().map(|x| f64::from(*x)).sum::<f64>() / fresh.len() as f64;
    assert!((mean - fresh).abs() < 0.1, "{mean} {fresh}");
}

#[test]
fn an_unknown_category_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "state,x\na,1\nb,2\nc,3\n").expect("written");
    let table = Table::open(&path, CsvFormat::default()).expect("a table");
    let columns = || Columns::find(&table, &ColumnRequest::default()).expect("columns");
    let one = columns().with_categories(&table, &["z".into()]);
    assert!(
        one.expect_err("absent")
            .to_string()
            .starts_with("has no column `z`")
    );
    let own = columns()
        .with_categories(&table, &["state".into()])
        .expect("categories");
    let other = folder.path().join("u.csv");
    std::fs::write(&other, "state,x\na,1\nd,2\n").expect("written");
    let table = Table::open(&other, CsvFormat::default()).expect("a table");
    let error = load_columns(&table, &own).expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "line 3, column `state`: the model does not know the category \"d\"; it knows a, b, c"
    );
}

/// The text that the figures of docs/text.md are of, beside the workspace; absent from the repository.
const TEXT: &str = "../../../../shared/data/shakespeare_256k.txt";

/// Bits per character of the last tenth of the text, far below what three characters before tell.
#[test]
fn a_text_takes_few_bits_and_its_probabilities_sum_to_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TEXT);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: there is no {}", path.display());
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = text.split_at(text.len() / 10 * 9);
    for (alphabet, most) in [(Alphabet::Letters, 2.5), (Alphabet::All, 2.7)] {
        let open = |name: &str, part: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, part).expect("written");
            Table::open_text(&path, alphabet).expect("a text")
        };
        let (table, test) = (open("old.txt", old), open("new.txt", new));
        let request = ColumnRequest::default();
        let lags = (1..=6).map(|steps| Feature::Lag { channel: 0, steps });
        let lags: Vec<Feature> = lags.collect();
        let columns = Columns::find(&table, &request).expect("columns");
        let columns = columns.with_categories(&table, &[Alphabet::COLUMN.into()]);
        let columns = columns.expect("characters").with_features(lags.clone());
        let recording = load_columns(&table, &columns).expect("characters");
        let mut spec = Spec::new(Family::NsfAr, 1, 6);
        spec.categorical.head.hidden = vec![128, 64];
        let config = Config {
            epochs: 5,
            ..Config::of_categories()
        };
        let mut recipe = recipe(spec, config, &columns, &table);
        recipe.fractions = Fractions {
            validation: 0.06,
            calibration: 0.06,
        };
        let own = trained(table.path(), &recording, &recipe);
        let flow = LoadedFlow::from_bytes(&own.bytes).expect("a model");
        let columns = Columns::find(&test, &request).expect("columns");
        let columns = columns.with_features(lags).with_vocabularies(flow.header());
        let rows = load_columns(&test, &columns).expect("characters").data;
        let scores = Scorer::new(&flow)
            .expect("scores")
            .log_probs(&rows)
            .expect("its shape");
        let nats = -scores.iter().map(|x| f64::from(*x)).sum::<f64>() / scores.len() as f64;
        let bits = nats / std::f64::consts::LN_2;
        println!("{alphabet:?}: {bits:.3} bits per character");
        assert!(bits < most, "{alphabet:?}: {bits}");
        let size = flow.header().vocabularies.first().expect("one").size();
        let mut scratch = vec![0.0; flow.scratch_len()];
        for row in (0..rows.rows()).step_by(997) {
            let sum: f64 = (0..size)
                .map(|code| flow.log_prob(&[code as f32], rows.context(row), &mut scratch))
                .map(|log_prob| f64::from(log_prob.expect("its shape")).exp())
                .sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        }
    }
}
