//! Golden vectors: what the loaded artefact says of a few events.

use crate::Checked;
use flow_embedded::artefact::Channel;
use flow_embedded::math::Polynomial;

/// An event with the log-likelihood that it must get.
pub(crate) struct Golden {
    pub(crate) event: Vec<f32>,
    pub(crate) context: Vec<f32>,
    pub(crate) log_prob: f32,
}

/// In standard deviations, alternating over the channels.
const DEVIATIONS: [f32; 8] = [0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 30.0];

/// Events at the centre of the data, around it and far out.
pub(super) fn vectors(checked: &Checked<'_>) -> Vec<Golden> {
    let header = checked.flow.header();
    let mut scratch = vec![0.0; checked.flow.scratch_len()];
    let at = |channels: &[Channel<'_>], row: usize| -> Vec<f32> {
        let channels = channels.iter().enumerate();
        channels
            .map(|(i, channel)| {
                channel.destandardise::<Polynomial>(DEVIATIONS[(row + i) % DEVIATIONS.len()])
            })
            .collect()
    };
    (0..DEVIATIONS.len())
        .filter_map(|row| {
            let (event, context) = (at(&header.event, row), at(&header.context, row));
            let log_prob = checked.flow.log_prob(&event, &context, &mut scratch).ok()?;
            let finite = event.iter().chain(&context).all(|x| x.is_finite());
            (finite && log_prob.is_finite()).then_some(Golden {
                event,
                context,
                log_prob,
            })
        })
        .collect()
}
