//! `flow inspect`: what is in an artefact.

mod report;
mod stack;

use super::files::Given;
use super::model_file::ModelFile;
use super::standing_report::promised_unexamined;
use super::ui::{Ui, bytes};
use crate::Error;
use report::{CalibrationReport, ChannelReport, EvaluationReport, VocabularyReport, describe};

/// Show what a model holds
///
/// Channels with units, domains and standardisation; the stack of layers from data to base;
/// calibration, where the model comes from, and its size.
///
/// A channel shown as rounded was dequantised in training: the likelihood is that of a continuous
/// value of which the recording holds the rounded one. The probability of a value of the grid is
/// about its density times the step.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow inspect model.flow
  flow inspect model.flow --json")]
pub(super) struct Args {
    /// The model
    model: Given,
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
        (
            "work",
            format!(
                "{} multiply-accumulates a score, and as many a sample",
                report.macs
            ),
        ),
        (
            "arithmetic",
            match report.quantised {
                Some(weights) if flow.is_integer() => {
                    format!("integers, weights as {weights}; scores and does not sample")
                }
                Some(weights) => format!("f32, {}, weights stored as {weights}", report.math),
                None => format!("f32, {}", report.math),
            },
        ),
    ];
    let mut add = |title, texts: Vec<String>| {
        for (index, text) in texts.into_iter().enumerate() {
            lines.push((if index == 0 { title } else { "" }, text));
        }
    };
    add(
        "event channels",
        report
            .event
            .iter()
            .map(|own| channel(own, &report.vocabularies))
            .collect(),
    );
    add(
        "context channels",
        report
            .context
            .iter()
            .map(|own| channel(own, &report.vocabularies))
            .collect(),
    );
    if !report.features.is_empty() {
        let text = format!(
            "the first {} of the context, ready after {} samples",
            report.features.len(),
            report.warm_up
        );
        add("computed from the past", vec![text]);
    }
    add("stack", stack::draw(&report));
    lines.push(("calibration", calibration(report.calibration.as_ref())));
    if report.noise.is_some() {
        let text = format!(
            "of a sensor: flow sample draws it from its own past, which has forgotten the start after {} samples",
            report.warm_up
        );
        lines.push(("noise", text));
    }
    if let Some(own) = &report.by_context {
        lines.push(("by context", own.line()));
    }
    if let Some(stream) = &report.stream {
        lines.push(("over a stream", format!("{} (not examined)", stream.line())));
    }
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

fn channel(channel: &ChannelReport<'_>, vocabularies: &[VocabularyReport<'_>]) -> String {
    use flow_embedded::artefact::Domain;
    let unit = match channel.unit {
        "" => String::new(),
        unit => format!(" {unit}"),
    };
    let (mean, std) = (channel.mean, channel.std);
    let values = match channel.domain {
        Domain::Real => format!("{mean:.6} ± {std:.6}{unit}"),
        Domain::Positive { low } => format!("above {low}{unit}, logarithm {mean:.6} ± {std:.6}"),
        Domain::SoftPositive { low, scale } => {
            format!("above {low}{unit}, inverse softplus of scale {scale} {mean:.6} ± {std:.6}")
        }
        Domain::Bounded { low, high } => {
            format!("between {low} and {high}{unit}, logit {mean:.6} ± {std:.6}")
        }
        Domain::HeavyTailed { centre, scale } => {
            format!("around {centre}{unit}, asinh of scale {scale} {mean:.6} ± {std:.6}")
        }
        Domain::Categorical { vocabulary } => {
            let own = vocabularies.get(usize::from(vocabulary));
            let (names, width) = own.map_or((&[][..], 0), |own| (&own.names, own.embedding));
            format!(
                "{} categories, embedded as {width} numbers: {}",
                names.len(),
                listed(names)
            )
        }
        Domain::Circular => {
            let period = std * std::f32::consts::TAU;
            format!("angle around {mean:.6}{unit}, a turn is {period:.6}")
        }
    };
    let rounded = match channel.grid {
        Some(grid) => format!(", rounded to steps of {}", grid.step),
        None => String::new(),
    };
    format!("{}: {values}{rounded}", channel.name)
}

/// The first names of a vocabulary.
fn listed(names: &[&str]) -> String {
    const LISTED: usize = 8;
    let shown: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|name| format!("{name:?}"))
        .collect();
    let more = if names.len() > LISTED { ", …" } else { "" };
    shown.join(", ") + more
}

fn calibration(calibration: Option<&CalibrationReport>) -> String {
    let Some(calibration) = calibration else {
        return "none: see flow calibrate --help".to_owned();
    };
    let CalibrationReport {
        alpha,
        judges,
        rows,
        entries,
        threshold,
        standing: _,
    } = calibration;
    let threshold = threshold.map_or("never".to_owned(), |score| format!("below {score:.4} nats"));
    format!(
        "false alarms promised {}, alarm {threshold}, {rows} {judges} in {entries} entries",
        promised_unexamined(*alpha)
    )
}
