//! Faults that the golden rows must find, in flows that the libraries themselves fitted: the families of
//! `tests/imported.zip`.

use super::check::{Reproduced, Scales, compared, drafted, held, log_probs};
use super::rounding::Rounding;
use super::{Mismatch, Source, Stage, State, Tensor, import, understood};
use crate::{Golden, ImportError, Settings, Standardise};
use flow_artefact::Draft;
use flow_model::{Flow, FlowParts};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// The archive's flows, with the names of their families.
fn families() -> Vec<(String, Source)> {
    let bytes = include_bytes!("../tests/imported.zip");
    let mut archive = ZipArchive::new(Cursor::new(&bytes[..])).expect("an archive");
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let mut read = |name: String| {
        let mut bytes = Vec::new();
        let mut file = archive.by_name(&name).expect("in the archive");
        file.read_to_end(&mut bytes).expect("readable");
        bytes
    };
    let families = names
        .iter()
        .filter_map(|name| name.strip_suffix("/flow.json"));
    let source = |family: &str| {
        let manifest = read(format!("{family}/flow.json"));
        let tensors = read(format!("{family}/flow.safetensors"));
        let source = Source::read(&manifest, Some(&tensors));
        (family.to_owned(), source.expect(family))
    };
    families.map(source).collect()
}

/// A flow of a family with its artefact.
fn sound(source: &Source) -> (Reproduced, Scales, Draft) {
    let found = understood(source).expect("a flow of the archive");
    let scales = Scales::of_source(source).expect("as exported");
    let draft = drafted(source, &scales, &found.parts).expect("an artefact");
    (found, scales, draft)
}

fn mismatch(fault: ImportError) -> Mismatch {
    match fault {
        ImportError::Differs(own) => *own,
        other => panic!("{other}"),
    }
}

/// The tolerance leaves room above what `f32` does to real flows, at every row.
#[test]
fn real_flows_stay_well_within_the_tolerance() {
    for (name, source) in families() {
        let parity = import(&source).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let parity = parity.parity;
        println!("{name:34} {parity:?}");
        assert!(parity.share < 0.5 && parity.drawn < 1e-3, "{name}");
    }
}

/// So many weights of a layer are tried: units that no golden row turns on have weights that change nothing.
const TRIED: usize = 40;

/// The artefact with one weight of a layer scaled, the largest weights first; as many as are tried.
fn scaled(draft: &Draft, layer: usize, factor: f32) -> Vec<Draft> {
    let mut own = draft.clone();
    let numbers = own.layers[layer].conditioning();
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    places.sort_by(|a, b| numbers[*b].abs().total_cmp(&numbers[*a].abs()));
    let changed = places.into_iter().take(TRIED).map(|place| {
        let mut changed = draft.clone();
        *changed.layers[layer].conditioning()[place] *= factor;
        changed
    });
    changed.collect()
}

/// Faults of an artefact whose flow is understood are found by the chip's log-likelihoods.
#[test]
fn faults_of_the_artefact_are_found() {
    let mut found = [0usize; 2];
    for (name, source) in families() {
        let (flow, scales, draft) = sound(&source);
        let refused = |what: &str, draft: &Draft| {
            let fault = held(&source, &flow, draft);
            let fault = fault
                .err()
                .unwrap_or_else(|| panic!("{name}: {what} went unnoticed"));
            let own = mismatch(fault);
            assert_eq!(own.stage, Stage::Chip, "{name}: {what}");
            assert!(
                own.differing > 0 && !own.causes.is_empty(),
                "{name}: {what}"
            );
        };
        for channel in 0..draft.event.len() {
            let mut changed = draft.clone();
            changed.event[channel].inv_std *= 1.001;
            refused("a standard deviation off by 0.1 %", &changed);
            let mut changed = draft.clone();
            changed.event[channel].mean += 0.001 / changed.event[channel].inv_std;
            refused("a mean off by 0.001 standard deviations", &changed);
        }
        if draft.event.len() > 1 {
            let mut changed = draft.clone();
            changed.event.swap(0, 1);
            refused("swapped channels", &changed);
        }
        for layer in 0..draft.layers.len() {
            for (kind, factor) in [1.001, -1.0].into_iter().enumerate() {
                let all = scaled(&draft, layer, factor);
                if all.is_empty() {
                    continue;
                }
                let noticed = all.iter().any(|own| held(&source, &flow, own).is_err());
                assert!(
                    noticed,
                    "{name}, layer {layer}: no weight times {factor} is noticed"
                );
                found[kind] += 1;
            }
        }
        missing_log_determinants(&name, &source, &flow, &scales, &draft);
    }
    println!("{found:?} weights changed");
    assert!(found.iter().all(|own| *own > 50), "{found:?}");
}

