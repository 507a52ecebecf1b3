//! Flows of other libraries, beside the log-likelihoods that those gave.
//!
//! `tests/imported.zip` holds small flows that the libraries themselves fitted, of every family that `flow-bridge`
//! exports. `cargo xtask test imported` fits others with the libraries; `BLESS=1` has it rewrite the archive. Larger
//! flows are among the shared data, and are not carried here.

use flow_artefact::DraftLayer;
use flow_data::Dataset;
use flow_embedded::artefact::{LoadedFlow, Transformer, WeightFormat};
use flow_evaluate::{BatchFlow, Scorer};
use flow_import::{ImportError, Source, Tensor, import};
use flow_quantise::quantise;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Rows that quantise, and as many that are scored then.
const ROWS: usize = 4000;

/// The golden files of the shared data, where they are.
fn fixtures() -> Vec<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/import/fixtures");
    let Ok(entries) = shared.read_dir() else {
        return vec![];
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|own| Some(own.ok()?.path())).collect();
    files.sort();
    files
}

fn source(path: &Path) -> Source {
    let bytes = std::fs::read(path).expect("readable");
    Source::read(&bytes, None).expect("a source")
}

fn rows(event: usize, context: usize, events: &[f32], contexts: &[f32]) -> Dataset {
    let names = |what: &str, count: usize| (0..count).map(|own| format!("{what}{own}")).collect();
    let mut rows = Dataset::new(names("x", event), names("c", context));
    for (row, own) in events.chunks_exact(event).enumerate() {
        rows.push(own, &contexts[row * context..][..context]);
    }
    rows
}

fn name(path: &Path) -> String {
    path.file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

/// The archive's flows, with the names of their families.
fn fitted() -> Vec<(String, Source)> {
    let bytes = include_bytes!("../imported.zip");
    let mut archive = ZipArchive::new(Cursor::new(&bytes[..])).expect("an archive");
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        let mut file = archive.by_name(name).expect(name);
        file.read_to_end(&mut bytes).expect(name);
        bytes
    };
    let families = names
        .iter()
        .filter_map(|name| name.strip_suffix("/flow.json"));
    let source = |family: &str| {
        let manifest = read(&format!("{family}/flow.json"));
        let tensors = read(&format!("{family}/flow.safetensors"));
        let source = Source::read(&manifest, Some(&tensors));
        (family.to_owned(), source.expect(family))
    };
    families.map(source).collect()
}

#[test]
fn what_the_libraries_fitted_is_reproduced() {
    let flows = fitted();
    assert!(flows.len() >= 38, "only {} families", flows.len());
    for library in ["zuko", "nflows", "normflows", "flowjax"] {
        let own = flows.iter().filter(|(name, _)| name.starts_with(library));
        assert!(own.count() >= 5, "{library}");
    }
    for (name, source) in flows {
        let own = import(&source).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        println!("{name}: {:?}", own.parity);
        assert_eq!(own.parity.rows, source.golden.log_probs.len(), "{name}");
        // Every row is compared; none takes up half of what it may.
        assert!(
            own.parity.exact < 1e-10 && own.parity.share < 0.5,
            "{name}: {:?}",
            own.parity
        );
        own.draft.encode().expect("an artefact");
    }
}

/// The table of `docs/import.md`, made again. What double precision gives depends on the machine's vectors by some
/// units in the last place; all else is the same everywhere.
#[test]
fn the_page_states_how_near_families_come() {
    let page = include_str!("../../../../../docs/import.md");
    let lines = page
        .lines()
        .skip_while(|line| !line.starts_with("| family |"));
    let stated: Vec<&str> = lines
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for (name, source) in fitted() {
        let own = import(&source).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let parity = own.parity;
        let line = format!(
            "| {name} | {} | {:.1e} | {:.1e} | {:.0} % | {:.1e} |",
            own.flow.parameters().len(),
            parity.exact,
            parity.rounded,
            100.0 * parity.share,
            parity.drawn
        );
        let cells = |line: &str| -> Vec<String> {
            line.split('|').map(|own| own.trim().to_owned()).collect()
        };
        let own = cells(&line);
        let same = stated.iter().any(|stated| {
            let stated = cells(stated);
            let exact = stated.get(3).and_then(|own| own.parse::<f64>().ok());
            stated.len() == own.len()
                && (stated[1] == own[1] && stated[2] == own[2])
                && exact.is_some_and(|exact| parity.exact <= 3.0 * exact)
                && stated[4..] == own[4..]
        });
        if !same {
            wrong.push(name);
        }
        lines.push(line);
    }
    assert!(
        wrong.is_empty() && stated.len() == lines.len(),
        "{wrong:?} differ from docs/import.md, which should have\n{}",
        lines.join("\n")
    );
}

