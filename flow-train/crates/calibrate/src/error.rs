/// Why rows can't calibrate a model.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// Even the least likely row would not reach a p-value of alpha.
    #[error(
        "{have} calibration rows are too few for a false-alarm rate of {alpha}: at least {need} \
         are needed, because the smallest p-value is 1 / (rows + 1); give more rows, or a rate of at \
         least {}", attainable(*have)
    )]
    TooFewRows {
        /// Calibration rows.
        have: usize,
        /// Rows needed.
        need: usize,
        /// The false-alarm rate asked for.
        alpha: f64,
    },
    /// The rate is no probability.
    #[error("a false-alarm rate of {alpha} is asked for; it must lie between 0 and 1")]
    BadAlpha {
        /// The rate.
        alpha: f64,
    },
    /// The model gives no calibration row a density above zero.
    #[error(
        "the model finds none of the {rows} calibration rows possible (log-likelihood −∞): they \
         are far from what it was trained on"
    )]
    Impossible {
        /// Calibration rows.
        rows: usize,
    },
    /// The rows are those that the model was made from.
    #[error(
        "this is the table that the model was made from (digest {digest:016x}): it knows these rows, so that \
         new ones would alarm more often than promised; give rows of another recording. For another rate on \
         the rows that training held out, train again with --alpha"
    )]
    TrainingRows {
        /// The table's digest.
        digest: u64,
    },
    /// More rows than an artefact can count.
    #[error("{rows} calibration rows are more than an artefact can count (4,294,967,295)")]
    TooManyRows {
        /// Calibration rows.
        rows: usize,
    },
}

/// The smallest rate that so many calibration rows can promise, with three digits and rounded up.
fn attainable(rows: usize) -> f64 {
    let rate = (rows as f64 + 1.0).recip();
    let digit = 10f64.powf(rate.log10().floor() - 2.0);
    // Written and read, so that no rounding error shows.
    let text = format!("{:.2e}", (rate / digit - 1e-9).ceil() * digit);
    text.parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CalibrationTable;

    #[test]
    fn the_rate_that_is_advised_is_attainable() {
        for (rows, rate) in [(0, 1.0), (6, 0.143), (99, 0.01), (40, 0.0244), (1, 0.5)] {
            assert_eq!(attainable(rows), rate, "{rows}");
        }
        for rows in 1..2000 {
            assert!(CalibrationTable::rows_needed(attainable(rows)).expect("a rate") <= rows);
        }
    }
}
