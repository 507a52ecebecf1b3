//! Features of the past: the desk against the chip's window, and what they are worth.

use flow_data::{
    ColumnRequest, Columns, CsvFormat, DataError, Dataset, Division, Fractions, Loaded, Memory,
    PrepareOptions, Recording, RowFilter, Table, load_columns, load_within,
};
use flow_embedded::LoadedFlow;
use flow_embedded::window::{Feature, Window};
use flow_evaluate::Scorer;
use flow_fit::Config;
use flow_model::{Family, Spec};
use flow_recipe::{Model, Recipe, train};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const FEATURES: [Feature; 6] = [
    Feature::Lag {
        channel: 1,
        steps: 1,
    },
    Feature::Lag {
        channel: 0,
        steps: 3,
    },
    Feature::Difference {
        channel: 0,
        steps: 2,
    },
    Feature::Mean {
        channel: 1,
        steps: 4,
    },
    Feature::Deviation {
        channel: 0,
        steps: 5,
    },
    Feature::Average {
        channel: 1,
        shift: 2,
    },
];

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Standard normal (Box & Muller 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (1.0 - uniform(rng), uniform(rng));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// What a row of the table is.
enum Kind {
    Sample([f32; 2]),
    /// A cell is missing or the filter leaves the row out.
    Missing,
    /// The first of another recording.
    First([f32; 2]),
}

/// A table of three recordings with gaps, and rows that the filter leaves out.
fn table(rows: usize) -> (String, Vec<Kind>) {
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let mut text = "a,run,keep,load,b\n".to_owned();
    let mut kinds = Vec::new();
    for row in 0..rows {
        let run = 3 * row / rows;
        let sample = [0; 2].map(|_| (100.0 + normal(rng)) as f32);
        let [a, b] = sample;
        let first = row
            .checked_sub(1)
            .is_none_or(|before| 3 * before / rows != run);
        let load = row % 7;
        kinds.push(match rng.next_u32() % 40 {
            0 if !first => {
                writeln!(text, "{a},{run},yes,{load},").expect("text");
                Kind::Missing
            }
            1 if !first => {
                writeln!(text, "{a},{run},no,{load},{b}").expect("text");
                Kind::Missing
            }
            _ => {
                writeln!(text, "{a},{run},yes,{load},{b}").expect("text");
                match first {
                    true => Kind::First(sample),
                    false => Kind::Sample(sample),
                }
            }
        });
    }
    (text, kinds)
}

fn open(text: &str, request: &ColumnRequest) -> (tempfile::NamedTempFile, Table, Columns) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("written");
    let table = Table::open(file.path(), CsvFormat::default()).expect("opens");
    let columns = Columns::find(&table, request).expect("found");
    (file, table, columns.with_features(FEATURES.to_vec()))
}

fn request() -> ColumnRequest {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    ColumnRequest {
        events: Some(names(&["a", "b"])),
        context: names(&["load"]),
        group: Some("run".into()),
        filter: Some(RowFilter {
            column: "keep".into(),
            values: names(&["yes"]),
        }),
        ..ColumnRequest::default()
    }
}

#[test]
fn the_desk_computes_what_the_chip_does_push_by_push() {
    let (text, kinds) = table(3_000);
    let (_file, table, columns) = open(&text, &request());
    let recording = load_columns(&table, &columns).expect("readable");
    assert_eq!(
        recording.data.context_names(),
        [
            "b[t-1]",
            "a[t-3]",
            "a[t-1]-a[t-3]",
            "mean4(b)",
            "deviation5(a)",
            "ema2(b)",
            "load"
        ]
    );

    let mut window = Window::<2, 5, 1>::new();
    let mut used = 0;
    for (row, kind) in kinds.iter().enumerate() {
        let sample = match kind {
            Kind::Missing => {
                window.missing();
                continue;
            }
            Kind::Sample(sample) => sample,
            Kind::First(sample) => {
                window.reset();
                sample
            }
        };
        if let Some(context) = window.context::<7>(&FEATURES, &[(row % 7) as f32]) {
            let own = recording.data.context(used);
            assert_eq!(
                context.map(f32::to_bits),
                *own.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
                "row {row}"
            );
            assert_eq!(recording.data.event(used), sample);
            used += 1;
        }
        window.push(&FEATURES, sample);
    }
    let report = &recording.report;
    assert_eq!(recording.data.rows(), used);
    assert_eq!(report.rows_used, used as u64);
    let dropped: u64 = report.dropped.iter().map(|own| own.missing).sum();
    assert_eq!(report.rows_read + report.rows_left_out, 3_000);
    assert_eq!(
        report.rows_read,
        report.rows_used + report.rows_unprimed + dropped
    );
    assert!(dropped > 40 && report.rows_left_out > 40 && report.rows_unprimed > 300);
    let told = format!(
        ", {} without enough past, {used} used",
        report.rows_unprimed
    );
    assert!(report.to_string().ends_with(&told), "{report}");
}