#[test]
fn fixtures_are_reproduced() {
    for path in fixtures() {
        let source = source(&path);
        let own = import(&source).unwrap_or_else(|fault| panic!("{}: {fault}", name(&path)));
        println!("{}: {:?}", name(&path), own.parity);
        assert_eq!(own.parity.rows, source.golden.log_probs.len());
        assert!(own.parity.exact < 1e-10 && own.parity.share < 0.5);
        let bytes = own.draft.encode().expect("an artefact");
        let loaded = LoadedFlow::from_bytes(&bytes).expect("a flow");
        assert_eq!(loaded.header().event.len(), own.flow.event());
    }
}

/// After an import all is as for a flow of our own: it is quantised to integers, which keep its log-likelihoods, and
/// calibrated by them.
#[test]
fn imports_are_quantised_and_calibrated() {
    for path in fixtures() {
        let (source, name) = (source(&path), name(&path));
        let own = import(&source).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let bytes = own.draft.encode().expect("an artefact");
        let flow = LoadedFlow::from_bytes(&bytes).expect("a flow");
        let (event, context) = (flow.header().event.len(), flow.header().context.len());
        let contexts = source.golden.contexts.iter().map(|value| *value as f32);
        let contexts: Vec<f32> = contexts.cycle().take(ROWS * context).collect();
        let mut events = vec![0.0; ROWS * event];
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        BatchFlow::new(&flow).sample(&mut rng, &contexts, &mut events);
        let rows = rows(event, context, &events, &contexts);
        for (weights, most) in [(WeightFormat::I16, 4e-3), (WeightFormat::I8, 0.015)] {
            let quantised = quantise(&flow, &rows, weights, Some(0.05));
            let quantised = quantised.unwrap_or_else(|fault| panic!("{name}: {fault}"));
            println!(
                "{name} {weights:?}: {:.1e} nats, {:.1e} at most, {} of {} rows clamped",
                quantised.mean_difference,
                quantised.worst_difference,
                quantised.clamped,
                quantised.rows
            );
            assert!(quantised.mean_difference < most, "{name}");
            assert!(quantised.clamped * 100 <= quantised.rows, "{name}");
            let integers = LoadedFlow::from_bytes(&quantised.artefact).expect("a flow");
            let table = integers.calibration().expect("calibrated");
            // The promise is about fresh rows of the same distribution.
            let scorer = Scorer::new(&integers).expect("quantised");
            BatchFlow::new(&flow).sample(&mut rng, &contexts, &mut events);
            let fresh = scorer.log_probs_of(&events, &contexts);
            let alarms = fresh.iter().filter(|own| table.p_value(**own) <= 0.05);
            let share = alarms.count() as f64 / ROWS as f64;
            assert!((0.03..0.07).contains(&share), "{name}: {share}");
        }
    }
}

/// What a silent convention error would do: each makes log-likelihoods that look right, and are refused.
#[test]
fn what_is_changed_is_refused() {
    for path in fixtures() {
        let sound = source(&path);
        let refused = |changed: &Source, what: &str| match import(changed) {
            Ok(_) => panic!("{}: {what} went unnoticed", name(&path)),
            Err(fault) => fault,
        };
        let mut off = sound.clone();
        off.golden.log_probs[7] += 1e-6 * off.golden.log_probs[7].abs().max(1.0);
        let fault = refused(&off, "a log-likelihood that is off by a millionth");
        assert!(
            matches!(&fault, ImportError::Differs(own) if own.row == 7 && own.differing == 1),
            "{fault}"
        );

        let mut few = sound.clone();
        few.golden.log_probs.truncate(31);
        let fault = refused(&few, "31 golden rows");
        assert!(
            matches!(
                fault,
                ImportError::Golden {
                    found: 31,
                    needed: 32
                }
            ),
            "{fault}"
        );

        let mut more = sound.clone();
        let tensor = Tensor {
            shape: vec![1],
            values: vec![1.0],
        };
        more.state.insert("zzz.unknown".to_owned(), tensor);
        let fault = refused(&more, "a tensor that nothing uses");
        assert!(fault.to_string().contains("zzz.unknown"), "{fault}");

        let mut wide = sound.clone();
        wide.settings.tails = Some("circular".to_owned());
        let fault = refused(&wide, "circular tails");
        assert!(fault.to_string().contains("tails"), "{fault}");

        let mut strange = sound;
        strange.library = "mylib".to_owned();
        let fault = refused(&strange, "an unknown library");
        assert!(
            fault
                .to_string()
                .contains("zuko, nflows, normflows, flowjax"),
            "{fault}"
        );
    }
}

