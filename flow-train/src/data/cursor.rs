//! The present row of a table of either format.

use super::cell::Cell;
use super::parquet::ParquetCursor;
use super::text::TextCursor;
use super::{DataError, Place};
use std::borrow::Cow;
use std::fs::File;

/// Goes through the rows of a table.
#[derive(Debug)]
pub(super) enum Cursor {
    /// Of a text file.
    Csv(CsvCursor),
    /// Of a Parquet file.
    Parquet(Box<ParquetCursor>),
    /// Of a text.
    Text(TextCursor),
}

impl Cursor {
    /// Goes to the next row; whether there is one.
    pub(super) fn advance(&mut self) -> Result<bool, DataError> {
        match self {
            Self::Csv(cursor) => Ok(cursor.reader.read_byte_record(&mut cursor.record)?),
            Self::Parquet(cursor) => cursor.advance(),
            Self::Text(cursor) => Ok(cursor.advance()),
        }
    }

    /// Where the present row stands.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Csv(cursor) => {
                Place::Line(cursor.record.position().map_or(0, csv::Position::line))
            }
            Self::Parquet(cursor) => Place::Row(cursor.row()),
            Self::Text(cursor) => Place::Character(cursor.row()),
        }
    }

    /// A cell of the present row, as a number.
    pub(super) fn number(&self, column: usize) -> Cell {
        match self {
            Self::Csv(cursor) => Cell::read(&cursor.record[column]),
            Self::Parquet(cursor) => cursor.number(column),
            Self::Text(cursor) => Cell::read(cursor.text()),
        }
    }

    /// A cell of the present row, as text without blanks around it; empty if it is missing.
    pub(super) fn text(&self, column: usize) -> Cow<'_, [u8]> {
        match self {
            Self::Csv(cursor) => Cow::Borrowed(cursor.record[column].trim_ascii()),
            Self::Parquet(cursor) => cursor.text(column),
            Self::Text(cursor) => Cow::Borrowed(cursor.text()),
        }
    }
}

/// The reader of a text file and its present line.
#[derive(Debug)]
pub(super) struct CsvCursor {
    reader: csv::Reader<File>,
    record: csv::ByteRecord,
}

impl CsvCursor {
    /// Stands before the reader's next row.
    pub(super) fn new(reader: csv::Reader<File>) -> Self {
        Self {
            reader,
            record: csv::ByteRecord::new(),
        }
    }
}
