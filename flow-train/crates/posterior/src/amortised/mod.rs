//! A posterior for every observation at once, from a simulator and a prior alone.
//!
//! ```text
//! Simulator ──► Pool ──► rounds: fit on the first rows, ──► Draft ──► sbc::check ──► Amortised
//!  prior,       threads   on twice as many, … on all            fresh simulations    artefact and verdict
//!  simulate     in the     while the next are simulated
//!               background
//! ```
//!
//! A flow over parameters given the observation is fitted to pairs that the simulator has made: neural posterior
//! estimation (Papamakarios & Murray 2016; Lueckmann et al. 2017; Greenberg, Nonnenmacher & Macke 2019), amortised
//! over all observations (Radev et al. 2020). No likelihood is needed. The artefact is one like any other, whose events
//! are the parameters and whose context is the observation: `flow_embedded::Posterior` runs it on the chip.
//!
//! **Rounds.** Each round trains on twice as many simulations as the one before, and goes on from its flow; the last one
//! has them all. Meanwhile other threads simulate what later rounds need, so that a slow simulator is not waited for
//! while there is something to learn, and a fast one makes nobody wait. All rounds together take less than twice the
//! steps of the last one. Each of them has its own cosine of the learning rate (warm restarts, Loshchilov & Hutter 2017).
//!
//! **Same seed, same artefact**, however long a simulation takes and on however many threads: each simulation has a
//! stream of random numbers of its own, and what a round trains on is decided by their numbers, not by the clock.
//! Only an interruption depends on when it comes.
//!
//! **The check.** The posterior is checked by [simulation-based calibration](super::sbc) on fresh simulations, which come
//! last from the same threads. [`Amortised::check`] has the result, and shown as text it says whether the check failed.
//!
//! **Simulations that fail** (an observation that isn't finite) are left out and counted. The posterior is then the
//! one given that the simulation succeeds, which is why more than a few of them are an error.

mod rounds;
mod simulate;

use super::sbc::{self, SbcError};
use flow_artefact::ExportError;
use flow_data::DomainRequest;
use flow_embedded::math::Backend;
use flow_evaluate::Mean;
use flow_fit::{self as fit, Config, FitError};
use flow_host::shown;
use flow_model::{Family, ModelError, Spec};
use flow_recipe::TrainError;
use rand_core::Rng;
use simulate::Pool;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use thiserror::Error;

/// A model of how observations come about.
pub trait Simulator: Sync {
    /// The parameters to infer, in the order of [`prior`](Self::prior).
    fn parameters(&self) -> Vec<Variable>;

    /// What is observed, in the order of [`simulate`](Self::simulate).
    fn observation(&self) -> Vec<Variable>;

    /// Draws parameters from the prior. `parameters` has one place for each.
    fn prior(&self, rng: &mut dyn Rng, parameters: &mut [f32]);

    /// Simulates what is observed given the parameters. `observation` has one place for each number; one that isn't
    /// finite says that the simulation failed.
    ///
    /// All that is random must come from `rng`. [`flow_embedded::base`] has samplers that take one.
    fn simulate(&self, parameters: &[f32], rng: &mut dyn Rng, observation: &mut [f32]);
}

/// A parameter, or a number that is observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its unit; empty if there is none.
    pub unit: String,
    /// Where its values live. A prior between two ends wants [`DomainRequest::Bounded`] with these ends: the posterior
    /// then stays within.
    pub domain: DomainRequest,
}

impl Variable {
    /// A real number without unit.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            unit: String::new(),
            domain: DomainRequest::Real,
        }
    }

    /// The same in a unit.
    #[must_use]
    pub fn in_unit(self, unit: &str) -> Self {
        Self {
            unit: unit.to_owned(),
            ..self
        }
    }

    /// The same in a domain.
    #[must_use]
    pub fn within(self, domain: DomainRequest) -> Self {
        Self { domain, ..self }
    }
}

/// How to train and to check.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The model's name.
    pub name: String,
    /// Simulations to train on; each tenth of them decides when to stop.
    pub simulations: usize,
    /// Simulations of the first round, at least.
    pub first: usize,
    /// Threads that simulate; 0 means one for each core.
    pub threads: usize,
    /// The share of simulations that may fail.
    pub failures: f64,
    /// The model's shape; channels are set by the simulator.
    pub spec: Spec,
    /// How to fit it in each round. Smoothing ([`Config::noise`]) would make the posterior too wide. Its seed is that
    /// below.
    pub config: Config,
    /// The elementary functions to run with.
    pub math: Backend,
    /// How to check it. Its rows are the fresh simulations, and its seed is that below.
    pub check: sbc::Settings,
    /// Seeds everything random.
    pub seed: u64,
}

