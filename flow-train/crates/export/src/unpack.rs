//! The artefact's layers to a flow in `f64`.

use flow_artefact::{
    Conditioned, Draft, DraftChannel, DraftConditioner, DraftConvolutions, DraftFactors, Map,
    Planes, Stored, upper_rows,
};
use flow_embedded::artefact::{Base, Domain, Role};
use flow_model::{
    BaseParts, CategoricalParts, ConditionerParts, ConvolutionParts, ConvolutionsParts, Dense,
    DenseParts, EmbeddingParts, FactorsParts, Flow, FlowParts, ModelError, ScalesParts,
};
use std::convert::Infallible;

/// The flow over standardised data in `f64`: the reference that the `f32`
/// of the chip is compared with.
///
/// # Errors
/// The layers are not those of a flow; a loaded artefact's are.
pub fn to_flow(draft: &Draft) -> Result<Flow<f64>, ModelError> {
    let turns = |domain: Domain| domain == Domain::Circular;
    let circular: Vec<usize> = (0..draft.event.len())
        .filter(|channel| turns(draft.event[*channel].domain))
        .collect();
    let numbers = |c: &DraftChannel| 1 + usize::from(turns(c.domain));
    let context: usize = draft.context.iter().map(numbers).sum();
    let categorical = categorical_parts(draft, context);
    let inputs = features(draft, &categorical, context);
    // What layers act on.
    let straight = |channel: &usize| vocabulary(&draft.event[*channel]).is_none();
    let channels: Vec<usize> = (0..draft.event.len()).filter(straight).collect();
    let angles = (0..channels.len()).filter(|place| circular.contains(&channels[*place]));
    let angles: Vec<usize> = angles.collect();
    let features = |channel: usize| 1 + usize::from(angles.contains(&channel));
    let mut unpack = Unpack {
        event: channels.len(),
        context: inputs,
        features: &features,
    };
    let layers = draft.layers.iter();
    Flow::from_parts(FlowParts {
        event: draft.event.len(),
        context,
        layers: layers
            .map(|layer| layer.clone().map_all(&mut unpack))
            .collect(),
        base: unpack_base(draft.base, &draft.base_weights, channels.len()),
        circular,
        categorical,
    })
}

/// The categorical channels, of a context of so many numbers.
fn categorical_parts(draft: &Draft, context: usize) -> CategoricalParts<f64> {
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect();
    let vocabularies = draft.vocabularies.iter().map(|own| EmbeddingParts {
        width: own.width,
        table: wide(&own.embeddings),
    });
    let event = draft.event.iter().enumerate();
    let event = event.filter_map(|(column, own)| Some((column, vocabulary(own)?)));
    let mut column = 0;
    let mut codes = Vec::new();
    for own in &draft.context {
        codes.extend(vocabulary(own).map(|vocabulary| (column, vocabulary)));
        column += 1 + usize::from(own.domain == Domain::Circular);
    }
    let mut parts = CategoricalParts {
        vocabularies: vocabularies.collect(),
        event: event.collect(),
        context: codes,
        heads: Vec::new(),
    };
    let width = |own: &(usize, usize)| draft.vocabularies[own.1].width;
    let embedded: usize = parts.event.iter().map(width).sum();
    let mut inputs = features(draft, &parts, context) - embedded;
    for (head, own) in draft.heads.iter().zip(&parts.event) {
        let outputs = draft.vocabularies[own.1].names.len();
        // As the trainer has it: a column where there is nothing to see.
        parts
            .heads
            .push(unpack_conditioner(head, 0, inputs.max(1), outputs));
        inputs += width(own);
    }
    parts
}

/// The numbers that condition the layers.
fn features(draft: &Draft, parts: &CategoricalParts<f64>, context: usize) -> usize {
    let codes = parts.context.iter().chain(&parts.event);
    let embedded: usize = codes.map(|own| draft.vocabularies[own.1].width).sum();
    context - parts.context.len() + embedded
}

fn vocabulary(channel: &DraftChannel) -> Option<usize> {
    match channel.domain {
        Domain::Categorical { vocabulary } => Some(usize::from(vocabulary)),
        _ => None,
    }
}

/// The rows of an artefact to dense matrices.
struct Unpack<'f> {
    /// The channels that bijections act on.
    event: usize,
    /// The numbers that condition before the event's.
    context: usize,
    /// The numbers that a channel feeds to a conditioner.
    features: &'f dyn Fn(usize) -> usize,
}