/// The chip's log-likelihoods without the log-determinant of one layer.
fn missing_log_determinants(
    name: &str,
    source: &Source,
    found: &Reproduced,
    scales: &Scales,
    draft: &Draft,
) {
    let golden = &source.golden;
    let on_chip = log_probs(source, draft).expect("scored");
    let tolerated = Rounding::of(&found.flow, scales, golden).tolerated;
    let events = scales.event.apply(&golden.events);
    let contexts = scales.context.apply(&golden.contexts);
    let up_to = |layers: usize| {
        let mut log_det = vec![0.0; on_chip.len()];
        let parts = FlowParts {
            layers: found.parts.layers[..layers].to_vec(),
            ..found.parts.clone()
        };
        if layers > 0 {
            let flow = Flow::<f64>::from_parts(parts).expect("a flow");
            flow.normalize_and_log_det(
                &events,
                &contexts,
                &mut vec![0.0; events.len()],
                &mut log_det,
            );
        }
        log_det
    };
    for layer in 0..found.parts.layers.len() {
        let (before, after) = (up_to(layer), up_to(layer + 1));
        let own: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        // Permutations and shifts have none.
        if own.iter().all(|own| own.abs() < 1e-3) {
            continue;
        }
        let missing: Vec<f64> = on_chip.iter().zip(&own).map(|(a, b)| a - b).collect();
        let differing = compared(&missing, &golden.log_probs, &tolerated).differing;
        assert!(
            differing > 0,
            "{name}: the log-determinant of layer {layer} went unnoticed"
        );
    }
}

/// Weights of every family that are wrong in the source are found in double precision.
#[test]
#[ignore = "long: cargo xtask test sweeps"]
fn wrong_weights_of_the_source_are_found() {
    let mut changed = 0;
    for (name, source) in families() {
        let keys: Vec<String> = source.state.keys().map(str::to_owned).collect();
        for key in keys {
            for factor in [1.001, -1.0] {
                let mut other = source.clone();
                let mut tensor = other.state.take(&key).expect("there");
                // Masks, orders and counters are no weights.
                if tensor.values.iter().all(|own| own.fract() == 0.0) {
                    continue;
                }
                let largest = tensor.values.iter_mut();
                let largest = largest.max_by(|a, b| a.abs().total_cmp(&b.abs()));
                *largest.expect("a number") *= factor;
                other.state.insert(key.clone(), tensor);
                changed += 1;
                match import(&other) {
                    Ok(_) => println!("{name}: {key} times {factor} changes nothing"),
                    Err(ImportError::Differs(own)) => assert_eq!(own.stage, Stage::Exact, "{own}"),
                    Err(_) => {}
                }
            }
        }
    }
    println!("{changed} tensors changed");
    assert!(changed > 300, "{changed}");
}

