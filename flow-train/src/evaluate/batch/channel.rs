//! Channels between raw and standardised values, through the runtime's kernels.

use flow_embedded::artefact::{Channel, Domain};
use flow_embedded::kernels::{
    bounded_generate, bounded_normalize, circle, heavy_tailed_generate, heavy_tailed_normalize,
    positive_generate, positive_normalize, soft_positive_generate, soft_positive_normalize, wrap,
};
use flow_embedded::math::Math;

/// Raw to standardised; returns the log-determinant without what is constant.
pub(super) fn standardise<M: Math>(x: &mut f32, channel: &Channel<'_>) -> f32 {
    let log_det = match channel.domain {
        Domain::Real | Domain::Circular => 0.0,
        Domain::Positive { low } => positive_normalize::<M>(x, low),
        Domain::SoftPositive { low, scale } => soft_positive_normalize::<M>(x, low, scale),
        Domain::Bounded { low, high } => bounded_normalize::<M>(x, low, high),
        Domain::HeavyTailed { centre, scale } => heavy_tailed_normalize::<M>(x, centre, scale),
    };
    *x = (*x - channel.mean) * channel.inv_std;
    if channel.domain == Domain::Circular {
        *x = wrap(*x);
    }
    log_det
}

/// Standardised to raw.
pub(super) fn destandardise<M: Math>(x: f32, channel: &Channel<'_>) -> f32 {
    let mut raw = x / channel.inv_std + channel.mean;
    match channel.domain {
        Domain::Real | Domain::Circular => {}
        Domain::Positive { low } => positive_generate::<M>(&mut raw, low),
        Domain::SoftPositive { low, scale } => soft_positive_generate::<M>(&mut raw, low, scale),
        Domain::Bounded { low, high } => bounded_generate::<M>(&mut raw, low, high),
        Domain::HeavyTailed { centre, scale } => {
            heavy_tailed_generate::<M>(&mut raw, centre, scale);
        }
    }
    raw
}

/// What a conditioner sees of some values of a channel: themselves, or cosine and sine; `second` is written for
/// angles only.
pub(super) fn features<M: Math>(x: &[f32], first: &mut [f32], second: Option<&mut [f32]>) {
    match second {
        None => first.copy_from_slice(x),
        Some(second) => {
            for ((x, first), second) in x.iter().zip(first).zip(second) {
                [*first, *second] = circle::<M>(*x);
            }
        }
    }
}
