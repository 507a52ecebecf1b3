//! What will be emitted: shapes and tables, free of the artefact's encoding.

use crate::{Checked, Error};
use flow_embedded::artefact::{Activation, Block, Layer};
use flow_embedded::math::Backend;

/// A flow as the emitter sees it.
pub struct Plan {
    pub(crate) type_name: String,
    pub(crate) card: Card,
    pub(crate) event: Channels,
    pub(crate) context: Channels,
    pub(crate) layers: Vec<LayerPlan>,
    pub(crate) math: Backend,
    pub(crate) log_norm: f32,
    pub(crate) calibration: Option<CalibrationPlan>,
    pub(crate) golden: Vec<Golden>,
}

/// Facts for the model card.
pub(crate) struct Card {
    pub(crate) name: String,
    pub(crate) checksum: u32,
    pub(crate) artefact_bytes: usize,
    pub(crate) channels: Vec<String>,
    pub(crate) context: Vec<String>,
    pub(crate) evaluation: Option<(u32, f64, f64)>,
    pub(crate) created_by: String,
    pub(crate) command: String,
    pub(crate) rows: u32,
    pub(crate) seed: u64,
    pub(crate) data_digest: u64,
}

/// Standardisation of some channels.
pub(crate) struct Channels {
    pub(crate) mean: Vec<f32>,
    pub(crate) inv_std: Vec<f32>,
}

impl Channels {
    pub(crate) fn len(&self) -> usize {
        self.mean.len()
    }
}

/// One bijection.
pub(crate) struct LayerPlan {
    pub(crate) kind: Kind,
    pub(crate) inv_bound: f32,
    pub(crate) activation: Activation,
    /// The hidden layers and, last, the output layer.
    pub(crate) dense: Vec<Dense>,
}

pub(crate) enum Kind {
    Coupling {
        identity: Vec<usize>,
        transformed: Vec<usize>,
    },
    Autoregressive {
        order: Vec<usize>,
    },
}

impl Kind {
    /// The channels that the layer transforms, in the order of its outputs.
    pub(crate) fn outputs(&self) -> &[usize] {
        match self {
            Self::Coupling { transformed, .. } => transformed,
            Self::Autoregressive { order } => order,
        }
    }

    /// The channels that feed the conditioner, in the order of its inputs.
    pub(crate) fn inputs(&self) -> &[usize] {
        match self {
            Self::Coupling { identity, .. } => identity,
            Self::Autoregressive { order } => order,
        }
    }
}

/// One dense layer: blocks of rows.
pub(crate) struct Dense {
    pub(crate) blocks: Vec<Table>,
}

impl Dense {
    /// The outputs of the layer.
    pub(crate) fn rows(&self) -> usize {
        self.blocks.iter().map(|table| table.rows.len()).sum()
    }
}

/// The rows of a block, each its bias and then its weights.
pub(crate) struct Table {
    pub(crate) inputs: usize,
    pub(crate) rows: Vec<Vec<f32>>,
}

pub(crate) struct CalibrationPlan {
    pub(crate) alpha: f32,
    pub(crate) rows: u32,
    pub(crate) table: Vec<(f32, f32)>,
}

/// An event with the log-likelihood that it must get.
pub(crate) struct Golden {
    pub(crate) event: Vec<f32>,
    pub(crate) context: Vec<f32>,
    pub(crate) log_prob: f32,
}

