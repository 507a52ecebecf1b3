//! From a recording to an artefact in one go.
//!
//! ```text
//! Recording, or Survey ──► Parts ──► Preparation ──► fit ──► Draft ──► Scorer ──► calibration
//!  in memory   too large    train,    domains,                bytes     held-out    false-alarm
//!                           validate, grids, mean                       rows        promise
//!                           calibrate and std
//! ```
//!
//! The exported artefact itself scores the calibration rows, with the chip's arithmetic, for the false-alarm promise
//! and the held-out likelihood. The same rows and the same recipe give the same bytes.
//!
//! **Few rows.** A table of some dozens of rows gives a model, too. More of it validates (up to a fifth) and
//! calibrates (up to a third) if that makes the false-alarm rate attainable that is asked for. If not even that
//! does, the model comes without a promise, and [`Trained::calibration`] says what is missing.
//!
//! `flow-train` re-exports this crate as `flow_train::train`, and [`auto`] beside it.
#![forbid(unsafe_code)]

pub mod auto;
mod dequantiser;
mod error;
pub mod noise;
mod parts;
pub mod steps;

pub use error::TrainError;

use crate::auto::{Budget, Candidate, Ground, Trial, choose};
use flow_artefact::{Draft, DraftChannel, DraftNoise};
use flow_calibrate::{CalibrationError, CalibrationTable, Standing, Statistics, Unexamined};
use flow_data::{Choice, Dataset, Fractions, Preparation, PrepareOptions, Recording, Survey};
use flow_embedded::artefact::{Evaluation, Judged, LoadedFlow};
use flow_embedded::window::Feature;
use flow_evaluate::{Mean, Scorer, gaussian_log_likelihood, judged};
use flow_export::set_flow;
use flow_fit::{self as fit, Config, Epoch, Overrides, Rows, Stop};
use flow_model::{Flow, Spec};
use parts::Parts;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use steps::{Origin, START, draft, in_memory, rows_error, start, with_channels};

/// Rows of a table that is too large for memory by which its preparation is chosen.
const SAMPLE: usize = 200_000;

/// What to make of a recording.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The model's name.
    pub name: String,
    /// The model, and how to fit it.
    pub model: Model,
    /// Seeds everything random: the split, the model, the fit.
    pub seed: u64,
    /// What the first context columns were computed from, as
    /// [`Columns::with_features`](flow_data::Columns::with_features) did.
    pub features: Vec<Feature>,
    /// Domains and rounding of columns, their units, and the elementary functions to run with.
    pub prepare: PrepareOptions,
    /// Shares of validation and calibration; small data may get larger ones.
    pub fractions: Fractions,
    /// Split rows at random; by time otherwise. A recording with groups is split by group.
    pub random_split: bool,
    /// The false-alarm rate to promise.
    pub alpha: f64,
    /// Whether the model is one of a sensor's noise, to be drawn from its own past; it must have features of it.
    pub noise: bool,
    /// Whether to learn where in their cells rounded rows stand: variational dequantisation, for a better density. All
    /// columns must be rounded.
    pub dequantise: bool,
    /// What to note down as the command.
    pub command: String,
}

/// What to train; channels are set by the data, and seeds by the recipe.
#[derive(Debug, Clone)]
pub enum Model {
    /// This one.
    Named {
        /// Its shape.
        spec: Spec,
        /// How to fit it.
        config: Config,
    },
    /// What a comparison on the validation rows chooses: see [`auto`].
    Auto {
        /// What is settled about its shape: activation, residual connections and order.
        spec: Spec,
        /// What is settled about the fit.
        overrides: Overrides,
        /// What it may cost.
        budget: Budget,
    },
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The artefact.
    pub bytes: Vec<u8>,
    /// That of the dequantiser, if one was learnt.
    pub dequantiser: Option<Vec<u8>>,
    /// The model.
    pub spec: Spec,
    /// How it was fitted.
    pub config: Config,
    /// The models that were compared, if any.
    pub candidates: Vec<Candidate>,
    /// Rows that trained, validated and calibrated.
    pub rows: [usize; 3],
    /// What was found out about each column, events first.
    pub choices: Vec<Choice>,
    /// How the fit went.
    pub fit: fit::Report,
    /// Log-likelihood of the calibration rows, in nats, in the units of the raw data; −∞ if one of them is outside
    /// the domain of a column.
    pub log_prob: Mean,
    /// Calibration rows that the model holds for impossible.
    pub impossible: usize,
    /// Its gain over a Gaussian fitted to the calibration rows, in nats per row.
    pub gain_over_gaussian: Option<f64>,
    /// The false-alarm promise, or why there is none: too few rows.
    pub calibration: Result<CalibrationTable, CalibrationError>,
    /// What it is of: of a text with line breaks the lines.
    pub judges: Judged,
    /// Whether the calibration rows bear the promise out.
    pub standing: Standing,
}

