//! Artefacts of extreme numbers: whatever is valid, a log-likelihood of finite input is a number that a
//! density can have, or −∞; never NaN, and never so large that a detector would take overflow for a
//! normal sample.

use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{
    Base, Channel, Domain, Header, Layer, List, Scale, Transformer, encode, encoded_len,
};
use flow_embedded::golden::Words;
use flow_embedded::rand_core::Rng;
use flow_frozen::Entry;

/// Far above what 64 channels and 64 layers of slopes within `f32` come to.
const MOST: f32 = 1e7;

fn below(words: &mut Words, count: usize) -> usize {
    words.next_u32() as usize % count.max(1)
}

/// Numbers of every magnitude, and those at which `f32` ends.
fn extreme(words: &mut Words) -> f32 {
    let size = match below(words, 6) {
        0 => [0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::MAX / 2.0, 1.0][below(words, 6)],
        1 => [80.0, 88.0, 89.0, 104.0, 709.0, 1e4][below(words, 6)],
        _ => 10f32.powi(below(words, 84) as i32 - 45),
    };
    if words.next_u32() & 1 == 0 {
        size
    } else {
        -size
    }
}

fn positive(words: &mut Words) -> f32 {
    extreme(words).abs()
}

/// Puts extremes in place of one of the numbers of a header, its channels and its layers.
fn disturb(
    header: &mut Header<'_>,
    event: &mut [Channel<'_>],
    layers: &mut [Layer<'_>],
    words: &mut Words,
) {
    match below(words, 8) {
        0 => header.log_norm = extreme(words),
        1 => {
            if let Base::StudentT { degrees_of_freedom } = &mut header.base {
                *degrees_of_freedom = positive(words);
            }
        }
        2 => {
            let own = &mut event[below(words, event.len())];
            match below(words, 3) {
                0 => own.mean = extreme(words),
                1 => own.inv_std = positive(words),
                _ => match &mut own.domain {
                    Domain::Positive { low } => *low = extreme(words),
                    Domain::SoftPositive { low, scale } => {
                        *low = extreme(words);
                        *scale = positive(words);
                    }
                    Domain::Bounded { low, high } => {
                        *low = extreme(words);
                        *high = extreme(words);
                    }
                    Domain::HeavyTailed { centre, scale } => {
                        *centre = extreme(words);
                        *scale = positive(words);
                    }
                    Domain::Real | Domain::Circular | Domain::Categorical { .. } => {}
                },
            }
        }
        _ => {
            let transformer = match layers.get_mut(below(words, layers.len())) {
                Some(Layer::Coupling(own)) => &mut own.transformer,
                Some(Layer::Autoregressive(own)) => &mut own.transformer,
                Some(Layer::Convolutional(own)) => &mut own.transformer,
                _ => return,
            };
            match transformer {
                Transformer::Shift => {}
                Transformer::Affine { log_scale_bound } => *log_scale_bound = positive(words),
                Transformer::Spline { bound, .. } => *bound = positive(words),
                Transformer::Scaled {
                    scale:
                        Scale::Exponential { least }
                        | Scale::Softplus { least }
                        | Scale::Sigmoid { least },
                    ..
                } => *least = positive(words),
                Transformer::FlooredSpline(own) => match below(words, 6) {
                    0 => own.bound = positive(words),
                    1 => own.least_size = positive(words),
                    2 => own.least_slope = positive(words),
                    // Without floors slopes underflow, and a density that is divided by one is
                    // infinite.
                    _ => {
                        (own.least_size, own.least_slope) = (0.0, 0.0);
                        own.bound = 10f32.powi(below(words, 14) as i32);
                    }
                },
            }
        }
    }
}

/// The numbers of layers, base and embeddings, without what calibrates.
fn numbers(bytes: &[u8], flow: &LoadedFlow<'_>) -> Vec<f32> {
    let [_, _, header, weights] = bytes[..16].as_chunks::<4>().0 else {
        panic!("no preamble");
    };
    let start = 16 + (u32::from_le_bytes(*header) as usize).next_multiple_of(4);
    let count = u32::from_le_bytes(*weights) as usize;
    let pairs = flow.calibration().map_or(0, |own| own.entries().len());
    let by_context = flow.calibrations_by_context();
    let pairs = pairs
        + by_context
            .map(|(_, own)| own.entries().len())
            .sum::<usize>();
    let calibrating = 2 * pairs + flow.test_thresholds().len() + flow.common_values().len();
    let (weights, _) = bytes[start..start + 4 * count].as_chunks::<4>();
    let weights = weights.iter().map(|own| f32::from_le_bytes(*own));
    weights.take(count - calibrating).collect()
}

/// An artefact with extremes in it, which may be no valid one.
fn disturbed(entry: &Entry, words: &mut Words) -> Vec<u8> {
    let flow = LoadedFlow::from_bytes(entry.artefact()).expect("a frozen artefact");
    let mut weights = numbers(entry.artefact(), &flow);
    let mut header = flow.header().clone();
    header.calibration = None;
    header.sequential = None;
    header.mondrian = None;
    let mut event: Vec<_> = header.event.iter().collect();
    let mut layers: Vec<_> = header.layers.iter().collect();
    if words.next_u32() & 1 == 0 {
        disturb(&mut header, &mut event, &mut layers, words);
    }
    let header = Header {
        event: List::new(&event),
        layers: List::new(&layers),
        ..header
    };
    if !weights.is_empty() {
        for _ in 0..[0, 1, 2, 8, 64][below(words, 5)] {
            let at = below(words, weights.len());
            weights[at] = extreme(words);
        }
    }
    // Neighbours alike: the slopes of a spline, say.
    for _ in 0..below(words, 4) {
        let (at, value) = (below(words, weights.len()), extreme(words));
        let run = weights.iter_mut().skip(at).take(1 + below(words, 24));
        run.for_each(|own| *own = value);
    }
    // Everything times a number makes activations overflow.
    if below(words, 4) == 0 {
        let factor = extreme(words);
        weights.iter_mut().for_each(|own| *own *= factor);
    }
    let length = encoded_len(&header, weights.len()).expect("small");
    let mut buffer = vec![0; length];
    let written = encode(&header, &weights, &mut buffer).expect("room");
    written.to_vec()
}

/// Channels at the places of the distribution, and extremes.
fn draw(entry: &Entry, index: u32, words: &mut Words) -> (Vec<f32>, Vec<f32>) {
    let own = entry.input(index % 400);
    let mut event = own.event;
    let mut context = own.context;
    for x in event.iter_mut().chain(&mut context) {
        if below(words, 3) == 0 {
            *x = extreme(words);
        }
    }
    (event, context)
}

/// Artefacts made of each entry, and events of each artefact.
const ARTEFACTS: usize = 60;
const INPUTS: u32 = 24;

/// Every entry of floats: each family of layers, base and domain, each backend, and `f16`.
#[test]
fn no_density_is_infinite() {
    let entries = flow_frozen::entries().expect("the frozen vectors are readable");
    let (mut valid, mut finite) = (0u32, 0u32);
    for entry in entries.iter().filter(|own| own.is_float()) {
        let words = &mut Words::new(entry.seed() as u32);
        for _ in 0..ARTEFACTS {
            let bytes = disturbed(entry, words);
            let Ok(flow) = LoadedFlow::from_bytes(&bytes) else {
                continue;
            };
            valid += 1;
            let mut scratch = vec![0.0; flow.scratch_len()];
            for index in 0..INPUTS {
                let (event, context) = draw(entry, index, words);
                if !event.iter().chain(&context).all(|x| x.is_finite()) {
                    continue;
                }
                let log_prob = flow.log_prob(&event, &context, &mut scratch);
                let log_prob = log_prob.expect("its shape");
                finite += u32::from(log_prob.is_finite());
                assert!(
                    log_prob <= MOST && !log_prob.is_nan(),
                    "{}: {log_prob} of {event:?} given {context:?} by {:?}",
                    entry.name(),
                    flow.header()
                );
            }
        }
    }
    println!("{valid} valid artefacts, {finite} finite log-likelihoods");
    assert!(valid > 3_000 && finite > 30_000);
}
