//! Generated code: its text against golden files, its results against the
//! loaded artefact and the frozen vectors, bit for bit.
//!
//! The build script compiles the modules of `flow_modules::all` from frozen artefacts, and this file
//! includes them. Some are golden as text in `tests/golden`, for people to read; the others by a
//! digest in `tests/golden/digests.txt`.
//!
//! `BLESS=1 cargo test -p flow-tests --test all generated` rewrites the golden files; review the
//! difference before committing it. `cp` the module from the build script's `OUT_DIR` before and after
//! a change to see what a digest hides.

use flow_codegen::{Checked, Interpreter, Options, Passes, compile};
use flow_embedded::artefact::{Channels, ShapeError};
use flow_embedded::detect::evidence::Bet;
use flow_embedded::detect::{Change, EvidenceTable, LineScore, Sequential, SequentialTest, blame};
use flow_embedded::fixed::Saturation;
use flow_embedded::math::Backend;
use flow_embedded::noise::Noise;
use flow_embedded::state::Kind;
use flow_embedded::window::{Feature, Window, Windowed};
use flow_embedded::{
    Calibrated, CalibratedLines, Categories, Density, Detector, Identified, Latents, LineDetector,
    LineVerdict, LoadedFlow, NoiseSource, ObserveError, Provenance, Sampler, StateError,
    StreamDetector,
};
use flow_frozen::{Entry, Input};
use flow_tests::drafts::{draft, outside, rng, table, uniform, within};
use flow_tests::frozen::{entry, latents_differ, log_probs_differ, samples_differ};
use flow_train::artefact::{Draft, DraftLayer};
use flow_train::evaluate::Source;
use flow_train::evaluate::{Lines, Scorer, Stream};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules that are golden as text: together they show every kind of code that is emitted.
const READ: [&str; 14] = [
    // Features of the past, a test of streams, noise.
    "maf_lags",
    // Calibration by a category of the context.
    "realnvp_context",
    // Groups of channels, the generative direction.
    "iaf_spline_groups",
    // Circular channels.
    "torus",
    // Every domain; a module that scores only.
    "domains_score",
    // Linear layers, a mixture; a module that samples only.
    "glow_sample",
    // Convolutions.
    "image_residual",
    // A text whose lines are judged.
    "lines",
    // Categories beside numbers.
    "mixed_permuted",
    // Half precision, splines, residual conditioners.
    "f16/nsf",
    // Integers.
    "i8/domains",
    "i16/glow",
    // For size, and without the compiler's passes.
    "size/permuted",
    "plain/permuted",
];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The artefact of an entry of the frozen vectors.
fn artefact(name: &str) -> &'static [u8] {
    entry(name).artefact()
}

/// FNV-1a, 64 bits.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Paths of the modules under the golden folder, without their ending.
fn on_disk() -> BTreeSet<String> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|own| own.expect("an entry").path()).collect()
    };
    let root = golden();
    let (folders, mut files): (Vec<_>, Vec<_>) = list(&root).into_iter().partition(|p| p.is_dir());
    files.extend(folders.iter().flat_map(|folder| list(folder)));
    let modules = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|own| own == "rs"));
    let names = modules.map(|path| {
        let name = path
            .strip_prefix(&root)
            .expect("under the folder")
            .with_extension("");
        name.to_string_lossy().into_owned()
    });
    names.collect()
}

#[test]
fn the_text_is_golden() {
    let is_blessed = std::env::var_os("BLESS").is_some();
    let (mut differing, mut digests) = (Vec::new(), String::new());
    let built = Path::new(env!("OUT_DIR")).join("golden");
    for own in flow_modules::all().expect("frozen artefacts") {
        let path = own.path();
        let text = own.compile().expect(&path);
        // What the other tests compile is this text.
        let compiled = std::fs::read_to_string(built.join(&path).with_extension("rs"));
        assert_eq!(
            compiled.ok().as_ref(),
            Some(&text),
            "{path} was built from other sources"
        );
        let file = golden().join(&path).with_extension("rs");
        if !READ.contains(&path.as_str()) {
            digests += &format!("{path} {:016x}\n", digest(&text));
            if is_blessed && file.exists() {
                std::fs::remove_file(&file).expect("golden folder is writable");
            }
            continue;
        }
        if is_blessed {
            let folder = file.parent().expect("a folder");
            std::fs::create_dir_all(folder).expect("golden folder is writable");
            std::fs::write(&file, text).expect("golden folder is writable");
        } else if std::fs::read_to_string(&file).ok() != Some(text) {
            differing.push(path);
        }
    }
    let file = golden().join("digests.txt");
    if is_blessed {
        std::fs::write(&file, &digests).expect("golden folder is writable");
    }
    let committed = std::fs::read_to_string(&file).expect("digests");
    let (committed, found): (BTreeSet<_>, BTreeSet<_>) =
        (committed.lines().collect(), digests.lines().collect());
    let others = committed.symmetric_difference(&found);
    differing.extend(others.map(|line| (*line).to_owned()));
    assert!(
        differing.is_empty(),
        "golden files differ: {differing:?}; see the head of this file"
    );
    assert_eq!(
        on_disk(),
        READ.map(str::to_owned).into(),
        "modules in tests/golden"
    );
}