/// How far training has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Epochs done.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Mean log-likelihood of the validation rows, in nats, in the units of the raw data; rounded columns are
    /// dequantised.
    pub log_prob: f64,
    /// The best so far.
    pub best: f64,
}

/// Trains a model on a recording read from `source`. Once `stop` is set, the best model so far is finished and given
/// back.
///
/// # Errors
/// The rows are too few, a column can't be prepared, the model or the settings are impossible, training diverges, or
/// it is stopped before its first epoch is over.
pub fn train(
    source: &Path,
    recording: &Recording,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: impl FnMut(Progress) + Send,
) -> Result<Trained, TrainError> {
    CalibrationTable::rows_needed(recipe.alpha).map_err(calibration_error(source))?;
    let (training, parts) =
        Parts::of_recording(recording, recipe).map_err(TrainError::data(source))?;
    let mut rows = in_memory(&training).map_err(rows_error("training"))?;
    train_parts(source, &mut rows, &training, &parts, recipe, stop, observer)
}

/// Trains a model on a table that is too large for memory, as [`train`].
///
/// # Errors
/// As [`train`], or the table can't be shuffled on disk.
pub fn train_streamed(
    source: &Path,
    survey: &Survey<'_>,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: impl FnMut(Progress) + Send,
) -> Result<Trained, TrainError> {
    CalibrationTable::rows_needed(recipe.alpha).map_err(calibration_error(source))?;
    let (mut store, parts) = Parts::of_survey(survey, recipe).map_err(TrainError::data(source))?;
    let read = |fault| TrainError::Read {
        path: source.to_owned(),
        fault,
    };
    let (sample, weights) = store.sample(SAMPLE).map_err(read)?;
    let sample = sample.weighted(weights.unwrap_or_default());
    train_parts(source, &mut store, &sample, &parts, recipe, stop, observer)
}

/// Trains on `training`; the preparation is chosen by `sample`, all or some of these rows.
fn train_parts(
    source: &Path,
    training: &mut dyn Rows,
    sample: &Dataset,
    parts: &Parts,
    recipe: &Recipe,
    stop: &AtomicBool,
    mut observer: impl FnMut(Progress) + Send,
) -> Result<Trained, TrainError> {
    let (preparation, choices) = Preparation::fit(sample, &parts.ranges, &recipe.prepare)
        .map_err(TrainError::data(source))?;
    let mut validation = in_memory(&parts.validation.data).map_err(rows_error("validation"))?;
    let mut ground = Ground {
        training,
        validation: &mut validation,
        preparation: &preparation,
        sample,
    };
    let origin = Origin {
        name: &recipe.name,
        units: &recipe.prepare.units,
        command: &recipe.command,
        seed: recipe.seed,
        rows: parts.training,
        digest: parts.digest,
    };
    let mut draft = draft(sample, &preparation, &origin);
    draft.features.clone_from(&recipe.features);
    draft.noise = recipe.noise.then(|| noise(sample, parts));
    // What the preparation adds to the log-likelihood of every row.
    let constant: f64 = draft.event.iter().map(DraftChannel::log_scale).sum();
    let mut observer = |epoch: &Epoch| {
        observer(Progress {
            epoch: epoch.epoch,
            epochs: epoch.epochs,
            log_prob: constant + epoch.log_det - epoch.validation_nats,
            best: constant + epoch.log_det - epoch.best_nats,
        });
    };
    let Settled {
        spec,
        config,
        candidates,
        trial,
    } = settle(&mut ground, recipe, stop, &mut observer)?;
    let mut flow = Flow::<f32>::new(&spec, recipe.seed)?;
    // What an artefact can't hold is better known before the fit than after it.
    set_flow(&mut draft, &flow)?;
    draft.encode()?;
    let mut cells = match recipe.dequantise {
        true => Some(dequantiser::flow(&draft, &preparation, recipe.seed)?),
        false => None,
    };
    let Trial { flow, report } = match trial {
        // Interrupted while models were compared: the best of them is what there is.
        Some(trial) if stop.load(Ordering::Relaxed) => trial,
        _ => {
            // A prediction takes as many rows as there are, not just enough for a mean.
            let rows = if spec.regression { usize::MAX } else { START };
            start(&mut flow, sample, rows, &preparation, recipe.seed);
            let split = fit::Split {
                training: ground.training,
                validation: ground.validation,
                preparation: &preparation,
                dequantiser: cells.as_mut(),
            };
            let report = fit::fit(&mut flow, split, &config, stop, observer)?;
            Trial { flow, report }
        }
    };
    if report.stop == Stop::Interrupted && report.best_epoch == 0 {
        return Err(TrainError::Interrupted);
    }
    set_flow(&mut draft, &flow)?;
    let cells = cells.map(|own| dequantiser::artefact(&draft, &own));
    let made = Made {
        dequantiser: cells.transpose()?,
        draft,
        spec,
        config,
        candidates,
        choices,
        report,
    };
    finish(source, made, parts, recipe)
}