/// So are a wrong standard deviation and swapped channels.
#[test]
fn faults_of_the_source_are_found() {
    for (name, source) in families() {
        let mut other = source.clone();
        if let Some(own) = &mut other.standardise {
            own.std[0] *= 1.001;
            let own = mismatch(import(&other).expect_err("a wrong standard deviation"));
            assert_eq!(own.stage, Stage::Exact, "{name}: {own}");
        }
        let (width, mut other) = (source.shape().event, source.clone());
        if width > 1 {
            other
                .golden
                .events
                .chunks_mut(width)
                .for_each(|row| row.swap(0, 1));
            let own = mismatch(import(&other).expect_err("swapped channels"));
            assert_eq!(own.stage, Stage::Exact, "{name}: {own}");
        }
    }
}

/// Only the same infinity is equal, and NaN is equal to nothing.
#[test]
fn what_is_not_finite_is_compared_too() {
    const ABOVE: f64 = f64::INFINITY;
    for (found, expected, differing) in [
        (-ABOVE, -ABOVE, 0),
        (ABOVE, ABOVE, 0),
        (-ABOVE, ABOVE, 1),
        (-ABOVE, -1e5, 1),
        (-1e5, -ABOVE, 1),
        (f64::NAN, -5.0, 1),
        (-5.0, f64::NAN, 1),
        (f64::NAN, f64::NAN, 1),
        (f64::NAN, -ABOVE, 1),
    ] {
        for tolerated in [1e-4, ABOVE, f64::NAN] {
            let own = compared(&[found], &[expected], &[tolerated]);
            assert_eq!(own.differing, differing, "{found} for {expected}");
        }
    }
    let (_, sound) = families().swap_remove(0);
    for value in [f64::NAN, ABOVE, -ABOVE] {
        let mut source = sound.clone();
        source.golden.log_probs[5] = value;
        let own = mismatch(import(&source).expect_err("no log-likelihood of this flow"));
        assert_eq!(
            (own.stage, own.row, own.differing),
            (Stage::Exact, 5, 1),
            "{own}"
        );
    }
}

const CHANNELS: usize = 16;
const ROWS: usize = 64;
/// The scale of a flow whose data are standardised outside of it.
const GAIN: f64 = 1.25;

/// `z = (x − mean) / std` of sixteen channels, standardised outside of the flow or by nflows' affine layer.
fn wide(means: &[f64], std: f64, outside: bool) -> Source {
    let tensor = |values: Vec<f64>| Tensor {
        shape: vec![CHANNELS],
        values,
    };
    let (scale, shift) = match outside {
        // Not the identity, which would leave no layer.
        true => (vec![GAIN; CHANNELS], vec![0.0; CHANNELS]),
        false => (
            vec![1.0 / std; CHANNELS],
            means.iter().map(|own| -own / std).collect(),
        ),
    };
    let mut state = State::default();
    state.insert("_transform._scale".into(), tensor(scale));
    state.insert("_transform._shift".into(), tensor(shift));
    let mut golden = Golden::default();
    for row in 0..ROWS {
        let mut log_prob = 0.0;
        for (channel, mean) in means.iter().enumerate() {
            let draw = (((row * CHANNELS + channel) * 7919) % 1000) as f64 / 500.0 - 1.0;
            // Rows are numbers of 32 bits, as the chip is given them.
            let x = f64::from((mean + 2.0 * std * draw) as f32);
            let gain = if outside { GAIN } else { 1.0 };
            let z = (x - mean) / std * gain;
            log_prob -= 0.5 * z * z + 0.5 * std::f64::consts::TAU.ln() + std.ln() - gain.ln();
            golden.events.push(x);
        }
        golden.log_probs.push(log_prob);
    }
    Source {
        name: "wide".into(),
        library: "nflows".into(),
        version: "0.14".into(),
        settings: Settings::default(),
        layers: vec![],
        state,
        columns: (0..CHANNELS).map(|own| format!("tick{own}")).collect(),
        context_columns: vec![],
        standardise: outside.then(|| Standardise {
            mean: means.to_vec(),
            std: vec![std; CHANNELS],
            context_mean: vec![],
            context_std: vec![],
        }),
        golden,
    }
}

