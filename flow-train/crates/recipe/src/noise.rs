//! The model of a sensor's noise where nothing is said: how far back it looks, its shape, and its fit.

use flow_data::Fractions;
use flow_embedded::window::{Feature, MAX_SHIFT};
use flow_fit::Config;
use flow_model::{ConditionerSpec, Family, Spec};

/// Rows for each sample that the slowest average reaches back: fewer, and its weight is a guess.
const ROWS_PER_SAMPLE: usize = 32;

/// The fewest rows to fit noise to: a slowest average over 4 samples.
pub const MIN_ROWS: usize = 4 * ROWS_PER_SAMPLE;

/// Lags 1 to the first, and averages so many octaves apart; finer memories first.
const MEMORIES: [(u16, usize); 6] = [(4, 2), (2, 2), (2, 3), (1, 3), (1, 4), (1, 16)];

/// Most rows to the fit: slow noise needs a long recording, and few rows tell when to stop.
pub const FRACTIONS: Fractions = Fractions {
    validation: 0.1,
    calibration: 0.1,
};

/// The most context channels that are asked for where nothing is said: each takes weights, and rows to
/// find them by.
const MOST: usize = 64;

/// Steps that the fit takes, as far as a whole number of epochs allows.
const STEPS: usize = 3000;

/// A least-squares prediction, then one small layer for what it leaves: how the spread depends on the context, and the
/// shape of what is new in each sample. Channels are those of the data.
pub fn default_spec(family: Family) -> Spec {
    let plain = Spec::new(family, 1, 0);
    Spec {
        regression: true,
        layers: 1,
        conditioner: ConditionerSpec {
            hidden: vec![16],
            ..plain.conditioner
        },
        ..plain
    }
}

/// How to fit it to so many rows in all.
pub fn default_config(rows: usize) -> Config {
    let plain = Config::default();
    let share = 1.0 - FRACTIONS.validation - FRACTIONS.calibration;
    let training = (share * rows as f64) as usize;
    Config {
        epochs: STEPS.div_ceil(plain.steps(training).max(1)),
        // The prediction is one of few weights for many rows.
        weight_decay: 0.0,
        ..plain
    }
}

/// The features of the past that the noise of `channels` channels is conditioned on, beside `given` context channels:
/// the last samples, and exponential moving averages at time scales from a few samples to a thirty-second of `rows`,
/// the longest stretch without a gap. Together they follow white, correlated, flicker and random-walk noise: a sum of
/// first-order processes whose time constants are a factor apart has a 1/f spectrum over their range (Keshner 1982).
///
/// Nothing if the rows are fewer than [`MIN_ROWS`], or the channels too many for a context of 64, with those given.
pub fn default_features(channels: usize, given: usize, rows: usize) -> Option<Vec<Feature>> {
    let octaves = (rows / ROWS_PER_SAMPLE)
        .checked_ilog2()
        .filter(|octaves| *octaves >= 2)?;
    let slowest = u8::try_from(octaves).unwrap_or(MAX_SHIFT).min(MAX_SHIFT);
    MEMORIES.into_iter().find_map(|(lags, apart)| {
        let mut shifts: Vec<u8> = (1..=slowest).rev().step_by(apart).collect();
        shifts.reverse();
        let count = channels * (usize::from(lags) + shifts.len());
        let of = |channel: u8| {
            let lags = (1..=lags).map(move |steps| Feature::Lag { channel, steps });
            let averages = shifts.iter().map(move |shift| Feature::Average {
                channel,
                shift: *shift,
            });
            lags.chain(averages)
        };
        (count + given <= MOST).then(|| (0..channels as u8).flat_map(of).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_fit_recordings_and_artefacts() {
        let averages = |features: &[Feature]| -> Vec<usize> {
            let own = features.iter().filter(|own| own.depth() == 0);
            own.map(|own| own.warm_up()).collect()
        };
        let six = default_features(6, 1, 4000).expect("a memory");
        assert_eq!(six.len(), 6 * (4 + 3));
        assert_eq!(averages(&six[..7]), [1 << 2, 1 << 4, 1 << 6]);
        let hour = default_features(1, 0, 360_000).expect("a memory");
        assert_eq!(averages(&hour).last(), Some(&(1 << 13)));
        // Nine channels have room for fewer.
        let nine = default_features(9, 1, 360_000).expect("a memory");
        assert!(nine.len() < 64 && averages(&nine).contains(&(1 << 13)));
        assert_eq!(default_features(1, 0, MIN_ROWS - 1), None);
        assert!(default_features(1, 0, MIN_ROWS).is_some());
        assert_eq!(default_features(40, 0, 360_000), None);
    }
}
