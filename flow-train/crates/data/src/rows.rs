//! Rows, one at a time, in constant memory.

use super::cell::{Cell, has_decimal_comma};
use super::cursor::Cursor;
use super::error::shown;
use super::past::Past;
use super::vocabulary::Code;
use super::{Columns, DataError, Place, Table};
use std::borrow::Cow;

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
    /// Where it stands in the file.
    pub place: Place,
    /// The events, then the features of the past, then the context; what a faulty cell or a feature
    /// without enough past holds is not said.
    pub values: &'a [f32],
    /// Whether there is enough past for the features: always so without any.
    pub primed: bool,
    /// Why the row can't be used, if it can't.
    pub fault: Option<Fault>,
    /// Whether the row is an anomaly, where the table has labels.
    pub anomaly: Option<bool>,
    /// The recording it belongs to, where the table has groups.
    pub group: Option<&'a [u8]>,
    /// How much it counts, where the table has weights: finite and not negative.
    pub weight: Option<f32>,
    cursor: &'a Cursor,
    keep: &'a [usize],
}

impl Row<'_> {
    /// The cells that are handed on, as text without blanks around it; empty where missing.
    pub fn kept(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        self.keep.iter().map(|column| self.cursor.text(*column))
    }
}

/// Reads the rows of a table one after the other.
#[derive(Debug)]
pub struct RowReader<'f> {
    file: &'f Table,
    columns: &'f Columns,
    cursor: Cursor,
    values: Vec<f32>,
    group: Vec<u8>,
    past: Past,
    /// The recording that the past is of.
    past_group: Vec<u8>,
    rows: u64,
    left_out: u64,
}

