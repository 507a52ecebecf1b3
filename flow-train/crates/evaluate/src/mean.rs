//! A mean and how sure one can be of it.

/// The mean of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// How many.
    pub rows: usize,
    /// Their mean; NaN without values, not finite if one of them is not.
    pub mean: f64,
    /// Its standard error, for values that are independent of each other. Neighbouring rows of a
    /// recording are not: with an effective sample size of a tenth of the rows the error is √10
    /// times as large. NaN below two values.
    pub stderr: f64,
}

impl Mean {
    /// Of the values, in two passes.
    pub fn of(values: &[f64]) -> Self {
        let rows = values.len();
        let n = rows as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        // Below two values this is 0 / 0 or 0 / −0: NaN.
        let stderr = (squares / (n - 1.0) / n).sqrt();
        Self { rows, mean, stderr }
    }
}

#[cfg(test)]
mod tests {
    use super::Mean;

    #[test]
    fn mean_and_standard_error_of_known_values() {
        let four = Mean::of(&[1.0, 2.0, 3.0, 6.0]);
        // Variance 14 / 3, divided by 4.
        assert_eq!((four.rows, four.mean), (4, 3.0));
        assert!((four.stderr - (14.0f64 / 12.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn too_few_values_give_nan() {
        assert!(Mean::of(&[]).mean.is_nan());
        assert!(Mean::of(&[1.0]).stderr.is_nan());
    }
}
