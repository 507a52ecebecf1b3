//! Goes through the rows of a file.

use super::Chunks;
use super::column::{Column, column};
use super::guard::{damaged, guarded};
use super::kind::Kind;
use super::pages::Plausible;
use super::value::Value;
use crate::cell::Cell;
use crate::{DataError, Readable};
use parquet::column::reader::get_column_reader;
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use std::borrow::Cow;

/// Rows that are decoded at once.
const BATCH: usize = 1024;

/// Stands at a row of a file.
pub(crate) struct ParquetCursor {
    reader: SerializedFileReader<Chunks>,
    /// The columns that are read, ascending.
    chosen: Vec<usize>,
    /// For each column of the table, its place among the chosen ones.
    places: Vec<Option<usize>>,
    columns: Vec<Box<dyn Column>>,
    /// The row group after the present one.
    next_group: usize,
    /// Rows of the present row group that are not decoded yet.
    left: u64,
    /// Decoded rows that have not been visited.
    decoded: usize,
    /// The present row, from 1.
    row: u64,
}

impl ParquetCursor {
    /// Stands before the first row; only the `chosen` columns are read.
    pub(crate) fn new(file: &Readable, mut chosen: Vec<usize>) -> Result<Self, DataError> {
        let reader = super::reader(file)?;
        let all = reader
            .metadata()
            .file_metadata()
            .schema_descr()
            .num_columns();
        chosen.sort_unstable();
        chosen.dedup();
        // The file may have been replaced since its names were read.
        if chosen.last().is_some_and(|last| *last >= all) {
            return Err(damaged("its columns have changed"));
        }
        let places = (0..all)
            .map(|index| chosen.binary_search(&index).ok())
            .collect();
        Ok(Self {
            reader,
            chosen,
            places,
            columns: vec![],
            next_group: 0,
            left: 0,
            decoded: 0,
            row: 0,
        })
    }

    /// Goes to the next row; whether there is one.
    pub(crate) fn advance(&mut self) -> Result<bool, DataError> {
        while self.decoded == 0 {
            if self.left > 0 {
                self.decode()?;
            } else if self.next_group < self.reader.num_row_groups() {
                self.open_group()?;
            } else {
                return Ok(false);
            }
        }
        for column in &mut self.columns {
            column.step()?;
        }
        self.decoded -= 1;
        self.row += 1;
        Ok(true)
    }

    /// The present row, from 1.
    pub(crate) fn row(&self) -> u64 {
        self.row
    }

    /// A chosen column's cell in the present row, as a number.
    pub(crate) fn number(&self, column: usize) -> Cell {
        self.value(column).map_or(Cell::Missing, Value::cell)
    }

    /// A chosen column's cell in the present row, as text; empty if it is missing.
    pub(crate) fn text(&self, column: usize) -> Cow<'_, [u8]> {
        self.value(column).map_or(Cow::Borrowed(&[]), Value::text)
    }

    fn value(&self, column: usize) -> Option<Value<'_>> {
        let place = (*self.places.get(column)?)?;
        self.columns.get(place)?.value()
    }

    fn open_group(&mut self) -> Result<(), DataError> {
        let index = self.next_group;
        self.columns.clear();
        let (reader, chosen) = (&self.reader, &self.chosen);
        let (columns, rows) = guarded(|| {
            let group = reader.get_row_group(index)?;
            let rows = group.metadata().num_rows().unsigned_abs();
            let open = |index: &usize| -> Result<_, ParquetError> {
                let descriptor = group.metadata().column(*index).column_descr_ptr();
                let (kind, optional) = (Kind::of(&descriptor), descriptor.max_def_level() > 0);
                let pages = Plausible::new(group.get_column_page_reader(*index)?, rows);
                let reader = get_column_reader(descriptor, Box::new(pages));
                Ok(column(reader, kind, optional))
            };
            let columns: Result<Vec<_>, _> = chosen.iter().map(open).collect();
            Ok((columns?, rows))
        })?;
        (self.columns, self.left) = (columns, rows);
        self.next_group += 1;
        Ok(())
    }

    fn decode(&mut self) -> Result<(), DataError> {
        let rows = self.left.min(BATCH as u64) as usize;
        let columns = &mut self.columns;
        let complete = guarded(|| {
            for column in columns {
                if column.fill(rows)? != rows {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        if !complete {
            return Err(damaged("a column ends before its row group"));
        }
        self.decoded = rows;
        self.left -= rows as u64;
        Ok(())
    }
}

impl std::fmt::Debug for ParquetCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetCursor")
            .field("row", &self.row)
            .field("columns", &self.chosen)
            .finish_non_exhaustive()
    }
}
