//! A model of a set, what its promise is, and what it makes of rows.

use super::gaussian::Gaussian;
use super::sets::{Rows, Set};
use anyhow::{Result, anyhow};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::Judged;
use flow_embedded::window::Feature;
use flow_train::artefact::Draft;
use flow_train::auto::Budget;
use flow_train::calibrate::{
    CalibrationTable, FalseAlarms, Independence, SequentialDesign, Statistics,
};
use flow_train::data::{
    CleaningReport, Dataset, Fractions, Past, PrepareOptions, Recording, SampleRate, feature_name,
};
use flow_train::evaluate::{Scorer, Stream};
use flow_train::fit::Overrides;
use flow_train::model::{Family, Spec};
use flow_train::train::{Model, Recipe, train};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The false-alarm rate of single samples that is promised.
pub const ALPHA: f64 = 0.01;
/// The probability, over calibrations, that a promise over a stream is not kept.
const DELTA: f64 = 0.05;

/// A trained model, and the Gaussian that control charts rest on, of the same rows.
pub struct Subject {
    bytes: Vec<u8>,
    features: Vec<Feature>,
    /// Of the training rows.
    pub gaussian: Gaussian,
}

/// What is known of a row.
pub struct Observed {
    /// In raw units.
    pub event: Vec<f32>,
    /// The features of its past.
    pub context: Vec<f32>,
    /// Each channel in standard deviations from its mean.
    pub scores: Vec<f32>,
    /// The squared Mahalanobis distance from the mean.
    pub distance: [f32; 1],
    /// The log-likelihood, then the latents.
    pub statistics: Vec<f32>,
}

/// What is promised, and what was said of it.
pub struct Promise {
    /// Of single samples.
    pub table: CalibrationTable,
    /// What `flow calibrate` says of the assumptions.
    pub verdict: Independence,
    /// Samples between false alarms that are asked for.
    pub run_length: f64,
    /// The designed test, or why there is none.
    pub design: Result<SequentialDesign, String>,
}

impl Subject {
    /// Trains a model as `flow train` does, with nothing said but the features of each channel's past.
    ///
    /// # Errors
    /// As [`train`].
    pub fn trained(
        set: &Set,
        recordings: &[Rows],
        cure: Option<fn(u8) -> Vec<Feature>>,
    ) -> Result<Self> {
        let names: Vec<String> = set.columns.iter().map(ToString::to_string).collect();
        let channels = 0..names.len() as u8;
        let features: Vec<Feature> =
            cure.map_or_else(Vec::new, |cure| channels.flat_map(cure).collect());
        let context = features
            .iter()
            .map(|feature| feature_name(*feature, &names));
        let mut data = Dataset::new(names.clone(), context.collect());
        let mut groups = Vec::new();
        for (group, recording) in recordings.iter().enumerate() {
            for (event, context) in primed(recording, &features) {
                data.push(event, &context);
                groups.push(group as u32);
            }
        }
        let recording = Recording {
            data,
            anomalies: None,
            groups: (recordings.len() > 1).then_some(groups),
            weights: None,
            report: CleaningReport::default(),
            has_header: true,
        };
        let recipe = Recipe {
            name: set.name.to_owned(),
            model: Model::Auto {
                spec: Spec::new(Family::NsfAr, 1, 0),
                overrides: Overrides::default(),
                budget: Budget::default(),
            },
            seed: 0,
            features: features.clone(),
            prepare: PrepareOptions {
                circular: true,
                ..PrepareOptions::default()
            },
            fractions: Fractions::default(),
            random_split: false,
            dequantise: false,
            noise: false,
            alpha: ALPHA,
            command: String::new(),
        };
        let trained = train(
            Path::new(set.name),
            &recording,
            &recipe,
            &AtomicBool::new(false),
            |_| (),
        )?;
        let rows: Vec<&[f32]> = recordings.iter().flatten().map(Vec::as_slice).collect();
        Ok(Self {
            bytes: trained.bytes,
            features,
            gaussian: Gaussian::fitted(&rows),
        })
    }

