//! What is read off an Allan deviation: how strong each kind of noise is.

use super::AllanPoint;
use serde::Serialize;

/// How strong the noise of a sensor is, in the conventions of IEEE Std 952; u is the unit of the channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coefficients {
    /// White noise N in u/√Hz: the deviation at 1 s of the stretch that falls as τ^−½. The one-sided spectral density of a
    /// data sheet is √2 times as large. Nothing without such a stretch.
    pub white: Option<f64>,
    /// Bias instability.
    pub bias_instability: BiasInstability,
    /// Random walk K in u/√s: the deviation at 3 s of the stretch that rises as τ^½. Nothing without such a stretch.
    pub random_walk: Option<f64>,
}

/// The bottom of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BiasInstability {
    /// B in u: the smallest deviation over √(2 ln 2 / π) = 0.664.
    pub value: f64,
    /// Where the deviation is smallest, in seconds.
    pub tau: f64,
    /// Whether the curve rises again behind it, beyond its interval. If it doesn't, the recording is too short to show the
    /// bottom, and `value` is an upper bound.
    pub reached: bool,
}

/// How far the slope of a stretch may be from that of its kind of noise.
const TOLERANCE: f64 = 0.12;

/// Reads the coefficients off a curve, whose points ascend in τ.
///
/// A slope is that of the straight line in logarithms through a point and two neighbours on each side. The points of a
/// stretch count by their degrees of freedom. Points of fewer than ten degrees of freedom, whose slope is chance, don't
/// count.
pub fn coefficients(points: &[AllanPoint]) -> Coefficients {
    Coefficients {
        white: level(points, -0.5).map(f64::exp),
        bias_instability: bias_instability(points),
        random_walk: level(points, 0.5).map(|level| level.exp() * 3f64.sqrt()),
    }
}

/// The mean of ln(deviation) − slope · ln(τ) where the curve has this slope.
fn level(points: &[AllanPoint], slope: f64) -> Option<f64> {
    const LEAST: f64 = 10.0;
    let logs: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (point.tau.ln(), point.deviation.ln()))
        .collect();
    let (mut sum, mut weights) = (0.0, 0.0);
    for (index, (point, (x, y))) in points.iter().zip(&logs).enumerate() {
        let around = &logs[index.saturating_sub(2)..logs.len().min(index + 3)];
        let near = (self::slope(around) - slope).abs() < TOLERANCE;
        if near && point.degrees_of_freedom >= LEAST {
            sum += point.degrees_of_freedom * (y - slope * x);
            weights += point.degrees_of_freedom;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

/// The slope of the straight line of least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let sums = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x_mean, y_mean) = (sums.0 / count, sums.1 / count);
    let (product, square) = points.iter().fold((0.0, 0.0), |(product, square), (x, y)| {
        let x = x - x_mean;
        (product + x * (y - y_mean), square + x * x)
    });
    product / square
}

fn bias_instability(points: &[AllanPoint]) -> BiasInstability {
    let flicker = (2.0 * std::f64::consts::LN_2 / std::f64::consts::PI).sqrt();
    let smallest = points
        .iter()
        .enumerate()
        .min_by(|(_, a), (_, b)| a.deviation.total_cmp(&b.deviation));
    smallest.map_or(
        BiasInstability {
            value: f64::NAN,
            tau: f64::NAN,
            reached: false,
        },
        |(index, point)| BiasInstability {
            value: point.deviation / flicker,
            tau: point.tau,
            reached: points[index..]
                .iter()
                .any(|later| later.interval.0 > point.interval.1),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoiseKind;

    /// The exact curve of white noise, flicker and random walk over 10 ms to `longest` seconds, with intervals of 1 %.
    fn curve(white: f64, bias: f64, walk: f64, longest: f64) -> Vec<AllanPoint> {
        let taus = (0..).map(|step| 0.01 * (f64::from(step) / 4.0).exp2());
        let point = |tau: f64| {
            let flicker = 2.0 * std::f64::consts::LN_2 / std::f64::consts::PI * bias * bias;
            let deviation = (white * white / tau + flicker + walk * walk * tau / 3.0).sqrt();
            AllanPoint {
                samples: (tau * 100.0).round() as usize,
                tau,
                deviation,
                kind: NoiseKind::White,
                degrees_of_freedom: 5000.0,
                interval: (0.99 * deviation, 1.01 * deviation),
            }
        };
        taus.take_while(|tau| *tau < longest).map(point).collect()
    }

    #[test]
    fn a_curve_gives_back_what_it_is_made_of() {
        let (white, bias, walk) = (0.0106, 0.0028, 2e-5);
        let own = coefficients(&curve(white, bias, walk, 1e7));
        let near = |value: f64, truth: f64, share: f64| (value / truth - 1.0).abs() < share;
        // A stretch within 0.12 of a slope holds up to a quarter of another kind's variance.
        assert!(near(own.white.expect("white"), white, 0.06), "{own:?}");
        assert!(
            near(own.random_walk.expect("a walk"), walk, 0.06),
            "{own:?}"
        );
        assert!(own.bias_instability.reached, "{own:?}");
        assert!(near(own.bias_instability.value, bias, 0.06), "{own:?}");
    }

    #[test]
    fn a_short_recording_bounds_the_bias_instability_and_shows_no_walk() {
        let own = coefficients(&curve(0.01, 1e-4, 1e-6, 10.0));
        assert!(own.white.is_some() && own.random_walk.is_none(), "{own:?}");
        assert!(!own.bias_instability.reached && own.bias_instability.value > 1e-4);
    }
}
