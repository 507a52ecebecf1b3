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

/// What a model's sequential test is calibrated with: the log-likelihood and each latent of the
/// calibration rows, in the order of their recording.
#[derive(Debug, Clone)]
pub struct Statistics<'r> {
    log_probs: &'r [f32],
    /// Of each latent.
    latents: Vec<Vec<f32>>,
}

impl<'r> Statistics<'r> {
    /// `latents` are row-major, as `Scorer::latents_of` of `flow-evaluate`
    /// gives them.
    pub fn new(log_probs: &'r [f32], latents: &[f32]) -> Self {
        let channels = latents.len() / log_probs.len().max(1);
        let column = |channel: usize| {
            let own = latents.iter().skip(channel);
            own.step_by(channels).copied().collect()
        };
        Self {
            log_probs,
            latents: (0..channels).map(column).collect(),
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.log_probs.len()
    }

    /// The values of each statistic, the log-likelihood first.
    pub fn calibrations(&self) -> Vec<Calibration<'_>> {
        let log_prob = Calibration {
            statistic: Statistic::LogProb,
            values: self.log_probs,
        };
        let latents = self.latents.iter().map(|values| Calibration {
            statistic: Statistic::Latent,
            values,
        });
        std::iter::once(log_prob).chain(latents).collect()
    }

    /// What people call a statistic. A permutation or a linear map gives latents no channel's name.
    pub fn name(statistic: usize) -> String {
        match statistic {
            0 => "the log-likelihood".to_owned(),
            latent => format!("latent coordinate {}", latent - 1),
        }
    }
}