impl Plan {
    /// Plans the code for an artefact. `type_name` defaults to the model's
    /// name in camel case.
    ///
    /// # Errors
    /// `type_name` is no identifier.
    pub fn new(checked: &Checked<'_>, type_name: Option<&str>) -> Result<Self, Error> {
        let header = checked.flow.header();
        let name = match type_name {
            Some(name) => name.to_owned(),
            None => camel_case(header.name),
        };
        if syn::parse_str::<syn::Ident>(&name).is_err() {
            return Err(Error::TypeName { name });
        }
        let describe = |channel: &flow_embedded::artefact::Channel<'_>| match channel.unit {
            "" => channel.name.to_owned(),
            unit => format!("{} ({unit})", channel.name),
        };
        let channels = |channels: &[flow_embedded::artefact::Channel<'_>]| Channels {
            mean: channels.iter().map(|channel| channel.mean).collect(),
            inv_std: channels.iter().map(|channel| channel.inv_std).collect(),
        };
        let provenance = header.provenance;
        Ok(Self {
            type_name: name,
            card: Card {
                name: header.name.to_owned(),
                checksum: checked.checksum,
                artefact_bytes: checked.bytes,
                channels: header.event.iter().map(describe).collect(),
                context: header.context.iter().map(describe).collect(),
                evaluation: header
                    .evaluation
                    .map(|e| (e.rows, e.log_prob_mean, e.log_prob_stderr)),
                created_by: provenance.created_by.to_owned(),
                command: provenance.command.to_owned(),
                rows: provenance.rows,
                seed: provenance.seed,
                data_digest: provenance.data_digest,
            },
            event: channels(&header.event),
            context: channels(&header.context),
            layers: (0..header.layers.len())
                .map(|index| LayerPlan::new(checked, index))
                .collect(),
            math: header.math,
            log_norm: header.log_norm,
            calibration: header.calibration.zip(checked.flow.calibration()).map(
                |(calibration, table)| CalibrationPlan {
                    alpha: calibration.alpha,
                    rows: calibration.rows,
                    table: table.entries().collect(),
                },
            ),
            golden: golden(checked),
        })
    }
}

impl LayerPlan {
    fn new(checked: &Checked<'_>, index: usize) -> Self {
        let header = checked.flow.header();
        let (event, context) = (header.event.len(), header.context.len());
        let layer = &header.layers[index];
        let mut weights = checked.flow.layer_weights(index);
        let mut table = |block: Block| Table {
            inputs: block.inputs,
            rows: (0..block.rows)
                .map(|_| weights.by_ref().take(block.inputs + 1).collect())
                .collect(),
        };
        let dense = (0..layer.dense_layers())
            .map(|dense| Dense {
                blocks: layer
                    .blocks(dense, event, context)
                    .map(&mut table)
                    .collect(),
            })
            .collect();
        let channels = |list: &[u8]| list.iter().map(|channel| usize::from(*channel)).collect();
        let (kind, bound) = match layer {
            Layer::Coupling(coupling) => {
                let transformed: Vec<usize> = channels(coupling.transformed);
                let identity = (0..event)
                    .filter(|channel| !transformed.contains(channel))
                    .collect();
                (
                    Kind::Coupling {
                        identity,
                        transformed,
                    },
                    coupling.log_scale_bound,
                )
            }
            Layer::MaskedAutoregressive(own) => (
                Kind::Autoregressive {
                    order: channels(own.order),
                },
                own.log_scale_bound,
            ),
        };
        Self {
            kind,
            inv_bound: 1.0 / bound,
            activation: layer.conditioner().activation,
            dense,
        }
    }
}

/// Events at the centre of the data, around it and far out, with the
/// log-likelihoods of the loaded artefact.
fn golden(checked: &Checked<'_>) -> Vec<Golden> {
    let header = checked.flow.header();
    let mut scratch = vec![0.0; checked.flow.scratch_len()];
    // Deviations in standard deviations, alternating over the channels.
    let deviations = [0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 30.0];
    let at = |channels: &[flow_embedded::artefact::Channel<'_>], row: usize| -> Vec<f32> {
        let deviation = |i: usize| deviations[(row + i) % deviations.len()];
        channels
            .iter()
            .enumerate()
            .map(|(i, c)| c.mean + deviation(i) / c.inv_std)
            .collect()
    };
    (0..deviations.len())
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

/// `basic-motions 2` becomes `BasicMotions2`; what gives no identifier becomes
/// `Model…`.
fn camel_case(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let joined: String = words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect();
    match joined.chars().next() {
        Some(first) if first.is_ascii_alphabetic() && joined != "Self" => joined,
        _ => format!("Model{joined}"),
    }
}

#[cfg(test)]
mod tests {
    use super::camel_case;

    #[test]
    fn names_become_types() {
        assert_eq!(camel_case("basic-motions 2"), "BasicMotions2");
        assert_eq!(camel_case("imu"), "Imu");
        assert_eq!(camel_case("2nd"), "Model2nd");
        assert_eq!(camel_case("…"), "Model");
        assert_eq!(camel_case("self"), "ModelSelf");
    }
}
