//! `flow import`: a flow that another library fitted.

use super::files::{Given, Target};
use super::output::Output;
use super::ui::{Ui, bytes};
use crate::Error;
use flow_import::{ImportError, Imported, Source, import};
use serde::Serialize;
use std::path::Path;

/// Import a flow that another library fitted
///
/// Reads the tensors (safetensors, NumPy's .npz, or JSON together with the manifest) and a manifest in JSON: the library with its
/// version, what a state dictionary does not hold, and at least 32 golden rows, events with the log-likelihoods
/// that the library gave. A flow that does not reproduce every one of them is refused: in double precision to 1e-10,
/// relative, and as the chip computes it to 1e-4 nats, or to what the rounding of f32 explains of an unlikely row, but
/// never by more than a ten-thousandth of the sum of its terms. The model is then one like any other; calibrate it
/// before it raises alarms.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow import flow.safetensors --manifest flow.json -o model.flow
  flow import flow.json -o model.flow
  flow calibrate model.flow normal.csv")]
pub(super) struct Args {
    /// The tensors, or what holds them and the manifest
    source: Given,
    /// The manifest of the tensors
    #[arg(long, value_name = "JSON")]
    manifest: Option<Given>,
    /// The model to write
    #[arg(short, long, value_name = "FLOW")]
    output: Target,
    /// Name to give the model [default: the manifest's, or the output's name]
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    library: &'a str,
    version: &'a str,
    /// Weights, biases and the like.
    parameters: usize,
    golden_rows: usize,
    /// The largest difference in double precision, relative.
    worst_exact: f64,
    /// The largest difference of the artefact, in nats, over all rows.
    worst_rounded: f64,
    /// What was tolerated of that row, in nats.
    tolerated: f64,
    /// The largest share of its tolerance that a row takes up.
    share_of_tolerance: f64,
    /// How far events that the artefact draws are from their base values, in standard deviations of the base.
    worst_drawn: f64,
    bytes: usize,
    output: &'a Path,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    Output::check(&args.output)?;
    let is_tensors = args
        .source
        .path()
        .extension()
        .is_some_and(|own| own == "safetensors");
    if is_tensors && args.manifest.is_none() {
        return Err(Error::Usage(
            "tensors do not say everything about a flow: give --manifest, which flow_bridge.export writes beside them"
                .into(),
        ));
    }
    let in_source = |fault| {
        let path = match (&fault, &args.manifest) {
            (ImportError::Manifest(_), Some(manifest)) => manifest,
            _ => &args.source,
        };
        let path = path.path().to_owned();
        Error::Import { path, fault }
    };
    let first = args.source.bytes()?;
    let source = match &args.manifest {
        Some(manifest) => Source::read(&manifest.bytes()?, Some(&first)),
        None => Source::read(&first, None),
    };
    let mut source = source.map_err(in_source)?;
    if let Some(name) = &args.name {
        source.name.clone_from(name);
    } else if source.name.is_empty() {
        source.name = args.output.stem();
    }
    let Imported {
        flow,
        draft,
        parity,
    } = import(&source).map_err(in_source)?;
    let artefact = draft.encode()?;
    Output::write_all_to(&args.output, &artefact)?;
    let report = Report {
        library: &source.library,
        version: &source.version,
        parameters: flow.parameters().len(),
        golden_rows: parity.rows,
        worst_exact: parity.exact,
        worst_rounded: parity.rounded,
        tolerated: parity.tolerated,
        share_of_tolerance: parity.share,
        worst_drawn: parity.drawn,
        bytes: artefact.len(),
        output: args.output.path(),
    };
    let lines = [
        ("from", format!("{} {}", report.library, report.version)),
        (
            "golden rows",
            format!(
                "{} reproduced, off by {:.1e} relative in double precision and {:.1e} nats on the chip at most, where \
                 {:.1e} are tolerated",
                report.golden_rows, report.worst_exact, report.worst_rounded, report.tolerated
            ),
        ),
        (
            "samples",
            format!(
                "off by {:.1e} standard deviations of the base at most",
                report.worst_drawn
            ),
        ),
        (
            "written",
            format!("{} ({})", args.output, bytes(report.bytes)),
        ),
    ];
    ui.result(&report, &lines)
}
