//! `flow inspect`: what is in an artefact.

use super::model_file::ModelFile;
use super::ui::{Ui, bytes, decimal};
use crate::Error;
use flow_embedded::artefact::{Activation, Channel, Layer, LoadedFlow};
use serde::Serialize;
use std::path::PathBuf;

/// Show what a model holds
///
/// Channels with units and standardisation, layers, base distribution, calibration, where the model
/// comes from, and its size.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow inspect model.flow
  flow inspect model.flow --json")]
pub(super) struct Args {
    /// The model
    model: PathBuf,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    name: &'a str,
    bytes: usize,
    weights: usize,
    math: &'static str,
    base: &'static str,
    event: Vec<ChannelReport<'a>>,
    context: Vec<ChannelReport<'a>>,
    layers: Vec<LayerReport>,
    calibration: Option<CalibrationReport>,
    evaluation: Option<EvaluationReport>,
    provenance: ProvenanceReport<'a>,
}

#[derive(Debug, Serialize)]
struct ChannelReport<'a> {
    name: &'a str,
    unit: &'a str,
    mean: f32,
    std: f32,
}

#[derive(Debug, Serialize)]
struct LayerReport {
    kind: &'static str,
    channels: Vec<u8>,
    hidden: Vec<usize>,
    activation: &'static str,
    log_scale_bound: f32,
    weights: usize,
}

#[derive(Debug, Serialize)]
struct CalibrationReport {
    alpha: f64,
    rows: u32,
    entries: usize,
    threshold: Option<f32>,
}

#[derive(Debug, Serialize)]
struct EvaluationReport {
    rows: u32,
    log_prob_mean: f64,
    log_prob_stderr: f64,
}

#[derive(Debug, Serialize)]
struct ProvenanceReport<'a> {
    created_by: &'a str,
    command: &'a str,
    data_digest: String,
    rows: u32,
    seed: u64,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let report = describe(&flow, model.len());
    let mut lines = vec![
        ("model", report.name.to_owned()),
        (
            "size",
            format!("{} ({} weights)", bytes(report.bytes), report.weights),
        ),
        ("arithmetic", format!("f32, {}", report.math)),
    ];
    let channels = |title, channels: &[ChannelReport<'_>], lines: &mut Vec<_>| {
        for (index, channel) in channels.iter().enumerate() {
            let unit = if channel.unit.is_empty() {
                String::new()
            } else {
                format!(" {}", channel.unit)
            };
            let ChannelReport {
                name, mean, std, ..
            } = channel;
            let text = format!("{name}: {mean:.6} ± {std:.6}{unit}");
            lines.push((if index == 0 { title } else { "" }, text));
        }
    };
    channels("event channels", &report.event, &mut lines);
    channels("context channels", &report.context, &mut lines);
    for (index, layer) in report.layers.iter().enumerate() {
        lines.push((
            if index == 0 { "layers" } else { "" },
            layer_text(index, layer),
        ));
    }
    lines.push(("base", report.base.to_owned()));
    lines.push(("calibration", calibration_text(report.calibration.as_ref())));
    if let Some(evaluation) = &report.evaluation {
        let EvaluationReport {
            rows,
            log_prob_mean,
            log_prob_stderr,
        } = evaluation;
        let text = format!("{log_prob_mean:.4} ± {log_prob_stderr:.4} nats per row ({rows} rows)");
        lines.push(("held-out log-likelihood", text));
    }
    let from = &report.provenance;
    lines.push(("made by", from.created_by.to_owned()));
    lines.push(("command", from.command.to_owned()));
    lines.push((
        "training data",
        format!(
            "{} rows, digest {}, seed {}",
            from.rows, from.data_digest, from.seed
        ),
    ));
    ui.result(&report, &lines)
}

fn describe<'a>(flow: &'a LoadedFlow<'a>, bytes: usize) -> Report<'a> {
    let header = flow.header();
    let channel = |channel: &Channel<'a>| ChannelReport {
        name: channel.name,
        unit: channel.unit,
        mean: channel.mean,
        std: channel.inv_std.recip(),
    };
    let layers: Vec<LayerReport> = header
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| describe_layer(layer, flow.layer_weights(index).len()))
        .collect();
    Report {
        name: header.name,
        bytes,
        weights: layers.iter().map(|layer| layer.weights).sum(),
        math: header.math.name(),
        base: header.base.name(),
        event: header.event.iter().map(channel).collect(),
        context: header.context.iter().map(channel).collect(),
        layers,
        calibration: header
            .calibration
            .zip(flow.calibration())
            .map(|(calibration, table)| CalibrationReport {
                alpha: decimal(calibration.alpha),
                rows: calibration.rows,
                entries: table.entries().len(),
                threshold: crate::calibrate::threshold(table.entries(), table.alpha()),
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

fn describe_layer(layer: &Layer<'_>, weights: usize) -> LayerReport {
    let (channels, log_scale_bound) = (&[][..], 0.0);
    let conditioner = layer.conditional().unwrap().1;
    LayerReport {
        kind: layer.name(),
        channels: channels.to_vec(),
        hidden: conditioner
            .hidden
            .iter()
            .map(|units| units.total())
            .collect(),
        activation: match conditioner.activation {
            Activation::Relu => "ReLU",
            Activation::Tanh => "tanh",
            Activation::Silu => "SiLU",
        },
        log_scale_bound,
        weights,
    }
}

fn layer_text(index: usize, layer: &LayerReport) -> String {
    let list = |numbers: &[u8]| {
        numbers
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let hidden = match layer.hidden.as_slice() {
        [] => "no hidden layer".to_owned(),
        sizes => {
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            format!("hidden {} {}", sizes.join("-"), layer.activation)
        }
    };
    let role = if layer.kind == "coupling" {
        "transforms channels"
    } else {
        "order"
    };
    format!(
        "{index}: {}, {role} {}, {hidden}, log-scale within ±{}, {} weights",
        layer.kind,
        list(&layer.channels),
        layer.log_scale_bound,
        layer.weights
    )
}

fn calibration_text(calibration: Option<&CalibrationReport>) -> String {
    let Some(calibration) = calibration else {
        return "none: see flow calibrate --help".to_owned();
    };
    let CalibrationReport {
        alpha,
        rows,
        entries,
        threshold,
    } = calibration;
    let threshold = threshold.map_or("never".to_owned(), |score| format!("below {score:.4} nats"));
    format!(
        "{} % false alarms promised, alarm {threshold}, {rows} rows in {entries} entries",
        100.0 * alpha
    )
}
