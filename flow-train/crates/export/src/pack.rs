//! Trained layers to the artefact's: masked weights are left out, hidden units
//! are counted by block.

use flow_artefact::{
    Conditioned, Draft, DraftConditioner, DraftConvolutions, DraftFactors, ExportError, Map,
    MaskedRow, Planes, Stored, byte, fold,
};
use flow_embedded::artefact::{Base, Role};
use flow_model::{
    BaseParts, ConditionerParts, ConvolutionsParts, Dense, FactorsParts, Flow, ScalesParts,
};

/// Puts layers, base distribution, embeddings and heads of a trained flow into a draft. Neighbouring scales and
/// linear layers become one.
///
/// # Errors
/// There are more channels or units than the artefact can count.
pub fn set_flow(draft: &mut Draft, flow: &Flow<f32>) -> Result<(), ExportError> {
    let parts = flow.to_parts();
    let channels = flow.continuous();
    let features = |place: usize| 1 + usize::from(parts.circular.contains(&channels[place]));
    let mut pack = Pack {
        context: flow.conditioning(),
        features: &features,
    };
    let layers = parts.layers.into_iter().map(|layer| layer.map(&mut pack));
    draft.layers = fold(layers.collect::<Result<_, _>>()?);
    (draft.base, draft.base_weights) = pack_base(parts.base, channels.len())?;
    let tables = parts.categorical.vocabularies.into_iter();
    for (own, part) in draft.vocabularies.iter_mut().zip(tables) {
        own.width = part.width;
        own.embeddings = part.table;
    }
    let head = |part: ConditionerParts<f32>| {
        let outputs = part.dense.last().map_or(0, |dense| dense.prefix.len());
        let first = part.dense.first().and_then(|dense| dense.prefix.first());
        let inputs = first.copied().unwrap_or(0);
        pack_conditioner(part, &[outputs], |_| vec![inputs])
    };
    let heads = parts.categorical.heads.into_iter().map(head);
    draft.heads = heads.collect::<Result<_, _>>()?;
    Ok(())
}

/// Dense matrices of the trainer to the rows of an artefact.
struct Pack<'f> {
    /// The numbers that condition before the event's.
    context: usize,
    /// The numbers that a channel feeds to a conditioner.
    features: &'f dyn Fn(usize) -> usize,
}

impl Map<Dense<f32>, Stored> for Pack<'_> {
    type Fault = ExportError;

    fn conditioner(
        &mut self,
        conditioned: Conditioned<'_>,
        own: ConditionerParts<f32>,
    ) -> Result<DraftConditioner, ExportError> {
        pack_conditioner(own, &conditioned.outputs(), |inputs| {
            conditioned.visible(inputs, self.context, self.features)
        })
    }

    fn convolutions(
        &mut self,
        _: &Planes,
        _: usize,
        own: ConvolutionsParts<f32>,
    ) -> Result<DraftConvolutions, ExportError> {
        let mut hidden = Vec::new();
        let mut weights = Vec::new();
        let mut output_kernel = 1;
        let last = own.layers.len().saturating_sub(1);
        for (index, layer) in own.layers.into_iter().enumerate() {
            let kernel = byte("positions of a kernel's side", layer.kernel)?;
            match index == last {
                true => output_kernel = kernel,
                false => {
                    hidden.extend([byte("features of a convolution", layer.features)?, kernel]);
                }
            }
            weights.extend(layer.weights);
        }
        Ok(DraftConvolutions {
            activation: own.activation,
            residual: own.residual,
            by_position: own.by_position,
            hidden,
            output_kernel,
            weights,
        })
    }

    /// The rows of U from the diagonal on, and those of L, each its bias and what stands left of the diagonal.
    fn factors(
        &mut self,
        size: usize,
        own: FactorsParts<f32>,
    ) -> Result<DraftFactors, ExportError> {
        let rows = |matrix| <[f32]>::chunks_exact(matrix, size).enumerate();
        let upper = rows(&own.upper).flat_map(|(i, row)| row[i..].to_vec());
        let lower = rows(&own.lower).zip(&own.bias);
        Ok(DraftFactors {
            upper: upper.collect(),
            lower: lower
                .flat_map(|((i, row), bias)| [&[*bias], &row[..i]].concat())
                .collect(),
        })
    }

    fn scales(&mut self, own: ScalesParts<f32>) -> Result<Vec<[f32; 2]>, ExportError> {
        let pairs = own.scale.into_iter().zip(own.shift);
        Ok(pairs.map(|(scale, shift)| [scale, shift]).collect())
    }
}

