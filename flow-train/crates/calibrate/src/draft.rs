//! What a calibration puts into an artefact.

use super::{CalibrationTable, MondrianTables, SequentialDesign};
use flow_artefact::{DraftCalibration, DraftCategory, DraftMondrian, DraftSequential};
use flow_embedded::artefact::{COMMON_VALUES, Judged};
use flow_embedded::detect::evidence::{Bet, Pattern};

impl CalibrationTable {
    /// The table as an artefact has it, of what is judged.
    pub fn draft(&self, judges: Judged) -> DraftCalibration {
        DraftCalibration {
            alpha: self.alpha(),
            rows: self.rows(),
            judges,
            table: self.entries().to_vec(),
        }
    }
}

impl MondrianTables {
    /// The tables as an artefact has them.
    pub fn draft(&self) -> DraftMondrian {
        let categories = self.tables().iter().map(|(value, table)| DraftCategory {
            value: *value,
            rows: table.rows(),
            table: table.entries().to_vec(),
        });
        DraftMondrian {
            // An artefact has at most 256 context channels.
            channel: self.channel() as u8,
            categories: categories.collect(),
        }
    }
}

impl SequentialDesign {
    /// The test as an artefact has it: with the promise in its author's words, and with common values of
    /// the event channels in the rows that it was calibrated on, which are quantiles of each. `events` are
    /// row-major, `channels` numbers a row.
    pub fn draft(&self, promise: &str, events: &[f32], channels: usize) -> DraftSequential {
        let table = self.table();
        let column = |channel: usize| {
            let own = events.iter().skip(channel).step_by(channels);
            let mut column: Vec<f32> = own.copied().collect();
            column.sort_unstable_by(f32::total_cmp);
            column
        };
        let quantiles = |column: Vec<f32>| {
            let at = move |index: usize| {
                let share = (index as f64 + 0.5) / COMMON_VALUES as f64;
                let place = (share * column.len() as f64) as usize;
                column[place.min(column.len() - 1)]
            };
            (0..COMMON_VALUES).map(at)
        };
        let bet = |bet: &Bet| {
            let [low, high] = bet.row.to_le_bytes();
            let pattern = u8::from(bet.pattern == Pattern::Repeat);
            [bet.statistic, pattern, low, high, bet.threshold]
        };
        DraftSequential {
            edges: table.edges() as u8,
            thresholds: table.thresholds().to_vec(),
            scores: table.scores().iter().map(|score| *score as u8).collect(),
            bets: table.bets().iter().flat_map(bet).collect(),
            common: (0..channels)
                .flat_map(|channel| quantiles(column(channel)))
                .collect(),
            run_length: self.run_length() as f32,
            delta: self.delta() as f32,
            promise: promise.to_owned(),
        }
    }
}
