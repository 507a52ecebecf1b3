//! Generated noise beside a sensor's own, beside independent noise and a Gaussian autoregression.

use flow_embedded::LoadedFlow;
use flow_tests::noise::{Recorded, measured, synthetic};
use flow_train::evaluate::Source;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

#[test]
fn noise_of_known_parts_is_nearer_than_an_autoregression_of_order_8() {
    for own in synthetic().expect("models of noise") {
        assert!(own.mean.flow < 0.7 * own.mean.autoregression, "{own:?}");
        assert!(own.mean.flow < 2.0 * own.mean.real, "{own:?}");
    }
}

#[test]
fn a_real_sensor_s_noise_is_within_one_and_a_half_times_its_own_spread() {
    let Some(recorded) = Recorded::imu().expect("a recording") else {
        println!("skipped: the shared recording is not there");
        return;
    };
    for own in measured(&recorded).expect("models of noise") {
        assert!(own.worst <= (1.5 * own.mean.real).max(0.05), "{own:?}");
    }
}

/// What a trained model feeds back does not add up, either.
#[test]
fn a_trained_model_stays_for_ten_million_steps_where_the_sensor_was() {
    let mut recorded = Recorded::synthetic(40_000, 7);
    // The one whose slow noise is strongest.
    recorded.channels.drain(..2);
    let model = recorded.train(7).expect("a model of noise");
    let flow = LoadedFlow::from_bytes(&model).expect("a valid artefact");
    let mut source = Source::new(&flow).expect("a model of noise");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut extremes = [[f32::INFINITY, f32::NEG_INFINITY]];
    for _ in 0..10_000_000 {
        let sample = source.next(&mut rng, &[25.0]).expect("its shape");
        for ([low, high], x) in extremes.iter_mut().zip(sample) {
            (*low, *high) = (low.min(*x), high.max(*x));
        }
    }
    for ([low, high], (name, own)) in extremes.into_iter().zip(&recorded.channels) {
        let (least, most) = own
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| {
                (low.min(*x), high.max(*x))
            });
        let room = 0.75 * (most - least);
        println!("{name}: {least} .. {most}, generated {low} .. {high}");
        assert!(
            low > least - room && high < most + room,
            "{name}: {low} .. {high}"
        );
    }
}