/// Sixteen channels of 1.6e9 ± 1e3 are a third of a nat and more off on the chip, where numbers of `f32` are 128 apart: refused,
/// with the channel and an offset, whose subtraction is the remedy.
#[test]
fn offsets_that_f32_does_not_hold_are_refused() {
    let means: Vec<f64> = (0..CHANNELS)
        .map(|own| 1.6e9 + 61.0 + 7.0 * own as f64)
        .collect();
    for outside in [true, false] {
        let own = mismatch(
            import(&wide(&means, 1e3, outside)).expect_err("off by a third of a nat and more"),
        );
        println!("{own}");
        assert_eq!(own.stage, Stage::Chip);
        let off = (own.on_chip.expect("an artefact") - own.expected).abs();
        assert!((0.1..2.0).contains(&off), "{own}");
        assert!((own.exact - own.expected).abs() < 1e-7, "{own}");
        let text = own.to_string();
        for part in ["`tick", "128 apart", "about 1.6e9", "understood rightly"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // The remedy, and rows that have no such offset.
        let near: Vec<f64> = means.iter().map(|own| own - 1.6e9).collect();
        import(&wide(&near, 1e3, outside)).expect("the offset is gone");
    }
    // A thousand standard deviations from 0 is what f32 does hold.
    let means = vec![1e6 + 0.3; CHANNELS];
    import(&wide(&means, 1e3, true)).expect("within what rounding explains");
}

/// What is said follows what is found.
#[test]
fn causes_follow_the_evidence() {
    let near = vec![5.0; CHANNELS];
    let causes = |source: &Source| mismatch(import(source).expect_err("a fault")).causes;
    // The same in every row, and the standardisation's.
    let mut source = wide(&near, 2.0, true);
    source
        .golden
        .log_probs
        .iter_mut()
        .for_each(|own| *own += 16.0 * 2f64.ln());
    let own = causes(&source);
    assert!(own[0].contains("of standardised data"), "{own:?}");
    assert_eq!(
        own.len(),
        1,
        "the version is the one that was tested: {own:?}"
    );
    // The remedy.
    source
        .golden
        .log_probs
        .iter_mut()
        .for_each(|own| *own -= 16.0 * 2f64.ln());
    import(&source).expect("as it was");
    // The same in every row.
    let mut source = wide(&near, 2.0, true);
    source
        .golden
        .log_probs
        .iter_mut()
        .for_each(|own| *own += 0.25);
    let own = causes(&source);
    assert!(own[0].contains("the same -0.25"), "{own:?}");
    // Every row, by different amounts; and another version, last.
    let mut source = wide(&near, 2.0, true);
    source.version = "0.15".into();
    let rows = source.golden.log_probs.iter_mut().enumerate();
    rows.for_each(|(row, own)| *own += 0.1 + row as f64);
    let own = causes(&source);
    assert!(own[0].contains("no row agrees"), "{own:?}");
    assert!(
        own[1].contains("0.15") && own[1].contains("0.14"),
        "{own:?}"
    );
    // A spline's bound, beyond which alone rows differ.
    let (_, mut source) = families()
        .into_iter()
        .find(|(name, _)| name == "zuko_nsf")
        .expect("a family");
    let rows = source
        .golden
        .log_probs
        .iter_mut()
        .zip(source.golden.events.chunks(3));
    let own = source.standardise.clone().expect("standardised");
    rows.for_each(|(log_prob, row)| {
        let z = row.iter().zip(own.mean.iter().zip(&own.std));
        if z.into_iter()
            .any(|(x, (mean, std))| ((x - mean) / std).abs() > 2.5)
        {
            *log_prob -= 1.0;
        }
    });
    let own = causes(&source);
    assert!(own[0].contains("the bound of the splines"), "{own:?}");
}
