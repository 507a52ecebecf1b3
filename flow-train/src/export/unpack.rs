//! The artefact's layers to a flow in `f64`.

use super::{Draft, DraftLayer, DraftTransform};
use crate::model::{Activation, DenseParts, Flow, LayerKind, LayerParts, ModelError};
use flow_embedded::artefact;

impl DraftLayer {
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
