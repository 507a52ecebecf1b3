//! Bits of the past: about 100,000 inputs of all families, backends and weight formats, against the
//! loader, the batch evaluator and the interpreter. Generated code has its comparison in
//! `generated.rs`.
//!
//! `tests/frozen/vectors.bin` is append-only. After a row was added to the table of flows,
//!
//! ```text
//! BLESS=1 cargo test -p flow-tests --test all frozen
//! ```
//!
//! adds the entries that are missing, and their lines to `tests/frozen/index.txt`. It never changes or
//! removes an entry: what is frozen stays right. A flow that changes gets a new name. An entry keeps the
//! format in which artefacts were written when it was frozen; of a new format, some flows are frozen
//! again.

use flow_codegen::{Checked, Interpreter, Passes};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::FORMAT_VERSION;
use flow_frozen::{Entry, Outputs, Recipe, append};
use flow_tests::frozen::{
    channel, entries, flows, latents_differ, log_probs_differ, samples_differ,
};
use flow_train::artefact::Draft;
use flow_train::evaluate::Scorer;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Inputs of each entry.
const INPUTS: u32 = 480;
/// Inputs with latents.
const LATENTS: u32 = 40;
/// Samples of each entry of a model that samples.
const SAMPLES: u32 = 24;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("frozen")
        .join(name)
}

fn is_blessed() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// FNV-1a, 64 bits.
fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let hash = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, hash)
}

/// A line for each entry: its name, its inputs, and a digest of everything that it holds.
fn index(entries: &[Entry]) -> String {
    let mut text = String::new();
    for own in entries {
        let latents = own.latents().flatten();
        let samples = own.samples().flat_map(|(_, sample)| sample);
        let bits = own.log_probs().iter().chain(latents).chain(samples);
        let inputs = own
            .inputs()
            .flat_map(|own| [own.event, own.context].concat());
        let bits = bits.copied().chain(inputs.map(f32::to_bits));
        let bits = bits.flat_map(u32::to_le_bytes);
        let digest = digest(own.artefact().iter().copied().chain(bits));
        writeln!(
            text,
            "{} {} {digest:016x}",
            own.name(),
            own.log_probs().len()
        )
        .expect("a string takes everything");
    }
    text
}

/// Scores and samples with what the project is today.
fn freeze(name: &str, draft: &Draft, bytes: &[u8]) -> Entry {
    let flow = LoadedFlow::from_bytes(bytes).expect(name);
    let integers = flow.is_integer();
    let recipe = Recipe {
        name: name.into(),
        integers,
        event: draft.event.iter().map(channel).collect(),
        context: draft.context.iter().map(channel).collect(),
        seed: digest(name.bytes()),
        inputs: INPUTS,
        with_latents: LATENTS,
        samples: if integers { 0 } else { SAMPLES },
        artefact: bytes.to_vec(),
    };
    let channels = recipe.event.len();
    let interpreter = integers.then(|| Interpreter::of(&flow).expect(name));
    let scratch = &mut vec![0.0; flow.scratch_len()];
    let mut outputs = Outputs {
        log_probs: Vec::new(),
        latents: Vec::new(),
        samples: Vec::new(),
    };
    for index in 0..INPUTS {
        let input = recipe.input(index);
        let (log_prob, latents) = match &interpreter {
            Some(own) => {
                let (log_prob, latents, _) = own.log_prob_and_latents(&input.event, &input.context);
                (log_prob, latents)
            }
            None => {
                let mut latents = vec![0.0; channels];
                let scored =
                    flow.log_prob_and_latents(&input.event, &input.context, &mut latents, scratch);
                (scored.expect(name), latents)
            }
        };
        outputs.log_probs.push(log_prob);
        if index < LATENTS {
            match log_prob.is_finite() {
                true => outputs.latents.extend(latents),
                false => outputs.latents.extend(vec![0.0; channels]),
            }
        }
    }
    let words = &mut recipe.words();
    for index in 0..recipe.samples {
        let mut sample = vec![0.0; channels];
        flow.sample(words, &recipe.input(index).context, &mut sample, scratch)
            .expect(name);
        outputs.samples.extend(sample);
    }
    Entry::new(recipe, &outputs).expect(name)
}

