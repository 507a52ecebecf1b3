//! Between raw and standardised values in `f64`, apart from the runtime and the
//! trainer.

use flow_embedded::artefact::Domain;
use flow_train::artefact::DraftChannel;
use std::f64::consts::TAU;

/// A raw value's standardised one; an angle lies within −π ..= π.
pub fn standardise(channel: &DraftChannel, raw: f64) -> f64 {
    let real = match channel.domain {
        Domain::Real | Domain::Circular | Domain::Categorical { .. } => raw,
        Domain::Positive { low } => (raw - f64::from(low)).ln(),
        Domain::SoftPositive { low, scale } => {
            let u = (raw - f64::from(low)) / f64::from(scale);
            u + (-(-u).exp_m1()).ln()
        }
        Domain::Bounded { low, high } => {
            let (low, high) = (f64::from(low), f64::from(high));
            ((raw - low) / (high - raw)).ln()
        }
        Domain::HeavyTailed { centre, scale } => {
            ((raw - f64::from(centre)) / f64::from(scale)).asinh()
        }
    };
    let standard = (real - f64::from(channel.mean)) * f64::from(channel.inv_std);
    match channel.domain {
        Domain::Circular => standard - TAU * (standard / TAU).round(),
        _ => standard,
    }
}

/// A standardised value's raw one, and `ln |d raw / d standardised|`.
pub fn destandardise(channel: &DraftChannel, standard: f64) -> (f64, f64) {
    let inv_std = f64::from(channel.inv_std);
    let real = standard / inv_std + f64::from(channel.mean);
    let (raw, slope) = match channel.domain {
        Domain::Real | Domain::Circular => (real, 1.0),
        // Codes that spread as standardised values do.
        Domain::Categorical { vocabulary } => {
            let size = crate::drafts::VOCABULARIES[usize::from(vocabulary)].0 as f64;
            let share = (0.5 + 0.2 * standard).clamp(0.0, 0.999);
            ((size * share).floor(), 1.0)
        }
        Domain::Positive { low } => (f64::from(low) + real.exp(), real.exp()),
        Domain::SoftPositive { low, scale } => {
            let scale = f64::from(scale);
            let softplus = real.max(0.0) + (-real.abs()).exp().ln_1p();
            (
                f64::from(low) + scale * softplus,
                scale / (1.0 + (-real).exp()),
            )
        }
        Domain::Bounded { low, high } => {
            let (low, high) = (f64::from(low), f64::from(high));
            let share = 1.0 / (1.0 + (-real).exp());
            (
                low + (high - low) * share,
                (high - low) * share * (1.0 - share),
            )
        }
        Domain::HeavyTailed { centre, scale } => (
            f64::from(centre) + f64::from(scale) * real.sinh(),
            f64::from(scale) * real.cosh(),
        ),
    };
    (raw, slope.ln() - inv_std.ln())
}

/// What conditioners see of raw context values.
pub fn features(channels: &[DraftChannel], raw: &[f32]) -> Vec<f64> {
    let values = channels.iter().zip(raw);
    values
        .flat_map(|(channel, raw)| {
            let standard = standardise(channel, f64::from(*raw));
            match channel.domain {
                Domain::Circular => vec![standard.cos(), standard.sin()],
                _ => vec![standard],
            }
        })
        .collect()
}
