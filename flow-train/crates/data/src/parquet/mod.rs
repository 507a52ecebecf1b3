//! Tables in Parquet files.
//!
//! ```text
//! ParquetFile ──► ParquetCursor ──► Column ──► Value ──► a number or text
//!  names, kinds    one row group,    one of the chosen columns,
//!  row groups      row after row     one page at a time
//! ```
//!
//! Numbers of every width, booleans and decimals are numbers; an absent value is a missing cell.
//! Text is a number where it reads as one, as in a text file. Memory: one page of each chosen
//! column.

mod column;
mod cursor;
mod guard;
mod kind;
mod pages;
mod value;

pub(super) use cursor::ParquetCursor;

use super::readable::Reader;
use super::{DataError, Readable};
use bytes::Bytes;
use guard::{damaged, guarded};
use kind::Kind;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, FileReader as _, Length};
use parquet::file::serialized_reader::SerializedFileReader;
use std::io::{BufReader, Read as _};

/// What a Parquet file begins with.
pub(super) const MAGIC: [u8; 4] = *b"PAR1";

/// What one begins with whose very schema is encrypted.
pub(super) const MAGIC_ENCRYPTED: [u8; 4] = *b"PARE";

/// A file whose schema has been read.
#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    names: Vec<String>,
    kinds: Vec<Kind>,
    /// What the footer says under some keys.
    notes: Vec<(String, String)>,
}

impl ParquetFile {
    /// Opens a file and reads its schema.
    pub(super) fn open(file: &Readable) -> Result<Self, DataError> {
        let reader = reader(file)?;
        guarded(|| {
            let footer = reader.metadata().file_metadata();
            let columns = footer.schema_descr().columns();
            let notes = footer.key_value_metadata().into_iter().flatten();
            let notes = notes.filter_map(|note| Some((note.key.clone(), note.value.clone()?)));
            Ok(Self {
                notes: notes.collect(),
                names: columns
                    .iter()
                    .map(|column| column.path().string())
                    .collect(),
                kinds: columns.iter().map(|column| Kind::of(column)).collect(),
            })
        })
    }

    /// The names of the columns, in order; parts of structures with points between them.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// What the file says of itself under a key.
    pub(super) fn note(&self, key: &str) -> Option<&str> {
        let mut notes = self.notes.iter();
        let note = notes.find(|(own, _)| own == key)?;
        Some(&note.1)
    }

    /// What the column holds, if it can't be used.
    pub(super) fn refused(&self, column: usize) -> Option<&'static str> {
        match self.kinds[column] {
            Kind::Refused(what) => Some(what),
            _ => None,
        }
    }

    /// For each column, whether it holds numbers.
    pub(super) fn numeric_columns(&self) -> Vec<bool> {
        self.kinds.iter().map(|kind| kind.is_number()).collect()
    }
}

/// Opens a file, and checks what the decoder takes on trust.
fn reader(file: &Readable) -> Result<SerializedFileReader<Chunks>, DataError> {
    let length = file.length()?;
    let reader = guarded(|| SerializedFileReader::new(Chunks(file.clone())))?;
    check(reader.metadata(), length)?;
    Ok(reader)
}

/// What the decoder reads a file by.
struct Chunks(Readable);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.length().unwrap_or(0)
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<Reader>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(self.0.reader_at(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = Vec::with_capacity(length);
        let chunk = self.0.reader_at(start);
        let read = chunk.take(length as u64).read_to_end(&mut bytes)?;
        match read == length {
            true => Ok(bytes.into()),
            false => Err(ParquetError::EOF(format!(
                "{length} bytes were expected at {start}, and {read} are there"
            ))),
        }
    }
}

/// Counts, places and compressions of the file's parts.
fn check(metadata: &ParquetMetaData, length: u64) -> Result<(), DataError> {
    let columns = metadata.file_metadata().schema_descr().num_columns();
    for group in metadata.row_groups() {
        if group.num_rows() < 0 || group.num_columns() != columns {
            return Err(damaged("a row group does not fit the schema"));
        }
        for chunk in group.columns() {
            let start = chunk
                .dictionary_page_offset()
                .unwrap_or(chunk.data_page_offset());
            let end = u64::try_from(start)
                .ok()
                .zip(u64::try_from(chunk.compressed_size()).ok())
                .and_then(|(start, size)| start.checked_add(size));
            if end.is_none_or(|end| end > length) {
                return Err(damaged("a column lies outside of the file"));
            }
            if chunk.column_descr().max_rep_level() == 0 && chunk.num_values() != group.num_rows() {
                return Err(damaged("a column has another number of values than rows"));
            }
            if let Some(name) = unsupported(chunk.compression()) {
                return Err(DataError::Compression { name });
            }
        }
    }
    Ok(())
}

/// The name of a compression that is not supported.
fn unsupported(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::GZIP(_)
        | Compression::ZSTD(_)
        | Compression::LZ4
        | Compression::LZ4_RAW => None,
        Compression::BROTLI(_) => Some("brotli"),
        Compression::LZO => Some("LZO"),
    }
}
