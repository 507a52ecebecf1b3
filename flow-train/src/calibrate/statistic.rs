//! What a sequential test is calibrated with.

/// What a statistic measures, which says what is bet on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The log-likelihood of the whole event.
    LogProb,
    /// The latent coordinate of a channel.
    Latent,
}

/// A statistic's values over the calibration rows.
#[derive(Debug, Clone, Copy)]
pub struct Calibration<'a> {
    /// What it measures.
    pub statistic: Statistic,
    /// One value for each calibration row, as the chip computes it; NaN counts as −∞.
    pub values: &'a [f32],
}
