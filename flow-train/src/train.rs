//! From a recording to an artefact in one go.
//!
//! Rows are split, standardised by their training part, and fitted; the exported artefact itself
//! then scores the calibration rows, with the chip's arithmetic, for the false-alarm promise and
//! the held-out likelihood. The same rows and the same recipe give the same bytes.

use crate::Error;
use crate::calibrate::CalibrationTable;
use crate::data::{DataError, Dataset, Fractions, Recording, Split, SplitMethod, Standardiser};
use crate::evaluate::{Mean, Scorer, gaussian_log_likelihood};
use crate::export::{Draft, DraftCalibration, DraftChannel};
use crate::fit::{self, Config, Epoch, Stop};
use crate::model::{Batch, Flow, Spec};
use flow_embedded::artefact::{Base, Domain, Evaluation, LoadedFlow};
use flow_embedded::math::Backend;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The fewest rows to fit on, for a model of few channels.
const FEWEST_TRAINING_ROWS: usize = 32;

/// The fewest rows to decide on when to stop.
const FEWEST_VALIDATION_ROWS: usize = 8;

/// What to make of a recording.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The model's name.
    pub name: String,
    /// The model; its event and context channels are set by the data.
    pub spec: Spec,
    /// How to fit it. Its seed also seeds the model and the split.
    pub config: Config,
    /// Shares of validation and calibration.
    pub fractions: Fractions,
    /// Split rows at random; by time otherwise. A recording with groups is split by group.
    pub random_split: bool,
    /// The false-alarm rate to promise.
    pub alpha: f64,
    /// The elementary functions to run with.
    pub math: Backend,
    /// Units of channels, by name.
    pub units: Vec<(String, String)>,
    /// What to note down as the command.
    pub command: String,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The artefact.
    pub bytes: Vec<u8>,
    /// Rows that trained, validated and calibrated.
    pub rows: [usize; 3],
    /// How the fit went.
    pub fit: fit::Report,
    /// Log-likelihood of the calibration rows, in nats, in the units of the raw data.
    pub log_prob: Mean,
    /// Its gain over a Gaussian fitted to the calibration rows, in nats per row.
    pub gain_over_gaussian: Option<f64>,
    /// The false-alarm promise.
    pub calibration: CalibrationTable,
}

/// How far training has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Epochs done.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Mean log-likelihood of the validation rows, in nats, in the units of the raw data.
    pub log_prob: f64,
    /// The best so far.
    pub best: f64,
}

/// Trains a model on a recording read from `source`. Once `stop` is set, the best model so far is
/// finished and given back.
///
/// # Errors
/// The rows are too few, a channel is constant, the model or the settings are impossible, training
/// diverges, or it is stopped before its first epoch is over.
pub fn train(
    source: &Path,
    recording: &Recording,
    recipe: &Recipe,
    stop: &AtomicBool,
    mut observer: impl FnMut(Progress) + Send,
) -> Result<Trained, Error> {
    let data = &recording.data;
    let split = divide(recording, recipe).map_err(Error::data(source))?;
    let part = |rows: &[usize]| data.select(rows);
    let (training, validation, calibration) = (
        part(&split.train),
        part(&split.validation),
        part(&split.calibration),
    );
    let scale = Standardiser::fit(&training).map_err(Error::data(source))?;

    let spec = Spec {
        event: data.event_dim(),
        context: data.context_dim(),
        ..recipe.spec.clone()
    };
    let mut flow = Flow::<f32>::new(&spec, recipe.config.seed)?;
    let mut draft = draft(recording, &scale, recipe, split.train.len());
    // What an artefact can't hold is better known before the fit than after it.
    draft.set_flow(&flow)?;
    draft.encode()?;

    let (train_rows, validation_rows) = (scale.apply(&training), scale.apply(&validation));
    // Standardisation changes a log-likelihood by a constant.
    let constant: f64 = scale
        .event_inv_std
        .iter()
        .map(|inv_std| f64::from(*inv_std).ln())
        .sum();
    let parts = fit::Split {
        training: batch(&train_rows),
        validation: batch(&validation_rows),
    };
    let report = fit::fit(&mut flow, &parts, &recipe.config, stop, |epoch: &Epoch| {
        observer(Progress {
            epoch: epoch.epoch,
            epochs: epoch.epochs,
            log_prob: constant - epoch.validation_nats,
            best: constant - epoch.best_nats,
        });
    })?;
    if report.stop == Stop::Interrupted && report.best_epoch == 0 {
        return Err(Error::Interrupted);
    }

    draft.set_flow(&flow)?;
    let log_probs = score(&draft.encode()?, &calibration, source)?;
    let table =
        CalibrationTable::new(&log_probs, recipe.alpha).map_err(|fault| Error::Calibration {
            path: source.to_owned(),
            fault,
        })?;
    let wide: Vec<f64> = log_probs.into_iter().map(f64::from).collect();
    let log_prob = Mean::of(&wide);
    draft.calibration = Some(DraftCalibration {
        alpha: table.alpha(),
        rows: table.rows(),
        table: table.entries().to_vec(),
    });
    draft.evaluation = Some(Evaluation {
        rows: table.rows(),
        log_prob_mean: log_prob.mean,
        log_prob_stderr: log_prob.stderr,
    });
    Ok(Trained {
        bytes: draft.encode()?,
        rows: [
            split.train.len(),
            split.validation.len(),
            split.calibration.len(),
        ],
        fit: report,
        log_prob,
        gain_over_gaussian: gaussian_log_likelihood(&calibration).map(|g| log_prob.mean - g),
        calibration: table,
    })
}

