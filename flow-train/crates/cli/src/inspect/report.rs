//! What is in an artefact, as data.

use crate::context_report::ContextReport;
use crate::standing_report::StandingReport;
use crate::stream_report::StreamReport;
use crate::ui::decimal;
use flow_embedded::artefact::{
    Channel, Conditioner, ContextTerm, Domain, Form, Grid, Judged, Layer, LoadedFlow, Permutation,
    Transformer,
};
use flow_embedded::window::Feature;
use serde::Serialize;

/// What generating the noise of a sensor takes.
#[derive(Debug, Serialize)]
pub(super) struct NoiseReport {
    /// The mean of each event channel.
    start: Vec<f32>,
    /// The least and the largest value of each context channel.
    ranges: Vec<[f32; 2]>,
}

#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    pub(super) name: &'a str,
    pub(super) bytes: usize,
    pub(super) weights: usize,
    pub(super) macs: usize,
    pub(super) math: &'static str,
    pub(super) quantised: Option<&'static str>,
    pub(super) event: Vec<ChannelReport<'a>>,
    pub(super) context: Vec<ChannelReport<'a>>,
    /// What the first context channels are computed from.
    pub(super) features: Vec<Feature>,
    /// Samples in a row after which they are ready.
    pub(super) warm_up: usize,
    pub(super) vocabularies: Vec<VocabularyReport<'a>>,
    /// Of the categorical event channels.
    pub(super) heads: Vec<HeadReport>,
    pub(super) layers: Vec<LayerReport>,
    pub(super) base: BaseReport,
    pub(super) calibration: Option<CalibrationReport>,
    pub(super) by_context: Option<ContextReport<'a>>,
    pub(super) stream: Option<StreamReport<'a>>,
    /// Where the noise of a sensor starts and what its past is confined to, for a model of it.
    pub(super) noise: Option<NoiseReport>,
    pub(super) evaluation: Option<EvaluationReport>,
    pub(super) provenance: ProvenanceReport<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct ChannelReport<'a> {
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
    pub(super) domain: Domain,
    pub(super) grid: Option<Grid>,
    pub(super) mean: f32,
    pub(super) std: f32,
}

#[derive(Debug, Serialize)]
pub(super) struct VocabularyReport<'a> {
    /// The categories, by code.
    pub(super) names: Vec<&'a str>,
    /// The numbers that each is embedded as.
    pub(super) embedding: usize,
}