/// The model to train and how to, and what a comparison came to if there was one.
struct Settled {
    spec: Spec,
    config: Config,
    candidates: Vec<Candidate>,
    trial: Option<Trial>,
}

/// Follows the recipe, or compares models.
fn settle(
    ground: &mut Ground<'_>,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: &mut (dyn FnMut(&Epoch) + Send),
) -> Result<Settled, TrainError> {
    let channels = |spec: &Spec| with_channels(spec, ground.preparation);
    Ok(match &recipe.model {
        Model::Named { spec, config } => Settled {
            spec: channels(spec),
            config: Config {
                seed: recipe.seed,
                ..config.clone()
            },
            candidates: Vec::new(),
            trial: None,
        },
        Model::Auto {
            spec,
            overrides,
            budget,
        } => {
            let spec = channels(spec);
            let chosen = choose(
                ground,
                &spec,
                overrides,
                recipe.seed,
                *budget,
                stop,
                observer,
            )?;
            Settled {
                spec: chosen.spec,
                config: chosen.config,
                candidates: chosen.candidates,
                trial: Some(chosen.trial),
            }
        }
    })
}

/// A fitted model, on its way to an artefact.
struct Made {
    draft: Draft,
    dequantiser: Option<Vec<u8>>,
    spec: Spec,
    config: Config,
    candidates: Vec<Candidate>,
    choices: Vec<Choice>,
    report: fit::Report,
}

/// Scores the calibration rows, calibrates on them if they are enough, and writes the artefact.
fn finish(
    source: &Path,
    made: Made,
    parts: &Parts,
    recipe: &Recipe,
) -> Result<Trained, TrainError> {
    let mut draft = made.draft;
    let held = &parts.calibration.data;
    let bytes = draft.encode()?;
    let flow = LoadedFlow::from_bytes(&bytes).map_err(|fault| TrainError::Artefact {
        path: source.to_owned(),
        fault,
    })?;
    // As the chip computes them.
    let scorer = Scorer::new(&flow)?;
    let log_probs = scorer.log_probs(held);
    let log_probs = log_probs.map_err(TrainError::Shape)?;
    let (judged, judges) = judged(flow.header(), held.events(), &log_probs);
    let calibration = match CalibrationTable::new(&judged, recipe.alpha) {
        Err(fault) if !matches!(fault, CalibrationError::TooFewRows { .. }) => {
            return Err(calibration_error(source)(fault));
        }
        calibration => calibration,
    };
    let standing = match judges {
        _ if recipe.random_split && !parts.grouped => {
            Standing::NotExamined(Unexamined::SplitAtRandom)
        }
        _ if held.rows() < parts.calibration.rows => Standing::NotExamined(Unexamined::Sampled),
        Judged::Lines => Standing::of_lines(&judged, recipe.alpha),
        Judged::Events => {
            let latents = scorer.latents_of(held.events(), held.contexts());
            Standing::of_rows(&Statistics::new(&log_probs, &latents))
        }
    };
    let wide: Vec<f64> = log_probs.iter().copied().map(f64::from).collect();
    let log_prob = Mean::of(&wide);
    let table = calibration.as_ref().ok();
    draft.calibration = table.map(|table| table.draft(judges));
    draft.evaluation = Some(Evaluation {
        rows: u32::try_from(log_prob.rows).unwrap_or(u32::MAX),
        log_prob_mean: log_prob.mean,
        log_prob_stderr: log_prob.stderr,
    });
    Ok(Trained {
        bytes: draft.encode()?,
        dequantiser: made.dequantiser,
        spec: made.spec,
        config: made.config,
        candidates: made.candidates,
        rows: parts.rows(),
        choices: made.choices,
        fit: made.report,
        log_prob,
        impossible: wide.iter().filter(|x| **x == f64::NEG_INFINITY).count(),
        gain_over_gaussian: recipe
            .prepare
            .codes
            .is_empty()
            .then(|| gaussian_log_likelihood(held))
            .flatten()
            .map(|g| log_prob.mean - g),
        calibration,
        judges,
        standing,
    })
}

/// Where the noise of a sensor starts, and the ranges that its past stays in.
fn noise(rows: &Dataset, parts: &Parts) -> DraftNoise {
    let channels = rows.event_dim();
    let mean = |channel: usize| {
        let own = rows.events().iter().skip(channel).step_by(channels);
        own.map(|x| f64::from(*x)).sum::<f64>() / rows.rows() as f64
    };
    let ranges = parts.ranges.iter().skip(channels);
    DraftNoise::new(
        (0..channels).map(|channel| mean(channel) as f32),
        ranges.map(|range| [*range.start(), *range.end()]),
    )
}

fn calibration_error(source: &Path) -> impl Fn(CalibrationError) -> TrainError + '_ {
    |fault| TrainError::Calibration {
        path: source.to_owned(),
        fault,
    }
}

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
