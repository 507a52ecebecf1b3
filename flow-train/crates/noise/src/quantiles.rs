//! Marginal quantiles.

use statrs::distribution::{ContinuousCDF, Normal};

/// Samples that must lie beyond a quantile on either side.
const BEYOND: f64 = 4.0;

/// The quantiles of a channel at equidistant normal scores, as pairs of the score and the value in the channel's unit.
///
/// The score of a probability is the standard normal's quantile, so that Gaussian noise gives a straight line. Scores
/// are tenths from −4 to 4, as far as four samples or more lie beyond them. Quantiles are interpolated between order
/// statistics (Hyndman & Fan 1996, definition 7).
pub fn quantiles(segments: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<f64> = segments.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let normal = Normal::standard();
    let at = |tenths: i32| {
        let score = f64::from(tenths) / 10.0;
        let p = normal.cdf(score);
        let beyond = sorted.len() as f64 * p.min(1.0 - p);
        (beyond >= BEYOND).then(|| (score, quantile(&sorted, p)))
    };
    (-40..=40).filter_map(at).collect()
}

/// Of sorted values, of which there is one at least.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    #[test]
    fn quantiles_of_normal_noise_lie_on_a_straight_line() {
        let mut random = Random::new(2);
        let noise: Vec<f64> = (0..100_000)
            .map(|_| 7.0 + 2.0 * f64::from(random.normal()))
            .collect();
        let quantiles = quantiles(&[noise]);
        assert_eq!(
            quantiles.len(),
            2 * 39 + 1,
            "four of 100,000 beyond 3.9 deviations"
        );
        for (score, value) in quantiles.iter().filter(|(score, _)| score.abs() < 2.05) {
            // Four standard errors at two deviations from the mean are 0.07.
            assert!((value - 7.0 - 2.0 * score).abs() < 0.07, "{score}: {value}");
        }
    }

    #[test]
    fn a_quantile_is_interpolated() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
    }
}