impl Map<Stored, Dense<f64>> for Unpack<'_> {
    type Fault = Infallible;

    fn conditioner(
        &mut self,
        conditioned: Conditioned<'_>,
        own: DraftConditioner,
    ) -> Result<ConditionerParts<f64>, Infallible> {
        let inputs = conditioned.inputs(self.event, self.context, self.features);
        let outputs = conditioned.outputs().iter().sum();
        Ok(unpack_conditioner(&own, self.context, inputs, outputs))
    }

    fn convolutions(
        &mut self,
        given: &Planes,
        outputs: usize,
        own: DraftConvolutions,
    ) -> Result<ConvolutionsParts<f64>, Infallible> {
        let (hidden, _) = own.hidden.as_chunks::<2>();
        let hidden = hidden.iter().map(|own| own.map(usize::from));
        let layers = hidden.chain([[outputs, own.output_kernel.into()]]);
        let mut weights = own.weights.iter().map(|weight| f64::from(*weight));
        let mut head = match own.by_position {
            true => given.positions() * (1 + self.context),
            false => 1 + self.context,
        };
        let mut inputs = given.count();
        let layers = layers.map(|[features, kernel]| {
            let row = head + kernel * kernel * inputs;
            (head, inputs) = (1, features);
            ConvolutionParts {
                features,
                kernel,
                weights: weights.by_ref().take(features * row).collect(),
            }
        });
        Ok(ConvolutionsParts {
            activation: own.activation,
            residual: own.residual,
            by_position: own.by_position,
            layers: layers.collect(),
        })
    }

    fn factors(&mut self, size: usize, own: DraftFactors) -> Result<FactorsParts<f64>, Infallible> {
        let wide = |row: &[f32]| row.iter().copied().map(f64::from).collect::<Vec<_>>();
        let mut parts = FactorsParts {
            lower: vec![0.0; size * size],
            upper: vec![0.0; size * size],
            bias: Vec::new(),
        };
        for (i, row) in upper_rows(&own.upper, size).enumerate() {
            parts.upper[i * size + i..][..row.len()].copy_from_slice(&wide(row));
        }
        let mut rest = own.lower.as_slice();
        for i in 0..size {
            let (row, behind) = rest.split_at(i + 1);
            parts.bias.push(f64::from(row[0]));
            parts.lower[i * size..][..i].copy_from_slice(&wide(&row[1..]));
            rest = behind;
        }
        Ok(parts)
    }

    fn scales(&mut self, own: Vec<[f32; 2]>) -> Result<ScalesParts<f64>, Infallible> {
        Ok(ScalesParts {
            scale: own.iter().map(|[scale, _]| f64::from(*scale)).collect(),
            shift: own.iter().map(|[_, shift]| f64::from(*shift)).collect(),
        })
    }
}

/// For a conditioner of so many inputs, which `context` lead, and outputs; no row need see all inputs.
fn unpack_conditioner(
    conditioner: &DraftConditioner,
    context: usize,
    inputs: usize,
    outputs: usize,
) -> ConditionerParts<f64> {
    let widths = conditioner.hidden.iter();
    let widths: Vec<usize> = widths
        .map(|units| units.iter().map(|n| usize::from(*n)).sum())
        .collect();
    let units = widths.first().copied().unwrap_or_default();
    let mut before = inputs;
    let mut rows = conditioner.rows.iter();
    let roles = 0..conditioner.form.dense_layers(widths.len());
    let roles = roles.map(|dense| conditioner.form.role(widths.len(), dense));
    let dense = roles.map(|role| {
        let width = match role {
            Role::Hidden(index) => widths[index],
            Role::Output => outputs,
            _ => units,
        };
        let mut part = DenseParts {
            inputs: if role.sees_context() { context } else { before },
            prefix: Vec::new(),
            weights: Vec::new(),
            biases: Vec::new(),
        };
        for row in rows.by_ref().take(width) {
            part.prefix.push(row.weights.len());
            part.weights
                .extend(row.weights.iter().copied().map(f64::from));
            part.weights.resize(part.prefix.len() * part.inputs, 0.0);
            part.biases.push(f64::from(row.bias));
        }
        if !role.sees_context() {
            before = width;
        }
        part
    });
    ConditionerParts {
        activation: conditioner.activation,
        form: conditioner.form,
        dense: dense.collect(),
    }
}

fn unpack_base(base: Base, weights: &[f32], event: usize) -> BaseParts<f64> {
    match base {
        Base::Normal => BaseParts::Normal,
        Base::Logistic => BaseParts::Logistic,
        Base::Laplace => BaseParts::Laplace,
        Base::StudentT { degrees_of_freedom } => BaseParts::StudentT {
            degrees_of_freedom: f64::from(degrees_of_freedom),
        },
        Base::Mixture { .. } => {
            let (mut log_weights, mut mean, mut std) = (Vec::new(), Vec::new(), Vec::new());
            for component in weights.chunks_exact(2 + 2 * event) {
                let (head, scales) = component.split_at(2);
                let inv_std = || scales.iter().skip(1).step_by(2).map(|s| f64::from(*s));
                log_weights.push(f64::from(head[0]) - inv_std().map(f64::ln).sum::<f64>());
                mean.extend(scales.iter().step_by(2).map(|m| f64::from(*m)));
                std.extend(inv_std().map(f64::recip));
            }
            BaseParts::Mixture {
                log_weights,
                mean,
                std,
            }
        }
    }
}