/// `outputs` are the rows of each block of the last dense layer; `first` gives
/// what each block sees of as many inputs as there are.
fn pack_conditioner(
    part: ConditionerParts<f32>,
    outputs: &[usize],
    first: impl FnOnce(usize) -> Vec<usize>,
) -> Result<DraftConditioner, ExportError> {
    // A flow's conditioners have the dense layers of their forms.
    let roles = part.roles().unwrap_or_default();
    let given = part.dense.iter().zip(&roles);
    let given = given
        .filter(|(_, role)| !role.sees_context())
        .map(|(dense, _)| dense.inputs);
    // What each block of the layer before sees, up to and including it.
    let mut visible = first(given.take(1).sum());
    let mut hidden = Vec::new();
    let mut rows = Vec::new();
    // The blocks of the rows of the last hidden layer.
    let mut units: Vec<usize> = Vec::new();
    for (dense, role) in part.dense.into_iter().zip(roles) {
        let blocks: Vec<usize> = match role {
            Role::Output => {
                let outputs = outputs.iter().enumerate();
                let blocks = outputs.flat_map(|(block, rows)| std::iter::repeat_n(block, *rows));
                blocks.collect()
            }
            // A hidden unit belongs to the first block that sees all it sees.
            Role::Hidden(_) => {
                let prefix = dense.prefix.iter();
                let block = |prefix| visible.partition_point(|inputs| inputs < prefix);
                prefix
                    .map(|prefix| block(prefix).min(visible.len() - 1))
                    .collect()
            }
            _ => units.clone(),
        };
        for (row, bias) in dense.biases.iter().enumerate() {
            let seen = match (role.sees_context(), blocks.get(row)) {
                (false, Some(block)) => visible[*block],
                _ => dense.inputs,
            };
            rows.push(MaskedRow {
                bias: *bias,
                weights: dense.weights[row * dense.inputs..][..seen].to_vec(),
            });
        }
        if let Role::Hidden(_) = role {
            let mut counted = vec![0; visible.len()];
            blocks.iter().for_each(|block| counted[*block] += 1);
            let seen = counted.iter().scan(0, |sum, units| {
                *sum += units;
                Some(*sum)
            });
            visible = seen.collect();
            hidden.push(counts(&counted)?);
            units = blocks;
        }
    }
    Ok(DraftConditioner {
        activation: part.activation,
        form: part.form,
        hidden,
        rows,
    })
}

