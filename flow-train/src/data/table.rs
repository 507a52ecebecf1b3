//! A table on disk: a CSV or a Parquet file, or the characters of a text.

use super::cursor::{CsvCursor, Cursor};
use super::file::CsvFile;
use super::parquet::{self, ParquetCursor, ParquetFile};
use super::text::{Alphabet, TextFile};
use super::{CsvFormat, DataError};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A table on disk whose columns are known.
#[derive(Debug, Clone)]
pub struct Table {
    path: PathBuf,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Csv(CsvFile),
    Parquet(ParquetFile),
    Text(TextFile),
}

impl Table {
    /// Opens a table and reads the names of its columns. A file that begins as a Parquet file does
    /// is read as one, whatever its name; then `format` is of no consequence.
    ///
    /// # Errors
    /// The file can't be read, it is empty, or a Parquet file is damaged.
    pub fn open(path: &Path, format: CsvFormat) -> Result<Self, DataError> {
        let mut start = Vec::new();
        File::open(path)?.take(4).read_to_end(&mut start)?;
        let source = if start == parquet::MAGIC {
            Source::Parquet(ParquetFile::open(path)?)
        } else if start == parquet::MAGIC_ENCRYPTED {
            return Err(DataError::Encrypted);
        } else {
            Source::Csv(CsvFile::open(path, format)?)
        };
        Ok(Self {
            path: path.to_owned(),
            source,
        })
    }

    /// Opens a text as a table of its characters, in one column ([`Alphabet::COLUMN`]).
    ///
    /// # Errors
    /// The file can't be read, it is empty, or it is no UTF-8.
    pub fn open_text(path: &Path, alphabet: Alphabet) -> Result<Self, DataError> {
        Ok(Self {
            path: path.to_owned(),
            source: Source::Text(TextFile::open(path, alphabet)?),
        })
    }

    /// Whether the rows are the characters of a text.
    pub fn is_text(&self) -> bool {
        matches!(self.source, Source::Text(_))
    }

    /// Where the table lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> &[String] {
        match &self.source {
            Source::Csv(file) => file.names(),
            Source::Parquet(file) => file.names(),
            Source::Text(text) => text.names(),
        }
    }

    /// Whether the file names its columns; else they are called `c0`, `c1`, ….
    pub fn has_header(&self) -> bool {
        match &self.source {
            Source::Csv(file) => file.has_header(),
            Source::Parquet(_) | Source::Text(_) => true,
        }
    }

    /// A cursor before the first row. Only the `chosen` columns may be asked for.
    pub(super) fn cursor(&self, chosen: Vec<usize>) -> Result<Cursor, DataError> {
        Ok(match &self.source {
            Source::Csv(file) => Cursor::Csv(CsvCursor::new(file.reader()?)),
            Source::Parquet(_) => {
                Cursor::Parquet(Box::new(ParquetCursor::new(&self.path, chosen)?))
            }
            Source::Text(text) => Cursor::Text(text.cursor()),
        })
    }

    /// For each column, whether it holds numbers. Reads a text file to its end: it is only asked for
    /// when an error is certain.
    pub(super) fn numeric_columns(&self) -> Result<Vec<bool>, DataError> {
        match &self.source {
            Source::Csv(file) => file.numeric_columns(),
            Source::Parquet(file) => Ok(file.numeric_columns()),
            Source::Text(_) => Ok(vec![false]),
        }
    }

    /// What a column holds, if it is of a type that can't be used.
    pub(super) fn refused(&self, column: usize) -> Option<&'static str> {
        match &self.source {
            Source::Csv(_) | Source::Text(_) => None,
            Source::Parquet(file) => file.refused(column),
        }
    }

    /// The delimiter that a text file seems to use, if its first line was read as a single column.
    pub(super) fn likely_delimiter(&self) -> Option<&'static str> {
        match &self.source {
            Source::Csv(file) => file.likely_delimiter(),
            Source::Parquet(_) | Source::Text(_) => None,
        }
    }

    /// That the table has no row.
    pub(super) fn without_rows(&self) -> DataError {
        match &self.source {
            Source::Csv(_) => DataError::HeaderOnly,
            Source::Parquet(_) | Source::Text(_) => DataError::NoRows,
        }
    }
}