/// Compares a module with the frozen bits of its artefact.
fn compare_frozen_scores<F, const D: usize, const C: usize>(own: &Entry, flow: &F)
where
    F: Latents<D, C>,
{
    let event = |input: &Input| -> [f32; D] { array(&input.event) };
    let context = |input: &Input| -> [f32; C] { array(&input.context) };
    let inputs = own.inputs();
    let log_probs = inputs.map(|input| flow.log_prob(&event(&input), &context(&input)));
    assert_eq!(log_probs_differ(own, log_probs), None);
    let difference = latents_differ(own, |input| {
        let mut latents = [0.0; D];
        flow.log_prob_and_latents(&event(input), &context(input), &mut latents);
        latents.to_vec()
    });
    assert_eq!(difference, None);
}

/// The same for samples.
fn compare_frozen_samples<F, const D: usize, const C: usize>(own: &Entry, flow: &F)
where
    F: Sampler<D, C>,
{
    let difference = samples_differ(own, |words, context| {
        flow.sample(words, &array(context)).to_vec()
    });
    assert_eq!(difference, None);
}

fn array<const N: usize>(values: &[f32]) -> [f32; N] {
    values
        .try_into()
        .expect("as many channels as the entry has")
}

/// Values of the channels' domains, of the size `scale` where they have no end.
fn draw<const N: usize>(channels: Channels<'_>, scale: f32, rng: &mut ChaCha8Rng) -> [f32; N] {
    let mut channels = channels.iter();
    std::array::from_fn(|_| {
        let channel = channels.next().expect("as many channels");
        within(channel.domain, uniform(rng), scale)
    })
}

/// Compares one golden module with the loaded artefact: `log_prob` on ordinary
/// and extreme events, inside and outside the domains; p-values.
fn compare_scores<F, const D: usize, const C: usize>(name: &str, flow: &F)
where
    F: Latents<D, C> + Calibrated,
{
    compare_scores_of(name, artefact(name), flow);
}

fn compare_scores_of<F, const D: usize, const C: usize>(name: &str, bytes: &[u8], flow: &F)
where
    F: Latents<D, C> + Calibrated,
{
    let loaded = LoadedFlow::from_bytes(bytes).expect(name);
    let calibration = loaded.calibration().expect(name);
    let shaped = loaded.clone().shaped::<D, C, 256>().expect(name);
    let calibrated = shaped.clone().calibrated().expect(name);
    let mut scratch = vec![f32::NAN; loaded.scratch_len()];
    let (channels, given) = (loaded.header().event, loaded.header().context);
    let mut log_prob = |event: &[f32; D], context: &[f32; C]| {
        let own = flow.log_prob(event, context);
        let other = loaded.log_prob(event, context, &mut scratch).expect(name);
        let place = || format!("{name}: {event:?} given {context:?}");
        assert_eq!(own.to_bits(), other.to_bits(), "{}", place());
        let other = shaped.log_prob(event, context);
        assert_eq!(own.to_bits(), other.to_bits(), "{}", place());
        let (mut latents, mut others) = ([0.0; D], [0.0; D]);
        let again = flow.log_prob_and_latents(event, context, &mut latents);
        assert_eq!(own.to_bits(), again.to_bits(), "{}", place());
        shaped.log_prob_and_latents(event, context, &mut others);
        if own.is_finite() {
            assert_eq!(
                latents.map(f32::to_bits),
                others.map(f32::to_bits),
                "{}",
                place()
            );
        }
        let p_value = calibration.p_value(own);
        assert_eq!(flow.p_value(own).to_bits(), p_value.to_bits(), "{name}");
        let given = |context: &[f32]| {
            let table = loaded.calibration_given(context).expect(name);
            let p_value = flow.p_value_given(own, context);
            let other = calibrated.p_value_given(own, context);
            assert_eq!(p_value.to_bits(), other.to_bits(), "{}", place());
            assert_eq!(
                p_value.to_bits(),
                table.p_value(own).to_bits(),
                "{}",
                place()
            );
        };
        given(context);
        if let Some(by_context) = loaded.header().mondrian {
            for category in by_context.categories() {
                let mut context = *context;
                context[usize::from(by_context.channel)] = category.value;
                given(&context);
            }
            given(&[]);
        }
        own
    };
    let rng_values = &mut rng(5);
    let scales = [1.0, 10.0, 1e3, 1e9, 1e20, 3e38, 0.0];
    let mut finite = 0;
    for row in 0..5_000 {
        let scale = if row < 3_000 {
            10.0
        } else {
            scales[row % scales.len()]
        };
        let event = draw(channels, scale, rng_values);
        let context = draw(given, scale, rng_values);
        let own = log_prob(&event, &context);
        assert!(!own.is_nan(), "{name}: {event:?} given {context:?}");
        finite += usize::from(own.is_finite());
    }
    // Scales of other libraries have no upper bound, and overflow far out.
    assert!(finite > 3_100, "{name}: only {finite} finite");

    for (channel, own) in channels.iter().enumerate() {
        for x in outside(own.domain) {
            let mut event = draw(channels, 1.0, rng_values);
            event[channel] = x;
            let own = log_prob(&event, &draw(given, 1.0, rng_values));
            assert_eq!(own, f32::NEG_INFINITY, "{name}: {event:?}");
        }
    }
    for not_finite in [f32::INFINITY, f32::NAN] {
        let mut event = draw(channels, 1.0, rng_values);
        event[D - 1] = not_finite;
        assert!(log_prob(&event, &[0.5; C]).is_nan(), "{name}");
    }
    let least = flow.p_value(f32::NEG_INFINITY);
    assert_eq!(flow.p_value(f32::NAN), least, "{name}");
}