impl Default for Settings {
    /// 20,000 simulations; three layers of autoregressive splines, with two hidden layers of 32.
    fn default() -> Self {
        let mut spec = Spec::new(Family::NsfAr, 1, 0);
        spec.layers = 3;
        spec.conditioner.hidden = vec![32, 32];
        Self {
            name: "posterior".to_owned(),
            simulations: 20_000,
            first: 1000,
            threads: 0,
            failures: 0.05,
            spec,
            config: Config {
                epochs: 60,
                learning_rate: 3e-3,
                weight_decay: 1e-4,
                average: 0.995,
                patience: 15,
                ..Config::default()
            },
            math: Backend::Polynomial,
            check: sbc::Settings::default(),
            seed: 0,
        }
    }
}

/// How far training has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The round, from 1.
    pub round: usize,
    /// Rounds in all.
    pub rounds: usize,
    /// Simulations of this round, failed ones included.
    pub simulations: usize,
    /// Within the round.
    pub training: flow_recipe::Progress,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Amortised {
    /// The artefact.
    pub bytes: Vec<u8>,
    /// The model.
    pub spec: Spec,
    /// The rounds that were trained.
    pub rounds: Vec<Round>,
    /// Simulations that failed, of those that trained.
    pub failed: usize,
    /// Log-density of the true parameters of the fresh simulations, in nats, in the parameters' units; nothing if
    /// training was interrupted.
    pub log_prob: Option<Mean>,
    /// What the check found; nothing if training was interrupted.
    pub check: Option<sbc::Report>,
}

/// One round of training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// Simulations that it trained on and stopped by, failed ones left out.
    pub simulations: usize,
    /// How the fit went.
    pub fit: fit::Report,
}

impl Amortised {
    /// Whether the posterior was checked and no fault was found.
    pub fn passes(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.passes)
    }
}

impl fmt::Display for Amortised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trained = self.rounds.last().map_or(0, |round| round.simulations);
        write!(
            f,
            "trained on {trained} simulations ({} failed); ",
            self.failed
        )?;
        match &self.check {
            None => write!(f, "NOT CHECKED, since training was interrupted"),
            Some(check) if check.passes => {
                let rows = check.rows;
                write!(f, "no fault found in {rows} fresh ones")
            }
            Some(check) => write!(
                f,
                "NOT CALIBRATED on {} fresh ones: {}",
                check.rows,
                check.faults()
            ),
        }
    }
}

/// Why a simulator can't be trained on.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// A setting is out of range.
    #[error("{setting} must be {range}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// It has no parameters, or nothing is observed.
    #[error("the simulator has no {what}: a posterior is one of parameters given an observation")]
    Nothing {
        /// `parameters` or `observation`.
        what: &'static str,
    },
    /// Two variables of one name.
    #[error("the simulator has two variables named `{name}`: rename one")]
    NameTwice {
        /// The name.
        name: String,
    },
    /// The prior gives a parameter that isn't finite.
    #[error("the prior draws {value} for `{name}` (simulation {simulation}): it must be finite")]
    Prior {
        /// The parameter.
        name: String,
        /// What was drawn.
        value: f32,
        /// The simulation's number, from 0.
        simulation: usize,
    },
    /// Too many simulations failed.
    #[error(
        "{failed} of {of} simulations gave an observation that isn't finite, first `{name}` with the parameters \
         {parameters:?}: mend the simulator, or narrow the prior to where it works"
    )]
    Failed {
        /// Simulations that failed.
        failed: usize,
        /// Of so many.
        of: usize,
        /// What was not finite in the first of them.
        name: String,
        /// The parameters of the first of them.
        parameters: Vec<f32>,
    },
}

/// Why there is no posterior. The message says what was wrong, where, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AmortisedError {
    /// The simulator can't be trained on.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// Training on its simulations failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The posterior can't be checked.
    #[error("{}: {fault}", shown::path(path))]
    Sbc {
        /// What stands for the simulations.
        path: PathBuf,
        /// Why not.
        #[source]
        fault: SbcError,
    },
}

