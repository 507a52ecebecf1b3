//! From the trainer's dense, masked matrices to packed rows.

use super::{DraftLayer, DraftTransform, ExportError, MaskedRow};
use crate::model::{Activation, DenseParts, LayerKind, LayerParts};
use flow_embedded::artefact;

impl DraftLayer {
    /// Packs one layer of a trained flow with `event` channels and `context` channels of context.
    ///
    /// # Errors
    /// There are more channels or units than the artefact can count, or the masks of an
    /// autoregressive layer are not those of units with degrees.
    pub fn from_parts(
        parts: &LayerParts<f32>,
        event: usize,
        context: usize,
    ) -> Result<Self, ExportError> {
        let (hidden, _) = parts.dense.split_at(parts.dense.len().saturating_sub(1));
        let (transform, hidden) = match &parts.kind {
            LayerKind::Coupling { transformed } => {
                let blocks = hidden.iter().map(|dense| units([dense.prefix.len()]));
                (
                    DraftTransform::Coupling(channels(transformed)?),
                    blocks.collect::<Result<_, _>>()?,
                )
            }
            LayerKind::Autoregressive { order } => {
                let blocks = degrees(&parts.dense, event, context)
                    .into_iter()
                    .map(|degrees| {
                        units((0..event).map(|m| degrees.iter().filter(|own| **own == m).count()))
                    });
                let hidden: Vec<Vec<u16>> = blocks.collect::<Result<_, _>>()?;
                check(&parts.dense, &hidden, context)?;
                (
                    DraftTransform::MaskedAutoregressive(channels(order)?),
                    hidden,
                )
            }
        };
        Ok(Self {
            transform,
            log_scale_bound: parts.log_scale_bound as f32,
            activation: match parts.activation {
                Activation::Relu => artefact::Activation::Relu,
                Activation::Tanh => artefact::Activation::Tanh,
            },
            hidden,
            rows: parts.dense.iter().flat_map(rows).collect(),
        })
    }
}

/// Each row with the weights that it sees.
fn rows(dense: &DenseParts<f32>) -> impl Iterator<Item = MaskedRow> + '_ {
    let rows = dense.weights.chunks(dense.inputs.max(1)).map(Some);
    // Rows without inputs have no weights to iterate over.
    let rows = rows.chain(core::iter::repeat(None));
    dense
        .biases
        .iter()
        .zip(&dense.prefix)
        .zip(rows)
        .map(|((bias, prefix), weights)| MaskedRow {
            bias: *bias,
            weights: weights.map_or(vec![], |weights| weights[..*prefix].to_vec()),
        })
}

/// The degree of each hidden unit, layer by layer. The trainer's masks say what a unit sees; its
/// degree follows from that in the first hidden layer, and from who sees it in all others: a unit
/// has the lowest degree at which a row of the next layer sees it.
fn degrees(dense: &[DenseParts<f32>], event: usize, context: usize) -> Vec<Vec<usize>> {
    let Some((outputs, hidden)) = dense.split_last() else {
        return vec![];
    };
    let mut degrees = vec![Vec::new(); hidden.len()];
    // Two output rows for each rank.
    let mut next: Vec<usize> = (0..2 * event).map(|row| row / 2).collect();
    let mut next_prefix = &outputs.prefix;
    for (layer, own) in hidden.iter().enumerate().rev() {
        let seen_at = |unit: usize| {
            let row = next_prefix.partition_point(|prefix| *prefix <= unit);
            next.get(row).copied().unwrap_or(event.saturating_sub(1))
        };
        degrees[layer] = if layer == 0 {
            own.prefix
                .iter()
                .map(|prefix| prefix.saturating_sub(context))
                .collect()
        } else {
            (0..own.prefix.len()).map(seen_at).collect()
        };
        next.clone_from(&degrees[layer]);
        next_prefix = &own.prefix;
    }
    degrees
}

/// Whether units counted by degree see just what the trainer's units see.
fn check(
    dense: &[DenseParts<f32>],
    hidden: &[Vec<u16>],
    context: usize,
) -> Result<(), ExportError> {
    for (index, own) in dense.iter().enumerate() {
        let sees = |degree: usize| match index.checked_sub(1) {
            None => context + degree,
            Some(before) => hidden[before]
                .iter()
                .take(degree + 1)
                .map(|units| usize::from(*units))
                .sum(),
        };
        let rows: Vec<usize> = match hidden.get(index) {
            Some(units) => units
                .iter()
                .enumerate()
                .flat_map(|(degree, units)| core::iter::repeat_n(sees(degree), usize::from(*units)))
                .collect(),
            None => (0..own.prefix.len()).map(|row| sees(row / 2)).collect(),
        };
        if rows != own.prefix {
            return Err(ExportError::Masks { dense: index });
        }
    }
    Ok(())
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

fn units(counts: impl IntoIterator<Item = usize>) -> Result<Vec<u16>, ExportError> {
    let narrow = |found: usize| {
        u16::try_from(found).map_err(|_| ExportError::TooMany {
            what: "hidden units in one layer",
            found,
            limit: usize::from(u16::MAX),
        })
    };
    counts.into_iter().map(narrow).collect()
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
        let pack = |parts: &_| DraftLayer::from_parts(parts, event, context).expect("packs");
        Draft {
            name: "test".into(),
            event: (0..event).map(channel).collect(),
            context: (0..context).map(|index| channel(event + index)).collect(),
            layers: flow.to_parts().iter().map(pack).collect(),
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
