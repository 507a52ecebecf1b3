//! Parquet files that are written.

pub use parquet::basic::Type;
pub use parquet::data_type::{BoolType, ByteArray, ByteArrayType, FloatType, Int32Type, Int64Type};

use parquet::basic::{Compression, LogicalType, Repetition};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result as Encoded};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as Schema;
use std::io::{self, Write};
use std::sync::Arc;

/// A Parquet file of flat columns, each of whose cells may lack a value.
pub struct Columnar<W: Write + Send> {
    writer: SerializedFileWriter<W>,
}

impl<W: Write + Send> Columnar<W> {
    /// Begins a file of columns with these names and types; those of bytes are text.
    ///
    /// # Errors
    /// `output` can't be written.
    pub fn new(output: W, columns: &[(&str, Type)]) -> io::Result<Self> {
        let field = |(name, kind): &(&str, Type)| {
            let text = (*kind == Type::BYTE_ARRAY).then_some(LogicalType::String);
            Schema::primitive_type_builder(name, *kind)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(text)
                .build()
                .map(Arc::new)
        };
        let fields: Encoded<Vec<_>> = columns.iter().map(field).collect();
        let writer = fields.and_then(|fields| {
            let schema = Schema::group_type_builder("table").with_fields(fields);
            let compressed = WriterProperties::builder().set_compression(Compression::SNAPPY);
            SerializedFileWriter::new(output, Arc::new(schema.build()?), compressed.build().into())
        });
        Ok(Self {
            writer: writer.map_err(failed)?,
        })
    }

    /// Adds a row group, whose columns are written one after the other.
    ///
    /// # Errors
    /// `output` can't be written, or the columns are not those of the file.
    pub fn group(
        &mut self,
        write: impl FnOnce(&mut Group<'_, W>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut group = Group(self.writer.next_row_group().map_err(failed)?);
        write(&mut group)?;
        group.0.close().map(drop).map_err(failed)
    }

    /// Ends the file, with notes in its footer, and gives back what it was written to.
    ///
    /// # Errors
    /// `output` can't be written.
    pub fn finish(mut self, notes: &[(&str, String)]) -> io::Result<W> {
        for (key, value) in notes {
            let note = KeyValue::new((*key).to_owned(), value.clone());
            self.writer.append_key_value_metadata(note);
        }
        self.writer.into_inner().map_err(failed)
    }
}

/// A row group that is being written.
pub struct Group<'w, W: Write>(SerializedRowGroupWriter<'w, W>);

impl<W: Write + Send> Group<'_, W> {
    /// Writes the next column: the values that are there, and for each row 1 if it has one.
    ///
    /// # Errors
    /// `output` can't be written, or there is no such column.
    pub fn column<T: DataType>(&mut self, values: &[T::T], levels: &[i16]) -> io::Result<()> {
        let column = self.0.next_column().map_err(failed)?;
        let mut column = column.ok_or_else(|| io::Error::other("no such column"))?;
        let typed = column.typed::<T>();
        typed
            .write_batch(values, Some(levels), None)
            .map_err(failed)?;
        column.close().map_err(failed)
    }
}

/// Adds a cell of text; an empty cell has no value.
pub fn push_text(values: &mut Vec<ByteArray>, levels: &mut Vec<i16>, cell: &[u8]) {
    levels.push((!cell.is_empty()).into());
    if !cell.is_empty() {
        // Text of another encoding would be no text to who reads it.
        let text = String::from_utf8_lossy(cell);
        values.push(text.into_owned().into_bytes().into());
    }
}

/// What the output said, if it said it.
fn failed(fault: ParquetError) -> io::Error {
    match fault {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(fault) => *fault,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}