/// Compares a golden module of a text whose lines are judged: lines of any length with characters that the model
/// knows and others, against the desk's.
fn compare_lines<F, const C: usize>(name: &str, flow: &F)
where
    F: Density<1, C> + Categories + CalibratedLines,
{
    let bytes = artefact(name);
    let loaded = LoadedFlow::from_bytes(bytes).expect(name);
    let table = loaded.calibration().expect(name);
    assert_eq!(flow.alpha(), table.alpha(), "{name}");
    // Rows have no promise of their own.
    let shaped = loaded.clone().shaped::<1, C, 256>().expect(name);
    assert!(shaped.calibrated().is_none(), "{name}");
    let mut characters: Vec<char> = F::VOCABULARIES[0].concat().chars().collect();
    characters.retain(|own| *own != '\n');
    let scorer = Scorer::new(&loaded).expect(name);
    let mut desk = Lines::new(&scorer).expect(name);
    let (rng, mut detector) = (&mut rng(5), LineDetector::new(flow));
    let (mut unknown, mut alarms) = (0, 0);
    for length in (0..400).map(|index| index % 90) {
        let any = |_| match (0.5 * uniform(rng) + 0.5) * 60.0 {
            below if below < 0.5 => 'é',
            below if below < 1.0 => '\n',
            any => characters[any as usize % characters.len()],
        };
        let line: String = (0..length).map(any).chain(['\n']).collect();
        let verdicts = line.chars().filter_map(|own| detector.observe(own));
        let verdicts: Vec<LineVerdict> = verdicts.collect();
        let scores: Vec<LineScore> = desk.score(&line).into_iter().flatten().collect();
        assert_eq!(verdicts.len(), scores.len(), "{name}: {line:?}");
        for (verdict, score) in verdicts.iter().zip(&scores) {
            let bits = [verdict.log_prob, score.log_prob()].map(f32::to_bits);
            assert_eq!(bits[0], bits[1], "{name}: {line:?}");
            assert_eq!(verdict.characters, score.characters(), "{line:?}");
            let places = [verdict.least_likely, score.least_likely()];
            assert_eq!(places[0], places[1], "{name}: {line:?}");
            assert_eq!(verdict.p_value, table.p_value(score.log_prob()), "{line:?}");
            assert_eq!(verdict.alarm, verdict.p_value <= table.alpha());
            alarms += u32::from(verdict.alarm);
        }
        // The first lines have no past.
        let judged = line.split_terminator('\n').rev().zip(scores.iter().rev());
        for (own, score) in judged {
            let Some(place) = own.chars().position(|own| own == 'é') else {
                continue;
            };
            assert_eq!(score.log_prob(), f32::NEG_INFINITY, "{name}: {own:?}");
            assert_eq!(score.least_likely() as usize, place, "{name}: {own:?}");
            unknown += 1;
        }
    }
    assert_eq!(detector.alarms(), alarms);
    assert!(
        unknown > 50 && alarms > unknown,
        "{name}: {unknown} {alarms}"
    );
}

/// The same for samples, continuous and on the grid.
fn compare_samples<F, const D: usize, const C: usize>(name: &str, math: Option<Backend>, flow: &F)
where
    F: Sampler<D, C>,
{
    let bytes = artefact(name);
    let loaded = LoadedFlow::from_bytes(bytes).expect(name);
    let loaded = match math {
        Some(math) => loaded.with_math(math).expect(name),
        None => loaded,
    };
    let shaped = loaded.clone().shaped::<D, C, 256>().expect(name);
    let mut scratch = vec![f32::NAN; loaded.scratch_len()];
    let (channels, given) = (loaded.header().event, loaded.header().context);
    let rng_values = &mut rng(5);
    let (left, right) = (&mut rng(6), &mut rng(6));
    for _ in 0..2_000 {
        let context: [f32; C] = draw(given, 1.0, rng_values);
        let mut own = flow.sample(left, &context);
        let mut other = [0.0; D];
        loaded
            .sample(right, &context, &mut other, &mut scratch)
            .expect(name);
        assert_eq!(own.map(f32::to_bits), other.map(f32::to_bits), "{name}");
        assert!(own.iter().all(|x| x.is_finite()), "{name}");
        let mut third = own;
        flow.round_to_grid(&mut own);
        loaded.round_to_grid(&mut other);
        shaped.round_to_grid(&mut third);
        assert_eq!(own.map(f32::to_bits), other.map(f32::to_bits), "{name}");
        assert_eq!(own.map(f32::to_bits), third.map(f32::to_bits), "{name}");
        for (x, channel) in own.iter().zip(channels) {
            if let Some(grid) = channel.grid {
                assert_eq!((x - grid.offset) % grid.step, 0.0, "{name}: {x}");
            }
        }
    }
}

