//! Rows, one at a time, in constant memory.

use super::cell::{Cell, has_decimal_comma};
use super::error::shown;
use super::{Columns, CsvFile, DataError};
use std::fs::File;

/// What is wrong with a cell whose row can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// No value.
    Missing,
    /// NaN, an infinity, or too large for `f32`.
    NonFinite,
}

/// The first cell of a row that makes it unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The column's index in the table.
    pub column: usize,
    /// What is wrong with the cell.
    pub kind: FaultKind,
}

/// One row of a table.
#[derive(Debug)]
pub struct Row<'a> {
    /// Line in the file, from 1.
    pub line: u64,
    /// The events, then the context; what a faulty cell holds is not said.
    pub values: &'a [f32],
    /// Why the row can't be used, if it can't.
    pub fault: Option<Fault>,
    /// Whether the row is an anomaly, where the table has labels.
    pub anomaly: Option<bool>,
    /// The recording it belongs to, where the table has groups.
    pub group: Option<&'a [u8]>,
}

/// Reads the rows of a table one after the other.
#[derive(Debug)]
pub struct RowReader<'f> {
    file: &'f CsvFile,
    columns: &'f Columns,
    reader: csv::Reader<File>,
    record: csv::ByteRecord,
    values: Vec<f32>,
    rows: u64,
    left_out: u64,
}

impl<'f> RowReader<'f> {
    /// Stands before the first row.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn new(file: &'f CsvFile, columns: &'f Columns) -> Result<Self, DataError> {
        Ok(Self {
            file,
            columns,
            reader: file.reader()?,
            record: csv::ByteRecord::new(),
            values: Vec::with_capacity(columns.events.len() + columns.context.len()),
            rows: 0,
            left_out: 0,
        })
    }

    /// Rows that the filter left out so far.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The next row that the filter lets pass; `None` after the last.
    ///
    /// # Errors
    /// The row is ragged, a number's cell holds text, a label is neither 0 nor 1; at the end, that
    /// there was no row at all.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, DataError> {
        loop {
            if !self.reader.read_byte_record(&mut self.record)? {
                return match (self.rows, &self.columns.filter) {
                    (0, _) => Err(DataError::HeaderOnly),
                    (rows, Some((_, filter))) if rows == self.left_out => {
                        Err(DataError::NothingPassed {
                            column: filter.column.clone(),
                            values: filter.values.join(" or "),
                        })
                    }
                    _ => Ok(None),
                };
            }
            self.rows += 1;
            if self.passes() {
                break;
            }
            self.left_out += 1;
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        self.values.clear();
        let mut fault = None;
        for column in self.columns.numbers() {
            let (value, kind) = match Cell::read(&self.record[column]) {
                Cell::Number(value) => (value, None),
                Cell::Missing => (f32::NAN, Some(FaultKind::Missing)),
                Cell::NonFinite => (f32::NAN, Some(FaultKind::NonFinite)),
                Cell::Text => return Err(self.text_in(column, line)),
            };
            self.values.push(value);
            fault = fault.or(kind.map(|kind| Fault { column, kind }));
        }
        let missing = |column| Fault {
            column,
            kind: FaultKind::Missing,
        };
        let mut anomaly = None;
        if let Some(column) = self.columns.label {
            anomaly = self.label(column, line)?;
            if anomaly.is_none() {
                fault = fault.or(Some(missing(column)));
            }
        }
        let group = self
            .columns
            .group
            .map(|column| self.record[column].trim_ascii());
        if let (Some(column), Some(b"")) = (self.columns.group, group) {
            fault = fault.or(Some(missing(column)));
        }
        Ok(Some(Row {
            line,
            values: &self.values,
            fault,
            anomaly,
            group,
        }))
    }

    fn passes(&self) -> bool {
        self.columns.filter.as_ref().is_none_or(|(column, filter)| {
            let cell = self.record[*column].trim_ascii();
            filter.values.iter().any(|value| value.as_bytes() == cell)
        })
    }

    /// `None` for a missing label.
    fn label(&self, column: usize, line: u64) -> Result<Option<bool>, DataError> {
        let cell = self.record[column].trim_ascii();
        if cell.is_empty() {
            return Ok(None);
        }
        if let Some(normal) = &self.columns.normal {
            return Ok(Some(!normal.iter().any(|value| value.as_bytes() == cell)));
        }
        match Cell::read(cell) {
            Cell::Number(0.0) => Ok(Some(false)),
            Cell::Number(1.0) => Ok(Some(true)),
            _ => Err(DataError::BadLabel {
                line,
                column: self.file.names()[column].clone(),
                text: shown(cell),
            }),
        }
    }

    fn text_in(&self, column: usize, line: u64) -> DataError {
        let text = shown(&self.record[column]);
        let advice = match self.numeric_columns() {
            Ok(numeric) if !numeric[column] => self.advise_columns(&numeric),
            _ if has_decimal_comma(&text) => "write decimals with a point".to_owned(),
            _ => "mend the cell, or empty it to have the row dropped".to_owned(),
        };
        let column = self.file.names()[column].clone();
        DataError::TextInNumberColumn {
            line,
            column,
            text,
            advice,
        }
    }

    /// What to put in place of the present choice of columns.
    fn advise_columns(&self, numeric: &[bool]) -> String {
        let used = |index: &usize| numeric[*index];
        let names = |indices: &[usize]| {
            let names: Vec<&str> = indices
                .iter()
                .filter(|i| used(i))
                .map(|i| self.file.names()[*i].as_str())
                .collect();
            names.join(",")
        };
        let events = names(&self.columns.events);
        if events.is_empty() {
            return "the column holds text: leave it out with --columns".to_owned();
        }
        let why = if self.columns.chosen {
            ""
        } else {
            " (all columns are used when none is named)"
        };
        format!("the column holds text: leave it out with --columns {events}{why}")
    }

    /// For each column, whether more than half of its filled cells are numbers. Reads the file
    /// again: it is only asked for when an error is certain.
    fn numeric_columns(&self) -> Result<Vec<bool>, DataError> {
        let mut reader = self.file.reader()?;
        let mut record = csv::ByteRecord::new();
        let mut balance = vec![0i64; self.file.names().len()];
        while reader.read_byte_record(&mut record)? {
            for (balance, cell) in balance.iter_mut().zip(&record) {
                *balance += match Cell::read(cell) {
                    Cell::Number(_) | Cell::NonFinite => 1,
                    Cell::Text => -1,
                    Cell::Missing => 0,
                };
            }
        }
        Ok(balance.into_iter().map(|balance| balance >= 0).collect())
    }
}
