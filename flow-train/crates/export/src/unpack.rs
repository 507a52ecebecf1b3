//! The artefact's layers to a flow in `f64`.

use flow_artefact::{
    Draft, DraftChannel, DraftConditioner, DraftConvolutions, DraftLayer, DraftPlanes, upper_rows,
};
use flow_embedded::artefact::{Base, Domain, Role};
use flow_model::{
    BaseParts, CategoricalParts, ConditionerParts, ConvolutionParts, ConvolutionsParts, DenseParts,
    EmbeddingParts, Flow, FlowParts, LayerParts, ModelError, Planes,
};

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
    let layers = draft.layers.iter();
    Flow::from_parts(FlowParts {
        event: draft.event.len(),
        context,
        layers: layers
            .map(|layer| unpack_layer(layer, channels.len(), inputs, &angles))
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

fn unpack_layer(
    layer: &DraftLayer,
    event: usize,
    context: usize,
    circular: &[usize],
) -> LayerParts<f64> {
    let features = |channel: usize| 1 + usize::from(circular.contains(&channel));
    match layer {
        DraftLayer::Coupling {
            transformed,
            transformer,
            conditioner,
        } => {
            let transformed = wide(transformed);
            let given = (0..event).filter(|channel| !transformed.contains(channel));
            let inputs = context + given.map(features).sum::<usize>();
            let outputs = transformed.len() * transformer.parameters();
            LayerParts::Coupling {
                conditioner: unpack_conditioner(conditioner, context, inputs, outputs),
                transformed,
                transformer: *transformer,
            }
        }
        DraftLayer::Autoregressive {
            order,
            groups,
            direction,
            transformer,
            conditioner,
        } => {
            let order = wide(order);
            let inputs = context + order.iter().map(|c| features(*c)).sum::<usize>();
            let outputs = order.len() * transformer.parameters();
            LayerParts::Autoregressive {
                conditioner: unpack_conditioner(conditioner, context, inputs, outputs),
                order,
                groups: wide(groups),
                direction: *direction,
                transformer: *transformer,
            }
        }
        DraftLayer::Linear {
            permutation,
            upper,
            lower,
        } => {
            let [lower, upper, bias] = unpack_factors(upper, lower, permutation.len());
            LayerParts::Linear {
                permutation: wide(permutation),
                lower,
                upper,
                bias,
            }
        }
        DraftLayer::ElementWise(pairs) => LayerParts::ElementWise {
            scale: pairs.iter().map(|[scale, _]| f64::from(*scale)).collect(),
            shift: pairs.iter().map(|[_, shift]| f64::from(*shift)).collect(),
        },
        DraftLayer::Permutation(list) => LayerParts::Permutation(wide(list)),
        DraftLayer::Convolutional {
            given,
            transformed,
            transformer,
            conditioner,
        } => LayerParts::Convolutional {
            conditioner: unpack_convolutions(
                conditioner,
                given,
                context,
                transformed.count() * transformer.parameters(),
            ),
            given: unpack_planes(given),
            transformed: unpack_planes(transformed),
            transformer: *transformer,
        },
        DraftLayer::Pointwise {
            planes,
            upper,
            lower,
        } => {
            let [lower, upper, bias] = unpack_factors(upper, lower, planes.count());
            LayerParts::Pointwise {
                planes: unpack_planes(planes),
                lower,
                upper,
                bias,
            }
        }
    }
}

/// L, U and the bias as dense matrices.
fn unpack_factors(upper: &[f32], lower: &[f32], channels: usize) -> [Vec<f64>; 3] {
    let mut matrices = [
        vec![0.0; channels * channels],
        vec![0.0; channels * channels],
    ];
    let mut bias = Vec::new();
    for (i, row) in upper_rows(upper, channels).enumerate() {
        let place = &mut matrices[0][i * channels + i..];
        place
            .iter_mut()
            .zip(row)
            .for_each(|(to, from)| *to = f64::from(*from));
    }
    let mut rest = lower;
    for i in 0..channels {
        let (row, behind) = rest.split_at(i + 1);
        bias.push(f64::from(row[0]));
        let place = &mut matrices[1][i * channels..];
        place
            .iter_mut()
            .zip(&row[1..])
            .for_each(|(to, from)| *to = f64::from(*from));
        rest = behind;
    }
    let [upper, lower] = matrices;
    [lower, upper, bias]
}

fn unpack_planes(planes: &DraftPlanes) -> Planes {
    Planes {
        width: planes.width.into(),
        height: planes.height.into(),
        places: wide(&planes.places),
    }
}

/// Convolutions that end in so many outputs.
fn unpack_convolutions(
    own: &DraftConvolutions,
    given: &DraftPlanes,
    context: usize,
    outputs: usize,
) -> ConvolutionsParts<f64> {
    let (hidden, _) = own.hidden.as_chunks::<2>();
    let hidden = hidden.iter().map(|own| own.map(usize::from));
    let layers = hidden.chain([[outputs, own.output_kernel.into()]]);
    let mut weights = own.weights.iter().map(|weight| f64::from(*weight));
    let mut head = match own.by_position {
        true => usize::from(given.width) * usize::from(given.height) * (1 + context),
        false => 1 + context,
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
    ConvolutionsParts {
        activation: own.activation,
        residual: own.residual,
        by_position: own.by_position,
        layers: layers.collect(),
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

fn wide(list: &[u8]) -> Vec<usize> {
    list.iter().map(|channel| usize::from(*channel)).collect()
}
