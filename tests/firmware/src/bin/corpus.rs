//! Every committed model of floating point through the loader, with the bits that the host froze, and
//! the self-tests of generated modules that stand for the others: both arithmetics, both layouts, every
//! kind of layer, and half precision. Damaged artefacts must fare as on the host, whose `usize` has 64
//! bits, and one whose sizes wrap round in 32 bits must be refused.
#![no_std]
#![no_main]

use flow_embedded::LoadedFlow;
use flow_firmware::{damage, golden};
use flow_frame::print::Console;
use flow_frame::{entry, stop};
use flow_frozen::{Channel, Words, draw, same};

/// Most channels of an event and of a context.
const CHANNELS: usize = 16;

/// A model and what it gave when it was frozen.
struct Model {
    name: &'static str,
    artefact: &'static [u8],
    event: &'static [Channel],
    context: &'static [Channel],
    /// The seed of the inputs.
    seed: u64,
    /// The seed of the words that its samples are drawn from.
    words: u64,
    /// The bits of the log-likelihoods of the first inputs.
    log_probs: &'static [u32],
    /// The bits of the first samples, one after the other.
    samples: &'static [u32],
    /// What becomes of damaged copies on the host.
    damaged: u32,
}

/// Claims more than 2³² weights, and has as many as are left of them in 32 bits.
static WRAPPING: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wrapping.flow"));

include!(concat!(env!("OUT_DIR"), "/corpus.rs"));

golden! {
    sampled SPEED speed ""
    nsf_ar glow domains image
}

golden! {
    sampled SIZE size "size/"
    mixed
}

golden! {
    scored I8 i8 "i8/"
    mixed circular blocks_gated
}

golden! {
    scored I16 i16 "i16/"
    iaf imported_splines
}

golden! {
    scored I8_SIZE i8_size "i8_size/"
    maf
}

/// What differs first.
fn check(model: &Model, scratch: &mut [f32]) -> Result<(), &'static str> {
    let flow = LoadedFlow::from_bytes(model.artefact).map_err(|_| "refused")?;
    let (mut event, mut context) = ([0.0; CHANNELS], [0.0; CHANNELS]);
    let event = event.get_mut(..model.event.len()).ok_or("too wide")?;
    let context = context.get_mut(..model.context.len()).ok_or("too wide")?;
    for (index, bits) in (0..).zip(model.log_probs) {
        draw(
            model.event,
            model.context,
            model.seed,
            index,
            event,
            context,
        );
        let log_prob = flow.log_prob(event, context, scratch);
        if !same(log_prob.map_err(|_| "not scored")?, *bits) {
            return Err("log_prob");
        }
    }
    let mut words = Words::new(model.words);
    for (index, bits) in (0..).zip(model.samples.chunks_exact(model.event.len())) {
        // A sample is drawn given the context of the input of its index.
        draw(
            model.event,
            model.context,
            model.seed,
            index,
            event,
            context,
        );
        let drawn = flow.sample(&mut words, context, event, scratch);
        drawn.map_err(|_| "not sampled")?;
        if !event.iter().zip(bits).all(|(own, bits)| same(*own, *bits)) {
            return Err("sample");
        }
    }
    Ok(())
}

/// Whether damaged copies fare as on the host.
fn fares(model: &Model, copy: &mut [u8], scratch: &mut [f32]) -> Result<(), &'static str> {
    let copy = copy.get_mut(..model.artefact.len()).ok_or("too long")?;
    match damage::digest(model.artefact, model.seed, copy, scratch) == model.damaged {
        true => Ok(()),
        false => Err("damage"),
    }
}

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let (mut scratch, mut copy) = ([f32::NAN; SCRATCH], [0; LONGEST]);
    for model in MODELS {
        match check(model, &mut scratch).and_then(|()| fares(model, &mut copy, &mut scratch)) {
            Ok(()) => console.text("same ").text(model.name).end(),
            Err(what) => console
                .text("other ")
                .text(what)
                .text(" of ")
                .text(model.name)
                .end(),
        };
    }
    let wrapping = match LoadedFlow::from_bytes(WRAPPING) {
        Ok(_) => "other sizes that wrap round",
        Err(_) => "same sizes that wrap round",
    };
    console.text(wrapping).end();
    let generated: [(&str, &[golden::Test]); 5] = [
        ("", SPEED),
        ("size/", SIZE),
        ("i8/", I8),
        ("i16/", I16),
        ("i8_size/", I8_SIZE),
    ];
    for (folder, tests) in generated {
        golden::judge(&mut console, folder, tests);
    }
    console.text("end").end();
    stop::success()
}
