//! Saved states: every kind of them under the same laws.

use flow_embedded::artefact::COMMON_VALUES;
use flow_embedded::detect::adaptive::{AdaptiveDetector, Bounds, Recalibrator};
use flow_embedded::detect::evidence::{Bet, EvidenceTable, SequentialTest};
use flow_embedded::detect::{Calibrated, Sequential, StreamDetector};
use flow_embedded::golden::Words;
use flow_embedded::math::{Backend, Polynomial};
use flow_embedded::noise::Noise;
use flow_embedded::rand_core::Rng;
use flow_embedded::state::{FORMAT, Kind, OVERHEAD};
use flow_embedded::window::{Feature, Window, Windowed};
use flow_embedded::{Density, Digest, Identified, Latents, NoiseSource, Sampler, StateError, base};
use proptest::prelude::*;
use std::fmt::Debug;

/// A standard normal channel around a tenth of its past, with all that detectors and sources take.
#[derive(Clone, Copy, Debug)]
struct Model(u32);

impl Identified for Model {
    fn digest(&self) -> Digest {
        Digest::new(self.0)
    }
}

impl Density<1, 2> for Model {
    fn log_prob(&self, event: &[f32; 1], context: &[f32; 2]) -> f32 {
        self.log_prob_and_latents(event, context, &mut [0.0])
    }
}

impl Latents<1, 2> for Model {
    fn log_prob_and_latents(&self, [x]: &[f32; 1], [lag, _]: &[f32; 2], z: &mut [f32; 1]) -> f32 {
        *z = [x - 0.1 * lag];
        -0.918_938_5 - 0.5 * z[0] * z[0]
    }
}

impl Sampler<1, 2> for Model {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R, [lag, average]: &[f32; 2]) -> [f32; 1] {
        [0.1 * (lag + average) + base::normal::<Polynomial, _>(rng)]
    }
}

impl Windowed<1, 2, 3, 1> for Model {
    const FEATURES: [Feature; 2] = [
        Feature::Lag {
            channel: 0,
            steps: 3,
        },
        Feature::Average {
            channel: 0,
            shift: 2,
        },
    ];
}

impl Noise<1, 2> for Model {
    const START: &'static [f32; 1] = &[0.25];
    const RANGES: &'static [[f32; 2]; 2] = &[[-3.0, 3.0]; 2];
}

impl Calibrated for Model {
    fn alpha(&self) -> f32 {
        0.1
    }

    fn p_value(&self, log_prob: f32) -> f32 {
        flow_embedded::detect::p_value(&[(-4.3, 0.01), (-2.2, 0.1)], log_prob)
    }
}

const BETS: [Bet; 3] = [
    Bet::level(0, 0, 40),
    Bet::level(1, 1, 40),
    Bet::repeat(1, 2, 40),
];
const TABLE: EvidenceTable<'static> = EvidenceTable::new(
    2,
    &[-3.0, -1.5, -1.0, 1.0],
    &[5, 2, -2, 0, -2, 1, 3, 0, 4, 4, 4, -3],
    &BETS,
);

impl Sequential<1, 2, 3> for Model {
    const EVIDENCE: EvidenceTable<'static> = TABLE;
    const COMMON: &'static [[f32; COMMON_VALUES]; 1] = &[[-1.0, -0.5, 0.0, 0.5, 1.0]];
    const RUN_LENGTH: f32 = 1000.0;
}

const BOUNDS: Bounds = Bounds {
    shift: 3.0,
    steps: 50,
    rest: 3,
};

const MODEL: Model = Model(0x1234_5678);

/// What has a state that is saved.
trait Stateful: Debug + Sized {
    const KIND: Kind;
    const BYTES: usize;

    fn new(model: Model) -> Self;
    fn save<'b>(&self, model: Model, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError>;
    fn restore(model: Model, bytes: &[u8]) -> Result<Self, StateError>;
    /// Takes a sample; the bits of all that follows from it.
    fn step(&mut self, x: f32) -> Vec<u32>;
}

impl Stateful for Window<1, 3, 1> {
    const KIND: Kind = Kind::Window;
    const BYTES: usize = Self::BYTES;

    fn new(_: Model) -> Self {
        Self::new()
    }

    fn save<'b>(&self, model: Model, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        self.save(&model, buffer)
    }

    fn restore(model: Model, bytes: &[u8]) -> Result<Self, StateError> {
        Self::restore(&model, bytes)
    }

    fn step(&mut self, x: f32) -> Vec<u32> {
        let mut past = [0.0; 2];
        let ready = self.features(&Model::FEATURES, &mut past);
        self.push(&Model::FEATURES, &[x]);
        match ready {
            true => past.map(f32::to_bits).to_vec(),
            false => Vec::new(),
        }
    }
}

