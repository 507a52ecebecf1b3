//! What was read, and what was dropped and why.

use super::{Fault, FaultKind, Place};
use std::fmt;

/// The dropped rows of one column.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ColumnFaults {
    /// The column's name.
    pub column: String,
    /// Rows dropped for a missing cell.
    pub missing: u64,
    /// Rows dropped for NaN, an infinity, or a number too large for `f32`.
    pub non_finite: u64,
    /// Where the first such row stands.
    pub first: Place,
}

/// How a table became a data set.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct CleaningReport {
    /// Rows that the filter let pass.
    pub rows_read: u64,
    /// Rows that the filter left out.
    pub rows_left_out: u64,
    /// Rows without a fault that are left out because the features of the past reach back before
    /// the start of their recording, or over a dropped row.
    pub rows_unprimed: u64,
    /// Rows that are used.
    pub rows_used: u64,
    /// Used rows whose event equals that of the used row before, value by value. A flexible model
    /// is rewarded for spikes on repeated values.
    pub rows_repeated: u64,
    /// Why rows were dropped, by column; a row counts for its first faulty cell.
    pub dropped: Vec<ColumnFaults>,
}

impl CleaningReport {
    /// Counts a row that can't be used.
    pub fn drop_row(&mut self, place: Place, fault: Fault, names: &[String]) {
        let name = &names[fault.column];
        let index = self
            .dropped
            .iter()
            .position(|entry| entry.column == *name)
            .unwrap_or_else(|| {
                self.dropped.push(ColumnFaults {
                    column: name.clone(),
                    missing: 0,
                    non_finite: 0,
                    first: place,
                });
                self.dropped.len() - 1
            });
        match fault.kind {
            FaultKind::Missing => self.dropped[index].missing += 1,
            FaultKind::NonFinite => self.dropped[index].non_finite += 1,
        }
    }

    /// The dropped rows, by column, in one line; empty if there are none.
    pub fn faults(&self) -> String {
        self.dropped
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl fmt::Display for ColumnFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.column)?;
        match (self.missing, self.non_finite) {
            (missing, 0) => write!(f, "{missing} missing")?,
            (0, non_finite) => write!(f, "{non_finite} not finite")?,
            (missing, non_finite) => write!(f, "{missing} missing, {non_finite} not finite")?,
        }
        write!(f, ", first in {}", self.first)
    }
}

impl fmt::Display for CleaningReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows read", self.rows_read)?;
        if self.rows_left_out > 0 {
            write!(f, " ({} left out by --only)", self.rows_left_out)?;
        }
        if !self.dropped.is_empty() {
            write!(
                f,
                ", {} dropped ({})",
                self.rows_read - self.rows_used - self.rows_unprimed,
                self.faults()
            )?;
        }
        if self.rows_unprimed > 0 {
            write!(f, ", {} without enough past", self.rows_unprimed)?;
        }
        write!(f, ", {} used", self.rows_used)
    }
}
