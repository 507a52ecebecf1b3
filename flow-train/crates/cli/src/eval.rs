//! `flow eval`: how good a model is on rows it has not seen.

use super::files::Given;
use super::model_file::{self, ModelFile};
use super::options::{RecordingOptions, TableOptions};
use super::standing_report::promised_unexamined;
use super::ui::{Ui, decimal, percent_of_rows};
use crate::Error;
use flow_artefact::Draft;
use flow_calibrate::{self as calibrate, Rate};
use flow_data::{ColumnRequest, Dataset, Recording, load_columns};
use flow_embedded::artefact::{Judged, LoadedFlow};
use flow_evaluate::{
    Bits, Mean, Scorer, auroc, average_precision, exact_log_probs, gaussian_log_likelihood, judged,
};
use serde::Serialize;

/// Measure a model on rows it has not seen
///
/// Prints the mean log-likelihood in nats per row, in the units of the data, and the gain over a
/// Gaussian with full covariance that is fitted to these very rows (which favours the Gaussian).
/// A log-likelihood may be positive, since a density may exceed one. Where the model knows all its
/// columns as rounded, such as counts or pixels, it also prints bits per dimension: what a code by the
/// model would take at most for each column of a row, by uniform dequantisation. With labels, likelihood and
/// gain are those of the normal rows, and detection is measured: the area under the ROC curve, the
/// average precision, and the alarms among normal rows and among anomalies.
///
/// The table needs the model's columns, by name, in any order; others are ignored. A model that is
/// conditioned on the past needs them in the order of time: it computes its features from them, and
/// rows without enough past are left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow eval model.flow test.csv
  flow eval model.flow test.csv --label fault --json
  flow eval model.flow test.csv --label activity --normal standing,walking")]
pub(super) struct Args {
    /// The model
    model: Given,
    /// Rows to measure it on: CSV or Parquet; - for standard input
    data: Given,
    /// The dequantiser that was trained with the model: bits per dimension by variational dequantisation
    #[arg(long, value_name = "FLOW")]
    dequantiser: Option<Given>,
    /// Column with 0 for normal rows and 1 for anomalies
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Values of the label column that are normal, instead of 0; all others are anomalies
    #[arg(
        long,
        value_name = "VALUE,…",
        value_delimiter = ',',
        requires = "label"
    )]
    normal: Option<Vec<String>>,
    #[command(flatten)]
    recordings: RecordingOptions,
    #[command(flatten)]
    table: TableOptions,
}

/// Points in the cell of each row by which bits are computed.
const DRAWS: usize = 16;

/// What is printed with `--json`. Numbers that are not finite become null.
#[derive(Debug, Serialize)]
struct Report {
    rows: usize,
    log_prob_mean: f64,
    log_prob_stderr: f64,
    /// The mean of what the chip computes; the two above are computed in `f64`.
    log_prob_mean_f32: f64,
    gain_over_gaussian: Option<f64>,
    /// Rows whose log-likelihood overflows: infinitely unlikely.
    rows_impossible: usize,
    /// Where all modelled columns hold categories, or characters: exact, not a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    bits_per_category: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits_per_category_stderr: Option<f64>,
    /// By uniform dequantisation, where all columns are rounded; by that of the dequantiser, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    bits_per_dimension: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits_per_dimension_stderr: Option<f64>,
    /// By the mean density of the points, which is nearer to the probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    bits_per_dimension_weighted: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpha: Option<f64>,
    /// The share of all rows that alarm, without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm_rate: Option<f64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    detection: Option<Detection>,
}

#[derive(Debug, Serialize)]
struct Detection {
    normal_rows: usize,
    anomalies: usize,
    auroc: Option<f64>,
    average_precision: Option<f64>,
    false_alarm_rate: Option<f64>,
    false_alarm_interval: Option<(f64, f64)>,
    detection_rate: Option<f64>,
    detection_interval: Option<(f64, f64)>,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    let file = model_file::table(&args.data, args.table.format(), flow.header())?;
    let others = ColumnRequest {
        label: args.label.clone(),
        normal: args.normal.clone(),
        ..args.recordings.request(&args.table)
    };
    let columns = model_file::columns(&file, flow.header(), others)?;
    let recording = load_columns(&file, &columns).map_err(Error::data(args.data.path()))?;
    ui.read(&file, &recording.report);
    if calibrate::check_unseen(flow.header(), recording.data.digest()).is_err() {
        ui.note(
            "The model was made from this very table: what follows says how well it knows these rows, not how well \
             it will judge new ones.",
        );
    }

