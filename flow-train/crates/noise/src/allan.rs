//! The overlapping Allan deviation of a sensor's output, with confidence intervals.
//!
//! Samples are averages of the measured quantity (a rate of turn, an acceleration, …), what the literature calls
//! fractional frequency. Sums, their second differences, the degrees of freedom and the identification of the noise
//! follow W. J. Riley, *Handbook of Frequency Stability Analysis*, NIST Special Publication 1065 (2008), sections 5.2.4,
//! 5.3, 5.4 and 5.5, and IEEE Std 1139; the coefficients of inertial sensors follow IEEE Std 952.
//!
//! The crates `allan`, `allan-tools` and `flickers` compute deviations without intervals or have not been looked after
//! for years; the sums are few lines, so they are here.

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// How the power spectral density of a sensor's noise goes with frequency: as f^α.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// α = 2: differences of white noise, such as rounding in an integrating sensor.
    Quantisation,
    /// α = 1.
    FlickerPhase,
    /// α = 0: white noise (angle or velocity random walk of the integral).
    White,
    /// α = −1: flicker noise (bias instability).
    Flicker,
    /// α = −2: a random walk (rate random walk).
    RandomWalk,
}

/// The Allan deviation at one averaging time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AllanPoint {
    /// Samples that are averaged, m.
    pub samples: usize,
    /// Averaging time τ in seconds.
    pub tau: f64,
    /// The deviation, in the units of the channel.
    pub deviation: f64,
    /// The noise that dominates at this averaging time.
    pub kind: NoiseKind,
    /// Equivalent degrees of freedom of the variance.
    pub degrees_of_freedom: f64,
    /// The interval of the deviation at the confidence asked for.
    pub interval: (f64, f64),
}

/// Why there is no Allan deviation.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AllanError {
    /// There are too few samples in a row.
    #[error(
        "its longest stretch without a gap has {samples} samples, and {} are needed",
        MIN_SAMPLES
    )]
    TooShort {
        /// Samples of the longest segment.
        samples: usize,
    },
    /// All samples are the same.
    #[error("it never changes from {value}: a sensor that shows no noise, or a stuck one")]
    Constant {
        /// That one.
        value: f64,
    },
    /// A sample is NaN or infinite.
    #[error("it holds a value that is not finite")]
    NonFinite,
}

/// The fewest samples in a row.
pub const MIN_SAMPLES: usize = 16;

/// The overlapping Allan deviation of one channel.
///
/// Averaging times run from one sample to a third of the longest segment, `per_octave` of them in each factor of two,
/// as far as whole numbers of samples allow. Squares are pooled over `segments`, the samples of each taken at `rate`
/// in Hz. The intervals hold with probability `confidence` for Gaussian noise of a power law.
///
/// # Errors
/// There are too few samples in a row, one of them is not finite, or all are the same.
///
/// # Panics
/// If `rate` is not positive, `confidence` is not in (0, 1), or `per_octave` is 0.
pub fn allan_deviation(
    segments: &[Vec<f64>],
    rate: f64,
    per_octave: usize,
    confidence: f64,
) -> Result<Vec<AllanPoint>, AllanError> {
    assert!(rate > 0.0 && confidence > 0.0 && confidence < 1.0 && per_octave > 0);
    let longest = segments.iter().map(Vec::len).max().unwrap_or(0);
    if longest < MIN_SAMPLES {
        return Err(AllanError::TooShort { samples: longest });
    }
    if segments.iter().flatten().any(|x| !x.is_finite()) {
        return Err(AllanError::NonFinite);
    }
    let first = segments.iter().flatten().next().copied().unwrap_or(0.0);
    if segments.iter().flatten().all(|x| *x == first) {
        return Err(AllanError::Constant { value: first });
    }
    let sums: Vec<Vec<f64>> = segments.iter().map(|segment| sums(segment)).collect();
    let mut kind = NoiseKind::White;
    let mut points = Vec::new();
    for samples in averaging_times(longest / 3, per_octave) {
        let (mut squares, mut terms, mut degrees_of_freedom) = (0.0, 0, 0.0);
        kind = identify(segments, samples).unwrap_or(kind);
        for sums in &sums {
            let (own, count) = second_differences(sums, samples);
            if count > 0 {
                squares += own;
                terms += count;
                degrees_of_freedom += edf(kind, sums.len() as f64, samples as f64);
            }
        }
        let m = samples as f64;
        let deviation = (squares / (2.0 * m * m * terms as f64)).sqrt();
        points.push(AllanPoint {
            samples,
            tau: m / rate,
            deviation,
            kind,
            degrees_of_freedom,
            interval: interval(deviation, degrees_of_freedom, confidence),
        });
    }
    Ok(points)
}

