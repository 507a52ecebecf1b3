//! A text by pieces of whole lines, in constant memory.

use super::readable::Reader;
use super::{DataError, Readable};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// Reads a text in UTF-8, some lines at a time.
#[derive(Debug)]
pub struct TextLines {
    reader: BufReader<Reader>,
    /// Bytes that were read before the piece.
    before: usize,
    piece: Vec<u8>,
}

impl TextLines {
    /// A piece ends with the line in which it gets this long, in bytes.
    const PIECE: usize = 64 * 1024;

    /// Opens a text.
    ///
    /// # Errors
    /// The file can't be opened, or is empty.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        Self::of(&Readable::open(path)?)
    }

    /// As [`open`](Self::open), of a file that is open.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of(file: &Readable) -> Result<Self, DataError> {
        let mut reader = BufReader::new(file.reader());
        if reader.fill_buf()?.is_empty() {
            return Err(DataError::NoText);
        }
        Ok(Self {
            reader,
            before: 0,
            piece: Vec::new(),
        })
    }

    /// The next lines with their ends, which the last line of the text may lack; `None` behind it.
    ///
    /// # Errors
    /// The file can't be read, or is not UTF-8.
    pub fn next_piece(&mut self) -> Result<Option<&str>, DataError> {
        self.before += self.piece.len();
        self.piece.clear();
        while self.piece.len() < Self::PIECE {
            if self.reader.read_until(b'\n', &mut self.piece)? == 0 {
                break;
            }
        }
        if self.piece.is_empty() {
            return Ok(None);
        }
        let text = str::from_utf8(&self.piece).map_err(|fault| DataError::NotUtf8 {
            byte: self.before + fault.valid_up_to(),
        })?;
        Ok(Some(text))
    }
}
