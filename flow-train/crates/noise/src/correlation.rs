//! Correlation of a channel with its own past and with other channels.

use serde::Serialize;

/// The strongest correlation of two channels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Peak {
    /// Pearson's coefficient.
    pub coefficient: f64,
    /// By how many samples the second channel lags behind the first; negative if it leads.
    pub lag: i32,
}

/// Lags, in samples, among which the strongest correlation is looked for.
const LAGS: i32 = 16;

/// The autocorrelation of a channel at lags that grow by an eighth of an octave, up to a tenth of the longest segment:
/// pairs of the lag in samples and the coefficient.
pub fn autocorrelation(segments: &[Vec<f64>]) -> Vec<(usize, f64)> {
    let longest = segments.iter().map(Vec::len).max().unwrap_or(0);
    let mut lags: Vec<usize> = (0..)
        .map(|step| (f64::from(step) / 8.0).exp2().round() as usize)
        .take_while(|lag| *lag <= longest / 10)
        .collect();
    lags.dedup();
    let moments = Moments::of(segments);
    let at = |lag| {
        (
            lag,
            covariance(segments, segments, moments, moments, lag) / moments.variance,
        )
    };
    lags.into_iter().map(at).collect()
}

/// The strongest correlation of two channels within 16 samples of each other.
///
/// # Panics
/// If the channels have different segments.
pub fn cross_correlation(first: &[Vec<f64>], second: &[Vec<f64>]) -> Peak {
    assert!(
        first.len() == second.len() && first.iter().zip(second).all(|(a, b)| a.len() == b.len()),
        "channels of one recording"
    );
    let (a, b) = (Moments::of(first), Moments::of(second));
    let scale = (a.variance * b.variance).sqrt();
    let at = |lag: i32| {
        let steps = lag.unsigned_abs() as usize;
        let covariance = match lag < 0 {
            true => covariance(second, first, b, a, steps),
            false => covariance(first, second, a, b, steps),
        };
        Peak {
            coefficient: covariance / scale,
            lag,
        }
    };
    // The shortest lag wins among equals.
    let mut peak = at(0);
    for lag in (1..=LAGS).flat_map(|lag| [lag, -lag]) {
        let other = at(lag);
        if other.coefficient.abs() > peak.coefficient.abs() {
            peak = other;
        }
    }
    peak
}

#[derive(Clone, Copy)]
struct Moments {
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(segments: &[Vec<f64>]) -> Self {
        let count = segments.iter().map(Vec::len).sum::<usize>() as f64;
        let mean = segments.iter().flatten().sum::<f64>() / count;
        let squares: f64 = segments.iter().flatten().map(|x| (x - mean).powi(2)).sum();
        Self {
            mean,
            variance: squares / count,
        }
    }
}

/// The mean product of deviations, `second` being `lag` samples later; 0 if no segment is that long.
fn covariance(first: &[Vec<f64>], second: &[Vec<f64>], a: Moments, b: Moments, lag: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0u64);
    for (first, second) in first.iter().zip(second) {
        for (x, y) in first.iter().zip(second.iter().skip(lag)) {
            sum += (x - a.mean) * (y - b.mean);
            count += 1;
        }
    }
    sum / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    fn white(seed: u64, rows: usize) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..rows).map(|_| f64::from(random.normal())).collect()
    }

    #[test]
    fn a_first_order_autoregression_forgets_exponentially() {
        let mut state = 0.0;
        let series: Vec<f64> = white(1, 200_000)
            .into_iter()
            .map(|x| {
                state = 0.9 * state + x;
                state
            })
            .collect();
        for (lag, coefficient) in autocorrelation(&[series])
            .into_iter()
            .take_while(|(lag, _)| *lag < 40)
        {
            // Bartlett's standard error is 0.007 at most.
            assert!(
                (coefficient - 0.9f64.powi(lag as i32)).abs() < 0.03,
                "{lag}: {coefficient}"
            );
        }
    }

    #[test]
    fn a_channel_that_follows_another_is_found_with_its_lag() {
        let first = [white(2, 50_000)];
        let other = [white(3, 50_000)];
        let second: [Vec<f64>; 1] = [(0..50_000)
            .map(|row: usize| 0.8 * first[0][row.saturating_sub(3)] + 0.6 * other[0][row])
            .collect()];
        let peak = cross_correlation(&first, &second);
        assert!(
            peak.lag == 3 && (peak.coefficient - 0.8).abs() < 0.02,
            "{peak:?}"
        );
        assert_eq!(cross_correlation(&second, &first).lag, -3);
        // Independent: the largest of 33 coefficients with a standard error of 0.0045.
        assert!(cross_correlation(&first, &other).coefficient.abs() < 0.02);
    }
}
