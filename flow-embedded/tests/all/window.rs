//! Features of the past against what their definitions say, over any stream.

use flow_embedded::Digest;
use flow_embedded::window::{Feature, Window};
use proptest::prelude::*;

const CHANNELS: usize = 2;
const DEPTH: usize = 24;
const AVERAGES: usize = 4;

type Own = Window<CHANNELS, DEPTH, AVERAGES>;

/// A feature by its definition, in `f64`, from the samples since the last gap, and for a moving
/// average from all of them with `None` for a missing one.
fn naive(feature: Feature, stream: &[Option<[f32; CHANNELS]>]) -> Option<f64> {
    let channel = usize::from(feature.channel());
    let gap = stream
        .iter()
        .rposition(Option::is_none)
        .map_or(0, |at| at + 1);
    let unbroken = stream[gap..].iter().flatten();
    let back: Vec<f64> = unbroken.rev().map(|x| f64::from(x[channel])).collect();
    let mean = |n: usize| Some(back.get(..n)?.iter().sum::<f64>() / n as f64);
    match feature {
        Feature::Lag { steps, .. } => back.get(usize::from(steps) - 1).copied(),
        Feature::Difference { steps, .. } => Some(back.first()? - back.get(usize::from(steps))?),
        Feature::Mean { steps, .. } => mean(usize::from(steps)),
        Feature::Deviation { steps, .. } => {
            let n = usize::from(steps);
            let mean = mean(n)?;
            let squares = back[..n].iter().map(|x| (x - mean) * (x - mean));
            Some((squares.sum::<f64>() / n as f64).sqrt())
        }
        Feature::Average { shift, .. } => {
            let length = 1u32 << shift;
            let (mut value, mut samples) = (0.0, 0);
            for sample in stream {
                match sample {
                    None => samples = u32::saturating_sub(samples, 1),
                    Some(x) => {
                        samples = (samples + 1).min(length);
                        value += (f64::from(x[channel]) - value) / f64::from(samples);
                    }
                }
            }
            (samples == length).then_some(value)
        }
    }
}

fn any_feature() -> impl Strategy<Value = Feature> {
    let channel = 0..CHANNELS as u8;
    (channel, 0..5u8, 1..DEPTH as u16).prop_map(|(channel, kind, steps)| match kind {
        0 => Feature::Lag { channel, steps },
        1 => Feature::Difference { channel, steps },
        2 => Feature::Mean { channel, steps },
        3 => Feature::Deviation {
            channel,
            steps: steps + 1,
        },
        _ => Feature::Average {
            channel,
            shift: 1 + (steps % 4) as u8,
        },
    })
}

/// Samples around an offset, with a gap here and there.
fn any_stream() -> impl Strategy<Value = Vec<Option<[f32; CHANNELS]>>> {
    let sample = prop::array::uniform2(-10f32..10.0);
    let sample = prop::option::weighted(0.97, sample);
    (prop::collection::vec(sample, 0..120), -100f32..100.0).prop_map(|(stream, offset)| {
        let moved = |sample: Option<[f32; CHANNELS]>| sample.map(|x| x.map(|x| x + offset));
        stream.into_iter().map(moved).collect()
    })
}

fn moving(features: &[Feature]) -> usize {
    features.iter().filter(|own| own.depth() == 0).count()
}

proptest! {
    /// Each feature is there exactly when its definition is, within a few roundings of it. The
    /// stream ends in a run that most features need.
    #[test]
    fn features_are_what_they_are_defined_as(
        features in prop::collection::vec(any_feature(), 1..8),
        stream in any_stream(),
    ) {
        prop_assume!(moving(&features) <= AVERAGES);
        let mut window = Own::new();
        let mut values = vec![0.0; features.len()];
        for at in 0..=stream.len() {
            let expected: Option<Vec<f64>> =
                features.iter().map(|own| naive(*own, &stream[..at])).collect();
            let found = window.features(&features, &mut values);
            prop_assert_eq!(found, expected.is_some(), "at {}", at);
            prop_assert_eq!(found, window.is_primed(&features));
            for (value, expected) in values.iter().zip(expected.iter().flatten()) {
                // Values are at most 110, a difference of two rounded in f32.
                prop_assert!((f64::from(*value) - expected).abs() < 2e-5, "{} {}", value, expected);
            }
            match stream.get(at) {
                Some(Some(sample)) => window.push(&features, sample),
                // A gap is a gap, whoever says so.
                Some(None) if at % 2 == 0 => window.push(&features, &[1.0, f32::NAN]),
                _ => window.missing(),
            }
        }
    }

    /// Nothing panics, and nothing that is not finite comes out, whatever goes in.
    #[test]
    fn any_numbers_and_features_are_survived(
        features in prop::collection::vec(
            (0..4u8, 0..5u8, 0..40u16, any::<u8>()).prop_map(|(channel, kind, steps, shift)| {
                match kind {
                    0 => Feature::Lag { channel, steps },
                    1 => Feature::Difference { channel, steps },
                    2 => Feature::Mean { channel, steps },
                    3 => Feature::Deviation { channel, steps },
                    _ => Feature::Average { channel, shift },
                }
            }),
            0..8,
        ),
        stream in prop::collection::vec(any::<[u32; CHANNELS]>(), 0..60),
    ) {
        let mut window = Own::new();
        let mut values = vec![0.0; features.len()];
        for bits in stream {
            if window.features(&features, &mut values) {
                prop_assert!(Own::fits(&features));
                prop_assert!(values.iter().all(|x| x.is_finite()));
            }
            window.push(&features, &bits.map(f32::from_bits));
        }
    }

    /// A state that outlives a reboot goes on with the same bits.
    #[test]
    fn a_state_survives_the_round_trip(
        features in prop::collection::vec(any_feature(), 1..8),
        stream in any_stream(),
        cut in 0..120usize,
    ) {
        prop_assume!(moving(&features) <= AVERAGES);
        let mut window = Own::new();
        let push = |window: &mut Own, sample: &Option<[f32; CHANNELS]>| match sample {
            Some(sample) => window.push(&features, sample),
            None => window.missing(),
        };
        let (before, after) = stream.split_at(cut.min(stream.len()));
        before.iter().for_each(|sample| push(&mut window, sample));
        let (mut buffer, model) = ([0; Own::BYTES], Digest::new(3));
        let state = window.save(&model, &mut buffer).expect("room as documented");
        let mut other = Own::restore(&model, state).expect("a state");
        prop_assert_eq!(&other, &window);
        for sample in after {
            push(&mut window, sample);
            push(&mut other, sample);
            prop_assert_eq!(&other, &window);
        }
    }
}