/// What a module of this artefact must say of itself.
fn provenance(bytes: &[u8]) -> Provenance {
    let flow = LoadedFlow::from_bytes(bytes).expect("an artefact");
    let trained = flow.header().provenance;
    let checksum = bytes.last_chunk().expect("a checksum");
    let length = u32::try_from(bytes.len()).expect("a small artefact");
    let compiler = concat!("flow-codegen ", env!("CARGO_PKG_VERSION"));
    Provenance::new("random", u32::from_le_bytes(*checksum), length, compiler)
        .trained("tests", "tests", trained.seed)
        .data(trained.data_digest, trained.rows)
}

mod domains_score {
    include!(concat!(env!("OUT_DIR"), "/golden/domains_score.rs"));

    #[test]
    fn scores_as_the_loaded_artefact_and_does_nothing_else() {
        super::compare_scores::<_, 4, 1>("domains", &Random);
        super::compare_frozen_scores::<_, 4, 1>(super::entry("domains"), &Random);
        assert!(self_test());
        assert_eq!([Random; 2], [Random; 2]);
        let text = include_str!(concat!(env!("OUT_DIR"), "/golden/domains_score.rs"));
        for absent in ["Sampler", "generate_", "rng", "SAMPLES", "round_to_grid"] {
            assert!(!text.contains(absent), "{absent}");
        }
    }
}

mod glow_sample {
    include!(concat!(env!("OUT_DIR"), "/golden/glow_sample.rs"));

    #[test]
    fn samples_as_the_loaded_artefact_and_does_nothing_else() {
        super::compare_samples::<_, 4, 1>("glow", Some(super::Backend::Libm), &Noise);
        super::compare_frozen_samples::<_, 4, 1>(super::entry("libm/glow"), &Noise);
        let text = include_str!(concat!(env!("OUT_DIR"), "/golden/glow_sample.rs"));
        for absent in ["Density", "normalize_", "log_det", "CALIBRATION", "pub"] {
            assert!(!text.contains(absent), "{absent}");
        }
    }
}

/// A saved state of a compiled model and of the loaded artefact carry the same digest.
fn compare_digests(artefact: &[u8], flow: &impl Identified) {
    let loaded = LoadedFlow::from_bytes(artefact).expect("a valid artefact");
    assert_eq!(flow.digest(), loaded.digest());
}

/// Artefacts that differ in one number or one name, whatever it is of, have states of their own.
#[test]
fn what_differs_has_another_digest() {
    let (_, kind) = table()
        .into_iter()
        .find(|(name, _)| *name == "maf_lags")
        .expect("a row");
    let own = draft(&kind, 11);
    let mut others = vec![own.clone(), draft(&kind, 12)];
    let mut change = |change: &dyn Fn(&mut Draft)| {
        let mut other = own.clone();
        change(&mut other);
        others.push(other);
    };
    change(&|own| match &mut own.layers[0] {
        DraftLayer::Autoregressive { conditioner, .. } => {
            conditioner.rows[0].bias = conditioner.rows[0].bias.next_up();
        }
        other => panic!("another first layer: {other:?}"),
    });
    change(&|own| own.event[0].mean = own.event[0].mean.next_up());
    change(&|own| own.event[0].name.push('_'));
    change(&|own| own.context.last_mut().expect("a context").inv_std *= 2.0);
    change(&|own| own.calibration.as_mut().expect("calibrated").alpha *= 0.5);
    change(&|own| {
        let table = &mut own.calibration.as_mut().expect("calibrated").table;
        table[0].0 = table[0].0.next_down();
    });
    change(&|own| {
        let bets = &mut own.sequential.as_mut().expect("a test").bets;
        bets[4] = bets[4] / 2 + 1;
    });
    change(&|own| own.math = Backend::Libm);
    // The text of the provenance is part of the artefact.
    change(&|own| own.seed += 1);
    let digest = |own: &Draft| {
        let bytes = own.encode().expect("a valid draft");
        let loaded = LoadedFlow::from_bytes(&bytes).expect("a valid artefact");
        loaded.digest().value()
    };
    let digests: BTreeSet<u32> = others.iter().map(digest).collect();
    assert_eq!(digests.len(), others.len());
}

