//! Golden vectors: what the loaded artefact says of a few events, and what it
//! draws from a few seeds.

use crate::Checked;
use flow_embedded::artefact::{Channels, Header};
use flow_embedded::golden::Words;
use flow_embedded::math::Polynomial;

/// An event with the log-likelihood that it must get.
pub struct Golden {
    /// The event.
    pub event: Vec<f32>,
    /// Its context.
    pub context: Vec<f32>,
    /// In nats.
    pub log_prob: f32,
}

/// A sample that a seed must give.
pub struct GoldenSample {
    /// The seed of [`Words`].
    pub seed: u32,
    /// The context.
    pub context: Vec<f32>,
    /// The sample.
    pub event: Vec<f32>,
}

/// How many samples are drawn.
const SAMPLES: u32 = 4;

/// In standard deviations, alternating over the channels.
const DEVIATIONS: [f32; 8] = [0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 30.0];

/// Events at the centre of the data, around it and far out, with what `score`
/// says of them.
pub fn vectors(header: &Header<'_>, mut score: impl FnMut(&[f32], &[f32]) -> f32) -> Vec<Golden> {
    (0..DEVIATIONS.len())
        .filter_map(|row| {
            let (event, context) = (
                at(header, header.event, row),
                at(header, header.context, row),
            );
            let log_prob = score(&event, &context);
            let finite = event.iter().chain(&context).all(|x| x.is_finite());
            (finite && log_prob.is_finite()).then_some(Golden {
                event,
                context,
                log_prob,
            })
        })
        .collect()
}

/// Samples at contexts around the centre of the data.
pub(super) fn samples(checked: &Checked<'_>) -> Vec<GoldenSample> {
    let header = checked.flow.header();
    let mut scratch = vec![0.0; checked.flow.scratch_len()];
    (0..SAMPLES)
        .filter_map(|seed| {
            let context = at(header, header.context, seed as usize);
            let mut event = vec![0.0; header.event.len()];
            let mut words = Words::new(seed);
            checked
                .flow
                .sample(&mut words, &context, &mut event, &mut scratch)
                .ok()?;
            let finite = context.iter().chain(&event).all(|x| x.is_finite());
            finite.then_some(GoldenSample {
                seed,
                context,
                event,
            })
        })
        .collect()
}

/// A value of each channel, by row.
fn at(header: &Header<'_>, channels: Channels<'_>, row: usize) -> Vec<f32> {
    let channels = channels.iter().enumerate();
    channels
        .map(|(i, channel)| {
            if let Some(vocabulary) = header.vocabulary_of(&channel) {
                return ((row + i) % vocabulary.size()) as f32;
            }
            channel.destandardise::<Polynomial>(DEVIATIONS[(row + i) % DEVIATIONS.len()])
        })
        .collect()
}
