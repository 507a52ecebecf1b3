//! Prints a promised false-alarm rate together with its standing, as text and as JSON.

use flow_calibrate::{Standing, Unexamined};
use serde::Serialize;

/// The standing of a promise, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct StandingReport {
    /// `None` if that was not examined.
    promise_stands: Option<bool>,
    /// The effective sample size of the calibration rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_rows: Option<f64>,
    pub(super) verdict: String,
}

impl StandingReport {
    pub(super) fn new(standing: &Standing) -> Self {
        Self {
            promise_stands: standing.stands(),
            effective_rows: standing.examination().map(|own| own.effective_rows),
            verdict: standing.to_string(),
        }
    }

    /// Of a promise that is read from an artefact.
    pub(super) fn not_recorded() -> Self {
        Self::new(&Standing::NotExamined(Unexamined::NotRecorded))
    }
}

/// The rate in percent, with its standing in brackets.
pub(super) fn promised(alpha: f64, standing: &Standing) -> String {
    format!("{} % ({})", 100.0 * alpha, standing.in_short())
}

/// As [`promised`], of a promise that is read from an artefact.
pub(super) fn promised_unexamined(alpha: f64) -> String {
    promised(alpha, &Standing::NotExamined(Unexamined::NotRecorded))
}
