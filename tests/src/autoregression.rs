//! The usual model of a sensor's noise: a Gaussian autoregression.

use crate::sensor::Normals;

/// A Gaussian autoregression around a mean, by the equations of Yule and Walker.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoregression {
    mean: f64,
    /// Of the last value, the one before it, …; none for independent values.
    weights: Vec<f64>,
    /// Of what is new in each value.
    deviation: f64,
}

impl Autoregression {
    /// Fits one of the given order (0: independent values), by the recursion of Levinson (1946) and Durbin (1960).
    pub fn fit(series: &[f64], order: usize) -> Self {
        let n = series.len() as f64;
        let mean = series.iter().sum::<f64>() / n;
        let covariance = |lag: usize| -> f64 {
            let pairs = series.iter().zip(&series[lag..]);
            pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / n
        };
        let covariances: Vec<f64> = (0..=order).map(covariance).collect();
        let (mut weights, mut variance) = (Vec::<f64>::new(), covariances[0]);
        for lag in 1..=order {
            let known = weights.iter().zip(covariances[1..lag].iter().rev());
            let known: f64 = known.map(|(weight, own)| weight * own).sum();
            let reflection = (covariances[lag] - known) / variance;
            let before = weights.clone();
            for (weight, other) in weights.iter_mut().zip(before.iter().rev()) {
                *weight -= reflection * other;
            }
            weights.push(reflection);
            variance *= 1.0 - reflection * reflection;
        }
        Self {
            mean,
            weights,
            deviation: variance.max(0.0).sqrt(),
        }
    }

    /// Values of it, after a thousand that are left out.
    pub fn generate(&self, count: usize, seed: u64) -> Vec<f64> {
        const LEAVE: usize = 1000;
        let mut normals = Normals::new(seed);
        let mut past = vec![0.0; self.weights.len()];
        let mut next = || {
            let known: f64 = self.weights.iter().zip(&past).map(|(w, x)| w * x).sum();
            let value = known + self.deviation * normals.draw();
            if !past.is_empty() {
                past.rotate_right(1);
                past[0] = value;
            }
            self.mean + value
        };
        (0..LEAVE + count).map(|_| next()).skip(LEAVE).collect()
    }
}
