//! A short comparison of families on the validation rows.

use super::{Budget, size, smoothing};
use flow_data::{Dataset, Preparation};
use flow_fit::{self as fit, Config, Epoch, FitError, Overrides, Rows};
use flow_host::random::Random;
use flow_model::{Family, Flow, Spec};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The families that are compared, those whose scores grow most calmly far out first.
const FAMILIES: [Family; 3] = [Family::NsfAr, Family::Nsf, Family::Maf];
/// What a later one must gain over the best before it, in nats per row: less is within the chance of some hundred
/// validation rows and a short training.
const MARGIN: f64 = 0.1;

/// A model that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Its family.
    pub family: &'static str,
    /// Layers of that kind.
    pub layers: usize,
    /// Units of the hidden layers in each.
    pub hidden: Vec<usize>,
    /// Numbers that it stores.
    pub weights: usize,
    /// Mean log-likelihood of the smoothed validation rows after the short training, in nats and prepared units.
    pub log_prob: f64,
    /// What the training took.
    pub seconds: f64,
    /// Whether it is the one that was chosen.
    pub chosen: bool,
}

/// What the comparison runs on.
pub(crate) struct Ground<'a> {
    pub(crate) training: &'a mut dyn Rows,
    pub(crate) validation: &'a mut dyn Rows,
    pub(crate) preparation: &'a Preparation,
    /// Training rows, all or some.
    pub(crate) sample: &'a Dataset,
}

/// The model to train, and how.
pub(crate) struct Chosen {
    pub(crate) spec: Spec,
    pub(crate) config: Config,
    pub(crate) candidates: Vec<Candidate>,
    /// What its short training came to: the model to keep if there is no time for a longer one.
    pub(crate) trial: Trial,
}

/// A model after its training.
pub(crate) struct Trial {
    pub(crate) flow: Flow<f32>,
    pub(crate) report: fit::Report,
}

/// Chooses smoothing, family and size; `channels` says what there is to model, and `overrides` what is settled. Once
/// `stop` is set, what has been tried so far decides.
///
/// # Errors
/// No model fits the budget, or no training succeeds.
pub(crate) fn choose(
    ground: &mut Ground<'_>,
    channels: &Spec,
    overrides: &Overrides,
    seed: u64,
    budget: Budget,
    stop: &AtomicBool,
    observer: &mut (dyn FnMut(&Epoch) + Send),
) -> Result<Chosen, FitError> {
    let noise = match overrides.noise {
        Some(noise) => noise,
        None => {
            let rows = prepared(ground, seed);
            let (rows, event, circular) = continuous(&rows, channels);
            smoothing::noise(&rows, event, &circular, seed) as f32
        }
    };
    let config = |steps: usize| {
        let plain = Config {
            learning_rate: 5e-3,
            weight_decay: 1e-4,
            average: 0.995,
            noise,
            seed,
            ..Config::default()
        };
        let epochs = steps.div_ceil(plain.steps(ground.training.rows()));
        Config {
            epochs,
            patience: epochs,
            ..plain
        }
    };
    let (trial, full) = (config(budget.trial_steps), config(budget.steps));
    let trial = Config {
        epochs: trial.epochs,
        patience: trial.epochs,
        ..overrides.apply(&trial)
    };
    let usable = |family: &Family| {
        let event = channels.event - channels.categorical.event.len();
        let pairs = event > 1 || !family.is_coupling();
        pairs && (channels.circular.is_empty() || family.has_splines())
    };
    let families = FAMILIES.into_iter().filter(usable);
    let specs = families.filter_map(|family| size::within(family, channels, budget));
    let (mut best, mut candidates): (Option<(Spec, Trial)>, Vec<Candidate>) = (None, Vec::new());
    let mut failed = None;
    for spec in specs {
        if best.is_some() && stop.load(Ordering::Relaxed) {
            break;
        }
        let start = Instant::now();
        let tried = match try_out(ground, &spec, &trial, stop, observer) {
            Ok(tried) => tried,
            Err(fault) => {
                failed = Some(fault);
                continue;
            }
        };
        candidates.push(Candidate {
            family: spec.family.name(),
            layers: spec.layers,
            hidden: spec.conditioner.hidden.clone(),
            weights: tried.flow.stored(),
            log_prob: -tried.report.validation_nats,
            seconds: start.elapsed().as_secs_f64(),
            chosen: false,
        });
        let nats = |trial: &Trial| trial.report.validation_nats;
        let worth = |(_, least): &(Spec, Trial)| nats(&tried) < nats(least) - MARGIN;
        if best.as_ref().is_none_or(worth) {
            best = Some((spec, tried));
        }
    }
    let Some((spec, trial)) = best else {
        return Err(failed.unwrap_or(FitError::Setting {
            setting: "the budget of weights",
            range: "large enough for the columns: give more, or model fewer columns",
        }));
    };
    for candidate in &mut candidates {
        candidate.chosen = candidate.family == spec.family.name();
    }
    Ok(Chosen {
        spec,
        config: overrides.apply(&full),
        candidates,
        trial,
    })
}

/// The columns of prepared rows that hold no codes: their values, how many there are, and which of
/// them are angles.
fn continuous(rows: &[f32], channels: &Spec) -> (Vec<f32>, usize, Vec<usize>) {
    let is_code = |column: &usize| {
        channels
            .categorical
            .event
            .iter()
            .any(|own| own.0 == *column)
    };
    let columns: Vec<usize> = (0..channels.event).filter(|own| !is_code(own)).collect();
    let rows = rows.chunks_exact(channels.event);
    let values = rows.flat_map(|row| columns.iter().map(|column| row[*column]));
    let angles = (0..columns.len()).filter(|place| channels.circular.contains(&columns[*place]));
    (values.collect(), columns.len(), angles.collect())
}

/// Trains a candidate for a short while.
fn try_out(
    ground: &mut Ground<'_>,
    spec: &Spec,
    config: &Config,
    stop: &AtomicBool,
    observer: &mut (dyn FnMut(&Epoch) + Send),
) -> Result<Trial, FitError> {
    let mut flow = Flow::<f32>::new(spec, config.seed).map_err(FitError::Model)?;
    let split = fit::Split {
        training: &mut *ground.training,
        validation: &mut *ground.validation,
        preparation: ground.preparation,
        dequantiser: None,
    };
    let report = fit::fit(&mut flow, split, config, stop, observer)?;
    Ok(Trial { flow, report })
}

/// The rows of the sample as the flow will see them, without smoothing.
fn prepared(ground: &Ground<'_>, seed: u64) -> Vec<f32> {
    let mut events = ground.sample.events().to_vec();
    let mut log_det = vec![0.0; ground.sample.rows()];
    let mut random = Random::new(seed);
    ground
        .preparation
        .dequantised_events(&mut events, &mut log_det, &mut random);
    events
}