/// What gives the probabilities of a categorical event channel.
#[derive(Debug, Serialize)]
pub(super) struct HeadReport {
    pub(super) channel: usize,
    pub(super) categories: usize,
    pub(super) conditioner: ConditionerReport,
    pub(super) weights: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct LayerReport {
    pub(super) kind: &'static str,
    /// Those that change, in the order of their parameters.
    pub(super) channels: Vec<u8>,
    pub(super) groups: Option<Vec<u8>>,
    /// Of a layer over an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<ImageReport>,
    pub(super) transformer: Option<Transformer>,
    pub(super) conditioner: Option<ConditionerReport>,
    pub(super) weights: usize,
}

/// The positions of an image, and its planes.
#[derive(Debug, Serialize)]
pub(super) struct ImageReport {
    pub(super) width: u8,
    pub(super) height: u8,
    /// Those that change.
    pub(super) planes: usize,
    /// Those that condition.
    pub(super) given: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct ConditionerReport {
    pub(super) hidden: Vec<usize>,
    /// The sides of the kernels of convolutions, the output's last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) kernels: Vec<u8>,
    pub(super) activation: String,
    pub(super) residual: bool,
    /// Those of pre-activation blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blocks: Option<BlocksReport>,
    /// Whether the first hidden layer's sum begins with a layer of the context.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) context_first: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct BlocksReport {
    pub(super) count: u8,
    /// Whether they begin with the activation.
    pub(super) activated: bool,
    /// What the context does beside being an input: "added" or "gates".
    pub(super) context: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct BaseReport {
    pub(super) kind: &'static str,
    pub(super) components: Option<u8>,
    pub(super) degrees_of_freedom: Option<f32>,
}

#[derive(Debug, Serialize)]
pub(super) struct CalibrationReport {
    pub(super) alpha: f64,
    pub(super) judges: &'static str,
    pub(super) rows: u32,
    pub(super) entries: usize,
    pub(super) threshold: Option<f32>,
    #[serde(flatten)]
    pub(super) standing: StandingReport,
}

#[derive(Debug, Serialize)]
pub(super) struct EvaluationReport {
    pub(super) rows: u32,
    pub(super) log_prob_mean: f64,
    pub(super) log_prob_stderr: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct ProvenanceReport<'a> {
    pub(super) created_by: &'a str,
    pub(super) command: &'a str,
    pub(super) data_digest: String,
    pub(super) rows: u32,
    pub(super) seed: u64,
}

/// Describes an artefact of so many bytes.
pub(super) fn describe<'a>(flow: &'a LoadedFlow<'a>, bytes: usize) -> Report<'a> {
    let header = flow.header();
    let channel = |channel: Channel<'a>| ChannelReport {
        name: channel.name,
        unit: channel.unit,
        domain: channel.domain,
        grid: channel.grid,
        mean: channel.mean,
        std: channel.inv_std.recip(),
    };
    let layers: Vec<LayerReport> = header
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| describe_layer(&layer, flow.layer_weights(index).len()))
        .collect();
    let shape = header.shape();
    let products = |layer: &Layer<'_>| {
        let dense = (0..layer.dense_layers()).flat_map(|dense| layer.blocks(dense, &shape));
        dense.map(|block| block.rows * block.inputs).sum::<usize>()
    };
    let linear = |layer: &Layer<'_>| match layer {
        Layer::Linear(_) => shape.event * shape.event,
        Layer::ElementWise => shape.event,
        Layer::Pointwise(planes) => planes.count() * planes.places.len(),
        Layer::Convolutional(own) => own
            .convolutions(shape.context)
            .map(|(sizes, rows)| rows * sizes.products())
            .sum(),
        _ => 0,
    };
    let heads = header.categorical();
    let head_products = heads.clone().map(|head| {
        let dense = (0..head.dense_layers()).flat_map(|dense| head.blocks(dense));
        dense.map(|block| block.rows * block.inputs).sum::<usize>()
    });
    let layer_products = header.layers.iter();
    let layer_products = layer_products.map(|layer| products(&layer) + linear(&layer));
    let features: Vec<Feature> = header.features.iter().collect();
    Report {
        name: header.name,
        bytes,
        weights: layers.iter().map(|layer| layer.weights).sum::<usize>()
            + header.base.weights(shape.event)
            + header.discrete_weights(),
        macs: layer_products.chain(head_products).sum(),
        math: header.math.name(),
        quantised: header.quantisation.map(|own| own.weights.name()),
        event: header.event.iter().map(channel).collect(),
        context: header.context.iter().map(channel).collect(),
        warm_up: flow_data::warm_up(&features),
        features,
        vocabularies: header
            .vocabularies
            .iter()
            .map(|own| VocabularyReport {
                names: own.names().collect(),
                embedding: own.embedding(),
            })
            .collect(),
        heads: heads
            .map(|head| HeadReport {
                channel: head.channel,
                categories: head.categories,
                conditioner: describe_conditioner(&head.conditioner),
                weights: head.weights(),
            })
            .collect(),
        layers,
        base: describe_base(header.base),
        by_context: ContextReport::new(flow),
        stream: header.sequential.as_ref().map(StreamReport::new),
        noise: header.noise.map(|own| NoiseReport {
            start: own.start().collect(),
            ranges: own.ranges().collect(),
        }),
        calibration: header
            .calibration
            .zip(flow.calibration())
            .map(|(calibration, table)| CalibrationReport {
                alpha: decimal(calibration.alpha),
                judges: match calibration.judges {
                    Judged::Events => "rows",
                    Judged::Lines => "lines",
                },
                rows: calibration.rows,
                entries: table.entries().len(),
                threshold: flow_calibrate::threshold(table.entries(), table.alpha()),
                standing: StandingReport::not_recorded(),
            }),
        evaluation: header.evaluation.map(|evaluation| EvaluationReport {
            rows: evaluation.rows,
            log_prob_mean: evaluation.log_prob_mean,
            log_prob_stderr: evaluation.log_prob_stderr,
        }),
        provenance: ProvenanceReport {
            created_by: header.provenance.created_by,
            command: header.provenance.command,
            data_digest: format!("{:016x}", header.provenance.data_digest),
            rows: header.provenance.rows,
            seed: header.provenance.seed,
        },
    }
}

