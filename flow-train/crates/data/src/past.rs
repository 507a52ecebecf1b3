//! Features of the past: context columns that are computed from the rows before.
//!
//! The runtime's [`Window`] computes them, so that the desk has the chip's bits. Each channel has
//! a window of its own here, since the number of channels is known at run time only.

use flow_embedded::window::{Feature, MAX_SHIFT, MAX_STEPS, Window};

/// The past of one channel, with room for any features.
type Channel = Window<1, { MAX_STEPS as usize }, { MAX_SHIFT as usize }>;

/// The most missing samples that make a difference: after so many, nothing is left to forget.
const FORGOTTEN: u64 = 1 << MAX_SHIFT;

/// The name of the context column that a feature of the given events has: `acc_x[t-1]`,
/// `acc_x[t-1]-acc_x[t-3]`, `mean8(acc_x)`, `deviation8(acc_x)`, `ema6(acc_x)`.
///
/// # Panics
/// If the feature's channel is not there.
pub fn feature_name(feature: Feature, events: &[String]) -> String {
    let name = &events[usize::from(feature.channel())];
    match feature {
        Feature::Lag { steps, .. } => format!("{name}[t-{steps}]"),
        Feature::Difference { .. } => format!("{name}[t-1]-{name}[t-{}]", feature.depth()),
        Feature::Mean { steps, .. } => format!("mean{steps}({name})"),
        Feature::Deviation { steps, .. } => format!("deviation{steps}({name})"),
        Feature::Average { shift, .. } => format!("ema{shift}({name})"),
    }
}

/// The rows in a row after which all features are ready.
pub fn warm_up(features: &[Feature]) -> usize {
    let rows = features.iter().map(|feature| feature.warm_up());
    rows.max().unwrap_or(0)
}

/// What has been of a stream of rows, as far as the features of its past need it: what
/// [`RowReader`](super::RowReader) computes them by, for rows that come from elsewhere. Ask for the
/// features, use the row, then push it.
#[derive(Debug)]
pub struct Past {
    channels: Vec<Own>,
    values: Vec<f32>,
}

/// One channel's features, as those of a stream that has no other channel, with their places.
#[derive(Debug)]
struct Own {
    features: Vec<Feature>,
    places: Vec<usize>,
    window: Box<Channel>,
}

impl Past {
    /// No past yet, of a stream with so many channels.
    pub fn new(features: &[Feature], channels: usize) -> Self {
        let own = |channel: usize| {
            let own = features.iter().enumerate();
            let own = own.filter(|(_, feature)| usize::from(feature.channel()) == channel);
            let (places, features) = own.map(|(place, feature)| (place, alone(*feature))).unzip();
            Own {
                features,
                places,
                window: Box::default(),
            }
        };
        Self {
            channels: (0..channels).map(own).collect(),
            values: vec![0.0; features.len()],
        }
    }

    /// The past of a stream that has always shown this event.
    pub fn filled(features: &[Feature], event: &[f32]) -> Self {
        let mut past = Self::new(features, event.len());
        for (own, x) in past.channels.iter_mut().zip(event) {
            *own.window = Channel::filled(&own.features, &[*x]);
        }
        past
    }

    /// Takes in a row's event.
    pub fn push(&mut self, event: &[f32]) {
        for (own, x) in self.channels.iter_mut().zip(event) {
            own.window.push(&own.features, &[*x]);
        }
    }

    /// Says that so many rows are missing.
    pub fn missing(&mut self, rows: u64) {
        for _ in 0..rows.min(FORGOTTEN) {
            self.channels
                .iter_mut()
                .for_each(|own| own.window.missing());
        }
    }

    /// Forgets everything: another recording begins.
    pub fn reset(&mut self) {
        self.channels.iter_mut().for_each(|own| own.window.reset());
    }

    /// The features of the row that comes next; `None` without enough past.
    pub fn features(&mut self) -> Option<&[f32]> {
        let mut own_values = [0.0; flow_embedded::artefact::MAX_CHANNELS];
        for own in &self.channels {
            let values = own_values.get_mut(..own.features.len())?;
            if !own.window.features(&own.features, values) {
                return None;
            }
            for (place, value) in own.places.iter().zip(values) {
                self.values[*place] = *value;
            }
        }
        Some(&self.values)
    }
}

/// The same feature of a stream of one channel.
fn alone(feature: Feature) -> Feature {
    let channel = 0;
    match feature {
        Feature::Lag { steps, .. } => Feature::Lag { channel, steps },
        Feature::Difference { steps, .. } => Feature::Difference { channel, steps },
        Feature::Mean { steps, .. } => Feature::Mean { channel, steps },
        Feature::Deviation { steps, .. } => Feature::Deviation { channel, steps },
        Feature::Average { shift, .. } => Feature::Average { channel, shift },
    }
}
