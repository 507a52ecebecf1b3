//! Log-likelihoods in `f64`: the density itself, without the chip's rounding.

use flow_artefact::{Draft, DraftChannel};
use flow_data::Dataset;
use flow_embedded::artefact::Domain;
use flow_embedded::kernels::code;
use flow_export::to_flow;
use flow_model::ModelError;
use std::f64::consts::TAU;

/// The log-likelihood of every row in nats, in the units of the raw data, by the artefact's weights
/// and `f64` arithmetic throughout; exact to about 1e-12 relative. −∞ for a value outside its
/// channel's domain.
///
/// # Errors
/// The draft's layers are not those of a flow; those of a loaded artefact are.
///
/// # Panics
/// If the data have another number of channels than the model.
pub fn exact_log_probs(draft: &Draft, data: &Dataset) -> Result<Vec<f64>, ModelError> {
    let flow = to_flow(draft)?;
    let constant: f64 = draft.event.iter().map(DraftChannel::log_scale).sum();
    let mut log_dets = vec![constant; data.rows()];
    let mut events = Vec::with_capacity(data.events().len());
    let mut contexts = Vec::new();
    let is_code = |raw: f32, channel: &DraftChannel| match channel.domain {
        Domain::Categorical { vocabulary } => {
            let categories = draft.vocabularies[usize::from(vocabulary)].names.len();
            code(raw, categories).is_some()
        }
        _ => true,
    };
    for (row, log_det) in log_dets.iter_mut().enumerate() {
        for (raw, channel) in data.event(row).iter().zip(&draft.event) {
            let (value, own) = normalize(f64::from(*raw), channel);
            *log_det += own;
            match is_code(*raw, channel) {
                true => events.push(value),
                false => {
                    events.push(0.0);
                    *log_det = f64::NEG_INFINITY;
                }
            }
        }
        for (raw, channel) in data.context(row).iter().zip(&draft.context) {
            let (mut value, _) = normalize(f64::from(*raw), channel);
            if !is_code(*raw, channel) {
                value = 0.0;
                *log_det = f64::NEG_INFINITY;
            }
            match channel.domain {
                Domain::Circular => contexts.extend([value.cos(), value.sin()]),
                _ => contexts.push(value),
            }
        }
    }
    let mut log_probs = vec![0.0; data.rows()];
    flow.log_prob(&events, &contexts, &mut log_probs);
    for (log_prob, log_det) in log_probs.iter_mut().zip(log_dets) {
        let sum = *log_prob + log_det;
        *log_prob = if sum.is_nan() { f64::NEG_INFINITY } else { sum };
    }
    Ok(log_probs)
}

/// A raw value's standardised one, and the part of `ln |d standardised / d raw|` that
/// [`DraftChannel::log_scale`] leaves.
pub fn normalize(raw: f64, channel: &DraftChannel) -> (f64, f64) {
    let wide = |value: f32| f64::from(value);
    let (value, log_det) = match channel.domain {
        Domain::Real | Domain::Circular | Domain::Categorical { .. } => (raw, 0.0),
        Domain::Positive { low } => {
            let log = (raw - wide(low)).ln();
            (log, -log)
        }
        Domain::SoftPositive { low, scale } => {
            let u = (raw - wide(low)) / wide(scale);
            let log = (-(-u).exp_m1()).ln();
            (u + log, -log)
        }
        Domain::Bounded { low, high } => {
            // The width as the runtime has it.
            let range = wide(high - low);
            let (below, above) = (
                ((raw - wide(low)) / range).ln(),
                ((wide(high) - raw) / range).ln(),
            );
            (below - above, -(below + above))
        }
        Domain::HeavyTailed { centre, scale } => {
            let u = (raw - wide(centre)) / wide(scale);
            (u.asinh(), -u.hypot(1.0).ln())
        }
    };
    let standard = (value - wide(channel.mean)) * wide(channel.inv_std);
    match channel.domain {
        Domain::Circular => (standard - TAU * (standard / TAU).round(), log_det),
        _ => (standard, log_det),
    }
}