/// Ten million samples of a slow wave on a large offset: rounding must not add up.
#[test]
fn ten_million_samples_leave_no_trace_of_rounding() {
    const FEATURES: [Feature; 4] = [
        Feature::Mean {
            channel: 0,
            steps: 16,
        },
        Feature::Deviation {
            channel: 0,
            steps: 16,
        },
        Feature::Average {
            channel: 0,
            shift: 4,
        },
        Feature::Average {
            channel: 0,
            shift: 16,
        },
    ];
    let mut window = Window::<1, 16, 2>::new();
    let mut recent = [0.0f64; 16];
    let (mut fast, mut slow) = (0.0f64, 0.0f64);
    let mut seed = 1u32;
    for t in 0..10_000_000u32 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (seed >> 8) as f32 / (1 << 24) as f32 - 0.5;
        // Triangle of a million samples, so that the slow average always moves a little.
        let phase = (t % 1_000_000) as f32 / 1e6;
        let x = 1000.0 + (phase - 0.5).abs() + noise;
        window.push(&FEATURES, &[x]);
        let wide = f64::from(x);
        recent[(t % 16) as usize] = wide;
        fast += (wide - fast) / f64::from((t + 1).min(16));
        slow += (wide - slow) / f64::from((t + 1).min(65_536));
    }
    let mut values = [0.0; 4];
    assert!(window.features(&FEATURES, &mut values));
    let mean = recent.iter().sum::<f64>() / 16.0;
    let variance = recent.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 16.0;
    // Half a unit in the last place of 1000 is 3e-5.
    for (value, expected, bound) in [
        (values[0], mean, 4e-5),
        (values[1], variance.sqrt(), 1e-6),
        (values[2], fast, 4e-5),
        (values[3], slow, 4e-5),
    ] {
        let error = (f64::from(value) - expected).abs();
        assert!(error < bound, "{value} is off by {error}");
    }
}

#[test]
fn the_context_is_the_past_and_then_what_is_given() {
    let features = [Feature::Difference {
        channel: 0,
        steps: 1,
    }];
    let mut window = Window::<1, 2>::new();
    window.push(&features, &[1.0]);
    assert_eq!(window.context::<2>(&features, &[7.0]), None);
    window.push(&features, &[4.0]);
    assert_eq!(window.context(&features, &[7.0]), Some([3.0, 7.0]));
    assert_eq!(window.context::<1>(&features, &[7.0]), None);
    assert_eq!(window.context::<3>(&features, &[7.0]), None);
    // A distance beyond f32 is no feature.
    window.push(&features, &[f32::MAX]);
    window.push(&features, &[f32::MIN]);
    assert!(window.is_primed(&features));
    assert_eq!(window.context::<1>(&features, &[]), None);
    window.reset();
    assert_eq!(window, Window::new());
}

proptest! {
    /// Filled with a sample, a window is what a stream of it leads to, and goes on alike.
    #[test]
    fn a_filled_window_is_that_of_a_constant_stream(
        features in prop::collection::vec(any_feature(), 1..5), x in -1e6f32..1e6, y in -3f32..3.0, next in -1e6f32..1e6,
    ) {
        prop_assume!(Own::fits(&features));
        let mut filled = Own::filled(&features, &[x, y]);
        let longest = features.iter().map(|own| own.warm_up()).max().unwrap_or(0);
        let mut pushed = Own::new();
        for _ in 0..longest.max(DEPTH) {
            pushed.push(&features, &[x, y]);
        }
        for sample in [[next, y], [x, next], [next, next]] {
            let (mut own, mut other) = ([0.0; 5], [0.0; 5]);
            prop_assert!(filled.features(&features, &mut own[..features.len()]));
            prop_assert!(pushed.features(&features, &mut other[..features.len()]));
            prop_assert_eq!(own, other);
            filled.push(&features, &sample);
            pushed.push(&features, &sample);
        }
    }
}
