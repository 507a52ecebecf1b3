//! Smaller weights, and thresholds of the code that then runs.
//!
//! A trained flow becomes one that is compiled to `f16`, or to integers of 16 or 8 bits that are
//! computed with from end to end (see [`Quantisation`](flow_embedded::artefact::Quantisation)). Rows of
//! normal data choose the formats of the activations and, for 8 bits, which of its neighbours each
//! weight becomes. Other rows then calibrate the quantised model: by its own
//! integers, so that the false-alarm promises, of rows and over a stream, are about them.
//!
//! `flow-train` re-exports this crate as `flow_train::quantise`.
#![forbid(unsafe_code)]

mod rounding;

use flow_artefact::{Draft, DraftConditioner, DraftLayer, DraftQuantisation, ExportError};
use flow_calibrate::{
    CalibrationError, CalibrationTable, DesignError, MondrianError, MondrianTables,
    SequentialDesign, Standing, Statistics, check_unseen,
};
use flow_data::Dataset;
use flow_embedded::artefact::{Judged, LoadedFlow, ShapeError, WeightFormat};
use flow_evaluate::{Scorer, judged};
use flow_plan::Interpreter;
use half::f16;
use rayon::prelude::*;

/// One row of so many chooses the formats of the activations; the others calibrate.
///
/// They are kept apart because a clamp that was made to fit the calibration rows would treat them
/// better than new ones, and the promise needs them to be alike.
const FORMAT_EVERY: usize = 4;

/// A quantised model, and what it lost.
#[derive(Debug)]
pub struct Quantised {
    /// The bytes of its artefact.
    pub artefact: Vec<u8>,
    /// Rows that were scored by both models.
    pub rows: usize,
    /// Mean of `|Δ log_prob|` over the rows that both find possible, in nats.
    pub mean_difference: f64,
    /// The largest over these rows, in nats.
    pub worst_difference: f64,
    /// Rows that one of both finds possible and the other does not: they are in neither difference.
    pub lost: usize,
    /// Rows with a value that was clamped to its format.
    pub clamped: usize,
    /// The new threshold: alarm at this log-likelihood and below, if the model is calibrated and a
    /// row can alarm.
    pub threshold: Option<f32>,
    /// Whether the calibration rows bear the promise out; `None` without a promise.
    pub standing: Option<Standing>,
    /// Why the model's promise over a stream was left out: the rows could not calibrate it.
    pub stream_lost: Option<DesignError>,
}