#[test]
fn a_table_larger_than_memory_has_the_same_features() {
    let (text, _) = table(3_000);
    let (_file, table, columns) = open(&text, &request());
    let whole = load_columns(&table, &columns).expect("readable");
    let memory = Memory {
        limit: 32 << 10,
        folder: None,
    };
    let Loaded::TooLarge(survey) = load_within(&table, &columns, &memory).expect("readable") else {
        panic!("32 KiB are enough");
    };
    assert_eq!(survey.report(), &whole.report);
    let division = Division {
        fractions: Fractions::default(),
        random: false,
        seed: 1,
    };
    let store = survey.shuffle(division).expect("shuffled");
    assert_eq!(store.digest(), whole.data.digest());
}

#[test]
fn recordings_that_are_too_short_are_told_so() {
    let (_file, table, columns) = open("a,run,keep,load,b\n1,x,yes,2,3\n2,x,yes,2,4\n", &request());
    let error = load_columns(&table, &columns).expect_err("no past");
    assert!(
        matches!(error, DataError::NoPast { rows: 2, need: 5 }),
        "{error}"
    );
}

/// `x[t] = 0.9 x[t−1] + e` with standard normal `e`, as a data set with or without its lag.
fn autoregressive(rows: usize, lag: bool) -> Dataset {
    let rng = &mut ChaCha8Rng::seed_from_u64(12);
    let names = |own: &str| vec![own.to_owned()];
    let mut data = Dataset::new(names("x"), if lag { names("x[t-1]") } else { vec![] });
    let features = [Feature::Lag {
        channel: 0,
        steps: 1,
    }];
    let mut window = Window::<1, 1>::new();
    let mut x = 0.0f64;
    for _ in 0..=rows {
        x = 0.9 * x + normal(rng);
        let event = [x as f32];
        if let Some(context) = window.context::<1>(&features, &[]) {
            data.push(&event, if lag { &context } else { &[] });
        }
        window.push(&features, &event);
    }
    data
}

/// Trains on it; the held-out rows, and their log-likelihoods.
fn trained(lag: bool) -> (Dataset, Vec<f32>) {
    const ROWS: usize = 20_000;
    let data = autoregressive(ROWS, lag);
    let held = data.select(&(ROWS * 8 / 10..ROWS).collect::<Vec<_>>());
    let recording = Recording {
        data,
        anomalies: None,
        groups: None,
        weights: None,
        report: flow_data::CleaningReport::default(),
        has_header: true,
    };
    let mut spec = Spec::new(Family::Maf, 1, 0);
    spec.layers = 2;
    spec.conditioner.hidden = vec![16];
    let recipe = Recipe {
        name: "ar".into(),
        model: Model::Named {
            spec,
            config: Config {
                epochs: 20,
                learning_rate: 5e-3,
                ..Config::default()
            },
        },
        seed: 0,
        features: match lag {
            true => vec![Feature::Lag {
                channel: 0,
                steps: 1,
            }],
            false => vec![],
        },
        prepare: PrepareOptions::default(),
        fractions: Fractions::default(),
        random_split: false,
        dequantise: false,
        noise: false,
        alpha: 0.01,
        command: String::new(),
    };
    let go = AtomicBool::new(false);
    let own = train(Path::new("ar.csv"), &recording, &recipe, &go, |_| ()).expect("trains");
    let flow = LoadedFlow::from_bytes(&own.bytes).expect("an artefact");
    assert!(flow.header().features.iter().eq(recipe.features));
    let log_probs = Scorer::new(&flow).expect("scores").log_probs(&held);
    (held, log_probs.expect("of its columns"))
}

/// The correlation of neighbours.
fn autocorrelation(values: &[f32]) -> f64 {
    let values: Vec<f64> = values.iter().copied().map(f64::from).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let pairs = values
        .windows(2)
        .map(|pair| (pair[0] - mean) * (pair[1] - mean));
    let squares = values.iter().map(|x| (x - mean) * (x - mean));
    pairs.sum::<f64>() / squares.sum::<f64>()
}

/// The conditional entropy of the process is ½ ln 2πe = 1.419 nats, its marginal one 2.249 nats.
/// Over the 4000 held-out rows the true density itself is off that by its standard error, 0.011
/// nats; the model must be within 0.01 nats of the true density on these rows.
#[test]
fn a_lag_reaches_the_conditional_entropy_and_leaves_independent_residuals() {
    let (held, log_probs) = trained(true);
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / held.rows() as f64;
    let own = mean(&mut log_probs.iter().copied().map(f64::from));
    let truth = mean(&mut (0..held.rows()).map(|row| {
        let e = f64::from(held.event(row)[0]) - 0.9 * f64::from(held.context(row)[0]);
        -0.5 * e * e - 0.5 * std::f64::consts::TAU.ln()
    }));
    assert!((truth + 1.4189).abs() < 0.045, "{truth}");
    assert!(
        (own - truth).abs() < 0.01,
        "{own} where the truth has {truth}"
    );
    // Four standard errors of 4000 independent values.
    let correlation = autocorrelation(&log_probs);
    assert!(correlation.abs() < 0.063, "{correlation}");

    let (_, log_probs) = trained(false);
    let marginal = log_probs.iter().copied().map(f64::from).sum::<f64>() / 4000.0;
    assert!((marginal + 2.249).abs() < 0.2, "{marginal}");
    // That of x² is 0.81.
    let correlation = autocorrelation(&log_probs);
    assert!(correlation > 0.6, "{correlation}");
}
