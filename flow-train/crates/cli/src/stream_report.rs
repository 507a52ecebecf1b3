//! A promise over a stream, for people and for machines.

use super::ui::decimal;
use flow_embedded::artefact::Sequential;
use serde::Serialize;

/// A promise over a stream.
#[derive(Debug, Serialize)]
pub(super) struct StreamReport<'a> {
    false_alarms: &'a str,
    /// Samples between false alarms, in the mean, at least.
    run_length: f32,
    delta: f64,
    bets: usize,
}

impl<'a> StreamReport<'a> {
    pub(super) fn new(own: &Sequential<'a>) -> Self {
        Self {
            false_alarms: own.promise,
            run_length: own.run_length,
            delta: decimal(own.delta),
            bets: own.bets().len(),
        }
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{}: false alarms at least {:.0} samples apart in the mean, with probability {} over \
             calibrations; {} bets",
            self.false_alarms,
            self.run_length,
            1.0 - self.delta,
            self.bets
        )
    }
}
