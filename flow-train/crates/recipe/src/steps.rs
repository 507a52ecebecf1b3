//! The steps that training on any kind of rows is made of.

use crate::TrainError;
use flow_artefact::{Draft, DraftChannel, DraftVocabulary, noted};
use flow_data::{ChannelMap, Dataset, Preparation};
use flow_embedded::artefact::Base;
use flow_fit::{FitError, InMemory, RowsError};
use flow_host::random::Random;
use flow_model::{Batch, CategoricalSpec, Flow, Spec, VocabularySpec};

/// Rows whose moments a flow starts from.
pub const START: usize = 4096;

/// The widest embedding, unless another is asked for.
const EMBEDDING: usize = 12;

/// The shape with the channels of the data.
pub fn with_channels(spec: &Spec, preparation: &Preparation) -> Spec {
    let embedding = |size: usize| VocabularySpec {
        size,
        embedding: spec
            .categorical
            .embedding
            .unwrap_or(size.div_ceil(2).min(EMBEDDING)),
    };
    let vocabularies = preparation.vocabularies.iter();
    Spec {
        event: preparation.event.len(),
        context: preparation.context_features(),
        circular: preparation.circular(),
        categorical: CategoricalSpec {
            vocabularies: vocabularies.map(|names| embedding(names.len())).collect(),
            event: preparation.event_codes(),
            context: preparation.context_codes(),
            ..spec.categorical.clone()
        },
        ..spec.clone()
    }
}

/// Lets the flow start from the moments of so many rows, spread evenly over those given.
pub fn start(
    flow: &mut Flow<f32>,
    sample: &Dataset,
    rows: usize,
    preparation: &Preparation,
    seed: u64,
) {
    let step = sample.rows().div_ceil(rows);
    let rows: Vec<usize> = (0..sample.rows()).step_by(step.max(1)).collect();
    let rows = sample.select(&rows);
    let mut events = rows.events().to_vec();
    let mut log_det = vec![0.0; rows.rows()];
    preparation.dequantised_events(&mut events, &mut log_det, &mut Random::new(seed));
    let mut features = vec![0.0; rows.rows() * preparation.context_features()];
    preparation.contexts(rows.contexts(), &mut features);
    flow.set_moments(&events, &features);
}

/// What an artefact notes down of where it comes from.
pub struct Origin<'a> {
    /// The model.
    pub name: &'a str,
    /// Units of columns, by name.
    pub units: &'a [(String, String)],
    /// The command line.
    pub command: &'a str,
    /// Of all that was random.
    pub seed: u64,
    /// Training rows.
    pub rows: usize,
    /// Of all rows.
    pub digest: u64,
}

/// The artefact but for its flow, its calibration, and what only models of streams have.
pub fn draft(names: &Dataset, preparation: &Preparation, origin: &Origin<'_>) -> Draft {
    let channels = |names: &[String], maps: &[ChannelMap]| -> Vec<DraftChannel> {
        let own = names.iter().zip(maps);
        own.map(|(name, map)| DraftChannel {
            name: name.clone(),
            unit: origin
                .units
                .iter()
                .find(|(channel, _)| channel == name)
                .map_or(String::new(), |(_, unit)| unit.clone()),
            domain: map.domain,
            grid: map.grid,
            mean: map.mean,
            inv_std: map.inv_std,
        })
        .collect()
    };
    Draft {
        name: origin.name.to_owned(),
        event: channels(names.event_names(), &preparation.event),
        context: channels(names.context_names(), &preparation.context),
        layers: vec![],
        base: Base::Normal,
        base_weights: vec![],
        math: preparation.math,
        calibration: None,
        evaluation: None,
        created_by: concat!("flow-train ", env!("CARGO_PKG_VERSION")).to_owned(),
        command: noted(origin.command),
        data_digest: origin.digest,
        rows: u32::try_from(origin.rows).unwrap_or(u32::MAX),
        seed: origin.seed,
        quantisation: None,
        features: vec![],
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: preparation
            .vocabularies
            .iter()
            .map(|names| DraftVocabulary {
                names: names.clone(),
                width: 0,
                embeddings: vec![],
            })
            .collect(),
        heads: vec![],
    }
}

/// Rows in memory, as a fit reads them.
///
/// # Errors
/// They are none, or hold a number that is not finite.
pub fn in_memory(data: &Dataset) -> Result<InMemory<'_>, RowsError> {
    let batch = Batch {
        events: data.events(),
        contexts: data.contexts(),
        weights: data.weights(),
    };
    InMemory::new(batch, data.event_dim(), data.context_dim())
}

/// Adds to what is wrong with rows which part of the data they are.
pub fn rows_error(part: &'static str) -> impl Fn(RowsError) -> TrainError {
    move |fault| FitError::Rows { part, fault }.into()
}