/// Elementary functions asked for in place of the model's own make another model of it.
#[test]
fn other_elementary_functions_have_another_digest() {
    let (_, kind) = table()
        .into_iter()
        .find(|(name, _)| *name == "maf")
        .expect("a row");
    let mut own = draft(&kind, 11);
    own.calibration = None;
    let bytes = own.encode().expect("a valid draft");
    let loaded = LoadedFlow::from_bytes(&bytes).expect("a valid artefact");
    let digest = loaded.digest();
    let other = loaded.with_math(Backend::Libm).expect("built in");
    assert_eq!(other.digest(), digest.through(Backend::Libm));
    assert_ne!(other.digest(), digest);
    let options = Options {
        math: Some(Backend::Libm),
        ..Options::default()
    };
    let (text, _) = compile(&bytes, Path::new("random.flow"), &options).expect("a module");
    assert!(text.contains("PROVENANCE.digest().through(::flow_embedded::math::Backend::Libm)"));
}

macro_rules! golden {
    (@scores $name:ident $event:literal $context:literal) => {
        super::compare_scores::<_, $event, $context>(stringify!($name), &Random);
    };
    (@scores $name:ident 1 $context:literal lines) => {
        super::compare_lines::<_, $context>(stringify!($name), &Random);
    };
    ($($name:ident, $event:tt, $context:tt $(, $lines:ident)?;)*) => {
        $(
            #[allow(unreachable_pub)]
            mod $name {
                include!(concat!(env!("OUT_DIR"), "/golden/", stringify!($name), ".rs"));

                #[test]
                fn has_the_bits_of_the_loaded_artefact() {
                    golden!(@scores $name $event $context $($lines)?);
                    super::compare_samples::<_, $event, $context>(stringify!($name), None, &Random);
                    assert!(self_test());
                }

                #[test]
                fn keeps_its_bits() {
                    let own = super::entry(stringify!($name));
                    super::compare_frozen_scores::<_, $event, $context>(own, &Random);
                    super::compare_frozen_samples::<_, $event, $context>(own, &Random);
                }

                #[test]
                fn says_where_it_comes_from() {
                    let text = super::artefact(stringify!($name));
                    assert_eq!(PROVENANCE, super::provenance(text));
                    super::compare_digests(text, &Random);
                }
            }
        )*

        /// `golden` of the test firmware holds the chips to the same digests.
        #[test]
        fn samples_have_the_committed_digests() {
            let digests = [$((stringify!($name), flow_case::sample_digest(&$name::Random)),)*];
            let text: String = digests
                .iter()
                .map(|(name, digest)| format!("{name} {digest}\n"))
                .collect();
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/samples.txt");
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&path, &text).expect("golden folder is writable");
            }
            assert_eq!(std::fs::read_to_string(&path).expect("digests"), text);
        }

        #[test]
        fn every_row_of_the_table_is_here() {
            let here = [$(stringify!($name)),*];
            let table = table().into_iter().map(|(name, _)| name);
            // New rows are frozen by `BLESS=1 cargo test -p flow-tests --test all frozen`.
            assert_eq!(BTreeSet::from(here), table.collect());
        }
    };
}

#[test]
fn a_window_is_made_to_measure_for_the_features_of_the_artefact() {
    /// What the only implementation for the type says.
    fn features<F, const D: usize, const W: usize, const N: usize, const A: usize>(
        flow: &F,
    ) -> ([Feature; W], [usize; 2], bool)
    where
        F: Windowed<D, W, N, A>,
    {
        let mut window = flow.window();
        let fits = Window::<D, N, A>::fits(&F::FEATURES);
        for _ in 0..8 {
            assert!(!window.is_primed(&F::FEATURES));
            window.push(&F::FEATURES, &[0.5; D]);
        }
        (F::FEATURES, [N, A], fits && window.is_primed(&F::FEATURES))
    }
    let bytes = artefact("maf_lags");
    let loaded = LoadedFlow::from_bytes(bytes).expect("a valid artefact");
    let (own, size, ready) = features(&maf_lags::Random);
    assert!(loaded.header().features.iter().eq(own.iter().copied()));
    assert_eq!((size, ready), ([4, 1], true));
}