impl Stateful for NoiseSource<Model, 1, 3, 1> {
    const KIND: Kind = Kind::Noise;
    const BYTES: usize = Self::BYTES;

    fn new(model: Model) -> Self {
        Self::new(model)
    }

    fn save<'b>(&self, _: Model, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        self.save(buffer)
    }

    fn restore(model: Model, bytes: &[u8]) -> Result<Self, StateError> {
        Self::restore(model, bytes)
    }

    fn step(&mut self, x: f32) -> Vec<u32> {
        let mut words = Words::new(x.to_bits());
        self.next(&mut words, &[]).map(f32::to_bits).to_vec()
    }
}

impl Stateful for SequentialTest<2, 3> {
    const KIND: Kind = Kind::Test;
    const BYTES: usize = Self::BYTES;

    fn new(_: Model) -> Self {
        Self::new()
    }

    fn save<'b>(&self, model: Model, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        self.save(&model, buffer)
    }

    fn restore(model: Model, bytes: &[u8]) -> Result<Self, StateError> {
        Self::restore(&model, &TABLE, bytes)
    }

    fn step(&mut self, x: f32) -> Vec<u32> {
        let evidence = self.observe(&TABLE, &[-0.9 - 0.5 * x * x, x]);
        let levels = evidence.levels.map(f32::to_bits);
        [&levels[..], &[evidence.alarm.into(), evidence.age.into()]].concat()
    }
}

impl Stateful for StreamDetector<Model, 2, 3> {
    const KIND: Kind = Kind::Stream;
    const BYTES: usize = Self::BYTES;

    fn new(model: Model) -> Self {
        Self::new(model)
    }

    fn save<'b>(&self, _: Model, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        self.save(buffer)
    }

    fn restore(model: Model, bytes: &[u8]) -> Result<Self, StateError> {
        Self::restore(model, bytes)
    }

    fn step(&mut self, x: f32) -> Vec<u32> {
        let verdict = self.observe(&[x], &[0.0; 2]).expect("finite");
        let (evidence, log_prob) = (verdict.evidence.to_bits(), verdict.log_prob.to_bits());
        vec![evidence, log_prob, verdict.alarm.into()]
    }
}

impl Stateful for Recalibrator {
    const KIND: Kind = Kind::Recalibrator;
    const BYTES: usize = Self::BYTES;

    fn new(model: Model) -> Self {
        Self::new(BOUNDS, model.alpha())
    }

    fn save<'b>(&self, model: Model, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        self.save(&model, buffer)
    }

    fn restore(model: Model, bytes: &[u8]) -> Result<Self, StateError> {
        Self::restore(&model, BOUNDS, model.alpha(), bytes)
    }

    fn step(&mut self, x: f32) -> Vec<u32> {
        self.count(x.abs() > 1.5);
        vec![self.raised().to_bits()]
    }
}

impl Stateful for AdaptiveDetector<Model> {
    const KIND: Kind = Kind::Adaptive;
    const BYTES: usize = Self::BYTES;

    fn new(model: Model) -> Self {
        Self::new(model, BOUNDS)
    }

    fn save<'b>(&self, _: Model, buffer: &'b mut [u8]) -> Result<&'b [u8], StateError> {
        self.save(buffer)
    }

    fn restore(model: Model, bytes: &[u8]) -> Result<Self, StateError> {
        Self::restore(model, BOUNDS, bytes)
    }

    fn step(&mut self, x: f32) -> Vec<u32> {
        let verdict = self.observe(&[x], &[0.0; 2]).expect("finite");
        let raised = self.raised().to_bits();
        vec![verdict.p_value.to_bits(), verdict.alarm.into(), raised]
    }
}

fn saved<T: Stateful>(own: &T, model: Model) -> Vec<u8> {
    let mut buffer = vec![0; T::BYTES];
    let length = own.save(model, &mut buffer).expect("room").len();
    assert_eq!(length, T::BYTES);
    buffer
}

/// The state after a stream with outliers, so that none of its parts is at rest.
fn state<T: Stateful>(model: Model, samples: usize) -> Vec<u8> {
    let mut own = T::new(model);
    for time in 0..samples {
        own.step(2.2 * (1.7 * time as f32).sin());
    }
    saved(&own, model)
}

fn refusal<T: Stateful>(model: Model, bytes: &[u8]) -> Option<StateError> {
    T::restore(model, bytes).err()
}

