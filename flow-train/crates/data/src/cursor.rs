//! The present row of a table of any format.

use super::cell::Cell;
use super::file::CsvReader;
use super::parquet::ParquetCursor;
use super::text::TextCursor;
use super::{DataError, Place};
use std::borrow::Cow;

/// Goes through the rows of a table.
#[derive(Debug)]
pub(super) struct Cursor {
    rows: Rows,
    /// Columns of the file itself; the constants are behind them.
    own: usize,
    constants: Vec<String>,
}

/// Goes through the rows of a file.
#[derive(Debug)]
pub(super) enum Rows {
    /// Of a text file.
    Csv(CsvCursor),
    /// Of a Parquet file.
    Parquet(Box<ParquetCursor>),
    /// Of a text.
    Text(TextCursor),
}

impl Cursor {
    /// Adds columns of one value each behind the `own` columns of a file.
    pub(super) fn new(rows: Rows, own: usize, constants: &[String]) -> Self {
        Self {
            rows,
            own,
            constants: constants.to_vec(),
        }
    }

    /// Goes to the next row; whether there is one.
    pub(super) fn advance(&mut self) -> Result<bool, DataError> {
        match &mut self.rows {
            Rows::Csv(cursor) => cursor.reader.read(&mut cursor.record),
            Rows::Parquet(cursor) => cursor.advance(),
            Rows::Text(cursor) => Ok(cursor.advance()),
        }
    }

    /// Where the present row stands.
    pub(super) fn place(&self) -> Place {
        match &self.rows {
            Rows::Csv(cursor) => {
                Place::Line(cursor.record.position().map_or(0, csv::Position::line))
            }
            Rows::Parquet(cursor) => Place::Row(cursor.row()),
            Rows::Text(cursor) => Place::Character(cursor.row()),
        }
    }

    /// A cell of the present row, as a number.
    pub(super) fn number(&self, column: usize) -> Cell {
        if let Some(text) = self.constant(column) {
            return Cell::read(text);
        }
        match &self.rows {
            Rows::Csv(cursor) => Cell::read(&cursor.record[column]),
            Rows::Parquet(cursor) => cursor.number(column),
            Rows::Text(cursor) => Cell::read(cursor.text()),
        }
    }

    /// A cell of the present row, as text without blanks around it; empty if it is missing.
    pub(super) fn text(&self, column: usize) -> Cow<'_, [u8]> {
        if let Some(text) = self.constant(column) {
            return Cow::Borrowed(text);
        }
        match &self.rows {
            Rows::Csv(cursor) => Cow::Borrowed(cursor.record[column].trim_ascii()),
            Rows::Parquet(cursor) => cursor.text(column),
            Rows::Text(cursor) => Cow::Borrowed(cursor.text()),
        }
    }

    fn constant(&self, column: usize) -> Option<&[u8]> {
        let constant = self.constants.get(column.checked_sub(self.own)?)?;
        Some(constant.as_bytes().trim_ascii())
    }
}

/// The reader of a text file and its present line.
#[derive(Debug)]
pub(super) struct CsvCursor {
    reader: CsvReader,
    record: csv::ByteRecord,
}

impl CsvCursor {
    /// Stands before the reader's next row.
    pub(super) fn new(reader: CsvReader) -> Self {
        Self {
            reader,
            record: csv::ByteRecord::new(),
        }
    }
}