/// Why a model can't be quantised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantiseError {
    /// A model with categorical channels has no form in integers.
    #[error(
        "a model with categorical columns can be stored as f16, and not be computed with integers; give --weights f16"
    )]
    Categories,
    /// It is quantised.
    #[error("the model is quantised already, to {}: quantise the one it was made from", .0.name())]
    Already(WeightFormat),
    /// A weight is larger than `f16` holds.
    #[error("a weight of {0} is more than f16 holds (65504): use i16")]
    TooLarge(f32),
    /// The rows can't calibrate it.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The rows can't calibrate it by context.
    #[error("the model has calibration tables by context: {0}")]
    ByContext(#[from] MondrianError),
    /// The rows have other channels than the model.
    #[error("{0}")]
    Shape(ShapeError),
    /// The smaller model can't be written as an artefact.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The model can't be computed with integers.
    #[error(transparent)]
    Plan(#[from] flow_plan::Error),
}

/// Quantises a model. `rows` are normal and were not trained on; `alpha` is the false-alarm rate to
/// promise, and without it the model stays uncalibrated. A promise over a stream is calibrated anew,
/// with the run length and the delta that the model has; where the rows can't, it is left out, and
/// [`Quantised::stream_lost`] says why.
///
/// # Errors
/// The model is quantised already, has weights that the format can't hold, the rows can't calibrate
/// it, or they are those that it was made from.
pub fn quantise(
    flow: &LoadedFlow<'_>,
    rows: &Dataset,
    weights: WeightFormat,
    alpha: Option<f64>,
) -> Result<Quantised, QuantiseError> {
    if let Some(quantisation) = flow.header().quantisation {
        return Err(QuantiseError::Already(quantisation.weights));
    }
    if weights.is_integer() && !flow.header().vocabularies.is_empty() {
        return Err(QuantiseError::Categories);
    }
    check_unseen(flow.header(), rows.digest())?;
    // Weights of floats leave the activations as they are, and lines of a text whole.
    let (formats, calibration): (Vec<usize>, Vec<usize>) =
        (0..rows.rows()).partition(|row| weights.is_integer() && row % FORMAT_EVERY == 0);
    let (formats, calibration) = (rows.select(&formats), rows.select(&calibration));
    let mut draft = Draft {
        calibration: None,
        sequential: None,
        mondrian: None,
        evaluation: None,
        ..Draft::from_loaded(flow)
    };
    let mut fractions = Vec::new();
    match weights {
        WeightFormat::F16 => round_to_f16(&mut draft)?,
        WeightFormat::I16 | WeightFormat::I8 => {
            let interpreter = Interpreter::of(flow)?;
            fractions = interpreter.fractions(formats.events(), formats.contexts());
            if weights == WeightFormat::I8 {
                rounding::round(&mut draft, &interpreter, &formats, &fractions);
            }
        }
    }
    draft.quantisation = Some(DraftQuantisation { weights, fractions });
    let artefact = draft.encode()?;
    let own = LoadedFlow::from_bytes(&artefact).map_err(ExportError::from)?;

    let score = |scorer: &Scorer<'_, '_>| {
        let log_probs = scorer.log_probs(&calibration);
        log_probs.map_err(QuantiseError::Shape)
    };
    let scorer = Scorer::new(&own)?;
    let (before, after) = (score(&Scorer::new(flow)?)?, score(&scorer)?);
    let differences: Vec<f64> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before.is_finite() && after.is_finite())
        .map(|(before, after)| (f64::from(*before) - f64::from(*after)).abs())
        .collect();
    let pairs = before.iter().zip(&after);
    let lost = pairs.filter(|(before, after)| before.is_finite() != after.is_finite());
    let lost = lost.count();
    let clamped = clamped(&own, &calibration)?;
    let latents = scorer.latents_of(calibration.events(), calibration.contexts());
    let statistics = Statistics::new(&after, &latents);
    let (mut threshold, mut standing) = (None, None);
    if let Some(alpha) = alpha {
        let (judged, judges) = judged(own.header(), calibration.events(), &after);
        let table = CalibrationTable::new(&judged, alpha)?;
        threshold = table.threshold();
        draft.calibration = Some(table.draft(judges));
        standing = Some(match judges {
            Judged::Events => Standing::of_rows(&statistics),
            Judged::Lines => Standing::of_lines(&judged, alpha),
        });
        let channel = flow.header().mondrian.map(|own| usize::from(own.channel));
        if let Some(channel) = channel {
            let (contexts, width) = (calibration.contexts(), calibration.context_dim());
            let tables = MondrianTables::new(&after, contexts, width, channel, alpha);
            draft.mondrian = Some(tables?.draft());
        }
    }
    let mut stream_lost = None;
    if let Some(promised) = flow.header().sequential {
        let examined = standing
            .clone()
            .unwrap_or_else(|| Standing::of_rows(&statistics));
        let (run_length, delta) = (f64::from(promised.run_length), f64::from(promised.delta));
        match SequentialDesign::of_examined(&statistics, &examined, run_length, delta) {
            Ok(design) => {
                let (events, channels) = (calibration.events(), calibration.event_dim());
                draft.sequential = Some(design.draft(promised.promise, events, channels));
            }
            Err(fault) => stream_lost = Some(fault),
        }
    }
    Ok(Quantised {
        artefact: draft.encode()?,
        rows: calibration.rows(),
        mean_difference: differences.iter().sum::<f64>() / differences.len().max(1) as f64,
        worst_difference: differences.iter().copied().fold(0.0, f64::max),
        lost,
        clamped,
        threshold,
        standing,
        stream_lost,
    })
}

/// Rows with a value that a model of integers clamps.
fn clamped(flow: &LoadedFlow<'_>, rows: &Dataset) -> Result<usize, QuantiseError> {
    if !flow.is_integer() {
        return Ok(0);
    }
    let interpreter = Interpreter::of(flow)?;
    let (event, context) = (rows.event_dim(), rows.context_dim());
    let clamped = rows.events().par_chunks_exact(event).enumerate();
    let clamped = clamped.filter(|(row, event)| {
        let context = &rows.contexts()[row * context..][..context];
        interpreter.log_prob(event, context).1 > 0
    });
    Ok(clamped.count())
}

/// Weights of conditioners and embeddings become numbers that `f16` holds, to the nearest.
///
/// # Errors
/// A weight is larger than any of them.
pub fn round_to_f16(draft: &mut Draft) -> Result<(), QuantiseError> {
    let layers = draft.layers.iter_mut();
    let layers = layers.flat_map(DraftLayer::conditioning);
    let heads = draft.heads.iter_mut().flat_map(DraftConditioner::numbers);
    let tables = draft.vocabularies.iter_mut();
    let tables = tables.flat_map(|own| &mut own.embeddings);
    for weight in layers.chain(heads).chain(tables) {
        let rounded = f16::from_f32(*weight);
        if rounded.is_infinite() {
            return Err(QuantiseError::TooLarge(*weight));
        }
        *weight = rounded.to_f32();
    }
    Ok(())
}

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
