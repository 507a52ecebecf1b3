//! Trainable layers to the artefact's and back.

use super::{Draft, DraftLayer, DraftTransform, MaskedRow};
use crate::model::{Activation, DenseParts, Flow, LayerKind, LayerParts, ModelError};
use flow_embedded::artefact;

impl DraftLayer {
    /// The layers of a trained flow, with hidden units counted by block.
    pub fn from_flow(flow: &Flow<f32>) -> Vec<Self> {
        let parts = flow.to_parts();
        parts
            .into_iter()
            .map(|part| Self::from_parts(part, flow.event(), flow.context()))
            .collect()
    }

    fn from_parts(part: LayerParts<f32>, event: usize, context: usize) -> Self {
        // What each block of the layer before sees, up to and including it.
        let (transform, mut visible) = match part.kind {
            LayerKind::Coupling { transformed } => {
                let inputs = context + event - transformed.len();
                (DraftTransform::Coupling(bytes(&transformed)), vec![inputs])
            }
            LayerKind::Autoregressive { order } => {
                let inputs = (0..event).map(|degree| context + degree).collect();
                (DraftTransform::MaskedAutoregressive(bytes(&order)), inputs)
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
            let mut units = vec![0u16; visible.len()];
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
                    *sum += usize::from(*units);
                    Some(*sum)
                });
                visible = seen.collect();
                hidden.push(units);
            }
        }
        Self {
            transform,
            log_scale_bound: part.log_scale_bound as f32,
            activation: match part.activation {
                Activation::Relu => artefact::Activation::Relu,
                Activation::Tanh => artefact::Activation::Tanh,
            },
            hidden,
            rows,
        }
    }

    fn to_parts(&self, event: usize, context: usize) -> LayerParts<f64> {
        let wide = |channels: &[u8]| channels.iter().map(|c| usize::from(*c)).collect::<Vec<_>>();
        let (kind, mut inputs, outputs) = match &self.transform {
            DraftTransform::Coupling(transformed) => {
                let (kind, count) = (wide(transformed), transformed.len());
                let kind = LayerKind::Coupling { transformed: kind };
                (kind, context + event - count, 2 * count)
            }
            DraftTransform::MaskedAutoregressive(order) => {
                let kind = LayerKind::Autoregressive { order: wide(order) };
                (kind, context + event, 2 * event)
            }
        };
        let widths = self
            .hidden
            .iter()
            .map(|units| units.iter().map(|n| usize::from(*n)).sum());
        let mut rows = self.rows.iter();
        let mut dense = Vec::new();
        for width in widths.chain([outputs]) {
            let mut part = DenseParts {
                inputs,
                prefix: Vec::new(),
                weights: Vec::new(),
                biases: Vec::new(),
            };
            for row in rows.by_ref().take(width) {
                part.prefix.push(row.weights.len());
                part.weights
                    .extend(row.weights.iter().copied().map(f64::from));
                part.weights.resize(part.prefix.len() * inputs, 0.0);
                part.biases.push(f64::from(row.bias));
            }
            dense.push(part);
            inputs = width;
        }
        LayerParts {
            kind,
            activation: match self.activation {
                artefact::Activation::Relu => Activation::Relu,
                artefact::Activation::Tanh => Activation::Tanh,
            },
            log_scale_bound: f64::from(self.log_scale_bound),
            dense,
        }
    }
}

impl Draft {
    /// The flow over standardised data in `f64`: the reference that the `f32`
    /// of the chip is compared with.
    ///
    /// # Errors
    /// The layers are not those of a flow; a loaded artefact's are.
    pub fn to_flow(&self) -> Result<Flow<f64>, ModelError> {
        let (event, context) = (self.event.len(), self.context.len());
        let layers = self.layers.iter();
        let parts = layers.map(|layer| layer.to_parts(event, context)).collect();
        Flow::from_parts(event, context, parts)
    }
}

/// Channel numbers as the artefact stores them; it holds few enough.
fn bytes(channels: &[usize]) -> Vec<u8> {
    channels
        .iter()
        .map(|channel| u8::try_from(*channel).unwrap_or(u8::MAX))
        .collect()
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
            layers: DraftLayer::from_flow(flow),
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