    let (normal, mut lines, mut report) = likelihood(&flow, &recording)?;
    if normal == 0 {
        let column = args.label.clone().unwrap_or_default();
        return Err(Error::NoNormalRows {
            path: args.data.path().to_owned(),
            column,
        });
    }
    bits(
        args,
        &flow,
        &normal_rows(&recording),
        &mut report,
        &mut lines,
    )?;
    alarms(&flow, &recording, &mut report, &mut lines)?;
    ui.result(&report, &lines)
}

type Lines = Vec<(&'static str, String)>;

/// Log-likelihood and gain on the normal rows; how many there are.
fn likelihood(
    flow: &LoadedFlow<'_>,
    recording: &Recording,
) -> Result<(usize, Lines, Report), Error> {
    let normal = normal_rows(recording);
    let mean = Mean::of(&exact_log_probs(&Draft::from_loaded(flow), &normal)?);
    let on_chip: Vec<f64> = scores(flow, &normal)?.into_iter().map(f64::from).collect();
    let header = flow.header();
    let coded = !header.vocabularies.is_empty();
    // Of codes, a Gaussian says nothing.
    let gaussian = (!coded).then(|| gaussian_log_likelihood(&normal));
    let gain = gaussian.flatten().map(|gaussian| mean.mean - gaussian);
    let rows_impossible = on_chip
        .iter()
        .filter(|log_prob| !log_prob.is_finite())
        .count();
    let mut report = Report {
        rows: recording.data.rows(),
        log_prob_mean: mean.mean,
        log_prob_stderr: mean.stderr,
        log_prob_mean_f32: Mean::of(&on_chip).mean,
        gain_over_gaussian: gain,
        rows_impossible,
        bits_per_category: None,
        bits_per_category_stderr: None,
        bits_per_dimension: None,
        bits_per_dimension_stderr: None,
        bits_per_dimension_weighted: None,
        alpha: None,
        alarm_rate: None,
        detection: None,
    };
    let kind = if recording.anomalies.is_some() {
        " normal rows"
    } else {
        " rows"
    };
    let mut lines = vec![
        (
            "log-likelihood",
            format!(
                "{:.4} ± {:.4} nats per row ({}{kind})",
                mean.mean, mean.stderr, mean.rows
            ),
        ),
        (
            "gain over Gaussian",
            match gain {
                Some(gain) => format!("{gain:+.4} nats per row"),
                None => "not defined: a column is constant, or the rows are too few".to_owned(),
            },
        ),
    ];
    if coded {
        lines.pop();
    }
    if header.continuous().next().is_none() {
        let bits = |nats: f64| nats / std::f64::consts::LN_2 / header.event.len() as f64;
        let unit = match model_file::text(header) {
            Some(_) => "character",
            None => "category",
        };
        report.bits_per_category = Some(bits(-mean.mean));
        report.bits_per_category_stderr = Some(bits(mean.stderr));
        lines.push((
            "bits",
            format!(
                "{:.4} ± {:.4} per {unit}",
                bits(-mean.mean),
                bits(mean.stderr)
            ),
        ));
    }
    if rows_impossible > 0 {
        let text = format!("{rows_impossible} (log-likelihood −∞: far from the training data)");
        lines.push(("impossible rows", text));
    }
    Ok((mean.rows, lines, report))
}

/// Bits per dimension of rounded rows.
fn bits(
    args: &Args,
    flow: &LoadedFlow<'_>,
    normal: &Dataset,
    report: &mut Report,
    lines: &mut Lines,
) -> Result<(), Error> {
    let scorer = Scorer::new(flow)?;
    let (bits, how) = match &args.dequantiser {
        None => (Bits::of(&scorer, normal, DRAWS, 0), "dequantised evenly"),
        Some(given) => {
            let file = ModelFile::read(given)?;
            let own = file.load()?;
            let bits = Bits::of_dequantiser(&scorer, &own, normal, DRAWS, 0)
                .map_err(|fault| Error::Usage(format!("{given}: {fault}")))?;
            (bits, "by the dequantiser")
        }
    };
    let Some(bits) = bits else {
        return match &args.dequantiser {
            Some(_) => Err(Error::Usage(
                "--dequantiser: the model doesn't know all its columns as rounded".into(),
            )),
            None => Ok(()),
        };
    };
    report.bits_per_dimension = Some(bits.bound.mean);
    report.bits_per_dimension_stderr = Some(bits.bound.stderr);
    report.bits_per_dimension_weighted = Some(bits.weighted.mean);
    let text = format!(
        "{:.4} ± {:.4} at most, {how}; {:.4} by the mean density of {} points a row",
        bits.bound.mean, bits.bound.stderr, bits.weighted.mean, bits.draws
    );
    lines.push(("bits per dimension", text));
    Ok(())
}

/// What the model's threshold and ranking make of the rows.
fn alarms(
    flow: &LoadedFlow<'_>,
    recording: &Recording,
    report: &mut Report,
    lines: &mut Lines,
) -> Result<(), Error> {
    let log_probs = scores(flow, &recording.data)?;
    if let (scores, Judged::Lines) = judged(flow.header(), recording.data.events(), &log_probs) {
        line_alarms(flow, &scores, report, lines);
        return Ok(());
    }
    let table = flow.calibration();
    report.alpha = table.map(|table| decimal(table.alpha()));
    let (contexts, width) = (recording.data.contexts(), recording.data.context_dim());
    // Alarms and rows among those with the given label.
    let rate = |wanted: Option<bool>| {
        let labels = recording.anomalies.as_deref();
        let (mut hits, mut trials) = (0, 0);
        for (row, log_prob) in log_probs.iter().enumerate() {
            if wanted.is_none() || labels.and_then(|labels| labels.get(row)).copied() == wanted {
                trials += 1;
                let context = &contexts[row * width..][..width];
                let table = flow.calibration_given(context)?;
                hits += u64::from(table.p_value(*log_prob) <= table.alpha());
            }
        }
        (trials > 0).then(|| Rate::new(hits, trials))
    };
    let promised = report.alpha.map_or(String::new(), |alpha| {
        format!(", promised {}", promised_unexamined(alpha))
    });
    let Some(anomalies) = &recording.anomalies else {
        if let Some(rate) = rate(None) {
            report.alarm_rate = Some(rate.rate);
            let alarms = format!("{}{promised} of normal rows", percent_of_rows(&rate));
            lines.push(("alarms", alarms));
        }
        return Ok(());
    };
    let suspicion: Vec<f64> = log_probs
        .iter()
        .map(|log_prob| {
            if log_prob.is_nan() {
                f64::INFINITY
            } else {
                -f64::from(*log_prob)
            }
        })
        .collect();
    let (false_alarms, detections) = (rate(Some(false)), rate(Some(true)));
    let found = anomalies.iter().filter(|anomaly| **anomaly).count();
    let detection = Detection {
        normal_rows: anomalies.len() - found,
        anomalies: found,
        auroc: auroc(&suspicion, anomalies),
        average_precision: average_precision(&suspicion, anomalies),
        false_alarm_rate: false_alarms.map(|rate| rate.rate),
        false_alarm_interval: false_alarms.map(|rate| rate.interval),
        detection_rate: detections.map(|rate| rate.rate),
        detection_interval: detections.map(|rate| rate.interval),
    };
    let shown = |value: Option<f64>| {
        value.map_or(
            "not defined: both kinds of rows are needed".to_owned(),
            |v| format!("{v:.4}"),
        )
    };
    lines.push(("AUROC", shown(detection.auroc)));
    lines.push(("average precision", shown(detection.average_precision)));
    if let Some(rate) = false_alarms {
        lines.push((
            "false alarms",
            format!("{}{promised}", percent_of_rows(&rate)),
        ));
    }
    if let Some(rate) = detections {
        lines.push(("detections", percent_of_rows(&rate)));
    }
    report.detection = Some(detection);
    Ok(())
}

/// What the threshold makes of the lines of a text.
fn line_alarms(flow: &LoadedFlow<'_>, scores: &[f32], report: &mut Report, lines: &mut Lines) {
    let Some(table) = flow.calibration().filter(|_| !scores.is_empty()) else {
        return;
    };
    let alarmed = |score: &&f32| table.p_value(**score) <= table.alpha();
    let alarms = scores.iter().filter(alarmed).count();
    let rate = Rate::new(alarms as u64, scores.len() as u64);
    let alpha = decimal(table.alpha());
    (report.alpha, report.alarm_rate) = (Some(alpha), Some(rate.rate));
    lines.push((
        "alarms",
        format!(
            "{}, promised {} of normal lines",
            percent_of_rows(&rate),
            promised_unexamined(alpha)
        ),
    ));
}

fn scores(flow: &LoadedFlow<'_>, data: &Dataset) -> Result<Vec<f32>, Error> {
    Scorer::new(flow)?
        .log_probs(data)
        .map_err(|fault| Error::Usage(fault.to_string()))
}

/// The rows that are labelled normal; all without labels.
fn normal_rows(recording: &Recording) -> Dataset {
    match &recording.anomalies {
        None => recording.data.clone(),
        Some(anomalies) => {
            let rows: Vec<usize> = (0..recording.data.rows())
                .filter(|row| !anomalies[*row])
                .collect();
            recording.data.select(&rows)
        }
    }
}