fn describe_base(base: flow_embedded::artefact::Base) -> BaseReport {
    use flow_embedded::artefact::Base;
    BaseReport {
        kind: base.name(),
        components: match base {
            Base::Mixture { components } => Some(components),
            _ => None,
        },
        degrees_of_freedom: match base {
            Base::StudentT { degrees_of_freedom } => Some(degrees_of_freedom),
            _ => None,
        },
    }
}

fn describe_layer(layer: &Layer<'_>, weights: usize) -> LayerReport {
    let (channels, groups) = match layer {
        Layer::Coupling(layer) => (layer.transformed, None),
        Layer::Autoregressive(layer) => (layer.order, Some(layer.groups.to_vec())),
        Layer::Linear(Permutation(order)) | Layer::Permutation(Permutation(order)) => {
            (*order, None)
        }
        Layer::ElementWise => (&[][..], None),
        Layer::Convolutional(own) => (own.transformed.places, None),
        Layer::Pointwise(planes) => (planes.places, None),
    };
    LayerReport {
        kind: layer.name(),
        channels: channels.to_vec(),
        groups,
        image: image(layer),
        transformer: match layer {
            Layer::Convolutional(own) => Some(own.transformer),
            _ => layer.conditional().map(|(transformer, _)| transformer),
        },
        conditioner: layer_conditioner(layer),
        weights,
    }
}

fn image(layer: &Layer<'_>) -> Option<ImageReport> {
    let (planes, given) = match layer {
        Layer::Convolutional(own) => (own.transformed, own.given.count()),
        Layer::Pointwise(planes) => (*planes, 0),
        _ => return None,
    };
    Some(ImageReport {
        width: planes.width,
        height: planes.height,
        planes: planes.count(),
        given,
    })
}

/// The conditioner of a layer that has one.
fn layer_conditioner(layer: &Layer<'_>) -> Option<ConditionerReport> {
    if let Layer::Convolutional(own) = layer {
        let own = own.conditioner;
        let (hidden, _) = own.hidden.as_chunks::<2>();
        let kernels = hidden.iter().map(|[_, kernel]| *kernel);
        return Some(ConditionerReport {
            hidden: hidden
                .iter()
                .map(|[features, _]| usize::from(*features))
                .collect(),
            kernels: kernels.chain([own.output_kernel]).collect(),
            activation: own.activation.label().to_string(),
            residual: own.residual,
            blocks: None,
            context_first: false,
        });
    }
    let (_, conditioner) = layer.conditional()?;
    Some(describe_conditioner(conditioner))
}

fn describe_conditioner(conditioner: &Conditioner<'_>) -> ConditionerReport {
    let hidden = conditioner.hidden.iter();
    ConditionerReport {
        hidden: hidden.map(|units| units.total()).collect(),
        kernels: Vec::new(),
        activation: conditioner.activation.label().to_string(),
        residual: conditioner.form == Form::Residual,
        blocks: conditioner.form.pre_activation().map(|own| BlocksReport {
            count: own.blocks,
            activated: own.activated,
            context: match own.context {
                ContextTerm::Input => None,
                ContextTerm::Added => Some("added"),
                ContextTerm::Gated => Some("gates"),
            },
        }),
        context_first: conditioner.form == Form::ContextFirst,
    }
}
