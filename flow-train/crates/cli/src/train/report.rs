//! What `flow train` says when it is done.

use super::Args;
use crate::Error;
use crate::standing_report::{StandingReport, promised};
use crate::ui::{Ui, bytes};
use flow_calibrate::CalibrationTable;
use flow_data::Choice;
use flow_embedded::artefact::Judged;
use flow_fit::Stop;
use flow_recipe::Trained;
use flow_recipe::auto::Candidate;
use serde::Serialize;
use std::path::Path;

#[derive(Debug, Serialize)]
struct Report<'a> {
    family: &'static str,
    smoothing: f32,
    candidates: &'a [Candidate],
    rows_train: usize,
    rows_validation: usize,
    rows_calibration: usize,
    columns: &'a [Choice],
    epochs: usize,
    best_epoch: usize,
    stop: &'static str,
    log_prob_mean: f64,
    log_prob_stderr: f64,
    impossible: usize,
    gain_over_gaussian: Option<f64>,
    alpha: f64,
    calibrated: bool,
    threshold: Option<f32>,
    #[serde(flatten)]
    standing: Option<StandingReport>,
    bytes: usize,
    seconds: f64,
    output: &'a Path,
}

/// Prints what was found out about the columns.
pub(super) fn columns(choices: &[Choice], ui: Ui) {
    for choice in choices.iter().filter(|choice| choice.is_notable()) {
        ui.note(choice);
    }
}

/// Prints the comparison of families.
pub(super) fn candidates(trained: &Trained, ui: Ui) {
    if trained.candidates.is_empty() {
        return;
    }
    ui.note(format_args!(
        "Smoothing by noise of {:.3} standard deviations. Compared on the smoothed validation rows, in nats per \
         standardised row:",
        trained.config.noise
    ));
    for candidate in &trained.candidates {
        let Candidate {
            family,
            layers,
            hidden,
            weights,
            log_prob,
            seconds,
            chosen,
        } = candidate;
        let hidden: Vec<String> = hidden.iter().map(usize::to_string).collect();
        let mark = if *chosen { "*" } else { " " };
        ui.note(format_args!(
            "{mark} {family:7} {layers} layers of {:6} {weights:6} weights {log_prob:9.3} nats {seconds:6.1} s",
            hidden.join("-")
        ));
    }
}

/// Prints the result, and what should give pause.
pub(super) fn report(args: &Args, trained: &Trained, seconds: f64, ui: Ui) -> Result<(), Error> {
    let [rows_train, rows_validation, rows_calibration] = trained.rows;
    let (fit, log_prob) = (&trained.fit, &trained.log_prob);
    let (stop, because) = match fit.stop {
        Stop::Finished => ("finished", "all epochs done"),
        Stop::Early => ("early", "no further improvement"),
        Stop::Interrupted => ("interrupted", "interrupted"),
    };
    let table = trained.calibration.as_ref();
    let report = Report {
        family: trained.spec.family.name(),
        smoothing: trained.config.noise,
        candidates: &trained.candidates,
        rows_train,
        rows_validation,
        rows_calibration,
        columns: &trained.choices,
        epochs: fit.epochs,
        best_epoch: fit.best_epoch,
        stop,
        log_prob_mean: log_prob.mean,
        log_prob_stderr: log_prob.stderr,
        impossible: trained.impossible,
        gain_over_gaussian: trained.gain_over_gaussian,
        alpha: args.alpha,
        calibrated: table.is_ok(),
        threshold: table.ok().and_then(CalibrationTable::threshold),
        standing: table
            .is_ok()
            .then(|| StandingReport::new(&trained.standing)),
        bytes: trained.bytes.len(),
        seconds,
        output: args.output.path(),
    };
    let gain = match report.gain_over_gaussian {
        Some(gain) => format!(" ({gain:+.3} over a Gaussian)"),
        None => String::new(),
    };
    let promise = match &trained.calibration {
        Ok(table) => {
            let threshold = table.threshold();
            let alarm =
                threshold.map_or("never".to_owned(), |nats| format!("below {nats:.3} nats"));
            let judged = match trained.judges {
                Judged::Events => String::new(),
                Judged::Lines => format!(", by {} lines", table.rows()),
            };
            let promise = promised(args.alpha, &trained.standing);
            format!("{promise}{judged}, alarm {alarm}")
        }
        Err(why) => {
            ui.note(format_args!(
                "The model promises no false-alarm rate: {why}."
            ));
            "none".to_owned()
        }
    };
    let mut lines = vec![
        (
            "rows",
            format!(
                "{rows_train} trained, {rows_validation} validated, {rows_calibration} calibrated"
            ),
        ),
        (
            "epochs",
            format!("{} ({because}), best {}", fit.epochs, fit.best_epoch),
        ),
        (
            "held-out log-likelihood",
            format!(
                "{:.3} ± {:.3} nats per row{gain}",
                log_prob.mean, log_prob.stderr
            ),
        ),
        ("false alarms promised", promise),
    ];
    if let Some(own) = &report.standing {
        lines.push(("assumptions", own.verdict.clone()));
    }
    lines.extend([
        ("time", format!("{seconds:.2} s")),
        (
            "written",
            format!("{} ({})", args.output, bytes(trained.bytes.len())),
        ),
    ]);
    if trained.impossible > 0 {
        ui.note(format_args!(
            "{} calibration rows lie outside the domain of a column, where the model knows no density: are its ends \
             right? See --domain.",
            trained.impossible
        ));
    } else if report.gain_over_gaussian.is_some_and(|gain| gain < 0.0) {
        ui.note(
            "A Gaussian does better on the calibration rows. Are they like the training rows (a split by time \
             calibrates on the latest ones, which shows drift)? More rows, --smoothing 0.1 or a smaller model may help.",
        );
    }
    if ui.quiet && !ui.json {
        return Ok(());
    }
    ui.result(&report, &lines)
}