/// Golden rows of raw data, standardised outside the flow.
#[test]
fn standardisation_is_carried_in() {
    for path in fixtures() {
        let mut source = source(&path);
        let rows = source.golden.log_probs.len();
        let (event, context) = (
            source.golden.events.len() / rows,
            source.golden.contexts.len() / rows,
        );
        let column = |count: usize, base: f64| -> Vec<f64> {
            (0..count).map(|own| base + 0.25 * own as f64).collect()
        };
        let (mean, std) = (column(event, -3.0), column(event, 0.5));
        let (context_mean, context_std) = (column(context, 10.0), column(context, 2.0));
        let raw = |values: &mut [f64], mean: &[f64], std: &[f64]| {
            for (index, value) in values.iter_mut().enumerate() {
                *value = *value * std[index % std.len()] + mean[index % mean.len()];
            }
        };
        raw(&mut source.golden.events, &mean, &std);
        if context > 0 {
            raw(&mut source.golden.contexts, &context_mean, &context_std);
        }
        let constant: f64 = std.iter().map(|own| own.ln()).sum();
        source
            .golden
            .log_probs
            .iter_mut()
            .for_each(|own| *own -= constant);
        source.standardise = Some(flow_import::Standardise {
            mean,
            std,
            context_mean,
            context_std,
        });
        // Rows far out lose more by the way there and back than a flow may differ.
        let near = |own: &Source| {
            own.golden
                .log_probs
                .iter()
                .map(|own| own.abs() < 50.0)
                .collect::<Vec<_>>()
        };
        let near = near(&source);
        let golden = &mut source.golden;
        keep(&mut golden.events, event, &near);
        keep(&mut golden.contexts, context, &near);
        keep(&mut golden.log_probs, 1, &near);
        while source.golden.log_probs.len() < 32 {
            let golden = &mut source.golden;
            golden.events.extend_from_within(..event);
            golden.contexts.extend_from_within(..context);
            golden.log_probs.extend_from_within(..1);
        }
        let own = import(&source).unwrap_or_else(|fault| panic!("{}: {fault}", name(&path)));
        assert_eq!(own.draft.event[0].mean, -3.0);
    }
}

/// Keeps rows of so many numbers.
fn keep(values: &mut Vec<f64>, width: usize, wanted: &[bool]) {
    if width > 0 {
        let rows = values.chunks(width).zip(wanted).filter(|own| *own.1);
        *values = rows.flat_map(|own| own.0.to_vec()).collect();
    }
}

/// What a manifest states is used and not found out.
#[test]
fn what_is_stated_is_used() {
    let stated = |fixture: &str, change: &dyn Fn(&mut Source)| {
        let path = fixtures().into_iter().find(|path| name(path) == fixture)?;
        let mut source = source(&path);
        change(&mut source);
        Some(import(&source))
    };
    let Some(sound) = stated("zuko_nsf", &|own| own.settings.bound = Some(5.0)) else {
        return;
    };
    for layer in sound.expect("the bound that it has").draft.layers {
        let DraftLayer::Autoregressive { transformer, .. } = layer else {
            panic!("{layer:?}");
        };
        let own = matches!(transformer, Transformer::Spline { bound: 5.0, .. });
        assert!(own, "{transformer:?}");
    }
    let other = stated("zuko_nsf", &|own| own.settings.bound = Some(4.0)).expect("there");
    assert!(matches!(other, Err(ImportError::Differs(_))));
    let other = stated("zuko_nsf", &|own| {
        own.settings.activation = Some("mish".into());
    });
    let fault = other.expect("there").expect_err("not computed").to_string();
    assert!(
        fault.contains("mish is no activation; write relu, tanh, silu"),
        "{fault}"
    );
}
