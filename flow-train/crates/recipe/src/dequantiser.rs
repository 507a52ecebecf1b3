//! The flow of a variational dequantisation as an artefact of its own.
//!
//! Its event is where in its cell each channel of a row stands, in steps of the grid, -1/2 to 1/2; its context is the
//! row. `flow eval --dequantiser` bounds bits per dimension by it.

use super::TrainError;
use flow_artefact::{Draft, DraftChannel};
use flow_data::Preparation;
use flow_embedded::artefact::Domain;
use flow_export::set_flow;
use flow_fit::dequantiser;
use flow_model::Flow;

/// An untrained flow for the cells of these channels.
///
/// # Errors
/// A channel has no grid.
pub(super) fn flow(
    draft: &Draft,
    preparation: &Preparation,
    seed: u64,
) -> Result<Flow<f32>, TrainError> {
    let pairs = preparation.event.iter().zip(&draft.event);
    if let Some((_, channel)) = pairs.into_iter().find(|(map, _)| map.grid.is_none()) {
        return Err(TrainError::NotRounded(channel.name.clone()));
    }
    Ok(Flow::new(&dequantiser(draft.event.len()), seed)?)
}

/// The artefact of a trained one; `model` is that of the model.
///
/// # Errors
/// The artefact can't hold it.
pub(super) fn artefact(model: &Draft, flow: &Flow<f32>) -> Result<Vec<u8>, TrainError> {
    let offset = |channel: &DraftChannel| DraftChannel {
        name: channel.name.clone(),
        unit: String::new(),
        domain: Domain::Bounded {
            low: -0.5,
            high: 0.5,
        },
        grid: None,
        mean: 0.0,
        inv_std: 1.0,
    };
    let given = |channel: &DraftChannel| DraftChannel {
        grid: None,
        ..channel.clone()
    };
    let mut draft = Draft {
        name: format!("{} dequantiser", model.name),
        event: model.event.iter().map(offset).collect(),
        context: model.event.iter().map(given).collect(),
        features: Vec::new(),
        calibration: None,
        evaluation: None,
        noise: None,
        ..model.clone()
    };
    set_flow(&mut draft, flow)?;
    Ok(draft.encode()?)
}
