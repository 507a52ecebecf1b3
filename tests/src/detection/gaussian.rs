//! Standardisation and distances, as control charts use them.

/// Mean and covariance of some rows.
#[derive(Debug, Clone)]
pub struct Gaussian {
    mean: Vec<f64>,
    /// Standard deviations.
    std: Vec<f64>,
    /// The lower Cholesky factor of the correlation matrix, row by row.
    factor: Vec<Vec<f64>>,
}

impl Gaussian {
    /// Of rows of the same number of channels, none of which is constant or the sum of others.
    pub fn fitted(rows: &[&[f32]]) -> Self {
        let channels = rows.first().map_or(0, |row| row.len());
        let n = rows.len() as f64;
        let mean: Vec<f64> = (0..channels)
            .map(|c| rows.iter().map(|row| f64::from(row[c])).sum::<f64>() / n)
            .collect();
        let covariance = |a: usize, b: usize| {
            let product =
                |row: &[f32]| (f64::from(row[a]) - mean[a]) * (f64::from(row[b]) - mean[b]);
            rows.iter().map(|row| product(row)).sum::<f64>() / n
        };
        let std: Vec<f64> = (0..channels).map(|c| covariance(c, c).sqrt()).collect();
        let mut factor: Vec<Vec<f64>> = Vec::new();
        for i in 0..channels {
            let mut row: Vec<f64> = Vec::new();
            for j in 0..=i {
                let other = if j < i { &factor[j] } else { &row };
                let inner: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                let rest = covariance(i, j) / (std[i] * std[j]) - inner;
                row.push(if j < i {
                    rest / factor[j][j]
                } else {
                    rest.sqrt()
                });
            }
            factor.push(row);
        }
        Self { mean, std, factor }
    }

    /// A channel's standard deviation.
    pub fn std(&self, channel: usize) -> f32 {
        self.std[channel] as f32
    }

    /// A channel's value in standard deviations from its mean.
    pub fn score(&self, channel: usize, value: f32) -> f32 {
        ((f64::from(value) - self.mean[channel]) / self.std[channel]) as f32
    }

    /// The value that has this score.
    pub fn value(&self, channel: usize, score: f32) -> f32 {
        (f64::from(score) * self.std[channel] + self.mean[channel]) as f32
    }

    /// The squared Mahalanobis distance of a row that was standardised.
    pub fn distance(&self, scores: &[f32]) -> f32 {
        let mut white: Vec<f64> = Vec::new();
        for (score, row) in scores.iter().zip(&self.factor) {
            let known: f64 = white.iter().zip(row).map(|(z, l)| z * l).sum();
            white.push((f64::from(*score) - known) / row[white.len()]);
        }
        white.iter().map(|z| z * z).sum::<f64>() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::Gaussian;
    use crate::sensor::Normals;

    /// Of a known Gaussian: correlation 0.8, so the distance of (1, −1) is 2 / (1 − 0.8).
    #[test]
    fn distances_are_those_of_the_distribution() {
        let normals = &mut Normals::new(1);
        let pairs: Vec<[f32; 2]> = (0..100_000)
            .map(|_| {
                let [a, b] = [0; 2].map(|_| normals.draw() as f32);
                [10.0 + 3.0 * a, -1.0 + 0.5 * (0.8 * a + 0.6 * b)]
            })
            .collect();
        let rows: Vec<&[f32]> = pairs.iter().map(<[f32; 2]>::as_slice).collect();
        let own = Gaussian::fitted(&rows);
        assert!((own.std(0) - 3.0).abs() < 0.03 && (own.score(1, -0.5) - 1.0).abs() < 0.03);
        assert!((own.value(0, 1.0) - 13.0).abs() < 0.05);
        assert!((own.distance(&[1.0, -1.0]) - 10.0).abs() < 0.3);
        assert!((own.distance(&[1.0, 1.0]) - 1.0 / 0.9).abs() < 0.03);
    }
}
