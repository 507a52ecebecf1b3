//! Many rows at once against the loader, one row after the other: the same bits.

use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{Channel, Channels};
use flow_embedded::math::Backend;
use flow_tests::drafts::{Kind, draft, outside, rng, table, uniform, within};
use flow_train::evaluate::BatchFlow;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use rayon::ThreadPoolBuilder;

/// Rows of each flow: not a whole number of chunks.
const ROWS: usize = 3_003;

/// Each flow of the table, with each backend.
fn flows(test: impl Fn(&str, &Kind, &LoadedFlow<'_>)) {
    for (name, kind) in table() {
        for math in [Backend::Polynomial, Backend::Libm, Backend::Micromath] {
            let kind = Kind {
                math,
                ..kind.clone()
            };
            let bytes = draft(&kind, 31).encode().expect(name);
            let flow = LoadedFlow::from_bytes(&bytes).expect(name);
            test(&format!("{name}, {}", math.name()), &kind, &flow);
        }
    }
}

/// A value of some kind: usual ones, and those at and beyond the ends of all ranges.
fn value(channel: &Channel<'_>, rng: &mut ChaCha8Rng) -> f32 {
    const EXTREMES: [f32; 12] = [
        0.0,
        -0.0,
        1e-40,
        f32::MIN_POSITIVE,
        1e4,
        -1e10,
        1e30,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    let pick = rng.next_u32() as usize;
    match pick % 64 {
        0 => EXTREMES[pick / 64 % EXTREMES.len()],
        1 => {
            let outside = outside(channel.domain);
            *outside
                .get(pick / 64 % outside.len().max(1))
                .unwrap_or(&1e6)
        }
        2..8 => within(channel.domain, uniform(rng), 1e3),
        _ => {
            // Where the flow's mass is.
            let standard = 3.0 * uniform(rng) / channel.inv_std + channel.mean;
            match outside(channel.domain).is_empty() {
                true => standard,
                false => within(channel.domain, uniform(rng), 10.0),
            }
        }
    }
}

fn rows(channels: Channels<'_>, count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count)
        .flat_map(|_| channels.iter().map(|c| value(&c, rng)).collect::<Vec<_>>())
        .collect()
}

/// Row `row` of a row-major table.
fn row(values: &[f32], row: usize, channels: usize) -> &[f32] {
    &values[row * channels..][..channels]
}

/// The same bits; one NaN is as good as another.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Runs with so many threads.
fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads").install(work)
}

#[test]
fn log_likelihoods_are_those_of_the_loader() {
    flows(|name, kind, flow| {
        let rng = &mut rng(1);
        let events = rows(flow.header().event, ROWS, rng);
        let contexts = rows(flow.header().context, ROWS, rng);
        let mut scratch = vec![0.0; flow.scratch_len()];
        let expected: Vec<f32> = (0..ROWS)
            .map(|index| {
                let (event, context) = (
                    row(&events, index, kind.event),
                    row(&contexts, index, kind.context),
                );
                flow.log_prob(event, context, &mut scratch).expect(name)
            })
            .collect();
        let finite = expected.iter().filter(|log_prob| log_prob.is_finite());
        assert!(finite.count() > ROWS / 2, "{name}: most rows are usual");
        for special in [f32::is_nan, |log_prob| log_prob == f32::NEG_INFINITY] {
            assert!(expected.iter().any(|log_prob| special(*log_prob)), "{name}");
        }
        for threads in [1, 3] {
            let mut found = vec![0.0; ROWS];
            let batch = BatchFlow::new(flow);
            with_threads(threads, || batch.log_prob(&events, &contexts, &mut found));
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(
                    same(*found, *expected),
                    "{name}, row {index}, {:?} given {:?}: {found:e} against {expected:e}",
                    row(&events, index, kind.event),
                    row(&contexts, index, kind.context)
                );
            }
        }
    });
}

#[test]
fn samples_are_those_of_the_loader() {
    flows(|name, kind, flow| {
        let contexts = rows(flow.header().context, ROWS, &mut rng(2));
        let mut scratch = vec![0.0; flow.scratch_len()];
        let generator = &mut rng(3);
        let mut expected = vec![0.0; ROWS * kind.event];
        for (index, event) in expected.chunks_exact_mut(kind.event).enumerate() {
            let context = row(&contexts, index, kind.context);
            flow.sample(generator, context, event, &mut scratch)
                .expect(name);
        }
        let after = generator.next_u32();
        for threads in [1, 3] {
            let mut found = vec![0.0; ROWS * kind.event];
            let batch = BatchFlow::new(flow);
            let mut generator = rng(3);
            with_threads(threads, || {
                batch.sample(&mut generator, &contexts, &mut found);
            });
            assert_eq!(generator.next_u32(), after, "{name}: numbers drawn");
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let (row, channel) = (index / kind.event, index % kind.event);
                assert!(
                    same(*found, *expected),
                    "{name}, row {row}, channel {channel}: {found:e} against {expected:e}"
                );
            }
        }
    });
}

/// A row's answer is its own: not that of its place, nor of its neighbours.
#[test]
fn few_rows_and_many_give_the_same() {
    flows(|name, kind, flow| {
        let rng = &mut rng(4);
        let events = rows(flow.header().event, 200, rng);
        let contexts = rows(flow.header().context, 200, rng);
        let batch = BatchFlow::new(flow);
        let mut all = vec![0.0; 200];
        batch.log_prob(&events, &contexts, &mut all);
        for (first, count) in [(0, 0), (0, 1), (7, 1), (130, 17), (72, 128)] {
            let of = |values: &[f32], channels: usize| {
                values[first * channels..(first + count) * channels].to_vec()
            };
            let mut some = vec![0.0; count];
            batch.log_prob(
                &of(&events, kind.event),
                &of(&contexts, kind.context),
                &mut some,
            );
            let expected = &all[first..first + count];
            assert!(
                some.iter().zip(expected).all(|(a, b)| same(*a, *b)),
                "{name}: {count} rows from {first}"
            );
        }
    });
}