/// The version of an artefact's format.
fn format(artefact: &[u8]) -> u16 {
    u16::from_le_bytes([artefact[4], artefact[5]])
}

/// Whether a frozen artefact says what the draft does: in the same bytes, if its format is the newest.
fn says(frozen: &[u8], draft: &Draft, bytes: &[u8]) -> bool {
    match format(frozen) {
        FORMAT_VERSION => frozen == bytes,
        _ => LoadedFlow::from_bytes(frozen).is_ok_and(|own| Draft::from_loaded(&own) == *draft),
    }
}

#[test]
fn artefacts_of_every_format_are_frozen() {
    let formats: BTreeSet<u16> = entries().iter().map(|own| format(own.artefact())).collect();
    assert!(formats.into_iter().eq(7..=FORMAT_VERSION));
}

/// Each row of the table with each backend and each format that it has. `BLESS` adds what is missing.
#[test]
fn every_flow_is_frozen() {
    let (mut missing, mut changed) = (Vec::new(), Vec::new());
    for (name, draft) in flows() {
        let bytes = draft.encode().expect("a valid draft");
        match entries().iter().find(|own| own.name() == name) {
            None => missing.push((name, draft, bytes)),
            Some(own) if !says(own.artefact(), &draft, &bytes) => changed.push(name),
            Some(_) => {}
        }
    }
    assert!(
        changed.is_empty(),
        "the artefacts of {changed:?} are not the frozen ones: give what has changed another name"
    );
    if is_blessed() && !missing.is_empty() {
        let more: Vec<Entry> = missing
            .iter()
            .map(|(name, draft, bytes)| freeze(name, draft, bytes))
            .collect();
        let all = append(entries(), &more).expect("new names");
        std::fs::write(file("vectors.bin"), all).expect("the folder is writable");
        let lines = std::fs::read_to_string(file("index.txt")).unwrap_or_default();
        std::fs::write(file("index.txt"), lines + &index(&more)).expect("the folder is writable");
        return;
    }
    let names: Vec<&str> = missing.iter().map(|(name, ..)| name.as_str()).collect();
    assert!(
        names.is_empty(),
        "not frozen: {names:?}; see the head of this file"
    );
}

/// A changed entry would show in the index. `BLESS` only adds lines to it, and never sets one right.
#[test]
fn the_index_lists_the_entries() {
    let lines = std::fs::read_to_string(file("index.txt")).expect("the index");
    assert!(
        is_blessed() || lines == index(entries()),
        "vectors.bin holds other entries than index.txt says"
    );
    assert!(lines.starts_with(&index(entries())), "entries have changed");
    let length = std::fs::metadata(file("vectors.bin"))
        .expect("the file")
        .len();
    assert!(length <= 2 << 20, "vectors.bin has {length} bytes");
}

/// Half of the inputs of an entry are ordinary; a part of the others is far out or has no density.
#[test]
fn inputs_are_ordinary_and_extreme() {
    for own in entries() {
        let values = own.log_probs().iter().map(|bits| f32::from_bits(*bits));
        let count = |is: fn(f32) -> bool| values.clone().filter(|own| is(*own)).count();
        let all = own.log_probs().len();
        let finite = count(f32::is_finite);
        assert!(5 * finite > 2 * all, "{}: {finite} finite", own.name());
        let none = count(|own| !own.is_finite());
        assert!(none > 4, "{}: {none} not finite", own.name());
    }
}