/// The detector of a compiled model against the tables of the loaded one, sample by sample, over a
/// reboot; blame included.
#[test]
fn a_stream_gets_the_evidence_of_the_artefact() {
    use maf_lags::Random;
    type Own = StreamDetector<Random, 3, 6>;
    let bytes = artefact("maf_lags");
    let loaded = LoadedFlow::from_bytes(bytes).expect("a valid artefact");
    let own = loaded.header().sequential.expect("a test");
    let thresholds: Vec<f32> = loaded.test_thresholds().collect();
    let (scores, bets): (Vec<i8>, Vec<Bet>) = (own.scores().collect(), own.bets().collect());
    let table = EvidenceTable::new(usize::from(own.edges), &thresholds, &scores, &bets);
    assert_eq!(<Random as Sequential<2, 3, 6>>::EVIDENCE, table);
    assert_eq!(<Random as Sequential<2, 3, 6>>::RUN_LENGTH, own.run_length);
    let common: Vec<f32> = loaded.common_values().collect();
    assert_eq!(Random::COMMON.as_flattened(), common);

    let mut scratch = vec![0.0; loaded.scratch_len()];
    let scorer = Scorer::new(&loaded).expect("a model");
    let mut desk = Stream::new(&scorer).expect("a test");
    // As firmware writes it: the sizes follow from the model.
    let mut detector = StreamDetector::new(Random);
    let mut test = SequentialTest::<3, 6>::new();
    let (rng, mut alarms) = (&mut rng(12), 0);
    for step in 0..600 {
        // Now and then the sensor hangs.
        let scale = if step % 100 < 70 { 4.0 } else { 0.0 };
        let sample = [0; 2].map(|_| scale * uniform(rng));
        let context = [0; 5].map(|_| 0.5 * scale * uniform(rng));
        if step % 50 == 49 {
            let mut buffer = [0; Own::BYTES];
            let state = detector.save(&mut buffer).expect("long enough").to_vec();
            detector = Own::restore(Random, &state).expect("its own state");
            assert!(Own::restore(Random, &state[1..]).is_err());
        }
        let verdict = detector.observe(&sample, &context).expect("finite");
        let mut statistics = [0.0; 3];
        let (first, latents) = statistics.split_at_mut(1);
        let log_prob = loaded.log_prob_and_latents(&sample, &context, latents, &mut scratch);
        first[0] = log_prob.expect("its shape");
        let evidence = test.observe(&table, &statistics);
        assert_eq!(verdict.log_prob.to_bits(), statistics[0].to_bits());
        assert_eq!(verdict.alarm, evidence.alarm);
        assert_eq!(verdict.evidence, evidence.level());
        assert_eq!(verdict.statistic, evidence.statistic());
        let change = Change::of(&evidence, &table, own.run_length);
        assert_eq!(verdict.change, verdict.alarm.then_some(change));
        let to_blame = blame(
            &Random,
            &sample,
            &context,
            Random::COMMON,
            &Random::FEATURES,
        )
        .channel;
        assert_eq!(verdict.channel, verdict.alarm.then_some(to_blame));
        // The desk's detector of streams says the same.
        let (log_prob, latents) = statistics.split_at(1);
        let same = desk.observe(&sample, &context, log_prob[0], latents);
        assert_eq!(verdict, same);
        alarms += usize::from(verdict.alarm);
        let broken = detector.observe(&[f32::NAN, 0.0], &context);
        assert_eq!(broken, Err(ObserveError::NonFinite { channel: 0 }));
    }
    assert!((5..300).contains(&alarms), "{alarms}");
}

/// Noise from a compiled model and from the artefact on the desk, over a reboot, with a context that is missing or out
/// of range now and then.
#[test]
fn noise_has_the_bits_of_the_artefact() {
    use maf_lags::Random;
    let bytes = artefact("maf_lags");
    let loaded = LoadedFlow::from_bytes(bytes).expect("a valid artefact");
    let noise = loaded.header().noise.expect("a model of noise");
    assert!(
        noise
            .start()
            .eq(<Random as Noise<2, 5>>::START.iter().copied())
    );
    assert!(
        noise
            .ranges()
            .eq(<Random as Noise<2, 5>>::RANGES.iter().copied())
    );

    let mut own = NoiseSource::new(Random);
    let mut other = Source::new(&loaded).expect("a model of noise");
    assert_eq!(own.warm_up(), 8);
    let (mut on_chip, mut on_desk) = (rng(5), rng(5));
    for step in 0..3000 {
        let given = match step % 200 {
            50 => f32::NAN,
            60 => f32::INFINITY,
            70..100 => 1e30,
            _ => (step as f32 / 40.0).sin(),
        };
        if step % 500 == 499 {
            let mut buffer = [0; NoiseSource::<Random, 2, 4, 1>::BYTES];
            let state = own.save(&mut buffer).expect("enough room").to_vec();
            own = NoiseSource::restore(Random, &state).expect("its own state");
            let cut = NoiseSource::<Random, 2, 4, 1>::restore(Random, &state[1..]);
            assert!(cut.is_err());
            // A source refuses the state of a window, whatever the state holds.
            let window = Random
                .window()
                .save(&Random, &mut buffer)
                .map(<[u8]>::to_vec);
            let window = window.expect("as much room");
            let refused = NoiseSource::<Random, 2, 4, 1>::restore(Random, &window);
            let (expected, found) = (Kind::Noise, Kind::Window as u8);
            assert_eq!(refused.err(), Some(StateError::Kind { expected, found }));
        }
        let sample = own.next(&mut on_chip, &[given]);
        let same = other.next(&mut on_desk, &[given]).expect("its shape");
        assert_eq!(
            sample.map(f32::to_bits),
            [same[0], same[1]].map(f32::to_bits),
            "{step}"
        );
        assert_eq!(sample[0].is_finite(), given.is_finite());
    }
    // As the first time, on a grid or not.
    own.reset();
    let (first, again) = (
        NoiseSource::new(Random).next(&mut rng(5), &[0.0]),
        own.next(&mut rng(5), &[0.0]),
    );
    assert_eq!(first.map(f32::to_bits), again.map(f32::to_bits));
}

