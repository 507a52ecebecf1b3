//! The usable rows of a table, one at a time.

use super::{CleaningReport, Columns, DataError, RowReader, Table, warm_up};
use std::collections::HashMap;

/// Reads on over rows that can't be used, and keeps count of them.
#[derive(Debug)]
pub(super) struct Cleaner<'f> {
    table: &'f Table,
    columns: &'f Columns,
    reader: RowReader<'f>,
    report: CleaningReport,
    /// The values of the last usable row.
    values: Vec<f32>,
    groups: HashMap<Vec<u8>, u32>,
    /// Bytes that the groups take, and may take, and the memory limit that this comes from.
    group_bytes: u64,
    group_limit: Option<(u64, u64)>,
    weighty: bool,
}

/// Bytes that a group takes beside its name: its place in the table of groups, with room to spare.
const GROUP: u64 = 128;

/// A usable row.
#[derive(Debug)]
pub(super) struct CleanRow<'a> {
    pub(super) event: &'a [f32],
    pub(super) context: &'a [f32],
    /// Whether it is an anomaly, where the table has labels.
    pub(super) anomaly: Option<bool>,
    /// The number of its group in order of appearance, where the table has groups.
    pub(super) group: Option<u32>,
    /// How much it counts, where the table has weights.
    pub(super) weight: Option<f32>,
}

impl<'f> Cleaner<'f> {
    /// Stands before the first row.
    pub(super) fn new(table: &'f Table, columns: &'f Columns) -> Result<Self, DataError> {
        Ok(Self {
            table,
            columns,
            reader: RowReader::new(table, columns)?,
            report: CleaningReport::default(),
            values: Vec::new(),
            groups: HashMap::new(),
            group_bytes: 0,
            group_limit: None,
            weighty: columns.weights.is_none(),
        })
    }

    /// Sets how many bytes the groups may take, and the memory limit that this comes from.
    pub(super) fn limit_groups(&mut self, bytes: u64, limit: u64) {
        self.group_limit = Some((bytes, limit));
    }

    /// The next usable row; `None` after the last.
    ///
    /// # Errors
    /// As [`RowReader::next_row`]; or there are too many groups.
    pub(super) fn next_row(&mut self) -> Result<Option<CleanRow<'_>>, DataError> {
        let dim = self.columns.events.len();
        loop {
            let Some(row) = self.reader.next_row()? else {
                return Ok(None);
            };
            self.report.rows_read += 1;
            if let Some(fault) = row.fault {
                self.report.drop_row(row.place, fault, self.table.names());
                continue;
            }
            if !row.primed {
                self.report.rows_unprimed += 1;
                continue;
            }
            let repeated = self.values.get(..dim) == row.values.get(..dim);
            self.report.rows_repeated += u64::from(repeated);
            self.report.rows_used += 1;
            self.values.clear();
            self.values.extend_from_slice(row.values);
            self.weighty |= row.weight.is_some_and(|weight| weight > 0.0);
            let group = row.group.map(|name| match self.groups.get(name) {
                Some(number) => *number,
                None => {
                    let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
                    self.group_bytes += GROUP + name.len() as u64;
                    self.groups.insert(name.to_vec(), number);
                    number
                }
            });
            let (anomaly, weight) = (row.anomaly, row.weight);
            self.check_groups()?;
            let (event, context) = self.values.split_at(dim);
            return Ok(Some(CleanRow {
                event,
                context,
                anomaly,
                group,
                weight,
            }));
        }
    }

    /// What was read, once all of it is.
    ///
    /// # Errors
    /// There was no usable row, or none that counts.
    pub(super) fn finish(mut self) -> Result<CleaningReport, DataError> {
        self.report.rows_left_out = self.reader.left_out();
        if self.report.rows_used == 0 && self.report.rows_unprimed > 0 {
            return Err(DataError::NoPast {
                rows: self.report.rows_read,
                need: warm_up(&self.columns.features),
            });
        }
        if self.report.rows_used == 0 {
            return Err(DataError::NoUsableRows {
                rows: self.report.rows_read,
                faults: self.report.faults(),
            });
        }
        if let (Some(column), false) = (self.columns.weights, self.weighty) {
            let column = self.table.names()[column].clone();
            return Err(DataError::NoWeight { column });
        }
        Ok(self.report)
    }

    fn check_groups(&self) -> Result<(), DataError> {
        match (self.group_limit, self.columns.group) {
            (Some((bytes, limit)), Some(column)) if self.group_bytes > bytes => {
                Err(DataError::TooManyGroups {
                    column: self.table.names()[column].clone(),
                    groups: self.groups.len() - 1,
                    limit,
                })
            }
            _ => Ok(()),
        }
    }
}
