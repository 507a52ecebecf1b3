//! The comparator: one Gaussian with full covariance.

use flow_data::Dataset;

/// Added to the diagonal of a correlation matrix, so that channels that are sums of others don't
/// make the Gaussian's density infinite.
const RIDGE: f64 = 1e-9;

/// Mean log-likelihood, in nats per row, of a Gaussian fitted by maximum likelihood *to these very
/// rows*; with context, of the conditional Gaussian (linear regression on the context). Being fitted
/// to the rows that it is judged on, it has an advantage over a model that has not seen them, of
/// about one nat per row times its parameters over twice the rows.
///
/// `None` where it says nothing: a channel is constant in these rows, or there are no more rows
/// than channels.
pub fn gaussian_log_likelihood(data: &Dataset) -> Option<f64> {
    let (d, c) = (data.event_dim(), data.context_dim());
    if data.rows() <= d + c {
        return None;
    }
    let column = |index: usize| -> Vec<f64> {
        let (values, columns, index) = if index < c {
            (data.contexts(), c, index)
        } else {
            (data.events(), d, index - c)
        };
        values
            .iter()
            .skip(index)
            .step_by(columns)
            .map(|x| f64::from(*x))
            .collect()
    };
    let n = data.rows() as f64;
    let mut columns: Vec<Vec<f64>> = (0..c + d).map(column).collect();
    let mut log_stds = Vec::with_capacity(c + d);
    for column in &mut columns {
        let mean = column.iter().sum::<f64>() / n;
        let std = (column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        // A column of equal values may be off its mean by a rounding error.
        if std <= 1e-12 * mean.abs() || std == 0.0 {
            return None;
        }
        column.iter_mut().for_each(|x| *x = (*x - mean) / std);
        log_stds.push(std.ln());
    }
    let correlation = |i: usize, j: usize| -> f64 {
        columns[i]
            .iter()
            .zip(&columns[j])
            .map(|(x, y)| x * y)
            .sum::<f64>()
            / n
    };
    let matrix: Vec<Vec<f64>> = (0..c + d)
        .map(|i| {
            (0..=i)
                .map(|j| correlation(i, j) + if i == j { RIDGE } else { 0.0 })
                .collect()
        })
        .collect();
    // The columns are ordered context first: pivots c.. are the events' deviations given the
    // context and the events before, so their sum is the conditional log-determinant.
    let pivots = cholesky_pivots(matrix)?;
    let log_det: f64 = pivots
        .iter()
        .zip(&log_stds)
        .skip(c)
        .map(|(pivot, log_std)| pivot.ln() + log_std)
        .sum();
    let d = d as f64;
    Some(-0.5 * d * (1.0 + core::f64::consts::TAU.ln()) - log_det)
}

/// The diagonal of the Cholesky factor of a symmetric matrix, given by its lower triangle; `None`
/// if the matrix is not positive definite.
fn cholesky_pivots(mut lower: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    for i in 0..lower.len() {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = lower[i][j] - inner;
            lower[i][j] = if i != j {
                rest / lower[j][j]
            } else if rest > 0.0 {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    Some(
        lower
            .into_iter()
            .filter_map(|row| row.last().copied())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(context: bool, rows: &[[f32; 2]]) -> Dataset {
        let name = |name: &str| vec![name.to_owned()];
        let mut data = if context {
            Dataset::new(name("y"), name("x"))
        } else {
            Dataset::new(vec!["x".into(), "y".into()], vec![])
        };
        for [x, y] in rows {
            if context {
                data.push(&[*y], &[*x]);
            } else {
                data.push(&[*x, *y], &[]);
            }
        }
        data
    }

    const ROWS: [[f32; 2]; 5] = [[1.0, 2.0], [2.0, 3.5], [3.0, 3.0], [4.0, 6.0], [5.0, 5.0]];

    #[test]
    fn two_channels_agree_with_the_closed_form() {
        // Σxx = 2, Σyy = 2.04, Σxy = 1.7: |Σ| = 2 · 2.04 − 1.7².
        let determinant = 2.0f64 * 2.04 - 1.7 * 1.7;
        let expected = -(1.0 + core::f64::consts::TAU.ln()) - 0.5 * determinant.ln();
        let found = gaussian_log_likelihood(&data(false, &ROWS)).expect("defined");
        assert!((found - expected).abs() < 1e-8, "{found} {expected}");
    }

    #[test]
    fn with_context_it_is_linear_regression() {
        // The variance of the residuals: Σyy − Σxy² / Σxx.
        let variance = 2.04f64 - 1.7 * 1.7 / 2.0;
        let expected = -0.5 * (1.0 + core::f64::consts::TAU.ln()) - 0.5 * variance.ln();
        let found = gaussian_log_likelihood(&data(true, &ROWS)).expect("defined");
        assert!((found - expected).abs() < 1e-8, "{found} {expected}");
    }

    #[test]
    fn a_constant_channel_or_too_few_rows_give_none() {
        let constant = ROWS.map(|[x, _]| [x, 0.1]);
        assert_eq!(gaussian_log_likelihood(&data(false, &constant)), None);
        assert_eq!(gaussian_log_likelihood(&data(false, &ROWS[..2])), None);
    }

    #[test]
    fn a_channel_that_repeats_another_stays_finite() {
        let copies = ROWS.map(|[x, _]| [x, x]);
        assert!(
            gaussian_log_likelihood(&data(false, &copies))
                .expect("defined")
                .is_finite()
        );
    }
}