/// CRC-32 by its definition, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }
    !crc
}

/// The bytes with the checksum that they should have.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 4;
    let checksum = crc32(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// One test for each kind, by the name of the law.
macro_rules! laws {
    ($($law:ident)*) => {$(
        mod $law {
            use super::*;

            #[test]
            fn of_windows() {
                super::super::$law::<Window<1, 3, 1>>();
            }

            #[test]
            fn of_noise_sources() {
                super::super::$law::<NoiseSource<Model, 1, 3, 1>>();
            }

            #[test]
            fn of_sequential_tests() {
                super::super::$law::<SequentialTest<2, 3>>();
            }

            #[test]
            fn of_stream_detectors() {
                super::super::$law::<StreamDetector<Model, 2, 3>>();
            }

            #[test]
            fn of_recalibrators() {
                super::super::$law::<Recalibrator>();
            }

            #[test]
            fn of_adaptive_detectors() {
                super::super::$law::<AdaptiveDetector<Model>>();
            }
        }
    )*};
}

mod every_kind {
    use super::*;

    laws! {
        every_flipped_bit_is_refused
        the_frame_is_as_documented
        other_models_and_kinds_are_refused
        cut_and_extended_states_are_refused
        an_unfinished_write_is_refused
        states_of_earlier_releases_have_no_format
        a_restored_state_goes_on_bit_for_bit
        any_bytes_are_refused_or_sound
    }
}

fn every_flipped_bit_is_refused<T: Stateful>() {
    for samples in [0, 1, 7, 40] {
        let sound = state::<T>(MODEL, samples);
        // A source starts with a past; a window without one is restored as such.
        assert_eq!(refusal::<T>(MODEL, &sound), None);
        for bit in 0..8 * sound.len() {
            let mut damaged = sound.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let refused = refusal::<T>(MODEL, &damaged);
            let expected = match bit {
                0..8 => StateError::Format { found: damaged[0] },
                _ => StateError::Checksum,
            };
            assert_eq!(refused, Some(expected), "bit {bit} of {:?}", T::KIND);
        }
    }
}

fn the_frame_is_as_documented<T: Stateful>() {
    let bytes = state::<T>(MODEL, 9);
    let content = bytes.len() - OVERHEAD;
    assert_eq!([bytes[0], bytes[1]], [FORMAT, T::KIND as u8]);
    assert_eq!(bytes[6..10], (content as u32).to_le_bytes());
    assert_eq!(sealed(bytes.clone()), bytes);
    // The digest is the model's, and for some kinds what else the state depends on.
    let other = state::<T>(Model(1), 9);
    let differs: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at] != other[*at])
        .collect();
    let in_digest = |at: &usize| (2..6).contains(at) || *at >= bytes.len() - 4;
    assert!(!differs.is_empty() && differs.iter().all(in_digest));
    // The buffer says what it lacks, and stays as it is; what is behind the state stays, too.
    let own = T::restore(MODEL, &bytes).expect("its own state");
    let mut short = vec![7; T::BYTES - 1];
    let refused = own.save(MODEL, &mut short);
    let (needed, found) = (T::BYTES, T::BYTES - 1);
    assert_eq!(refused, Err(StateError::BufferTooShort { needed, found }));
    assert_eq!(short, vec![7; T::BYTES - 1]);
    let mut long = vec![7; T::BYTES + 3];
    assert_eq!(own.save(MODEL, &mut long), Ok(&bytes[..]));
    assert_eq!(long[T::BYTES..], [7; 3]);
}

fn other_models_and_kinds_are_refused<T: Stateful>() {
    let sound = state::<T>(MODEL, 20);
    let bits = (0..32).map(|bit| Model(MODEL.0 ^ 1 << bit));
    for other in bits.chain([Model(0), Model(!MODEL.0)]) {
        assert_eq!(refusal::<T>(other, &sound), Some(StateError::Model));
        let theirs = state::<T>(other, 20);
        assert_eq!(refusal::<T>(MODEL, &theirs), Some(StateError::Model));
    }
    let (expected, others) = (T::KIND, Kind::ALL.into_iter().filter(|own| *own != T::KIND));
    let others: Vec<u8> = others.map(|own| own as u8).chain([0, 7, 255]).collect();
    for found in others {
        let mut other = sound.clone();
        other[1] = found;
        let refused = refusal::<T>(MODEL, &sealed(other));
        assert_eq!(refused, Some(StateError::Kind { expected, found }));
    }
    // A later format may have another frame.
    let mut later = sound;
    later[0] += 1;
    let found = later[0];
    let refused = refusal::<T>(MODEL, &sealed(later));
    assert_eq!(refused, Some(StateError::Format { found }));
}

