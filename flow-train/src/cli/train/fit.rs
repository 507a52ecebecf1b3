//! Options that steer the training.

use crate::fit::Config;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(super) struct FitOptions {
    /// Passes over the training rows, at most
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub(super) epochs: u32,
    /// Rows of a step
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub(super) batch: u32,
    /// Largest learning rate of AdamW: it rises to this, then falls along a cosine
    #[arg(
        long,
        default_value_t = 1e-3,
        allow_negative_numbers = true,
        value_name = "RATE"
    )]
    pub(super) learning_rate: f64,
    /// Decay of weights, in units of the learning rate
    #[arg(
        long,
        default_value_t = 1e-2,
        allow_negative_numbers = true,
        value_name = "X"
    )]
    pub(super) weight_decay: f64,
    /// Decay of the moving average of the parameters, which is what is validated and kept; 0 for none
    #[arg(
        long,
        default_value_t = 0.999,
        allow_negative_numbers = true,
        value_name = "X"
    )]
    pub(super) average: f64,
    /// Epochs without improvement after which training ends
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub(super) patience: u32,
    /// Smoothing: standard deviation of the noise added to training rows, in standard deviations of
    /// each column. 0.05 to 0.3 helps with values that repeat
    #[arg(long, allow_negative_numbers = true, value_name = "SIGMA")]
    pub(super) noise: Option<f32>,
}

impl FitOptions {
    pub(super) fn config(&self, seed: u64) -> Config {
        Config {
            epochs: self.epochs as usize,
            batch: self.batch as usize,
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            average: self.average,
            patience: self.patience as usize,
            noise: self.noise.unwrap_or(0.0),
            seed,
            ..Config::default()
        }
    }
}
