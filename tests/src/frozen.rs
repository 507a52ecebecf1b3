//! Frozen vectors: the flows that must have an entry, and comparisons with the frozen bits.

use crate::channels::destandardise;
use crate::drafts::{Kind, VOCABULARIES, draft, halved, quantised, table};
use flow_embedded::artefact::{Domain, WeightFormat};
use flow_embedded::math::Backend;
use flow_frozen::{Channel, Entry, Input, Words, same};
use flow_train::artefact::{Draft, DraftChannel};
use std::sync::OnceLock;

/// The seed of the golden and the frozen drafts.
pub const SEED: u64 = 11;

/// All entries of the committed file.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| flow_frozen::entries().expect("the frozen vectors are readable"))
}

/// The entry of a name.
pub fn entry(name: &str) -> &'static Entry {
    let found = entries().iter().find(|own| own.name() == name);
    found.unwrap_or_else(|| {
        panic!("{name} is not frozen: see the head of tests/tests/all/frozen.rs")
    })
}

/// Rows that are frozen in format 9, too: of every family and every part of a header.
const NINE: [&str; 12] = [
    "blocks_gated",
    "categories",
    "circular",
    "domains",
    "glow",
    "image",
    "imported_splines",
    "lines",
    "maf_lags",
    "mixed_permuted",
    "nsf_ar",
    "realnvp_context",
];

/// The flows that must be frozen, with the name of the entry: each row of the table with each
/// backend, in `f16`, and in `i8` and `i16` where the row has integers; some once more in format 9.
pub fn flows() -> Vec<(String, Draft)> {
    let row = |(name, kind): (&'static str, Kind)| {
        let own = draft(&kind, SEED);
        let backends = [Backend::Polynomial, Backend::Libm, Backend::Micromath];
        let others = backends.into_iter().filter(|math| *math != kind.math);
        let others = others.map(|math| {
            let kind = Kind {
                math,
                ..kind.clone()
            };
            (format!("{}/{name}", math.name()), draft(&kind, SEED))
        });
        let mut flows = vec![(name.to_owned(), own.clone())];
        flows.extend(others);
        flows.push((format!("f16/{name}"), halved(&own)));
        if NINE.contains(&name) {
            flows.push((format!("format9/{name}"), own.clone()));
        }
        if kind.has_integers() {
            for weights in [WeightFormat::I8, WeightFormat::I16] {
                let name = format!("{}/{name}", weights.name());
                flows.push((name, quantised(&own, weights)));
            }
        }
        flows
    };
    table().into_iter().flat_map(row).collect()
}

/// How inputs of a channel are drawn.
pub fn channel(own: &DraftChannel) -> Channel {
    let at = |standard: f64| destandardise(own, standard).0;
    match own.domain {
        Domain::Real | Domain::Circular | Domain::HeavyTailed { .. } => Channel::Real {
            centre: at(0.0) as f32,
            spread: (0.5 * (at(1.0) - at(-1.0))) as f32,
        },
        Domain::Positive { low } | Domain::SoftPositive { low, .. } => Channel::Above {
            low,
            spread: (at(0.0) - f64::from(low)) as f32,
        },
        Domain::Bounded { low, high } => Channel::Between { low, high },
        Domain::Categorical { vocabulary } => Channel::Codes {
            count: VOCABULARIES[usize::from(vocabulary)].0 as u8,
        },
    }
}

/// What differs from the frozen log-likelihoods: a sentence about the first difference, or nothing.
pub fn log_probs_differ(entry: &Entry, found: impl IntoIterator<Item = f32>) -> Option<String> {
    let found: Vec<f32> = found.into_iter().collect();
    let frozen = entry.log_probs();
    assert_eq!(found.len(), frozen.len(), "{}", entry.name());
    let pairs = found.iter().zip(frozen).enumerate();
    let differing = || {
        pairs
            .clone()
            .filter(|(_, (own, bits))| !same(**own, **bits))
    };
    let (index, (own, bits)) = differing().next()?;
    Some(format!(
        "{}: {}; {} of {} inputs differ",
        place(entry, index),
        numbers("log_prob", *own, *bits),
        differing().count(),
        frozen.len()
    ))
}

/// The same for latents, which count where the log-likelihood is finite.
pub fn latents_differ(entry: &Entry, mut found: impl FnMut(&Input) -> Vec<f32>) -> Option<String> {
    let latents = entry.latents().zip(entry.log_probs()).enumerate();
    let finite = latents.filter(|(_, (_, log_prob))| f32::from_bits(**log_prob).is_finite());
    for (index, (frozen, _)) in finite {
        let own = found(&entry.input(index as u32));
        assert_eq!(own.len(), frozen.len(), "{}", entry.name());
        for (channel, (own, bits)) in own.iter().zip(frozen).enumerate() {
            if !same(*own, *bits) {
                let what = numbers(&format!("latent {channel}"), *own, *bits);
                return Some(format!("{}: {what}", place(entry, index)));
            }
        }
    }
    None
}

/// The same for samples, drawn one after the other given a context.
pub fn samples_differ(
    entry: &Entry,
    mut draw: impl FnMut(&mut Words, &[f32]) -> Vec<f32>,
) -> Option<String> {
    let words = &mut entry.words();
    for (index, (context, frozen)) in entry.samples().enumerate() {
        let own = draw(words, &context);
        assert_eq!(own.len(), frozen.len(), "{}", entry.name());
        for (channel, (own, bits)) in own.iter().zip(frozen).enumerate() {
            if !same(*own, *bits) {
                let what = numbers(&format!("channel {channel}"), *own, *bits);
                let name = entry.name();
                return Some(format!("{name}, sample {index} given {context:?}: {what}"));
            }
        }
    }
    None
}

fn place(entry: &Entry, index: usize) -> String {
    let Input { event, context } = entry.input(index as u32);
    format!(
        "{}, input {index}, {event:?} given {context:?}",
        entry.name()
    )
}

fn numbers(what: &str, found: f32, frozen: u32) -> String {
    format!(
        "{what} was frozen as {:e} ({frozen:#010x}) and is {found:e} ({:#010x})",
        f32::from_bits(frozen),
        found.to_bits()
    )
}