fn cut_and_extended_states_are_refused<T: Stateful>() {
    let sound = state::<T>(MODEL, 20);
    for length in 0..sound.len() {
        let (needed, found) = (T::BYTES, length);
        let refused = refusal::<T>(MODEL, &sound[..length]);
        assert_eq!(refused, Some(StateError::Length { needed, found }));
        assert!(refusal::<T>(MODEL, &sound[sound.len() - length..]).is_some());
    }
    for extra in 1..40 {
        for fill in [0, 0xff, FORMAT] {
            let longer = [&sound[..], &vec![fill; extra]].concat();
            let (needed, found) = (T::BYTES, longer.len());
            let refused = refusal::<T>(MODEL, &longer);
            assert_eq!(refused, Some(StateError::Length { needed, found }));
        }
    }
    // A whole frame with another length than this kind has.
    for content in [0, 1, T::BYTES - OVERHEAD - 1, T::BYTES - OVERHEAD + 1] {
        let mut other = sound[..10].to_vec();
        other[6..10].copy_from_slice(&(content as u32).to_le_bytes());
        other.resize(content + OVERHEAD, 0);
        let (needed, found) = (T::BYTES, other.len());
        let refused = refusal::<T>(MODEL, &sealed(other));
        assert_eq!(refused, Some(StateError::Length { needed, found }));
    }
}

/// Power is lost after any number of bytes: behind them lies the state before, erased memory, or
/// cleared memory.
fn an_unfinished_write_is_refused<T: Stateful>() {
    let new = state::<T>(MODEL, 40);
    let before = [
        state::<T>(MODEL, 23),
        state::<T>(Model(9), 40),
        vec![0xff; new.len()],
        vec![0; new.len()],
    ];
    let mut unfinished = 0;
    for before in &before {
        assert_ne!(*before, new);
        for written in 0..new.len() {
            let memory = [&new[..written], &before[written..]].concat();
            if memory != new && memory != *before {
                let refused = refusal::<T>(MODEL, &memory);
                assert_eq!(refused, Some(StateError::Checksum), "{written} bytes");
                unfinished += 1;
            }
        }
    }
    assert!(unfinished > new.len());
}

/// States were content alone.
fn states_of_earlier_releases_have_no_format<T: Stateful>() {
    for samples in [0, 1, 2, 3, 20] {
        let sound = state::<T>(MODEL, samples);
        let content = &sound[10..sound.len() - 4];
        let found = content[0];
        assert_eq!(
            refusal::<T>(MODEL, content),
            Some(StateError::Format { found })
        );
    }
    for erased in [0u8, 0xff] {
        let refused = refusal::<T>(MODEL, &vec![erased; T::BYTES]);
        assert_eq!(refused, Some(StateError::Format { found: erased }));
    }
}

fn a_restored_state_goes_on_bit_for_bit<T: Stateful>() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let stream = (
        prop::collection::vec(-3f32..3.0, 0..60),
        0..60usize,
        any::<u32>(),
    );
    let law = |(samples, reboot, digest): (Vec<f32>, usize, u32)| {
        let model = Model(digest);
        let (mut straight, mut rebooted) = (T::new(model), T::new(model));
        for (time, x) in samples.iter().enumerate() {
            if time == reboot {
                let bytes = saved(&rebooted, model);
                rebooted = T::restore(model, &bytes).expect("its own state");
                prop_assert_eq!(saved(&rebooted, model), bytes);
            }
            prop_assert_eq!(straight.step(*x), rebooted.step(*x));
            prop_assert_eq!(saved(&straight, model), saved(&rebooted, model));
        }
        Ok(())
    };
    runner.run(&stream, law).expect("the law");
}

/// Nothing panics; and what is accepted goes on, and is saved as it was. Frames with a right
/// checksum around any content try the checks behind it.
fn any_bytes_are_refused_or_sound<T: Stateful>() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let byte = || prop_oneof![Just(0u8), 0u8..3, 0u8..60, any::<u8>()];
    let bytes = (prop::collection::vec(byte(), 0..80), any::<bool>());
    let frame = state::<T>(MODEL, 5);
    let law = |(bytes, framed): (Vec<u8>, bool)| {
        let mut bytes = bytes;
        if framed {
            let mut own = frame.clone();
            let content = 10..own.len() - 4;
            own[content]
                .iter_mut()
                .zip(&bytes)
                .for_each(|(own, byte)| *own = *byte);
            bytes = sealed(own);
        }
        match T::restore(MODEL, &bytes) {
            Ok(mut own) => {
                prop_assert!(framed);
                prop_assert_eq!(saved(&own, MODEL), bytes);
                for x in [0.3, -2.0, 5.0, 0.0] {
                    own.step(x);
                }
                let after = saved(&own, MODEL);
                prop_assert!(T::restore(MODEL, &after).is_ok());
            }
            Err(error) if framed => prop_assert_eq!(error, StateError::Impossible),
            Err(_) => {}
        }
        Ok(())
    };
    runner.run(&bytes, law).expect("the law");
}