/// Whole numbers from 1 to `most` at ratios of 2^(1 / per_octave), without repeats.
fn averaging_times(most: usize, per_octave: usize) -> Vec<usize> {
    let mut times: Vec<usize> = (0..)
        .map(|step| (f64::from(step) / per_octave as f64).exp2().round() as usize)
        .take_while(|samples| *samples <= most)
        .collect();
    times.dedup();
    times
}

/// Running sums of a segment less its mean, from 0: the phase. The mean cancels in second differences; taking it
/// away keeps the digits.
fn sums(segment: &[f64]) -> Vec<f64> {
    let mean = segment.iter().sum::<f64>() / segment.len().max(1) as f64;
    let mut sum = 0.0;
    let steps = segment.iter().map(|x| {
        sum += x - mean;
        sum
    });
    std::iter::once(0.0).chain(steps).collect()
}

/// The sum of the squared second differences over `m` samples, and how many there are.
fn second_differences(sums: &[f64], m: usize) -> (f64, usize) {
    let triples = sums
        .iter()
        .zip(sums.iter().skip(m))
        .zip(sums.iter().skip(2 * m));
    triples.fold((0.0, 0), |(sum, count), ((a, b), c)| {
        let difference = c - 2.0 * b + a;
        (sum + difference * difference, count + 1)
    })
}

/// Averages that the kind of noise must be told from (SP 1065, 5.5).
const AVERAGES: usize = 30;

/// The power law of the noise at an averaging time, by the lag-1 autocorrelation of the averages, or of their
/// differences where they wander (Riley & Greenhall 2004); nothing if there are too few of them.
///
/// The bounds lie between what the kinds of noise have. Averages: −1/2, −1/3 and 0 for quantisation, flicker phase and
/// white noise, and more than 1/2 for the others. Differences: −1/2 for white noise, −0.22 for flicker noise, 0 for a
/// sampled random walk and 1/4 for averages of one.
fn identify(segments: &[Vec<f64>], samples: usize) -> Option<NoiseKind> {
    let average = |own: &[f64]| own.iter().sum::<f64>() / samples as f64;
    let averages: Vec<Vec<f64>> = segments
        .iter()
        .map(|segment| segment.chunks_exact(samples).map(average).collect())
        .collect();
    if averages.iter().map(Vec::len).max() < Some(AVERAGES) {
        return None;
    }
    let correlation = lag_one(&averages);
    if correlation < 1.0 / 3.0 {
        return Some(match correlation {
            ..-0.41 => NoiseKind::Quantisation,
            ..-0.17 => NoiseKind::FlickerPhase,
            _ => NoiseKind::White,
        });
    }
    let differences = averages.iter().map(|own| {
        let pairs = own.windows(2);
        pairs.map(|pair| pair[1] - pair[0]).collect()
    });
    Some(match lag_one(&differences.collect::<Vec<_>>()) {
        ..-0.36 => NoiseKind::White,
        ..-0.11 => NoiseKind::Flicker,
        _ => NoiseKind::RandomWalk,
    })
}

/// The autocorrelation of neighbours, pooled over segments; 0 for a constant series.
fn lag_one(series: &[Vec<f64>]) -> f64 {
    let count = series.iter().map(Vec::len).sum::<usize>() as f64;
    let mean = series.iter().flatten().sum::<f64>() / count;
    let variance: f64 = series.iter().flatten().map(|x| (x - mean).powi(2)).sum();
    let neighbours = series.iter().flat_map(|own| own.windows(2));
    let product: f64 = neighbours.map(|w| (w[0] - mean) * (w[1] - mean)).sum();
    if variance > 0.0 {
        product / variance
    } else {
        0.0
    }
}

