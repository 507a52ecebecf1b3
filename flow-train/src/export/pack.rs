//! Trained layers to the artefact's: masked weights are left out, hidden units
//! are counted by block.

use super::{DraftLayer, DraftTransform, ExportError, MaskedRow};
use crate::model::{Activation, Flow, LayerKind, LayerParts};
use flow_embedded::artefact;

impl DraftLayer {
    /// The layers of a trained flow.
    ///
    /// # Errors
    /// There are more channels or units than the artefact can count.
    pub fn from_flow(flow: &Flow<f32>) -> Result<Vec<Self>, ExportError> {
        let parts = flow.to_parts();
        parts
            .into_iter()
            .map(|part| Self::from_parts(part, flow.event(), flow.context()))
            .collect()
    }

    fn from_parts(
        part: LayerParts<f32>,
        event: usize,
        context: usize,
    ) -> Result<Self, ExportError> {
        // What each block of the layer before sees, up to and including it.
        let (transform, mut visible) = match part.kind {
            LayerKind::Coupling { transformed } => {
                let inputs = context + event - transformed.len();
                (
                    DraftTransform::Coupling(channels(&transformed)?),
                    vec![inputs],
                )
            }
            LayerKind::Autoregressive { order } => {
                let inputs = (0..event).map(|degree| context + degree).collect();
                (
                    DraftTransform::MaskedAutoregressive(channels(&order)?),
                    inputs,
                )
            }
        };
        let mut hidden = Vec::new();
        let mut rows = Vec::new();
        let last = part.dense.len().saturating_sub(1);
        for (index, dense) in part.dense.into_iter().enumerate() {
            // A hidden unit belongs to the first block that sees all it sees.
            let block_of = |row: usize| match index == last {
                true => row * visible.len() / dense.prefix.len(),
                false => visible.partition_point(|inputs| *inputs < dense.prefix[row]),
            };
            let mut units = vec![0; visible.len()];
            for row in 0..dense.prefix.len() {
                let block = block_of(row).min(visible.len() - 1);
                let weights = &dense.weights[row * dense.inputs..][..visible[block]];
                rows.push(MaskedRow {
                    bias: dense.biases[row],
                    weights: weights.to_vec(),
                });
                units[block] += 1;
            }
            if index < last {
                let seen = units.iter().scan(0, |sum, units| {
                    *sum += units;
                    Some(*sum)
                });
                visible = seen.collect();
                hidden.push(counts(&units)?);
            }
        }
        Ok(Self {
            transform,
            log_scale_bound: part.log_scale_bound as f32,
            activation: match part.activation {
                Activation::Relu => artefact::Activation::Relu,
                Activation::Tanh => artefact::Activation::Tanh,
            },
            hidden,
            rows,
        })
    }
}

fn channels(channels: &[usize]) -> Result<Vec<u8>, ExportError> {
    let narrow = |channel: &usize| u8::try_from(*channel);
    channels
        .iter()
        .map(narrow)
        .collect::<Result<_, _>>()
        .map_err(|_| ExportError::TooMany {
            what: "event channels",
            found: channels.len(),
            limit: artefact::MAX_CHANNELS,
        })
}

fn counts(units: &[usize]) -> Result<Vec<u16>, ExportError> {
    let narrow = |found: &usize| {
        u16::try_from(*found).map_err(|_| ExportError::TooMany {
            what: "hidden units of one degree",
            found: *found,
            limit: usize::from(u16::MAX),
        })
    };
    units.iter().map(narrow).collect()
}

#[cfg(test)]
mod tests {
    use crate::export::{Draft, DraftChannel, DraftLayer};
    use crate::model::{Activation, Family, Flow, Spec};
    use flow_embedded::artefact::LoadedFlow;
    use flow_embedded::math::Backend;

    /// An artefact of a flow over standardised data.
    fn draft(flow: &Flow<f32>) -> Draft {
        let channel = |index: usize| DraftChannel {
            name: format!("c{index}"),
            unit: String::new(),
            mean: 0.0,
            inv_std: 1.0,
        };
        let (event, context) = (flow.event(), flow.context());
        Draft {
            name: "test".into(),
            event: (0..event).map(channel).collect(),
            context: (0..context).map(|index| channel(event + index)).collect(),
            layers: DraftLayer::from_flow(flow).expect("packs"),
            math: Backend::Polynomial,
            calibration: None,
            evaluation: None,
            created_by: String::new(),
            command: String::new(),
            data_digest: 0,
            rows: 0,
            seed: 0,
        }
    }

    /// Every shape of conditioner: the artefact's likelihood is the trainer's.
    #[test]
    fn an_exported_flow_has_the_trained_likelihood() {
        let mut seed = 0;
        for family in [Family::RealNvp, Family::Maf] {
            for (event, context) in [(2, 0), (5, 0), (5, 2), (8, 1), (3, 3)] {
                for hidden in [
                    &[][..],
                    &[16],
                    &[3],
                    &[16, 12],
                    &[2, 9],
                    &[9, 2],
                    &[8, 3, 8],
                    &[3; 4],
                ] {
                    for activation in [Activation::Relu, Activation::Tanh] {
                        seed += 1;
                        let mut spec = Spec::new(family, event, context);
                        spec.layers = 3;
                        spec.hidden = hidden.to_vec();
                        spec.activation = activation;
                        compare(&spec, seed);
                    }
                }
            }
        }
        compare(&Spec::new(Family::Maf, 1, 0), seed);
        compare(&Spec::new(Family::Maf, 1, 2), seed);
    }

    fn compare(spec: &Spec, seed: u64) {
        let mut random = crate::random::Random::new(seed);
        let mut flow = Flow::<f32>::new(spec, seed).expect("a flow");
        for parameter in flow.parameters_mut() {
            // Masked weights are zero and stay so.
            *parameter *= 1.5;
        }
        let rows = 20;
        let mut values =
            |count: usize| -> Vec<f32> { (0..count).map(|_| random.normal()).collect() };
        let (events, contexts) = (values(rows * spec.event), values(rows * spec.context));
        let mut expected = vec![0.0; rows];
        flow.log_prob(&events, &contexts, &mut expected);
        let bytes = draft(&flow).encode().expect("encodes");
        let loaded = LoadedFlow::from_bytes(&bytes).expect("loads");
        let mut scratch = vec![0.0; loaded.scratch_len()];
        for (row, expected) in expected.into_iter().enumerate() {
            let event = &events[row * spec.event..][..spec.event];
            let context = &contexts[row * spec.context..][..spec.context];
            let found = loaded.log_prob(event, context, &mut scratch).expect("fits");
            let error = (found - expected).abs();
            assert!(
                error <= 1e-4 * (1.0 + expected.abs()),
                "{spec:?}: {found} {expected}"
            );
        }
    }
}
