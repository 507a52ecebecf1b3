//! How to fit a posterior, and why that may fail.

use flow_artefact::ExportError;
use flow_embedded::artefact::LoadError;
use flow_model::ModelError;
use thiserror::Error;

/// Tempering: the fit begins with the target's log-density times `start`, which rises to 1. A flat target lets a flow
/// find all of its modes before they are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Annealing {
    /// The first inverse temperature, in (0, 1].
    pub start: f64,
    /// The share of the steps, in (0, 1], after which it has risen to 1, along a straight line in its logarithm.
    pub share: f64,
}

/// How to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Steps of the flow's fit.
    pub steps: usize,
    /// Draws of a step.
    pub batch: usize,
    /// Largest learning rate of Adam; it rises, then falls along half a cosine.
    pub learning_rate: f64,
    /// Largest Euclidean norm of a gradient; longer ones are shortened to it.
    pub clip_norm: f64,
    /// Decay of the moving average of the parameters (0: none), which is what is measured and kept.
    pub average: f64,
    /// Steps of a round of fitting the normal whose place and scale the flow starts from: as many rounds as it is
    /// on its way, 20 at most, and one to settle (0: none, the flow then starts near the standard normal, in the
    /// mapped units of the domains).
    pub pilot_steps: usize,
    /// Tempering, if any.
    pub annealing: Option<Annealing>,
    /// How often the fit is measured and its observer told.
    pub reports: usize,
    /// Draws of the artefact that it is judged by: 1000 or more for a k̂ that can be trusted.
    pub draws: usize,
    /// Seeds everything random.
    pub seed: u64,
    /// Threads to use; 0 means one for each core. The result doesn't depend on it.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            steps: 3000,
            batch: 128,
            learning_rate: 3e-3,
            clip_norm: 5.0,
            average: 0.99,
            pilot_steps: 500,
            annealing: None,
            reports: 30,
            draws: 10_000,
            seed: 0,
            threads: 0,
        }
    }
}

impl Config {
    /// Checks that a fit can run with these settings.
    ///
    /// # Errors
    /// [`VariationalError::Setting`] with the first that is out of range.
    pub fn validate(&self) -> Result<(), VariationalError> {
        let inside = |x: f64| x > 0.0 && x <= 1.0;
        let annealing = self.annealing.unwrap_or(Annealing {
            start: 1.0,
            share: 1.0,
        });
        let checks = [
            (self.steps > 0, "steps", "at least 1"),
            (self.batch > 0, "batch", "at least 1"),
            (
                self.learning_rate > 0.0 && self.learning_rate.is_finite(),
                "learning rate",
                "positive and finite",
            ),
            (self.clip_norm > 0.0, "largest gradient norm", "positive"),
            (
                self.average >= 0.0 && self.average < 1.0,
                "decay of the average",
                "in [0, 1)",
            ),
            (
                inside(annealing.start),
                "first inverse temperature",
                "in (0, 1]",
            ),
            (
                inside(annealing.share),
                "share of the steps that anneal",
                "in (0, 1]",
            ),
            (self.reports > 0, "number of reports", "at least 1"),
            (self.draws > 0, "number of draws", "at least 1"),
        ];
        match checks.iter().find(|(good, ..)| !good) {
            Some(&(_, setting, range)) => Err(VariationalError::Setting { setting, range }),
            None => Ok(()),
        }
    }
}

/// Why there is no posterior.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum VariationalError {
    /// A setting is out of range.
    #[error("{setting} must be {range}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// The shape isn't one of an unconditional flow of these parameters.
    #[error(
        "the flow's shape is for {event} event channels and {context} numbers of context, and the target has {parameters} parameters and no context; take both from the target"
    )]
    Shape {
        /// The spec's.
        event: usize,
        /// The spec's.
        context: usize,
        /// The target's.
        parameters: usize,
    },
    /// A base whose own parameters are trained by likelihood only.
    #[error(
        "a mixture as base distribution can't be fitted by reverse KL, since its components are chosen at random; take normal, logistic, laplace, student-t or contaminated, and layers of splines for several modes"
    )]
    Mixture,
    /// There is no such flow.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// It can't be written as an artefact: a parameter's name or domain, or the flow's size.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// What was written can't be read.
    #[error("the artefact can't be read back: {0}")]
    Load(#[from] LoadError),
    /// The density has no finite values, or gradients, where the flow starts.
    #[error(
        "the log-density or its gradient is finite for {finite} of the {draws} draws that the fit would start from, such as not for {example}; give each parameter the domain that it can't leave, and scale parameters so that values of about 1 are plausible"
    )]
    NotFinite {
        /// Draws with a finite density and gradient.
        finite: usize,
        /// All of them.
        draws: usize,
        /// The parameters of one that has none.
        example: String,
    },
    /// The gradient stopped being finite again and again, at ever lower rates.
    #[error(
        "the fit diverged: its gradient was not finite {restarts} times, at last with learning rate {learning_rate:e}; try a lower rate, or look for parameters where the log-density isn't finite"
    )]
    Diverged {
        /// How often.
        restarts: usize,
        /// The last rate tried.
        learning_rate: f64,
    },
}
