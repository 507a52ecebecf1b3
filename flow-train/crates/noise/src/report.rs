//! One recording, or two beside each other, in numbers.

use super::{
    AllanError, AllanPoint, Coefficients, Peak, Signal, allan_deviation, autocorrelation,
    block_length, coefficients, cross_correlation, power_spectral_density, quantiles,
};
use serde::Serialize;

/// Averaging times in each factor of two.
const PER_OCTAVE: usize = 4;

/// The noise of one recording, or of a real one and a generated one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoiseReport {
    /// Samples each second.
    pub rate: f64,
    /// With which probability intervals hold.
    pub confidence: f64,
    /// The recordings, one or two.
    pub recordings: Vec<Summary>,
    /// The channels.
    pub channels: Vec<ChannelReport>,
    /// For each pair of channels, the strongest correlation in each recording.
    pub correlations: Vec<PairReport>,
}

/// What a recording is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// How it is called.
    pub name: String,
    /// Samples of each channel.
    pub rows: usize,
    /// Samples of the longest stretch without a gap.
    pub longest: usize,
}

/// One channel in each recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelReport {
    /// Its name.
    pub name: String,
    /// Its unit; empty if it is not known.
    pub unit: String,
    /// Its noise in each recording.
    pub noise: Vec<ChannelNoise>,
    /// The root mean square of log10 of the ratio of the two Allan deviations: see [`allan_error`].
    pub allan_error: Option<f64>,
}

/// The noise of a channel in one recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelNoise {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// The Allan deviation.
    pub allan: Vec<AllanPoint>,
    /// What is read off it.
    pub coefficients: Coefficients,
    /// Frequencies in Hz and densities in u²/Hz.
    pub spectrum: Vec<(f64, f64)>,
    /// Normal scores and quantiles.
    pub quantiles: Vec<(f64, f64)>,
    /// Lags in samples and coefficients.
    pub autocorrelation: Vec<(usize, f64)>,
}

/// Two channels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairReport {
    /// The first.
    pub first: String,
    /// The second.
    pub second: String,
    /// Their strongest correlation in each recording.
    pub peaks: Vec<Peak>,
}

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("column `{column}`: {fault}")]
pub struct NoiseError {
    /// The recording at fault, by its number.
    pub recording: usize,
    /// The channel.
    pub column: String,
    /// What is wrong.
    #[source]
    pub fault: AllanError,
}

/// Analyses recordings of the same channels, sampled at `rate` in Hz, the real one first. `unit` gives the unit of a
/// channel, or nothing.
///
/// # Errors
/// A recording is too short, or a channel is constant or not finite.
///
/// # Panics
/// If the recordings have different channels, or `rate` is not positive.
pub fn report(
    recordings: &[(String, Signal)],
    rate: f64,
    confidence: f64,
    unit: impl Fn(&str) -> String,
) -> Result<NoiseReport, NoiseError> {
    let names = recordings
        .first()
        .map_or(&[][..], |(_, signal)| signal.names());
    assert!(
        recordings.iter().all(|(_, signal)| signal.names() == names),
        "recordings of the same channels"
    );
    // Blocks of one length, so that spectra can be compared.
    let shortest = recordings.iter().map(|(_, signal)| signal.longest()).min();
    let length = block_length(shortest.unwrap_or(0));
    let mut channels = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let own = recordings
            .iter()
            .enumerate()
            .map(|(recording, (_, signal))| {
                channel(signal.segments(index), rate, confidence, length).map_err(|fault| {
                    NoiseError {
                        recording,
                        column: name.clone(),
                        fault,
                    }
                })
            });
        let noise = own.collect::<Result<Vec<_>, _>>()?;
        let allan_error = match noise.as_slice() {
            [real, generated] => allan_error(&real.allan, &generated.allan),
            _ => None,
        };
        channels.push(ChannelReport {
            name: name.clone(),
            unit: unit(name),
            noise,
            allan_error,
        });
    }
    let pairs = (0..names.len()).flat_map(|a| (a + 1..names.len()).map(move |b| (a, b)));
    let correlations = pairs.map(|(a, b)| PairReport {
        first: names[a].clone(),
        second: names[b].clone(),
        peaks: recordings
            .iter()
            .map(|(_, signal)| cross_correlation(signal.segments(a), signal.segments(b)))
            .collect(),
    });
    Ok(NoiseReport {
        rate,
        confidence,
        correlations: correlations.collect(),
        recordings: recordings
            .iter()
            .map(|(name, signal)| Summary {
                name: name.clone(),
                rows: signal.rows(),
                longest: signal.longest(),
            })
            .collect(),
        channels,
    })
}

