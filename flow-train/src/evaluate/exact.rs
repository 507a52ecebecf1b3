//! Log-likelihoods in `f64`: the density itself, without the chip's rounding.

use crate::data::Dataset;
use crate::export::{Draft, DraftChannel};
use crate::model::ModelError;

/// The log-likelihood of every row in nats, in the units of the raw data, by the artefact's weights
/// and `f64` arithmetic throughout; exact to about 1e-12 relative.
///
/// # Errors
/// The draft's layers are not those of a flow; those of a loaded artefact are.
///
/// # Panics
/// If the data have another number of channels than the model.
pub fn exact_log_probs(draft: &Draft, data: &Dataset) -> Result<Vec<f64>, ModelError> {
    let flow = draft.to_flow()?;
    let events = standardised(data.events(), &draft.event);
    let contexts = standardised(data.contexts(), &draft.context);
    let mut log_probs = vec![0.0; data.rows()];
    flow.log_prob(&events, &contexts, &mut log_probs);
    let log_scale: f64 = draft
        .event
        .iter()
        .map(|channel| f64::from(channel.inv_std).ln())
        .sum();
    for log_prob in &mut log_probs {
        *log_prob += log_scale;
    }
    Ok(log_probs)
}

fn standardised(rows: &[f32], channels: &[DraftChannel]) -> Vec<f64> {
    rows.iter()
        .zip(channels.iter().cycle())
        .map(|(raw, channel)| {
            (f64::from(*raw) - f64::from(channel.mean)) * f64::from(channel.inv_std)
        })
        .collect()
}
