//! Options that steer the training.

use crate::names::WeightsName;
use clap::builder::RangedU64ValueParser;
use flow_fit::Overrides;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training (defaults: of a named family / of auto)")]
pub(super) struct FitOptions {
    /// Passes over the training rows, at most [default: 200 / as many as give 3000 steps]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..), value_name = "N")]
    epochs: Option<usize>,
    /// Rows of a step [default: 256]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..), value_name = "N")]
    batch: Option<usize>,
    /// Largest learning rate of AdamW: it rises to this, then falls along a cosine [default: 0.001 /
    /// 0.005]
    #[arg(long, allow_negative_numbers = true, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Decay of weights, in units of the learning rate [default: 0.01 / 0.0001; of a text
    /// 0.1]
    #[arg(long, allow_negative_numbers = true, value_name = "X")]
    weight_decay: Option<f64>,
    /// Decay of the moving average of the parameters, which is what is validated and kept; 0 for none
    /// [default: 0.999 / 0.995]
    #[arg(long, allow_negative_numbers = true, value_name = "X")]
    average: Option<f64>,
    /// Epochs without improvement after which training ends [default: 30 / all]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..), value_name = "N")]
    patience: Option<usize>,
    /// Standard deviation of the noise added to training rows, in standard deviations of
    /// each column. 0.05 to 0.3 helps with values that repeat [default: 0 / found from the rows]
    #[arg(long, allow_negative_numbers = true, value_name = "SIGMA")]
    pub(super) smoothing: Option<f32>,
    /// Train for weights that flow quantise will make these: the loss is that of the rounded weights,
    /// and the model has them [default: f32]
    #[arg(long, value_enum, value_name = "FORMAT")]
    quantise: Option<WeightsName>,
}

impl FitOptions {
    /// What was given.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            average: self.average,
            patience: self.patience,
            noise: self.smoothing,
            weight_format: self.quantise.map(Into::into),
        }
    }
}