/// The three parts, each large enough for its purpose.
fn divide(recording: &Recording, recipe: &Recipe) -> Result<Split, DataError> {
    let rows = recording.data.rows();
    let channels = recording.data.event_dim() + recording.data.context_dim();
    let fewest_training = FEWEST_TRAINING_ROWS.max(4 * channels);
    // A rate that is none is refused by the calibration.
    let fewest_calibration = CalibrationTable::rows_needed(recipe.alpha).unwrap_or(1);
    let need =
        recipe
            .fractions
            .rows_for(fewest_training, FEWEST_VALIDATION_ROWS, fewest_calibration);
    let why = format!(
        "{fewest_training} to train {channels} channels, {FEWEST_VALIDATION_ROWS} to validate ({} % \
         of the rows), and {fewest_calibration} to calibrate ({} %) for a false-alarm rate of {}",
        100.0 * recipe.fractions.validation,
        100.0 * recipe.fractions.calibration,
        recipe.alpha
    );
    if rows < need {
        return Err(DataError::TooFewRows {
            have: rows,
            need,
            why,
        });
    }
    let seed = recipe.config.seed;
    let method = match (&recording.groups, recipe.random_split) {
        (Some(groups), _) => SplitMethod::Group { groups, seed },
        (None, true) => SplitMethod::Random { seed },
        (None, false) => SplitMethod::Time,
    };
    let split = Split::new(rows, recipe.fractions, method)?;
    // Groups of uneven size may leave a part short.
    let short = split.train.len() < fewest_training
        || split.validation.len() < FEWEST_VALIDATION_ROWS
        || split.calibration.len() < fewest_calibration;
    if short {
        let [train, validation, calibration] =
            [&split.train, &split.validation, &split.calibration].map(Vec::len);
        return Err(DataError::PartTooSmall {
            train,
            validation,
            calibration,
            why,
        });
    }
    Ok(split)
}

/// The artefact but for its layers and its calibration.
fn draft(recording: &Recording, scale: &Standardiser, recipe: &Recipe, rows: usize) -> Draft {
    let data = &recording.data;
    let channels = |names: &[String], mean: &[f32], inv_std: &[f32]| -> Vec<DraftChannel> {
        let scales = mean.iter().zip(inv_std);
        let channel = |(name, (mean, inv_std)): (&String, (&f32, &f32))| DraftChannel {
            name: name.clone(),
            unit: recipe
                .units
                .iter()
                .find(|(channel, _)| channel == name)
                .map_or(String::new(), |(_, unit)| unit.clone()),
            domain: Domain::Real,
            grid: None,
            mean: *mean,
            inv_std: *inv_std,
        };
        names.iter().zip(scales).map(channel).collect()
    };
    Draft {
        name: recipe.name.clone(),
        event: channels(data.event_names(), &scale.event_mean, &scale.event_inv_std),
        context: channels(
            data.context_names(),
            &scale.context_mean,
            &scale.context_inv_std,
        ),
        layers: vec![],
        base: Base::Normal,
        base_weights: vec![],
        math: recipe.math,
        calibration: None,
        evaluation: None,
        created_by: concat!("flow-train ", env!("CARGO_PKG_VERSION")).to_owned(),
        command: recipe.command.clone(),
        data_digest: data.digest(),
        rows: u32::try_from(rows).unwrap_or(u32::MAX),
        seed: recipe.config.seed,
    }
}

/// Log-likelihoods as the chip computes them.
fn score(bytes: &[u8], data: &Dataset, source: &Path) -> Result<Vec<f32>, Error> {
    let flow = LoadedFlow::from_bytes(bytes).map_err(|fault| Error::Artefact {
        path: source.to_owned(),
        fault,
    })?;
    Scorer::new(&flow)
        .log_probs(data)
        .map_err(|fault| Error::Usage(fault.to_string()))
}

/// A part, standardised, as the fit reads it.
fn batch((events, contexts): &(Vec<f32>, Vec<f32>)) -> Batch<'_, f32> {
    Batch {
        events,
        contexts,
        weights: &[],
    }
}
