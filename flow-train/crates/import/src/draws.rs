//! What the artefact draws, beside the flow.
//!
//! The chip draws a base value `z` and maps it to an event `x`. The flow in double precision, whose log-likelihoods are
//! the library's, maps `x` back to `z'`: the event that was drawn is exact for `z'`, and what rounding has done on the way
//! is the distance of `z'` from `z`, in standard deviations of the base. So no inverse has to be trusted.

use super::ImportError;
use super::check::{Scales, largest, narrow, refused};
use super::rounding::{LEAST, UNIT};
use super::source::Golden;
use flow_artefact::Draft;
use flow_embedded::artefact::LoadedFlow;
use flow_embedded::math::Polynomial;
use flow_model::Flow;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// What seeds the draws.
const SEED: u64 = 0;
/// Roundings of the base value on its way, each of about [`UNIT`] of the larger of 1 and its size.
const VALUES: f64 = 64.0;
/// Roundings of the event, each of about [`UNIT`] of its size and of the mean's.
const INPUTS: f64 = 4.0;
/// In standard deviations of the base: what may be lost for whatever reason, times the larger of 1 and the base value.
const MOST: f64 = 1e-2;

/// Draws as many events as there are golden rows, given their contexts; gives the largest distance of base values.
pub(super) fn check(
    flow: &Flow<f64>,
    scales: &Scales,
    draft: &Draft,
    golden: &Golden,
) -> Result<f64, ImportError> {
    let rows = golden.log_probs.len();
    let (event, context) = (scales.event.len(), scales.context.len());
    let bytes = draft.encode().map_err(refused)?;
    let loaded = LoadedFlow::from_bytes(&bytes).map_err(refused)?;
    let numbers: Vec<f32> = loaded.base_weights().collect();
    let contexts = narrow(&golden.contexts);
    let (mut rng, mut scratch) = (
        ChaCha8Rng::seed_from_u64(SEED),
        vec![0.0; loaded.scratch_len()],
    );
    let (mut z, mut x) = (vec![0.0; rows * event], vec![0.0; rows * event]);
    for row in 0..rows {
        // The same words of the generator twice: once for what the base gives, once for the event.
        let mut base = rng.clone();
        let header = loaded.header();
        header.base.draw::<Polynomial, _, _>(
            &header.shape(),
            &numbers,
            &mut base,
            &mut z[row * event..][..event],
        );
        let own = &mut x[row * event..][..event];
        loaded
            .sample(
                &mut rng,
                &contexts[row * context..][..context],
                own,
                &mut scratch,
            )
            .map_err(refused)?;
    }
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|own| f64::from(*own)).collect() };
    let raw = wide(&x);
    let events = scales.event.apply(&raw);
    let contexts = scales.context.apply(&wide(&contexts));
    let back = |events: &[f64]| {
        let (mut z, mut log_det) = (vec![0.0; events.len()], vec![0.0; rows]);
        flow.normalize_and_log_det(events, &contexts, &mut z, &mut log_det);
        z
    };
    let found = back(&events);
    // What the rounding of each channel of the event does to all base values.
    let rounding = scales.event.rounding(&raw);
    let mut tolerated: Vec<f64> = z
        .iter()
        .map(|own| UNIT * VALUES * f64::from(own.abs()).max(1.0))
        .collect();
    for channel in 0..event {
        let moved = |by: f64| {
            let mut events = events.clone();
            let own = (channel..events.len()).step_by(event);
            own.for_each(|at| events[at] += by * rounding[at]);
            back(&events)
        };
        let (up, down) = (moved(1.0), moved(-1.0));
        for (at, tolerated) in tolerated.iter_mut().enumerate() {
            *tolerated += INPUTS * largest(&[up[at] - found[at], down[at] - found[at]]);
        }
    }
    let mut off = Vec::with_capacity(found.len());
    for (at, (found, expected)) in found.iter().zip(wide(&z)).enumerate() {
        let most = MOST * expected.abs().max(1.0);
        // NaN is above every limit.
        let tolerated = match tolerated[at] <= most {
            true => tolerated[at].max(LEAST),
            false => most,
        };
        let own = (found - expected).abs();
        if own.is_nan() || own > tolerated {
            return Err(ImportError::Draws {
                draw: at / event,
                channel: at % event,
                found: *found,
                expected,
                tolerated,
                cause: "the way from base to event loses digits in f32, or is not the inverse of the other one".into(),
            });
        }
        off.push(own);
    }
    Ok(largest(&off))
}
