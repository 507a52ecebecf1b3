//! Parquet files that are there completely or not at all.

use super::files::Target;
use super::output::Output;
use crate::Error;
use parquet::basic::{Compression, LogicalType, Repetition, Type};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::{ParquetError, Result as Encoded};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as Schema;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A Parquet file of flat columns, each of whose cells may lack a value. It is in its place when it
/// is committed, as an [`Output`].
pub(super) struct Columnar {
    path: PathBuf,
    writer: SerializedFileWriter<Output>,
}

impl Columnar {
    /// Begins a file of columns with these names and types; those of bytes are text.
    pub(super) fn create(target: &Target, columns: &[(&str, Type)]) -> Result<Self, Error> {
        let path = target.path();
        let output = Output::create(target)?;
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
            path: path.to_owned(),
            writer: writer.map_err(failed(path))?,
        })
    }

    /// Adds a row group, whose columns are written one after the other.
    pub(super) fn group(
        &mut self,
        write: impl FnOnce(&mut Group<'_>) -> Encoded<()>,
    ) -> Result<(), Error> {
        let written = self.writer.next_row_group().and_then(|group| {
            let mut group = Group(group);
            write(&mut group)?;
            group.0.close().map(drop)
        });
        written.map_err(failed(&self.path))
    }

    /// Puts the file in its place, with notes in its footer.
    pub(super) fn commit(mut self, notes: &[(&str, String)]) -> Result<(), Error> {
        for (key, value) in notes {
            let note = KeyValue::new((*key).to_owned(), value.clone());
            self.writer.append_key_value_metadata(note);
        }
        let output = self.writer.into_inner().map_err(failed(&self.path))?;
        output.commit()
    }
}

/// A row group that is being written.
pub(super) struct Group<'w>(SerializedRowGroupWriter<'w, Output>);

impl Group<'_> {
    /// Writes the next column: the values that are there, and for each row 1 if it has one.
    pub(super) fn column<T: DataType>(&mut self, values: &[T::T], levels: &[i16]) -> Encoded<()> {
        let column = self.0.next_column()?;
        let mut column = column.ok_or_else(|| ParquetError::General("no such column".into()))?;
        let typed = column.typed::<T>();
        typed.write_batch(values, Some(levels), None)?;
        column.close()
    }
}

/// Adds a cell of text; an empty one is none.
pub(super) fn push_text(values: &mut Vec<ByteArray>, levels: &mut Vec<i16>, cell: &[u8]) {
    levels.push((!cell.is_empty()).into());
    if !cell.is_empty() {
        // Text of another encoding would be no text to who reads it.
        let text = String::from_utf8_lossy(cell);
        values.push(text.into_owned().into_bytes().into());
    }
}

/// That a file can't be written.
fn failed(path: &Path) -> impl Fn(ParquetError) -> Error + '_ {
    |fault| {
        let fault = match fault {
            ParquetError::External(cause) => match cause.downcast::<io::Error>() {
                Ok(fault) => *fault,
                Err(cause) => io::Error::other(cause),
            },
            other => io::Error::other(other),
        };
        Error::write(path)(fault)
    }
}