fn assert_same(differences: impl IntoIterator<Item = Option<String>>) {
    let differences: Vec<String> = differences.into_iter().flatten().collect();
    assert!(
        differences.is_empty(),
        "{} comparisons with frozen bits differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Compares every entry; what is no longer accepted is a difference.
fn each(compare: impl Fn(&Entry, &LoadedFlow<'_>) -> Vec<Option<String>>) {
    assert_same(
        entries()
            .iter()
            .flat_map(|own| match LoadedFlow::from_bytes(own.artefact()) {
                Ok(flow) => compare(own, &flow),
                Err(fault) => vec![Some(format!("{}: no longer accepted: {fault}", own.name()))],
            }),
    );
}

#[test]
fn the_loader_keeps_its_bits() {
    each(loaded_differ);
}

/// What is read of any format and written in the newest.
#[test]
fn artefacts_that_are_written_anew_keep_their_bits() {
    each(|own, flow| {
        let bytes = Draft::from_loaded(flow).encode().expect("a valid draft");
        assert_eq!(format(&bytes), FORMAT_VERSION);
        loaded_differ(own, &LoadedFlow::from_bytes(&bytes).expect("an artefact"))
    });
}

/// What the loader gives against the frozen bits.
fn loaded_differ(own: &Entry, flow: &LoadedFlow<'_>) -> Vec<Option<String>> {
    assert_eq!(flow.is_integer(), !own.is_float(), "{}", own.name());
    if flow.is_integer() {
        return Vec::new();
    }
    let scratch = &mut vec![f32::NAN; flow.scratch_len()];
    let log_probs = own.inputs().map(|input| {
        let scored = flow.log_prob(&input.event, &input.context, scratch);
        scored.expect("the entry's shape")
    });
    let log_probs = log_probs_differ(own, log_probs.collect::<Vec<_>>());
    let latents = latents_differ(own, |input| {
        let mut latents = vec![0.0; own.event().len()];
        flow.log_prob_and_latents(&input.event, &input.context, &mut latents, scratch)
            .expect("the entry's shape");
        latents
    });
    let samples = samples_differ(own, |words, context| {
        let mut sample = vec![0.0; own.event().len()];
        flow.sample(words, context, &mut sample, scratch)
            .expect("the entry's shape");
        sample
    });
    vec![log_probs, latents, samples]
}

/// Many rows at once; models of integers too.
#[test]
fn scorers_keep_their_bits() {
    each(|own, flow| {
        let name = own.name();
        let scorer = Scorer::new(flow).expect(name);
        let inputs: Vec<_> = own.inputs().collect();
        let events: Vec<f32> = inputs.iter().flat_map(|own| own.event.clone()).collect();
        let contexts: Vec<f32> = inputs.iter().flat_map(|own| own.context.clone()).collect();
        let log_probs = log_probs_differ(own, scorer.log_probs_of(&events, &contexts));
        let latents = latents_differ(own, |input| scorer.latents_of(&input.event, &input.context));
        let Some(batch) = scorer.batch() else {
            return vec![log_probs, latents];
        };
        let contexts: Vec<f32> = own.samples().flat_map(|(context, _)| context).collect();
        let mut drawn = vec![0.0; own.samples().len() * own.event().len()];
        batch.sample(&mut own.words(), &contexts, &mut drawn);
        let mut drawn = drawn.chunks_exact(own.event().len());
        let samples = samples_differ(own, |_, _| drawn.next().expect("as many samples").to_vec());
        vec![log_probs, latents, samples]
    });
}

/// What generated code computes, of all models; with the compiler's passes and without any.
#[test]
fn interpreters_keep_their_bits() {
    let none = Passes {
        fold: false,
        pack: false,
        schedule: false,
    };
    for passes in [Passes::default(), none] {
        each(|own, _| {
            let name = own.name();
            let checked = Checked::new(own.artefact()).expect(name);
            let interpreter = Interpreter::new(&checked, passes).expect(name);
            let score = |event: &[f32], context: &[f32]| interpreter.log_prob(event, context).0;
            let log_probs = own
                .inputs()
                .map(|input| score(&input.event, &input.context));
            let latents = latents_differ(own, |input| {
                interpreter
                    .log_prob_and_latents(&input.event, &input.context)
                    .1
            });
            vec![log_probs_differ(own, log_probs), latents]
        });
    }
}