/// Equivalent degrees of freedom of the overlapping Allan variance from `n` sums at `m` samples: the approximations of
/// Howe, Allan & Barnes (1981), SP 1065, table 5 of section 5.4.
fn edf(kind: NoiseKind, n: f64, m: f64) -> f64 {
    let degrees = match kind {
        NoiseKind::Quantisation => (n + 1.0) * (n - 2.0 * m) / (2.0 * (n - m)),
        NoiseKind::FlickerPhase => {
            let product = ((n - 1.0) / (2.0 * m)).ln() * ((2.0 * m + 1.0) * (n - 1.0) / 4.0).ln();
            product.sqrt().exp()
        }
        NoiseKind::White => {
            let square = 4.0 * m * m;
            (3.0 * (n - 1.0) / (2.0 * m) - 2.0 * (n - 2.0) / n) * square / (square + 5.0)
        }
        NoiseKind::Flicker if m < 2.0 => 2.0 * (n - 2.0).powi(2) / (2.3 * n - 4.9),
        NoiseKind::Flicker => 5.0 * n * n / (4.0 * m * (n + 3.0 * m)),
        NoiseKind::RandomWalk => {
            let numerator = (n - 1.0).powi(2) - 3.0 * m * (n - 1.0) + 4.0 * m * m;
            (n - 2.0) / m * numerator / (n - 3.0).powi(2)
        }
    };
    degrees.max(1.0)
}