/// What a trainer says is said of the training.
macro_rules! from_training {
    ($($fault:ty),*) => {
        $(impl From<$fault> for AmortisedError {
            fn from(fault: $fault) -> Self {
                Self::Train(fault.into())
            }
        })*
    };
}
from_training!(ExportError, FitError, ModelError, flow_plan::Error);

/// The fewest simulations to train on.
const FEWEST: usize = 200;

impl Settings {
    fn validate(&self) -> Result<(), AmortisedError> {
        let checks = [
            (self.simulations >= FEWEST, "simulations", "at least 200"),
            (
                self.first >= FEWEST,
                "simulations of the first round",
                "at least 200",
            ),
            (
                (0.0..1.0).contains(&self.failures),
                "share of failures",
                "in [0, 1)",
            ),
        ];
        if let Some(&(_, setting, range)) = checks.iter().find(|(good, ..)| !good) {
            return Err(SimulatorError::Setting { setting, range }.into());
        }
        self.config.validate()?;
        self.check.validate().map_err(unchecked)
    }
}

/// Trains a posterior and checks it. Once `stop` is set, the best model so far is finished and given back, unchecked.
///
/// # Examples
/// Two readings of a scale; what does the thing weigh?
/// ```
/// use flow_embedded::base::normal;
/// use flow_embedded::math::Libm;
/// use flow_embedded::rand_core::Rng;
/// use flow_posterior::amortised::{Settings, Simulator, Variable, amortised};
/// use std::sync::atomic::AtomicBool;
///
/// struct Scale;
///
/// impl Simulator for Scale {
///     fn parameters(&self) -> Vec<Variable> {
///         vec![Variable::new("weight").in_unit("kg")]
///     }
///     fn observation(&self) -> Vec<Variable> {
///         vec![Variable::new("first"), Variable::new("second")]
///     }
///     fn prior(&self, rng: &mut dyn Rng, parameters: &mut [f32]) {
///         parameters[0] = 70.0 + 12.0 * normal::<Libm, _>(rng);
///     }
///     fn simulate(&self, parameters: &[f32], rng: &mut dyn Rng, observation: &mut [f32]) {
///         for seen in observation {
///             *seen = parameters[0] + 2.0 * normal::<Libm, _>(rng);
///         }
///     }
/// }
///
/// let mut settings = Settings {
///     name: "scale".to_owned(),
///     simulations: 2000,
///     ..Settings::default()
/// };
/// settings.config.epochs = 5;
/// let trained = amortised(&Scale, &settings, &AtomicBool::new(false), |_| ())?;
/// println!("{trained}");
/// let check = trained.check.expect("nobody interrupted it");
/// assert_eq!(check.rows, 1000);
/// # Ok::<(), flow_posterior::amortised::AmortisedError>(())
/// ```
///
/// # Errors
/// A setting is out of range, the simulator has no usable variables or fails too often, the model is impossible,
/// training diverges, or it is stopped before its first epoch is over. That the check fails is no error:
/// [`Amortised::passes`] says so.
///
/// # Panics
/// If the simulator panics.
pub fn amortised(
    simulator: &dyn Simulator,
    settings: &Settings,
    stop: &AtomicBool,
    observer: impl FnMut(Progress) + Send,
) -> Result<Amortised, AmortisedError> {
    settings.validate()?;
    let variables = [simulator.parameters(), simulator.observation()];
    check_names(&variables)?;
    std::thread::scope(|scope| {
        let pool = Pool::start(scope, simulator, &variables, settings, stop);
        rounds::run(pool, &variables, settings, stop, observer)
    })
}

fn check_names([parameters, observation]: &[Vec<Variable>; 2]) -> Result<(), SimulatorError> {
    for (variables, what) in [(parameters, "parameters"), (observation, "observation")] {
        if variables.is_empty() {
            return Err(SimulatorError::Nothing { what });
        }
    }
    let mut names: Vec<&String> = parameters
        .iter()
        .chain(observation)
        .map(|own| &own.name)
        .collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SimulatorError::NameTwice {
            name: pair[0].clone(),
        }),
        None => Ok(()),
    }
}

fn unchecked(fault: SbcError) -> AmortisedError {
    AmortisedError::Sbc {
        path: simulator_path().to_owned(),
        fault,
    }
}

/// What stands in place of a table's name in messages.
fn simulator_path() -> &'static std::path::Path {
    "the simulator".as_ref()
}