#[test]
fn other_bounds_and_other_rates_are_refused() {
    let bytes = state::<Recalibrator>(MODEL, 30);
    let detector = state::<AdaptiveDetector<Model>>(MODEL, 30);
    let Bounds { shift, steps, rest } = BOUNDS;
    for bounds in [
        Bounds {
            shift: -shift,
            ..BOUNDS
        },
        Bounds {
            shift: shift.next_up(),
            ..BOUNDS
        },
        Bounds {
            steps: steps + 1,
            ..BOUNDS
        },
        Bounds {
            rest: rest + 1,
            ..BOUNDS
        },
        Bounds {
            steps: rest,
            rest: steps,
            ..BOUNDS
        },
    ] {
        let own = Recalibrator::restore(&MODEL, bounds, 0.1, &bytes);
        assert_eq!(own, Err(StateError::Model), "{bounds:?}");
        let own = AdaptiveDetector::restore(MODEL, bounds, &detector).err();
        assert_eq!(own, Some(StateError::Model), "{bounds:?}");
    }
    let own = Recalibrator::restore(&MODEL, BOUNDS, 0.05, &bytes);
    assert_eq!(own, Err(StateError::Model));
}

/// Windows and tests of as many bytes.
#[test]
fn other_sizes_are_refused() {
    let mut buffer = [0; 100];
    let two = Window::<2, 3>::new();
    let bytes = two.save(&MODEL, &mut buffer).expect("room");
    assert_eq!(Window::<2, 3>::restore(&MODEL, bytes), Ok(two));
    let refused = Window::<3, 2>::restore(&MODEL, bytes);
    assert_eq!(refused, Err(StateError::Model));
    let refused = Window::<3, 1, 1>::restore(&MODEL, bytes);
    assert_eq!(refused, Err(StateError::Model));
    let test = SequentialTest::<2, 3>::new();
    let bytes = test.save(&MODEL, &mut buffer).expect("room");
    let refused = SequentialTest::<4, 2>::restore(&MODEL, &TABLE, bytes);
    assert_eq!(refused, Err(StateError::Model));
}

#[test]
fn a_source_without_a_past_is_impossible() {
    let mut bytes = saved(&Window::<1, 3, 1>::new(), MODEL);
    bytes[1] = Kind::Noise as u8;
    let refused = refusal::<NoiseSource<Model, 1, 3, 1>>(MODEL, &sealed(bytes));
    assert_eq!(refused, Some(StateError::Impossible));
}

/// Whatever else of a model differs is for its artefact's checksum to show; this is about what is
/// mixed in on the chip.
#[test]
fn digests_through_other_functions_differ() {
    let own = Digest::new(5);
    let through = [Backend::Polynomial, Backend::Libm, Backend::Micromath];
    let all = through.map(|math| own.through(math));
    assert!(all.iter().all(|digest| *digest != own));
    assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
    assert_ne!(Digest::new(6).through(Backend::Libm), all[1]);
}

#[test]
fn every_error_is_a_sentence_of_its_own() {
    let (needed, found) = (20, 6);
    let errors = [
        StateError::BufferTooShort { needed, found },
        StateError::Format { found: 3 },
        StateError::Length { needed, found },
        StateError::Checksum,
        StateError::Kind {
            expected: Kind::Stream,
            found: Kind::Window as u8,
        },
        StateError::Kind {
            expected: Kind::Stream,
            found: 77,
        },
        StateError::Model,
        StateError::Impossible,
    ];
    let sentences = errors.map(|error| error.to_string());
    for (index, sentence) in sentences.iter().enumerate() {
        assert!(
            sentence.len() > 40 && !sentences[..index].contains(sentence),
            "{sentence}"
        );
    }
    assert_eq!(
        sentences[4],
        "the saved state is of a Window, not of a StreamDetector: restore what was saved"
    );
    assert_eq!(
        sentences[1],
        "the bytes are no saved state of format 0xa1 (the first is 0x03): they are of another release, or nothing \
         was saved; start anew"
    );
}