/// The interval of a deviation whose square has so many degrees of freedom (SP 1065, 5.3.2).
fn interval(deviation: f64, degrees_of_freedom: f64, confidence: f64) -> (f64, f64) {
    let tail = 0.5 * (1.0 - confidence);
    let Ok(distribution) = ChiSquared::new(degrees_of_freedom) else {
        return (0.0, f64::INFINITY);
    };
    let bound = |p| deviation * (degrees_of_freedom / distribution.inverse_cdf(p)).sqrt();
    (bound(1.0 - tail), bound(tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    const RATE: f64 = 50.0;

    fn white(seed: u64, rows: usize) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..rows).map(|_| f64::from(random.normal())).collect()
    }

    fn deviations(series: Vec<f64>) -> Vec<AllanPoint> {
        allan_deviation(&[series], RATE, 1, 0.95).expect("a deviation")
    }

    /// Expects each point to be within four standard errors, as its degrees of freedom tell them, of the closed form,
    /// and its noise to be of one kind.
    fn follows(points: &[AllanPoint], kind: NoiseKind, closed: impl Fn(f64) -> f64) {
        for point in points {
            let expected = closed(point.tau);
            let error = 1.0 / (2.0 * point.degrees_of_freedom).sqrt();
            let off = (point.deviation / expected - 1.0).abs();
            assert!(off < 4.0 * error + 1e-3, "{expected} at {point:?}");
            assert_eq!(point.kind, kind, "{point:?}");
        }
    }

    #[test]
    fn white_noise_falls_with_the_root_of_the_averaging_time() {
        let noise = white(1, 100_000).iter().map(|x| 9.0 + 2.0 * x).collect();
        let points = deviations(noise);
        assert_eq!(points.len(), 16, "octaves up to a third of 100,000");
        follows(&points, NoiseKind::White, |tau| 2.0 / (tau * RATE).sqrt());
    }

    #[test]
    fn a_random_walk_rises_with_it() {
        // Steps of 3 u/√s; sampled, its variance over m samples is K² τ / 3 · (1 + 1 / (2 m²)).
        let mut place = 0.0;
        let steps = white(2, 100_000);
        let walk = steps.iter().map(|x| {
            place += 3.0 / RATE.sqrt() * x;
            place
        });
        follows(&deviations(walk.collect()), NoiseKind::RandomWalk, |tau| {
            let m = tau * RATE;
            3.0 * (tau / 3.0 * (1.0 + 0.5 / (m * m))).sqrt()
        });
    }

    #[test]
    fn differences_of_white_noise_fall_with_the_averaging_time() {
        let noise = white(3, 100_001);
        let differences = noise
            .windows(2)
            .map(|pair| 0.7 * (pair[1] - pair[0]) * RATE);
        let points = deviations(differences.collect());
        follows(&points, NoiseKind::Quantisation, |tau| {
            0.7 * 3f64.sqrt() / tau
        });
    }

    /// First-order autoregressions of unit variance at time constants of 2^k samples, an octave apart.
    fn flicker(seed: u64, rows: usize, octaves: i32) -> Vec<f64> {
        let mut random = Random::new(seed);
        let mut states: Vec<(f64, f64)> = (-1..octaves)
            .map(|k| ((-(-f64::from(k)).exp2()).exp(), f64::from(random.normal())))
            .collect();
        let next = |_| {
            let step = |(memory, state): &mut (f64, f64)| {
                let innovation = (1.0 - *memory * *memory).sqrt();
                *state = *memory * *state + innovation * f64::from(random.normal());
                *state
            };
            states.iter_mut().map(step).sum()
        };
        (0..rows).map(next).collect()
    }

    #[test]
    fn flicker_noise_has_a_floor() {
        let points = deviations(flicker(4, 200_000, 20));
        for point in points
            .iter()
            .filter(|point| (16..4096).contains(&point.samples))
        {
            let error = 1.0 / (2.0 * point.degrees_of_freedom).sqrt();
            // The sum of octaves ripples by less than 2 %.
            let off = (point.deviation / 2f64.sqrt() - 1.0).abs();
            assert!(off < 4.0 * error + 0.02, "{point:?}");
            // Later there are too few averages to tell it with certainty.
            assert!(
                point.samples > 256 || point.kind == NoiseKind::Flicker,
                "{point:?}"
            );
        }
    }

    #[test]
    fn intervals_hold_as_often_as_they_say() {
        // 400 recordings of white noise and of random walks; at 90 % the binomial's 4 standard errors are 6 %. The
        // degrees of freedom are approximations, so that 3 % more are allowed.
        let mut covered = [[0; 6]; 2];
        for seed in 0..400 {
            let noise = white(1000 + seed, 256);
            let mut place = 0.0;
            let walk = noise.iter().map(|x| {
                place += x;
                place
            });
            for (covered, series) in covered.iter_mut().zip([noise.clone(), walk.collect()]) {
                let walks = series != noise;
                let points = allan_deviation(&[series], 1.0, 1, 0.9).expect("a deviation");
                for (covered, point) in covered.iter_mut().zip(&points) {
                    let m = point.tau;
                    let truth = match walks {
                        true => (m / 3.0 * (1.0 + 0.5 / (m * m))).sqrt(),
                        false => 1.0 / m.sqrt(),
                    };
                    *covered += i32::from((point.interval.0..=point.interval.1).contains(&truth));
                }
            }
        }
        for share in covered
            .iter()
            .flatten()
            .map(|hits| f64::from(*hits) / 400.0)
        {
            assert!((share - 0.9).abs() < 0.09, "{covered:?}");
        }
    }

    #[test]
    fn intervals_are_those_of_chi_squared() {
        // Quantiles of ten degrees of freedom from printed tables: 3.247 and 20.483.
        let (low, high) = interval(1.0, 10.0, 0.95);
        assert!((low - (10.0 / 20.483f64).sqrt()).abs() < 1e-4, "{low}");
        assert!((high - (10.0 / 3.247f64).sqrt()).abs() < 1e-4, "{high}");
    }

    #[test]
    fn segments_are_pooled_and_their_borders_are_no_differences() {
        let noise = white(5, 1000);
        let [first, second] = [&noise[..600], &noise[600..]];
        let far: Vec<f64> = second.iter().map(|x| x + 1e6).collect();
        let pooled = allan_deviation(&[first.to_vec(), far], 1.0, 1, 0.95).expect("a deviation");
        for point in &pooled {
            let of = |own: &[f64]| second_differences(&sums(own), point.samples);
            let ((a, n), (b, m)) = (of(first), of(second));
            let scale = 2.0 * (point.samples * point.samples) as f64;
            let expected = ((a + b) / (scale * (n + m) as f64)).sqrt();
            assert!((point.deviation / expected - 1.0).abs() < 1e-6, "{point:?}");
        }
        assert_eq!(pooled.last().map(|point| point.samples), Some(128));
    }

    #[test]
    fn bad_input_is_refused() {
        let refused = |series: Vec<f64>| allan_deviation(&[series], 1.0, 1, 0.95).expect_err("bad");
        assert_eq!(refused(white(6, 15)), AllanError::TooShort { samples: 15 });
        assert_eq!(refused(vec![2.5; 100]), AllanError::Constant { value: 2.5 });
        assert_eq!(
            refused([&white(7, 20)[..], &[f64::NAN]].concat()),
            AllanError::NonFinite
        );
        let many = vec![white(8, 10); 100];
        let error = allan_deviation(&many, 1.0, 1, 0.95).expect_err("no gapless stretch");
        assert_eq!(error, AllanError::TooShort { samples: 10 });
    }
}