fn pack_base(part: BaseParts<f32>, event: usize) -> Result<(Base, Vec<f32>), ExportError> {
    Ok(match part {
        BaseParts::Normal => (Base::Normal, Vec::new()),
        BaseParts::Logistic => (Base::Logistic, Vec::new()),
        BaseParts::Laplace => (Base::Laplace, Vec::new()),
        BaseParts::StudentT { degrees_of_freedom } => {
            (Base::StudentT { degrees_of_freedom }, Vec::new())
        }
        BaseParts::Mixture {
            log_weights,
            mean,
            std,
        } => {
            let found = log_weights.len();
            let components = byte("components of the base", found)?;
            let mut cumulated = 0.0;
            let mut weights = Vec::new();
            let scales = mean.chunks_exact(event).zip(std.chunks_exact(event));
            for (log_weight, (mean, std)) in log_weights.iter().zip(scales) {
                let log_weight = f64::from(*log_weight);
                cumulated += log_weight.exp();
                let log_std: f64 = std.iter().map(|std| f64::from(*std).ln()).sum();
                weights.extend([(log_weight - log_std) as f32, cumulated as f32]);
                let pairs = mean.iter().zip(std);
                weights.extend(pairs.flat_map(|(mean, std)| [*mean, 1.0 / std]));
            }
            (Base::Mixture { components }, weights)
        }
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
    use super::set_flow;
    use flow_artefact::{Draft, DraftChannel};
    use flow_embedded::artefact::{Activation, Base, Domain, LoadedFlow};
    use flow_embedded::math::Backend;
    use flow_model::{BaseSpec, ConditionerSpec, Family, Flow, Order, Spec};

    /// An artefact of a flow over standardised data.
    fn draft(flow: &Flow<f32>) -> Draft {
        let parts = flow.to_parts();
        let channel = |index: usize| DraftChannel {
            name: format!("c{index}"),
            unit: String::new(),
            domain: match parts.circular.contains(&index) {
                true => Domain::Circular,
                false => Domain::Real,
            },
            grid: None,
            mean: 0.0,
            inv_std: 1.0,
        };
        let (event, context) = (flow.event(), flow.context());
        let mut draft = Draft {
            name: "test".into(),
            event: (0..event).map(channel).collect(),
            context: (0..context).map(|index| channel(event + index)).collect(),
            layers: Vec::new(),
            base: Base::Normal,
            base_weights: Vec::new(),
            math: Backend::Polynomial,
            calibration: None,
            evaluation: None,
            created_by: String::new(),
            command: String::new(),
            data_digest: 0,
            rows: 0,
            seed: 0,
            quantisation: None,
            features: vec![],
            sequential: None,
            noise: None,
            mondrian: None,
            vocabularies: vec![],
            heads: vec![],
        };
        set_flow(&mut draft, flow).expect("packs");
        draft
    }

    /// Every family with every shape of conditioner.
    fn table() -> Vec<Spec> {
        use Activation::{Relu, Silu, Tanh};
        let mut specs = Vec::new();
        for family in Family::ALL {
            let spec = |event, context, hidden: &[usize], activation, residual| Spec {
                layers: 3,
                conditioner: ConditionerSpec {
                    hidden: hidden.to_vec(),
                    activation,
                    residual,
                },
                ..Spec::new(family, event, context)
            };
            for (event, context) in [(2, 0), (5, 2), (8, 1), (1, 0), (1, 2)] {
                for hidden in [&[][..], &[3], &[16, 12], &[2, 9], &[8, 3, 8], &[3; 4]] {
                    specs.push(spec(event, context, hidden, Relu, false));
                }
                specs.push(spec(event, context, &[16, 12], Tanh, false));
                specs.push(spec(event, context, &[16, 16, 16], Silu, true));
                specs.push(spec(event, context, &[9, 9], Relu, true));
            }
            for order in [Order::Reversed, Order::Random] {
                specs.push(Spec {
                    order,
                    passes: Some(3),
                    ..spec(7, 1, &[16, 12], Relu, false)
                });
            }
            for (base, linear) in [
                (BaseSpec::Logistic, true),
                (BaseSpec::Laplace, false),
                (
                    BaseSpec::StudentT {
                        degrees_of_freedom: 5.0,
                    },
                    false,
                ),
                (BaseSpec::Mixture { components: 4 }, true),
                (
                    BaseSpec::Contaminated {
                        share: 0.05,
                        scale: 4.0,
                    },
                    false,
                ),
            ] {
                specs.push(Spec {
                    base,
                    linear,
                    ..spec(4, 1, &[8], Relu, false)
                });
            }
            if family.has_splines() {
                specs.push(Spec {
                    circular: vec![1, 3],
                    ..spec(4, 1, &[8], Tanh, false)
                });
            }
        }
        specs
    }

    /// The artefact's likelihood is the trainer's.
    #[test]
    fn an_exported_flow_is_the_trained_one() {
        for (seed, spec) in (0..).zip(table()) {
            compare(&spec, seed);
        }
    }

    fn compare(spec: &Spec, seed: u64) {
        let mut random = flow_host::random::Random::new(seed);
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