/// A flow of random weights feeds back whatever it likes; confined, it stays within bounds that ten million steps
/// do not widen.
#[test]
fn noise_does_not_drift_away() {
    const STEPS: usize = 10_000_000;
    let (mut source, rng) = (NoiseSource::new(maf_lags::Random), &mut rng(8));
    let extent = |source: &mut NoiseSource<maf_lags::Random, 2, 4, 1>,
                  rng: &mut ChaCha8Rng,
                  steps: usize| {
        (0..steps).fold([0.0f32; 2], |extent, _| {
            let sample = source.next(rng, &[0.5]);
            [0, 1].map(|channel| extent[channel].max(sample[channel].abs()))
        })
    };
    let first = extent(&mut source, rng, STEPS / 10);
    let rest = extent(&mut source, rng, STEPS - STEPS / 10);
    for (first, rest) in first.into_iter().zip(rest) {
        // Nine times as many normal numbers reach a tenth farther.
        assert!(rest.is_finite() && rest < 1.5 * first, "{first} {rest}");
    }
}

/// As firmware does: the past, then what else is given, then the verdict.
#[test]
fn a_raw_stream_gets_the_verdicts_of_its_context() {
    use maf_lags::Random;
    let bytes = artefact("maf_lags");
    let loaded = LoadedFlow::from_bytes(bytes).expect("a valid artefact");
    let mut scratch = vec![0.0; loaded.scratch_len()];
    let (mut window, mut detector) = (Random.window(), Detector::new(Random));
    let mut other = Window::<2, 8, 3>::new();
    let mut room = Random::FEATURES.map(|_| Feature::Average {
        channel: 0,
        shift: 1,
    });
    let features = loaded.header().features.copy_to(&mut room);
    let features = &*features.expect("as many features");
    let rng = &mut rng(9);
    for step in 0..200 {
        let mut sample = [0; 2].map(|_| 5.0 * uniform(rng));
        if step == 100 {
            sample[1] = f32::NAN;
        }
        let context = window.context(&Random::FEATURES, &[0.5]);
        // A window that is too large has the same bits, and so has the loaded artefact.
        assert_eq!(context, other.context::<5>(features, &[0.5]));
        // The average of 8 samples at the start; the gap of one needs 4 for the ring.
        assert_eq!(
            context.is_some(),
            step >= 8 && !(101..105).contains(&step),
            "{step}"
        );
        if let Some(context) = context {
            match detector.observe(&sample, &context) {
                Ok(verdict) => {
                    let own = loaded.log_prob(&sample, &context, &mut scratch);
                    assert_eq!(own.map(f32::to_bits), Ok(verdict.log_prob.to_bits()));
                }
                Err(fault) => {
                    assert_eq!((step, fault), (100, ObserveError::NonFinite { channel: 1 }));
                }
            }
        }
        window.push(&Random::FEATURES, &sample);
        other.push(features, &sample);
    }
    assert_eq!(detector.observed(), 200 - 8 - 5);
}

/// Modules compiled otherwise have the same bits.
macro_rules! variant {
    ($folder:ident: $($name:ident, $event:literal, $context:literal;)*) => {
        mod $folder {
            $(
                #[allow(unreachable_pub)]
                mod $name {
                    include!(concat!(
                        env!("OUT_DIR"), "/golden/", stringify!($folder), "/", stringify!($name), ".rs"
                    ));

                    #[test]
                    fn has_the_bits_of_the_loaded_artefact() {
                        crate::generated::compare_scores::<_, $event, $context>(stringify!($name), &Random);
                        crate::generated::compare_samples::<_, $event, $context>(stringify!($name), None, &Random);
                        crate::generated::compare_digests(crate::generated::artefact(stringify!($name)), &Random);
                        assert!(self_test());
                    }

                    #[test]
                    fn keeps_its_bits() {
                        let own = crate::generated::entry(stringify!($name));
                        crate::generated::compare_frozen_scores::<_, $event, $context>(own, &Random);
                        crate::generated::compare_frozen_samples::<_, $event, $context>(own, &Random);
                    }
                }
            )*
        }
    };
}

