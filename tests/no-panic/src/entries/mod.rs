//! The entries, by the part of the runtime that they exercise.

pub(crate) mod evidence;
pub(crate) mod fixed;
pub(crate) mod generated;
pub(crate) mod kernels;
pub(crate) mod loader;
pub(crate) mod math;
pub(crate) mod window;

use flow_embedded::detect::blame;
use flow_embedded::window::Feature;
use flow_embedded::{Calibrated, Density, Detector, Latents, Sampler};

use crate::unknown::{AnyRng, keep, keep_all, numbers};

/// Log-likelihood and sample of a flow, the latter on its grid too.
fn density<const D: usize, const C: usize>(flow: &(impl Latents<D, C> + Sampler<D, C>)) {
    keep(flow.log_prob(&numbers(), &numbers()));
    let mut latents = numbers();
    keep(flow.log_prob_and_latents(&numbers(), &numbers(), &mut latents));
    keep_all(&latents);
    let common: [[f32; 3]; D] = core::array::from_fn(|_| numbers());
    let past = [Feature::Lag {
        channel: 0,
        steps: 1,
    }];
    let blame = blame(flow, &numbers(), &numbers(), &common, &past);
    keep_all(&blame.contributions);
    keep(blame.channel as f32);
    let mut event = flow.sample(&mut AnyRng, &numbers());
    keep_all(&event);
    flow.round_to_grid(&mut event);
    keep_all(&event);
}

/// A detector over a calibrated flow.
fn detector<const D: usize, const C: usize>(flow: impl Density<D, C> + Calibrated) {
    let mut detector = Detector::new(flow);
    for _ in 0..2 {
        match detector.observe(&numbers::<D>(), &numbers::<C>()) {
            Ok(verdict) => keep_all(&[verdict.log_prob, verdict.p_value, verdict.alarm.into()]),
            Err(_) => keep(-1.0),
        }
    }
    keep((detector.observed() ^ detector.alarms()) as f32);
    detector.reset();
}