impl<'f> RowReader<'f> {
    /// Stands before the first row.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn new(file: &'f Table, columns: &'f Columns) -> Result<Self, DataError> {
        Ok(Self {
            file,
            columns,
            cursor: file.cursor(columns.all().collect())?,
            values: Vec::with_capacity(columns.width()),
            group: Vec::new(),
            past: Past::new(&columns.features, columns.events.len()),
            past_group: Vec::new(),
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
    /// The row is ragged, a number's cell holds text, a label is neither 0 nor 1, a weight is none,
    /// the file is damaged; at the end, that there was no row at all. Nothing can be read after an
    /// error.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, DataError> {
        let left_out = self.left_out;
        loop {
            if !self.cursor.advance()? {
                return match (self.rows, &self.columns.filter) {
                    (0, _) => Err(self.file.without_rows()),
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
        self.values.clear();
        let mut fault = None;
        for column in self.columns.numbers() {
            let (value, own) = self.number(column)?;
            self.values.push(value);
            fault = fault.or(own);
        }
        for (event, column) in self.columns.minus.iter().enumerate() {
            if let Some(column) = *column {
                let (value, own) = self.number(column)?;
                self.values[event] -= value;
                fault = fault.or(own);
                // Of two numbers that are too far apart.
                let kind = FaultKind::NonFinite;
                let overflow = !self.values[event].is_finite();
                fault = fault.or(overflow.then_some(Fault { column, kind }));
            }
        }
        let missing = |column| Fault {
            column,
            kind: FaultKind::Missing,
        };
        let mut anomaly = None;
        if let Some(column) = self.columns.label {
            anomaly = self.label(column)?;
            if anomaly.is_none() {
                fault = fault.or(Some(missing(column)));
            }
        }
        if let Some(column) = self.columns.group {
            self.group.clear();
            self.group.extend_from_slice(&self.cursor.text(column));
            if self.group.is_empty() {
                fault = fault.or(Some(missing(column)));
            }
        }
        let weight = self
            .columns
            .weights
            .map(|column| self.weight(column))
            .transpose()?;
        let primed = self.add_features(self.left_out - left_out, fault.is_none());
        Ok(Some(Row {
            place: self.cursor.place(),
            values: &self.values,
            primed,
            fault,
            anomaly,
            group: self.columns.group.map(|_| self.group.as_slice()),
            weight,
            cursor: &self.cursor,
            keep: &self.columns.keep,
        }))
    }

    /// The cells of some columns as text, in the next row that the filter lets pass; `None` after
    /// the last.
    pub(super) fn next_cells(
        &mut self,
        columns: &[usize],
    ) -> Result<Option<Vec<String>>, DataError> {
        loop {
            if !self.cursor.advance()? {
                return Ok(None);
            }
            if self.passes() {
                break;
            }
        }
        let cells = columns.iter().map(|column| {
            let cell = self.cursor.text(*column);
            let text = std::str::from_utf8(&cell).map(str::to_owned);
            text.map_err(|_| DataError::TextInNumberColumn {
                place: self.cursor.place(),
                column: self.file.names()[*column].clone(),
                text: shown(&cell),
                advice: "and no text in UTF-8 either".to_owned(),
            })
        });
        cells.collect::<Result<_, _>>().map(Some)
    }

    /// Puts the features of the past behind the events of a row, and the row into the past; whether
    /// there was enough of it. A row that was left out before it, or that can't be used, is missing
    /// there as a sample is on the chip.
    fn add_features(&mut self, left_out: u64, usable: bool) -> bool {
        let Columns {
            events, features, ..
        } = self.columns;
        if features.is_empty() {
            return true;
        }
        if self.past_group != self.group {
            self.past.reset();
            self.past_group.clone_from(&self.group);
        } else {
            self.past.missing(left_out);
        }
        let behind = events.len()..events.len();
        let found = match self.past.features() {
            Some(own) => {
                self.values.splice(behind, own.iter().copied());
                true
            }
            None => {
                let none = std::iter::repeat_n(f32::NAN, features.len());
                self.values.splice(behind, none);
                false
            }
        };
        match usable {
            true => self.past.push(&self.values[..events.len()]),
            false => self.past.missing(1),
        }
        found
    }

    /// The number in a column, and what is wrong with it.
    fn number(&self, column: usize) -> Result<(f32, Option<Fault>), DataError> {
        let own = &self.columns.vocabularies;
        if let Some(vocabulary) = own.of(column) {
            let cell = self.cursor.text(column);
            return match own.read(vocabulary, &cell) {
                Code::Known(code) => Ok((code, None)),
                Code::Fault(kind) => Ok((f32::NAN, Some(Fault { column, kind }))),
                Code::Unknown => {
                    let name = self.file.names()[column].clone();
                    Err(own.unknown(vocabulary, self.cursor.place(), name, shown(&cell)))
                }
            };
        }
        let (value, kind) = match self.cursor.number(column) {
            Cell::Number(value) => (value, None),
            Cell::Missing => (f32::NAN, Some(FaultKind::Missing)),
            Cell::NonFinite => (f32::NAN, Some(FaultKind::NonFinite)),
            Cell::Text => return Err(self.text_in(column)),
        };
        Ok((value, kind.map(|kind| Fault { column, kind })))
    }

    fn passes(&self) -> bool {
        self.columns.filter.as_ref().is_none_or(|(column, filter)| {
            let cell = self.cursor.text(*column);
            filter.values.iter().any(|value| value.as_bytes() == &*cell)
        })
    }

    /// `None` for a missing label.
    fn label(&self, column: usize) -> Result<Option<bool>, DataError> {
        let cell = self.cursor.text(column);
        if cell.is_empty() {
            return Ok(None);
        }
        if let Some(normal) = &self.columns.normal {
            return Ok(Some(!normal.iter().any(|value| value.as_bytes() == &*cell)));
        }
        match Cell::read(&cell) {
            Cell::Number(0.0) => Ok(Some(false)),
            Cell::Number(1.0) => Ok(Some(true)),
            _ => Err(DataError::BadLabel {
                place: self.cursor.place(),
                column: self.file.names()[column].clone(),
                text: shown(&cell),
            }),
        }
    }

    fn weight(&self, column: usize) -> Result<f32, DataError> {
        match self.cursor.number(column) {
            Cell::Number(weight) if weight >= 0.0 => Ok(weight),
            _ => Err(DataError::BadWeight {
                place: self.cursor.place(),
                column: self.file.names()[column].clone(),
                text: shown(&self.cursor.text(column)),
            }),
        }
    }

    fn text_in(&self, column: usize) -> DataError {
        let text = shown(&self.cursor.text(column));
        let advice = match self.file.numeric_columns() {
            Ok(numeric) if !numeric[column] => {
                let instead = self.columns.advise_columns(self.file, &numeric);
                format!("the column holds text: {instead}")
            }
            _ if has_decimal_comma(&text) => "write decimals with a point".to_owned(),
            _ => "mend the cell, or empty it to have the row dropped".to_owned(),
        };
        DataError::TextInNumberColumn {
            place: self.cursor.place(),
            column: self.file.names()[column].clone(),
            text,
            advice,
        }
    }
}
