/// Why rows can't calibrate a model.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// Even the least likely row would not reach a p-value of alpha.
    #[error(
        "{have} calibration rows are too few for a false-alarm rate of {alpha}: at least {need} \
         are needed, because the smallest p-value is 1 / (rows + 1)"
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
    /// More rows than an artefact can count.
    #[error("{rows} calibration rows are more than an artefact can count (4,294,967,295)")]
    TooManyRows {
        /// Calibration rows.
        rows: usize,
    },
}
