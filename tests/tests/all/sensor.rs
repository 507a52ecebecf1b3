//! The synthetic sensor has the noise that it says it has.

use flow_tests::sensor::{Channel, record};
use flow_train::noise::allan_deviation;

const RATE: f64 = 100.0;

fn segments(series: &[f32]) -> Vec<Vec<f64>> {
    vec![series.iter().copied().map(f64::from).collect()]
}

#[test]
fn the_allan_deviation_is_that_of_the_parts() {
    let steady = [Channel::GYROSCOPE, Channel::ACCELEROMETER, Channel::SLOW]
        .map(|own| Channel { growth: 0.0, ..own });
    let recording = record(&steady, RATE, 400_000, 100.0, 1);
    for (channel, series) in steady.iter().zip(&recording.channels) {
        let points = allan_deviation(&segments(series), RATE, 1, 0.95).expect("noise");
        // Rounding adds the variance of a uniform step, which is white next to noise of a step or more.
        let rounding = channel.step.powi(2) / 12.0 / RATE;
        for point in points
            .iter()
            .filter(|point| point.degrees_of_freedom > 20.0)
        {
            let expected =
                (channel.allan_deviation(point.tau).powi(2) + rounding / point.tau).sqrt();
            let error = 1.0 / (2.0 * point.degrees_of_freedom).sqrt();
            // The shortest octaves of the flicker noise are cut off at half a sample.
            let off = (point.deviation / expected - 1.0).abs();
            assert!(
                off < 4.0 * error + 0.03,
                "{expected} at {point:?} of {channel:?}"
            );
        }
    }
}

#[test]
fn the_variance_goes_with_the_temperature_and_values_are_on_the_grid() {
    let channel = Channel::GYROSCOPE;
    let recording = record(&[channel], RATE, 200_000, 100.0, 2);
    let series = &recording.channels[0];
    let deviation = |celsius: std::ops::Range<f32>| {
        // Differences of neighbours leave the slow noise out.
        let pairs = series.windows(2).zip(&recording.temperature);
        let own = pairs.filter(|(_, own)| celsius.contains(*own));
        let squares: Vec<f64> = own
            .map(|(pair, _)| f64::from(pair[1] - pair[0]).powi(2))
            .collect();
        (squares.iter().sum::<f64>() / squares.len() as f64 / 2.0).sqrt()
    };
    let (cold, hot) = (deviation(10.0..11.0), deviation(39.0..40.0));
    // 1 + 0.02 · 15 over 1 − 0.02 · 15, less what rounding adds to both: 1.8.
    assert!((hot / cold - 1.83).abs() < 0.08, "{}", hot / cold);
    for value in series {
        let steps = f64::from(*value) / channel.step;
        assert!((steps - steps.round()).abs() < 1e-3, "{value}");
    }
}

#[test]
fn a_seed_gives_one_recording() {
    let channels = [Channel::ACCELEROMETER, Channel::SLOW];
    let own = |seed| record(&channels, RATE, 100, 100.0, seed);
    assert_eq!(own(3), own(3));
    assert_ne!(own(3).channels, own(4).channels);
}
