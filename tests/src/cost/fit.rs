//! Coefficients that are not negative, by least squares of the relative error.

use std::collections::BTreeMap;

/// What was counted, and what was measured.
pub type Sample<'s> = (Vec<(&'s str, f64)>, f64);

/// Rounds over all coefficients; they settle long before.
const ROUNDS: usize = 4_000;
/// Keeps coefficients small that the samples hardly determine, relative to the diagonal.
const RIDGE: f64 = 1e-4;

/// Fits `y ≈ Σ coefficient · amount`, each sample weighted by `1 / weight`, so that relative errors
/// count where the weight is `y`. By coordinate descent over the normal equations, which keeps every
/// coefficient at zero or above.
#[must_use]
pub fn fit<'s>(samples: &[Sample<'s>], weights: &[f64]) -> BTreeMap<&'s str, f64> {
    let mut names: Vec<&str> = samples
        .iter()
        .flat_map(|(amounts, _)| amounts.iter().map(|(name, _)| *name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let size = names.len();
    let mut matrix = vec![vec![0.0; size]; size];
    let mut right = vec![0.0; size];
    for ((amounts, y), weight) in samples.iter().zip(weights) {
        let row: Vec<(usize, f64)> = amounts
            .iter()
            .filter_map(|(name, amount)| Some((names.binary_search(name).ok()?, amount / weight)))
            .collect();
        for (i, a) in &row {
            right[*i] += a * y / weight;
            for (j, b) in &row {
                matrix[*i][*j] += a * b;
            }
        }
    }
    for (i, row) in matrix.iter_mut().enumerate() {
        row[i] *= 1.0 + RIDGE;
    }
    let mut found = vec![0.0f64; size];
    for _ in 0..ROUNDS {
        let mut change = 0.0f64;
        for i in 0..size {
            let row = &matrix[i];
            let others: f64 = row.iter().zip(&found).map(|(a, x)| a * x).sum();
            let next = (found[i] + (right[i] - others) / row[i]).max(0.0);
            change = change.max((next - found[i]).abs() / (next.abs() + 1e-9));
            found[i] = next;
        }
        if change < 1e-7 {
            break;
        }
    }
    names.into_iter().zip(found).collect()
}

/// As [`fit`], from above: no sample is above what is predicted for it, by a little, and few far below.
#[must_use]
pub fn envelope<'s>(samples: &[Sample<'s>], weights: &[f64]) -> BTreeMap<&'s str, f64> {
    let mut found = fit(samples, weights);
    for _ in 0..REFITS {
        let heavier: Vec<f64> = samples
            .iter()
            .zip(weights)
            .map(
                |((amounts, y), weight)| match predict(&found, amounts) < *y {
                    true => weight / UNDER,
                    false => *weight,
                },
            )
            .collect();
        found = fit(samples, &heavier);
    }
    let most = samples
        .iter()
        .map(|(amounts, y)| y / predict(&found, amounts))
        .fold(1.0, f64::max);
    for coefficient in found.values_mut() {
        *coefficient *= most * MARGIN;
    }
    found
}

/// How often an envelope is fitted anew with the samples above it weighing more.
const REFITS: usize = 12;
/// By what they weigh more.
const UNDER: f64 = 8.0;
/// What an envelope keeps from the samples that it was fitted to, for those that it was not.
const MARGIN: f64 = 1.15;

/// `Σ coefficient · amount`.
#[must_use]
pub fn predict(coefficients: &BTreeMap<&str, f64>, amounts: &[(&str, f64)]) -> f64 {
    let terms = amounts.iter();
    terms
        .map(|(name, amount)| coefficients.get(name).copied().unwrap_or_default() * amount)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{fit, predict};

    #[test]
    fn finds_what_samples_were_made_of() {
        let samples: Vec<_> = (1..20)
            .map(|i| {
                let (a, b) = (f64::from(i), f64::from(i * i % 7));
                (
                    vec![("a", a), ("b", b), ("one", 1.0)],
                    3.0 * a + 10.0 + 0.5 * b,
                )
            })
            .collect();
        let weights: Vec<f64> = samples.iter().map(|(_, y)| *y).collect();
        let found = fit(&samples, &weights);
        for (amounts, y) in &samples {
            assert!(
                (predict(&found, amounts) / y - 1.0).abs() < 2e-3,
                "{found:?}"
            );
        }
    }

    #[test]
    fn an_envelope_is_above() {
        let samples: Vec<_> = (1..30)
            .map(|i| {
                (
                    vec![("a", f64::from(i)), ("one", 1.0)],
                    f64::from(i + i * i % 5),
                )
            })
            .collect();
        let weights: Vec<f64> = samples.iter().map(|(_, y)| *y).collect();
        let found = super::envelope(&samples, &weights);
        assert!(
            samples
                .iter()
                .all(|(amounts, y)| predict(&found, amounts) >= *y)
        );
    }

    #[test]
    fn no_coefficient_is_negative() {
        let samples = [
            (vec![("one", 1.0)], 4.0),
            (vec![("one", 1.0), ("a", 1.0)], 3.0),
        ];
        assert!(fit(&samples, &[1.0, 1.0]).values().all(|c| *c >= 0.0));
    }
}
