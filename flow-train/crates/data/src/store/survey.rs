//! The first reading of a table: into memory if it fits, else a count.

use super::plan::{Plan, VALUE};
use super::rows::RowStore;
use super::spool::Spool;
use crate::clean::Cleaner;
use crate::load::Rows;
use crate::split::Assignment;
use crate::{CleaningReport, Columns, DataError, Fractions, Recording, Table};
use std::path::PathBuf;

/// How much memory the rows of a table may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Bytes. A table whose values take more than a quarter of it, as `f32`, is read from disk:
    /// training in memory holds up to four copies of a row.
    pub limit: u64,
    /// Where the temporary file lies; the system's folder for such if there is none.
    pub folder: Option<PathBuf>,
}

impl Default for Memory {
    /// 4 GiB: tables up to 1 GiB of values are held in memory.
    fn default() -> Self {
        Self {
            limit: 4 << 30,
            folder: None,
        }
    }
}

/// A table that has been read once.
#[derive(Debug)]
pub enum Loaded<'t> {
    /// All of it.
    InMemory(Recording),
    /// It is too large, and only counted.
    TooLarge(Survey<'t>),
}

/// What is known of a table that is too large for the memory limit.
#[derive(Debug)]
pub struct Survey<'t> {
    table: &'t Table,
    columns: &'t Columns,
    memory: Memory,
    report: CleaningReport,
    /// Usable rows of each group.
    groups: Option<Vec<usize>>,
}

/// How to divide a table that is too large for the memory limit; a table with groups is divided by
/// group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Division {
    /// Shares of validation and calibration.
    pub fractions: Fractions,
    /// Rows without groups are divided at random; by time otherwise.
    pub random: bool,
    /// Seeds the division, and which rows share a bucket.
    pub seed: u64,
}

/// Reads a table within a memory limit.
///
/// # Errors
/// As [`load`](super::super::load); or its groups are too many for the limit.
pub fn load_within<'t>(
    table: &'t Table,
    columns: &'t Columns,
    memory: &Memory,
) -> Result<Loaded<'t>, DataError> {
    let width = columns.width() + usize::from(columns.weights.is_some());
    let most = memory.limit / 4 / (width as u64 * VALUE);
    let mut cleaner = Cleaner::new(table, columns)?;
    cleaner.limit_groups(memory.limit / 8, memory.limit);
    let mut rows = Some(Rows::new(table, columns));
    let mut groups: Option<Vec<usize>> = columns.group.map(|_| vec![]);
    while let Some(row) = cleaner.next_row()? {
        if let Some(kept) = &mut rows {
            if (kept.len() as u64) < most {
                kept.push(&row);
            } else {
                rows = None;
            }
        }
        if let Some((groups, group)) = groups.as_mut().zip(row.group) {
            let group = group as usize;
            if group >= groups.len() {
                groups.resize(group + 1, 0);
            }
            groups[group] += 1;
        }
    }
    let report = cleaner.finish()?;
    Ok(match rows {
        Some(rows) => Loaded::InMemory(rows.into_recording(report, table.has_header())),
        None => Loaded::TooLarge(Survey {
            table,
            columns,
            memory: memory.clone(),
            report,
            groups,
        }),
    })
}

impl Survey<'_> {
    /// What was read, and what was dropped.
    pub fn report(&self) -> &CleaningReport {
        &self.report
    }

    /// Usable rows.
    pub fn rows(&self) -> usize {
        self.report.rows_used as usize
    }

    /// Whether rows belong to groups.
    pub fn has_groups(&self) -> bool {
        self.groups.is_some()
    }

    /// Names of the events' and of the contexts' columns.
    pub fn names(&self) -> [Vec<String>; 2] {
        self.columns.names(self.table)
    }

    /// Rows to train, validate and calibrate.
    ///
    /// # Errors
    /// Fewer than three rows or groups.
    pub fn parts(&self, division: Division) -> Result<[usize; 3], DataError> {
        Ok(self.assignment(division)?.rows())
    }

    fn assignment(&self, division: Division) -> Result<Assignment, DataError> {
        let Division {
            fractions,
            random,
            seed,
        } = division;
        match &self.groups {
            Some(sizes) => Assignment::by_group(sizes, fractions, seed),
            None if random => Assignment::at_random(self.rows(), fractions, seed),
            None => Assignment::by_time(self.rows(), fractions),
        }
    }

    /// Reads the table a second time: training rows go to a temporary file, from which they come in
    /// random order. The parts are those of [`Split`](crate::Split), row for row.
    ///
    /// # Errors
    /// The limit is too small, the temporary file can't be written, or the table has changed since
    /// it was counted; else as [`load`](super::super::load).
    pub fn shuffle(&self, division: Division) -> Result<RowStore, DataError> {
        let mut assignment = self.assignment(division)?;
        let weighted = self.columns.weights.is_some();
        let names = self.names();
        let width = names.iter().map(Vec::len).sum::<usize>() + usize::from(weighted);
        let plan = Plan::new(assignment.rows()[0], width, self.memory.limit)?;
        let folder = self
            .memory
            .folder
            .clone()
            .unwrap_or_else(std::env::temp_dir);
        let rows = assignment.rows();
        let in_spool = |fault| DataError::Spool {
            folder: folder.clone(),
            need: rows[0] as u64 * width as u64 * VALUE,
            fault,
        };
        let file = tempfile::tempfile_in(&folder).map_err(in_spool)?;
        let spool = Spool::new(file, width, plan.buckets, plan.block_rows);
        let mut store = RowStore::new(spool, names, weighted, rows, plan.held_out, division.seed);
        let mut cleaner = Cleaner::new(self.table, self.columns)?;
        let mut count = 0;
        while let Some(row) = cleaner.next_row()? {
            count += 1;
            if count > self.report.rows_used {
                return Err(DataError::Changed);
            }
            let part = assignment.next(row.group);
            store.push(part, &row).map_err(in_spool)?;
        }
        if cleaner.finish()? != self.report {
            return Err(DataError::Changed);
        }
        store.finish().map_err(in_spool)?;
        if let (Some(column), 0) = (self.columns.weights, store.rows()) {
            let column = self.table.names()[column].clone();
            return Err(DataError::NoWeight { column });
        }
        Ok(store)
    }
}
