//! One column of a row group, a batch of values at a time.

use super::guard::damaged;
use super::kind::Kind;
use super::value::{Stored, Value};
use crate::DataError;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::Result;

/// Values that come one after the other.
pub(super) trait Column: Send {
    /// Reads the next `rows` rows, in place of those before, and stands before the first of them.
    /// Gives the number of rows that were there.
    fn fill(&mut self, rows: usize) -> Result<usize>;

    /// Goes to the next row of those read.
    fn step(&mut self) -> std::result::Result<(), DataError>;

    /// The row's value; `None` if it has none.
    fn value(&self) -> Option<Value<'_>>;
}

/// The reader of a column chunk as a [`Column`].
pub(super) fn column(reader: ColumnReader, kind: Kind, optional: bool) -> Box<dyn Column> {
    fn typed<T: DataType>(
        reader: ColumnReaderImpl<T>,
        kind: Kind,
        optional: bool,
    ) -> Box<dyn Column>
    where
        T::T: Stored,
    {
        Box::new(Typed {
            reader,
            kind,
            optional,
            values: Vec::new(),
            levels: Vec::new(),
            row: 0,
            read: 0,
            present: false,
        })
    }
    match reader {
        ColumnReader::BoolColumnReader(reader) => typed(reader, kind, optional),
        ColumnReader::Int32ColumnReader(reader) => typed(reader, kind, optional),
        ColumnReader::Int64ColumnReader(reader) => typed(reader, kind, optional),
        ColumnReader::Int96ColumnReader(reader) => typed(reader, kind, optional),
        ColumnReader::FloatColumnReader(reader) => typed(reader, kind, optional),
        ColumnReader::DoubleColumnReader(reader) => typed(reader, kind, optional),
        ColumnReader::ByteArrayColumnReader(reader) => typed(reader, kind, optional),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => typed(reader, kind, optional),
    }
}

struct Typed<T: DataType> {
    reader: ColumnReaderImpl<T>,
    kind: Kind,
    /// Whether values may be absent; then `levels` says which.
    optional: bool,
    /// The values that are there.
    values: Vec<T::T>,
    /// For each row, 1 if its value is there.
    levels: Vec<i16>,
    /// Rows gone by.
    row: usize,
    /// Values gone by, the present one included.
    read: usize,
    /// Whether the present row has a value.
    present: bool,
}

impl<T: DataType> Column for Typed<T>
where
    T::T: Stored,
{
    fn fill(&mut self, rows: usize) -> Result<usize> {
        self.values.clear();
        self.levels.clear();
        (self.row, self.read, self.present) = (0, 0, false);
        let levels = self.optional.then_some(&mut self.levels);
        let (records, _, _) = self
            .reader
            .read_records(rows, levels, None, &mut self.values)?;
        Ok(records)
    }

    fn step(&mut self) -> std::result::Result<(), DataError> {
        self.present = !self.optional || self.levels.get(self.row).is_some_and(|level| *level > 0);
        self.row += 1;
        self.read += usize::from(self.present);
        if self.read > self.values.len() {
            return Err(damaged("a column has fewer values than rows"));
        }
        Ok(())
    }

    fn value(&self) -> Option<Value<'_>> {
        let index = self.read.checked_sub(1)?;
        let value = self.values.get(index).filter(|_| self.present)?;
        Some(value.value(self.kind))
    }
}