/// Compares a module of integers with its interpretation, by its integers and
/// saturations, on ordinary and extreme events.
fn compare_integers<const D: usize, const C: usize>(
    format: &str,
    name: &str,
    flow: &(impl Latents<D, C> + Identified),
    q16: impl Fn(&[f32; D], &[f32; C], &mut Saturation) -> Option<i32>,
) {
    let own = entry(&format!("{format}/{name}"));
    compare_frozen_scores(own, flow);
    let bytes = own.artefact();
    let loaded = LoadedFlow::from_bytes(bytes).expect(name);
    let checked = Checked::new(bytes).expect(name);
    let interpreter = Interpreter::new(&checked, Passes::default()).expect(name);
    compare_digests(bytes, flow);
    let (channels, given) = (loaded.header().event, loaded.header().context);
    let refused = loaded.log_prob(&[0.0; D], &[0.0; C], &mut [0.0; 512]);
    assert_eq!(refused, Err(ShapeError::Quantised));
    let check = |event: &[f32; D], context: &[f32; C]| {
        let own = flow.log_prob(event, context);
        let (log_prob, others, clamped) = interpreter.log_prob_and_latents(event, context);
        let place = || format!("{name}: {event:?} given {context:?}");
        assert_eq!(own.to_bits(), log_prob.to_bits(), "{}", place());
        let mut latents = [0.0; D];
        let again = flow.log_prob_and_latents(event, context, &mut latents);
        assert_eq!(own.to_bits(), again.to_bits(), "{}", place());
        assert_eq!(latents.as_slice(), others, "{}", place());
        let mut saturation = Saturation::new();
        let number = q16(event, context, &mut saturation);
        assert_eq!(number.is_none(), own.is_nan(), "{}", place());
        if number.is_some() {
            assert_eq!(saturation.count(), clamped, "{}", place());
        }
        own
    };
    let floats = artefact(name);
    let floats = LoadedFlow::from_bytes(floats).expect(name);
    let rng = &mut rng(5);
    let (mut finite, mut expected) = (0, 0);
    for row in 0..3_000 {
        let scale = [1.0, 3.0, 10.0, 1.0, 3.0, 10.0, 1e3, 1e9, 3e38][row % 9];
        let (event, context) = (draw(channels, scale, rng), draw(given, scale, rng));
        let own = check(&event, &context);
        assert!(!own.is_nan(), "{name}");
        finite += usize::from(own.is_finite());
        // Q16 ends at -32768.
        let float = floats.log_prob(&event, &context, &mut [0.0; 512]);
        expected += usize::from(float.expect(name) > -30_000.0);
    }
    assert!(expected > 400, "{name}: only {expected} expected");
    assert!(
        3 * finite > 2 * expected,
        "{name}: {finite} finite of {expected}"
    );
    for (channel, own) in channels.iter().enumerate() {
        for x in outside(own.domain) {
            let mut event = draw(channels, 1.0, rng);
            event[channel] = x;
            assert_eq!(
                check(&event, &draw(given, 1.0, rng)),
                f32::NEG_INFINITY,
                "{name}: {event:?}"
            );
        }
    }
    for not_finite in [f32::INFINITY, f32::NAN] {
        let mut event = draw(channels, 1.0, rng);
        event[D - 1] = not_finite;
        assert!(check(&event, &[0.5; C]).is_nan(), "{name}");
        if C > 0 {
            assert!(check(&draw(channels, 1.0, rng), &[not_finite; C]).is_nan());
        }
    }
}

macro_rules! integers {
    ($folder:ident $format:ident: $($name:ident, $event:literal, $context:literal;)*) => {
        mod $folder {
            $(
                #[allow(unreachable_pub)]
                mod $name {
                    include!(concat!(
                        env!("OUT_DIR"), "/golden/", stringify!($folder), "/", stringify!($name), ".rs"
                    ));

                    #[test]
                    fn is_what_the_interpreter_computes() {
                        crate::generated::compare_integers::<$event, $context>(
                            stringify!($format),
                            stringify!($name),
                            &Random,
                            |event, context, saturation| {
                                Random.log_prob_q16(event, context, saturation)
                            },
                        );
                        assert!(self_test());
                    }
                }
            )*
        }
    };
}

macro_rules! halves {
    ($folder:ident: $($name:ident, $event:literal, $context:literal;)*) => {
        mod $folder {
            $(
                #[allow(unreachable_pub)]
                mod $name {
                    include!(concat!(
                        env!("OUT_DIR"), "/golden/", stringify!($folder), "/", stringify!($name), ".rs"
                    ));

                    #[test]
                    fn has_the_bits_of_the_loaded_artefact() {
                        let name = stringify!($name);
                        let own = crate::generated::entry(&format!("f16/{name}"));
                        crate::generated::compare_scores_of::<_, $event, $context>(name, own.artefact(), &Random);
                        crate::generated::compare_digests(own.artefact(), &Random);
                        crate::generated::compare_frozen_scores::<_, $event, $context>(own, &Random);
                        crate::generated::compare_frozen_samples::<_, $event, $context>(own, &Random);
                        assert!(self_test());
                    }
                }
            )*
        }
    };
}

// The table of modules, as invocations of the macros above.
include!(concat!(env!("OUT_DIR"), "/golden/list.rs"));