fn channel(
    segments: &[Vec<f64>],
    rate: f64,
    confidence: f64,
    length: usize,
) -> Result<ChannelNoise, AllanError> {
    let allan = allan_deviation(segments, rate, PER_OCTAVE, confidence)?;
    let count = segments.iter().map(Vec::len).sum::<usize>() as f64;
    let mean = segments.iter().flatten().sum::<f64>() / count;
    let squares: f64 = segments.iter().flatten().map(|x| (x - mean).powi(2)).sum();
    Ok(ChannelNoise {
        mean,
        deviation: (squares / count).sqrt(),
        coefficients: coefficients(&allan),
        allan,
        spectrum: power_spectral_density(segments, rate, length),
        quantiles: quantiles(segments),
        autocorrelation: autocorrelation(segments),
    })
}

/// How far two Allan deviations are apart: the root mean square of log10 of their ratio over averaging times of 1, 2, 4,
/// … samples, as far as both have them and up to three tenths of the longest one that both have, which is about a tenth of
/// the shorter recording. (Beyond that a deviation rests on so few independent differences that its own error prevails.)
/// Nothing if they have no such time in common.
pub fn allan_error(first: &[AllanPoint], second: &[AllanPoint]) -> Option<f64> {
    let longest = |points: &[AllanPoint]| points.last().map_or(0, |point| point.samples);
    let limit = longest(first).min(longest(second)) * 3 / 10;
    let (mut sum, mut count) = (0.0, 0);
    for a in first {
        let same = second.iter().find(|b| b.samples == a.samples);
        if let Some(b) = same.filter(|b| b.samples.is_power_of_two() && b.samples <= limit) {
            sum += (a.deviation / b.deviation).log10().powi(2);
            count += 1;
        }
    }
    (count > 0).then(|| (sum / f64::from(count)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    fn signal(seed: u64, rows: usize, scale: f64) -> Signal {
        let mut random = Random::new(seed);
        let mut series = || {
            (0..rows)
                .map(|_| scale * f64::from(random.normal()))
                .collect()
        };
        Signal::new(vec!["a".into(), "b".into()], vec![series(), series()])
    }

    #[test]
    fn a_factor_of_ten_is_an_error_of_one() {
        let recordings = [
            ("real".into(), signal(1, 4000, 1.0)),
            ("ten".into(), signal(1, 4000, 10.0)),
        ];
        let report = report(&recordings, 100.0, 0.95, |_| String::new()).expect("a report");
        for channel in &report.channels {
            let error = channel.allan_error.expect("two recordings");
            assert!((error - 1.0).abs() < 1e-9, "{error}");
        }
        assert_eq!(report.correlations.len(), 1);
    }

    #[test]
    fn the_error_ends_at_a_tenth_of_the_shorter_recording() {
        let allan = |rows| {
            let series = signal(2, rows, 1.0).segments(0).to_vec();
            allan_deviation(&series, 1.0, 1, 0.95).expect("a deviation")
        };
        let (long, mut short) = (allan(8000), allan(1000));
        let error = allan_error(&long, &short).expect("times in common");
        // A tenth of 1,000 samples is 100: what the curve says at 128 and 256 is not heard.
        for point in short.iter_mut().filter(|point| point.samples > 100) {
            point.deviation *= 100.0;
        }
        assert_eq!(allan_error(&long, &short), Some(error));
        short[6].deviation *= 100.0;
        assert!(allan_error(&long, &short).expect("times in common") > 2.0 * error);
    }

    #[test]
    fn the_channel_and_the_recording_at_fault_are_named() {
        let stuck = Signal::new(
            vec!["a".into(), "b".into()],
            vec![signal(3, 50, 1.0).segments(0)[0].clone(), vec![3.0; 50]],
        );
        let recordings = [("real".into(), signal(3, 50, 1.0)), ("stuck".into(), stuck)];
        let error = report(&recordings, 1.0, 0.95, |_| String::new()).expect_err("stuck");
        assert_eq!((error.recording, error.column.as_str()), (1, "b"));
    }
}
