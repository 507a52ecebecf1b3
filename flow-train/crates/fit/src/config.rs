//! How to train, and why training may fail.

use super::RowsError;
use flow_embedded::artefact::WeightFormat;
use flow_model::ModelError;
use thiserror::Error;

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// Up in a straight line over the first twentieth of all steps, then down to 0 along half a cosine
    /// (Loshchilov & Hutter 2017).
    Cosine,
    /// Constant, but times `factor` after each `patience` epochs without improvement on the validation rows.
    Plateau {
        /// In (0, 1).
        factor: f64,
        /// In epochs, at least 1.
        patience: usize,
    },
}

/// Steps that an epoch has at least, if there are as many rows.
const STEPS: usize = 8;

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Passes over the training rows, at most.
    pub epochs: usize,
    /// Rows of a step, at most: small data get smaller batches, so that an epoch has eight steps or more.
    pub batch: usize,
    /// Largest learning rate of Adam.
    pub learning_rate: f64,
    /// How it changes.
    pub schedule: Schedule,
    /// Decoupled weight decay, in units of the learning rate (0: none).
    pub weight_decay: f64,
    /// Largest Euclidean norm of a gradient; longer ones are shortened to it.
    pub clip_norm: f64,
    /// Epochs without improvement on the validation rows after which training ends.
    pub patience: usize,
    /// Standard deviation, in standardised units, of the normal noise added to the events of every batch, drawn
    /// anew each time (0: none). What is fitted is then the density of the rows with that noise, and validation rows
    /// get it too, the same draws in every epoch. A circular channel's unit is the radian.
    ///
    /// The lever of smoothing: 0.05 to 0.3 serves data that repeat.
    pub noise: f32,
    /// The same for the features that the context becomes, the cosine and the sine of an angle among them (0: none).
    pub context_noise: f32,
    /// Decay of the moving average of the parameters (0: none), which is what is validated and kept. Until the
    /// average is that long, it covers about the last ninth of the steps.
    pub average: f64,
    /// What conditioners' weights are to be stored as, if not as `f32`. The loss and its gradient are then those of
    /// the rounded weights, and what is trained are the weights before rounding (Bengio et al. 2013, the
    /// straight-through estimator; Jacob et al. 2018); the flow that training leaves has the rounded ones.
    pub weight_format: Option<WeightFormat>,
    /// Seed of shuffling and noise.
    pub seed: u64,
    /// Threads to use; 0 means one for each core. The result doesn't depend on it.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            epochs: 200,
            batch: 256,
            learning_rate: 1e-3,
            schedule: Schedule::Cosine,
            weight_decay: 1e-2,
            clip_norm: 5.0,
            patience: 30,
            noise: 0.0,
            context_noise: 0.0,
            average: 0.999,
            weight_format: None,
            seed: 0,
            threads: 0,
        }
    }
}

impl Config {
    /// For models of categories alone: no density that smoothing must hold back, and many rows of few bits each.
    #[must_use]
    pub fn of_categories() -> Self {
        Self {
            epochs: 30,
            learning_rate: 3e-3,
            patience: 6,
            ..Self::default()
        }
    }

    /// For texts: their heads are large for what a character tells.
    #[must_use]
    pub fn of_text() -> Self {
        Self {
            weight_decay: 0.1,
            ..Self::of_categories()
        }
    }
}

/// What is settled about a training whose other settings are chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// See [`Config::epochs`].
    pub epochs: Option<usize>,
    /// See [`Config::batch`].
    pub batch: Option<usize>,
    /// See [`Config::learning_rate`].
    pub learning_rate: Option<f64>,
    /// See [`Config::weight_decay`].
    pub weight_decay: Option<f64>,
    /// See [`Config::average`].
    pub average: Option<f64>,
    /// See [`Config::patience`].
    pub patience: Option<usize>,
    /// See [`Config::noise`].
    pub noise: Option<f32>,
    /// See [`Config::weight_format`].
    pub weight_format: Option<WeightFormat>,
}

impl Overrides {
    /// The settings with these in place of theirs.
    #[must_use]
    pub fn apply(&self, config: &Config) -> Config {
        Config {
            epochs: self.epochs.unwrap_or(config.epochs),
            batch: self.batch.unwrap_or(config.batch),
            learning_rate: self.learning_rate.unwrap_or(config.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(config.weight_decay),
            average: self.average.unwrap_or(config.average),
            patience: self.patience.unwrap_or(config.patience),
            noise: self.noise.unwrap_or(config.noise),
            weight_format: self.weight_format.or(config.weight_format),
            ..config.clone()
        }
    }
}

impl Config {
    /// Rows of a step, for so many training rows.
    pub(super) fn batch_of(&self, rows: usize) -> usize {
        self.batch.min(rows / STEPS).max(1)
    }

    /// Steps of an epoch, for so many training rows.
    pub fn steps(&self, rows: usize) -> usize {
        rows / self.batch_of(rows)
    }

    /// Checks that training can run with these settings.
    ///
    /// # Errors
    /// [`FitError::Setting`] with the first that is out of range.
    pub fn validate(&self) -> Result<(), FitError> {
        let checks = [
            (self.epochs > 0, "epochs", "at least 1"),
            (self.batch > 0, "batch", "at least 1"),
            (
                self.learning_rate > 0.0 && self.learning_rate.is_finite(),
                "learning rate",
                "positive and finite",
            ),
            (
                self.weight_decay >= 0.0 && self.weight_decay * self.learning_rate < 1.0,
                "weight decay",
                "in [0, 1 / learning rate)",
            ),
            (self.clip_norm > 0.0, "largest gradient norm", "positive"),
            (self.patience > 0, "patience", "at least 1"),
            (
                self.noise >= 0.0 && self.noise.is_finite(),
                "smoothing",
                "non-negative and finite",
            ),
            (
                self.context_noise >= 0.0 && self.context_noise.is_finite(),
                "smoothing of the context",
                "non-negative and finite",
            ),
            (
                self.average >= 0.0 && self.average < 1.0,
                "decay of the average",
                "in [0, 1)",
            ),
        ];
        if let Some(&(_, setting, range)) = checks.iter().find(|(good, ..)| !good) {
            return Err(FitError::Setting { setting, range });
        }
        match self.schedule {
            Schedule::Plateau { factor, .. } if !(factor > 0.0 && factor < 1.0) => {
                Err(FitError::Setting {
                    setting: "plateau factor",
                    range: "between 0 and 1",
                })
            }
            Schedule::Plateau { patience: 0, .. } => Err(FitError::Setting {
                setting: "plateau patience",
                range: "at least 1",
            }),
            _ => Ok(()),
        }
    }
}

/// Why training failed. The flow is left at its best checkpoint, or as it was given.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum FitError {
    /// A setting is out of range.
    #[error("{setting} must be {range}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// Rows that can't be used.
    #[error("the {part} rows: {fault}")]
    Rows {
        /// `training` or `validation`.
        part: &'static str,
        /// What is wrong.
        #[source]
        fault: RowsError,
    },
    /// There is no such flow.
    #[error(transparent)]
    Model(ModelError),
    /// The loss stopped being finite again and again, at ever lower rates.
    #[error(
        "training diverged: the loss was not finite {restarts} times, at last with learning rate {learning_rate:e}; try a lower rate or look for extreme values in the data"
    )]
    Diverged {
        /// How often.
        restarts: usize,
        /// The last rate tried.
        learning_rate: f64,
    },
}
