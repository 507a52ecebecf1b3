//! How far the measured false-alarm rate depends on which recordings calibrate and which test.

use super::divide::{NORMAL, halves};
use super::{ALPHA, CHANNELS, RECORDING};
use crate::Error;
use crate::files::Target;
use crate::ui::Ui;
use flow_calibrate::{CalibrationTable, Standing, Statistics};
use flow_data::{
    ColumnRequest, Columns, CsvFormat, Readable, Recording, RowFilter, Table, load_columns,
};
use flow_embedded::artefact::LoadedFlow;
use flow_evaluate::Scorer;
use serde::Serialize;
use std::ops::Range;

/// Divisions that are measured.
const DRAWS: u64 = 40;

/// The normal rows of all divisions, scored.
struct Scored {
    log_probs: Vec<f32>,
    /// Row-major, rows × latents.
    latents: Vec<f32>,
    /// The rows of each recording.
    recordings: Vec<Range<usize>>,
}

/// What all divisions together show.
#[derive(Debug, Serialize)]
struct Report {
    alpha: f64,
    divisions: u64,
    /// Divisions whose calibration rows bear the promise out.
    promises_stand: usize,
    false_alarm_rate_mean: f64,
    false_alarm_rate_least: f64,
    false_alarm_rate_most: f64,
    /// Divisions with more false alarms than promised.
    above_alpha: usize,
}

/// Calibrates and tests the model on many divisions of the recordings, and prints what came out.
pub(super) fn print(folder: &Target, seed: u64, ui: Ui) -> Result<(), Error> {
    let last = seed.saturating_add(DRAWS - 1);
    ui.note(format_args!(
        "\nThe same model, calibrated and tested on {DRAWS} divisions of the recordings into halves (seeds {seed} to \
         {last}):"
    ));
    let scored = Scored::read(folder)?;
    let draws: Vec<(f64, Standing)> = (seed..=last)
        .map(|seed| scored.measure(seed))
        .collect::<Result<_, Error>>()?;
    let rates = || draws.iter().map(|(rate, _)| *rate);
    let report = Report {
        alpha: ALPHA,
        divisions: draws.len() as u64,
        promises_stand: draws
            .iter()
            .filter(|(_, standing)| standing.stands() == Some(true))
            .count(),
        false_alarm_rate_mean: rates().sum::<f64>() / draws.len() as f64,
        false_alarm_rate_least: rates().fold(f64::INFINITY, f64::min),
        false_alarm_rate_most: rates().fold(0.0, f64::max),
        above_alpha: rates().filter(|rate| *rate > ALPHA).count(),
    };
    let lines = [
        (
            "false alarms promised",
            format!(
                "{} % (the promise stands in {} of {} divisions)",
                100.0 * ALPHA,
                report.promises_stand,
                report.divisions
            ),
        ),
        (
            "false alarms",
            format!(
                "{:.2} % in the mean, {:.2} to {:.2} %; above {} % in {} of {} divisions",
                100.0 * report.false_alarm_rate_mean,
                100.0 * report.false_alarm_rate_least,
                100.0 * report.false_alarm_rate_most,
                100.0 * ALPHA,
                report.above_alpha,
                report.divisions
            ),
        ),
    ];
    ui.result(&report, &lines)
}

impl Scored {
    /// Scores the normal rows that [`divide`](super::divide::divide) deals out, in the same order.
    fn read(folder: &Target) -> Result<Self, Error> {
        let path = folder.within("model.flow");
        let bytes = std::fs::read(path.path()).map_err(|fault| Error::Read {
            path: path.path().to_owned(),
            fault,
        })?;
        let flow = LoadedFlow::from_bytes(&bytes).map_err(|fault| Error::Artefact {
            path: path.path().to_owned(),
            fault,
        })?;
        let table = Readable::copy("basic_motions.csv".as_ref(), RECORDING.as_bytes());
        let in_table = Error::data("basic_motions.csv".as_ref());
        let table = table.map_err(Into::into).map_err(&in_table)?;
        let table = Table::of(table, CsvFormat::default()).map_err(&in_table)?;
        let columns = Columns::find(&table, &request()).map_err(&in_table)?;
        let Recording {
            data,
            anomalies,
            groups,
            ..
        } = load_columns(&table, &columns).map_err(&in_table)?;
        let anomalies = anomalies.unwrap_or_default();
        let normal: Vec<usize> = (0..data.rows()).filter(|row| !anomalies[*row]).collect();
        let groups = groups.unwrap_or_default();
        let mut recordings = Vec::new();
        for own in normal.chunk_by(|a, b| groups[*a] == groups[*b]) {
            let first = recordings.last().map_or(0, |own: &Range<usize>| own.end);
            recordings.push(first..first + own.len());
        }
        let rows = data.select(&normal);
        let scorer = Scorer::new(&flow)?;
        let log_probs = scorer.log_probs_of(rows.events(), &[]);
        let latents = scorer.latents_of(rows.events(), &[]);
        Ok(Self {
            log_probs,
            latents,
            recordings,
        })
    }

    /// The false-alarm rate of one division, and whether its promise stands.
    fn measure(&self, seed: u64) -> Result<(f64, Standing), Error> {
        let rows = |recordings: &[usize]| -> Vec<usize> {
            let own = recordings.iter().map(|own| self.recordings[*own].clone());
            own.flatten().collect()
        };
        let [calibration, test] = halves(self.recordings.len(), seed).map(|half| rows(&half));
        let log_probs: Vec<f32> = calibration.iter().map(|row| self.log_probs[*row]).collect();
        let channels = self.latents.len() / self.log_probs.len();
        let latents = calibration.iter().map(|row| {
            let first = row * channels;
            &self.latents[first..first + channels]
        });
        let latents: Vec<f32> = latents.flatten().copied().collect();
        let table =
            CalibrationTable::new(&log_probs, ALPHA).map_err(|fault| Error::Calibration {
                path: "calibration.csv".into(),
                fault,
            })?;
        let alarms = test
            .iter()
            .filter(|row| table.p_value(self.log_probs[**row]) <= table.alpha())
            .count();
        let standing = Standing::of_rows(&Statistics::new(&log_probs, &latents));
        Ok((alarms as f64 / test.len() as f64, standing))
    }
}

/// The recordings that do not train.
fn request() -> ColumnRequest {
    ColumnRequest {
        events: Some(CHANNELS.split(',').map(str::to_owned).collect()),
        group: Some("recording".to_owned()),
        label: Some("activity".to_owned()),
        normal: Some(NORMAL.map(str::to_owned).to_vec()),
        filter: Some(RowFilter {
            column: "set".to_owned(),
            values: vec!["test".to_owned()],
        }),
        ..ColumnRequest::default()
    }
}