    /// The rows of recordings that have enough past, each recording for itself.
    ///
    /// # Errors
    /// The model can't be loaded.
    pub fn observe(&self, recordings: &[Rows]) -> Result<Vec<Vec<Observed>>> {
        let flow = LoadedFlow::from_bytes(&self.bytes).map_err(|fault| anyhow!("{fault}"))?;
        let scorer = Scorer::new(&flow)?;
        recordings
            .iter()
            .map(|recording| {
                let rows: Vec<_> = primed(recording, &self.features).collect();
                let events: Vec<f32> = rows.iter().flat_map(|(event, _)| *event).copied().collect();
                let contexts: Vec<f32> = rows
                    .iter()
                    .flat_map(|(_, context)| context)
                    .copied()
                    .collect();
                let log_probs = scorer.log_probs_of(&events, &contexts);
                let latents = scorer.latents_of(&events, &contexts);
                let channels = flow.header().event.len();
                let latents = latents.chunks_exact(channels);
                let each = rows.into_iter().zip(log_probs).zip(latents);
                Ok(each
                    .map(|(((event, context), log_prob), latents)| {
                        let scores = event.iter().enumerate();
                        let scores: Vec<f32> = scores
                            .map(|(channel, x)| self.gaussian.score(channel, *x))
                            .collect();
                        Observed {
                            event: event.to_vec(),
                            context,
                            distance: [self.gaussian.distance(&scores)],
                            scores,
                            statistics: [&[log_prob], latents].concat(),
                        }
                    })
                    .collect())
            })
            .collect()
    }

    /// Calibrates as `flow calibrate` does.
    ///
    /// # Errors
    /// The rows are too few, or the promise of the set is none.
    pub fn promise(set: &Set, rows: &[Vec<Observed>]) -> Result<Promise> {
        let [promise, rate] = set.promise;
        let run_length = promise
            .parse::<FalseAlarms>()?
            .run_length(Some(rate.parse::<SampleRate>()?.hertz()))?;
        let (log_probs, latents) = statistics(rows);
        let statistics = Statistics::new(&log_probs, &latents);
        let calibrations = statistics.calibrations();
        let verdict = Independence::test(&calibrations);
        let design = SequentialDesign::new(&calibrations, &verdict.worth, run_length, DELTA);
        Ok(Promise {
            table: CalibrationTable::new(&log_probs, ALPHA)?,
            verdict,
            run_length,
            design: design.map_err(|fault| fault.to_string()),
        })
    }

    /// A test with another run length, of the same rows.
    pub fn design(
        rows: &[Vec<Observed>],
        worth: &[f64],
        run_length: f64,
    ) -> Option<SequentialDesign> {
        let (log_probs, latents) = statistics(rows);
        let statistics = Statistics::new(&log_probs, &latents);
        SequentialDesign::new(&statistics.calibrations(), worth, run_length, DELTA).ok()
    }

    /// The artefact with the promise, as `flow calibrate` writes it.
    ///
    /// # Errors
    /// It can't be loaded or encoded.
    pub fn artefact(
        &self,
        promise: &Promise,
        design: &SequentialDesign,
        rows: &[Vec<Observed>],
    ) -> Result<Vec<u8>> {
        let flow = LoadedFlow::from_bytes(&self.bytes).map_err(|fault| anyhow!("{fault}"))?;
        let events: Vec<f32> = rows
            .iter()
            .flatten()
            .flat_map(|row| &row.event)
            .copied()
            .collect();
        let channels = flow.header().event.len();
        let draft = Draft {
            calibration: Some(promise.table.draft(Judged::Events)),
            sequential: Some(design.draft("", &events, channels)),
            ..Draft::from_loaded(&flow)
        };
        Ok(draft.encode()?)
    }
}

/// Alarms of an artefact's detector over recordings, each of which starts anew.
///
/// # Errors
/// The artefact has no test.
pub fn alarms(artefact: &[u8], recordings: &[Vec<Observed>]) -> Result<u64> {
    let flow = LoadedFlow::from_bytes(artefact).map_err(|fault| anyhow!("{fault}"))?;
    let scorer = Scorer::new(&flow)?;
    let mut stream = Stream::new(&scorer)?;
    let mut alarms = 0;
    for recording in recordings {
        stream.reset();
        for row in recording {
            let (log_prob, latents) = row.statistics.split_at(1);
            let verdict = stream.observe(&row.event, &row.context, log_prob[0], latents);
            alarms += u64::from(verdict.alarm);
        }
    }
    Ok(alarms)
}

/// The rows with enough past, and the features of it.
fn primed<'r>(
    recording: &'r Rows,
    features: &[Feature],
) -> impl Iterator<Item = (&'r [f32], Vec<f32>)> {
    let mut past = Past::new(features, recording.first().map_or(0, Vec::len));
    recording.iter().filter_map(move |event| {
        let own = past.features().map(<[f32]>::to_vec);
        past.push(event);
        own.map(|own| (event.as_slice(), own))
    })
}

/// The log-likelihoods of recordings, and the latents, row by row.
fn statistics(recordings: &[Vec<Observed>]) -> (Vec<f32>, Vec<f32>) {
    let rows = || recordings.iter().flatten().map(|row| &row.statistics);
    let latents = rows().flat_map(|own| &own[1..]).copied();
    (rows().map(|own| own[0]).collect(), latents.collect())
}
