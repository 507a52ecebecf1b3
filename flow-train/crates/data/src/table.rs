//! A table on disk: a CSV or a Parquet file, or the characters of a text.

use super::cell::Cell;
use super::cursor::{CsvCursor, Cursor, Rows};
use super::error::shortened;
use super::file::CsvFile;
use super::parquet::{self, ParquetCursor, ParquetFile};
use super::text::{Alphabet, TextFile};
use super::{CsvFormat, DataError, Readable};
use flow_embedded::artefact::{MAX_NAME_BYTES, is_unprintable};
use std::io::Read as _;
use std::path::Path;

/// The most bytes of a column's name. A difference of two columns holds both names, the difference
/// of its lags holds those twice, and an artefact must hold that.
const MAX_NAME: usize = (MAX_NAME_BYTES - 64) / 4;

/// What is wrong with the name of a column, as a table's or an array's: it holds an unprintable
/// character or is too long. `None` if nothing is wrong.
pub fn fault_of_name(name: &str) -> Option<String> {
    fault_of_text(name, MAX_NAME)
}

/// What is wrong with a text of at most so many bytes; `None` if nothing is wrong.
pub(super) fn fault_of_text(text: &str, most: usize) -> Option<String> {
    let found = text.chars().find(|own| is_unprintable(*own));
    match found {
        Some('\n' | '\r') => Some("holds a line break".to_owned()),
        Some('\t') => Some("holds a tab".to_owned()),
        Some(own) => Some(format!(
            "holds the unprintable character U+{:04X}",
            u32::from(own)
        )),
        None => (text.len() > most)
            .then(|| format!("has {} bytes, and at most {most} are allowed", text.len())),
    }
}

/// A table on disk whose columns are known.
#[derive(Debug, Clone)]
pub struct Table {
    file: Readable,
    source: Source,
    names: Vec<String>,
    /// The values of columns that the file itself does not have, behind those that it has.
    constants: Vec<String>,
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
    /// The file can't be read, it is empty, a Parquet file is damaged, or the name of a column
    /// holds a control character or is too long.
    pub fn open(path: &Path, format: CsvFormat) -> Result<Self, DataError> {
        Self::of(Readable::open(path)?, format)
    }

    /// As [`open`](Self::open), of a file that is open.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of(file: Readable, format: CsvFormat) -> Result<Self, DataError> {
        let mut start = Vec::new();
        file.reader().take(4).read_to_end(&mut start)?;
        let source = if start == parquet::MAGIC {
            Source::Parquet(ParquetFile::open(&file)?)
        } else if start == parquet::MAGIC_ENCRYPTED {
            return Err(DataError::Encrypted);
        } else {
            Source::Csv(CsvFile::open(&file, format)?)
        };
        Self::new(file, source, vec![])
    }

    /// Opens a Parquet file, and adds columns that hold one value each, by name.
    ///
    /// # Errors
    /// The file can't be read, is no Parquet file or a damaged one, or the name of a column holds
    /// a control character or is too long.
    pub(super) fn open_parquet(
        path: &Path,
        constants: Vec<(String, String)>,
    ) -> Result<Self, DataError> {
        let file = Readable::open(path)?;
        let source = Source::Parquet(ParquetFile::open(&file)?);
        Self::new(file, source, constants)
    }

    fn new(
        file: Readable,
        source: Source,
        constants: Vec<(String, String)>,
    ) -> Result<Self, DataError> {
        let own = match &source {
            Source::Csv(csv) => csv.names(),
            Source::Parquet(parquet) => parquet.names(),
            Source::Text(text) => text.names(),
        };
        let (added, constants): (Vec<String>, _) = constants.into_iter().unzip();
        let table = Self {
            file,
            names: [own, &added].concat(),
            source,
            constants,
        };
        table.check_names()?;
        Ok(table)
    }

    /// Refuses names that no artefact holds, also of columns that nobody asks for: messages
    /// list all of them.
    fn check_names(&self) -> Result<(), DataError> {
        let line = self.names.first().map_or("", String::as_str);
        if self.likely_delimiter().is_some() && !line.contains('\n') {
            // The name is the whole first line, which is refused with better advice.
            return Ok(());
        }
        for (index, name) in self.names.iter().enumerate() {
            if let Some(why) = fault_of_name(name) {
                let text = shortened(name, 40);
                return Err(DataError::BadName { index, text, why });
            }
        }
        Ok(())
    }

    /// Opens a text as a table of its characters, in one column ([`Alphabet::COLUMN`]).
    ///
    /// # Errors
    /// The file can't be read, it is empty, or it is no UTF-8.
    pub fn open_text(path: &Path, alphabet: Alphabet) -> Result<Self, DataError> {
        Self::of_text(Readable::open(path)?, alphabet)
    }

    /// As [`open_text`](Self::open_text), of a file that is open.
    ///
    /// # Errors
    /// As [`open_text`](Self::open_text).
    pub fn of_text(file: Readable, alphabet: Alphabet) -> Result<Self, DataError> {
        let source = Source::Text(TextFile::open(&file, alphabet)?);
        Self::new(file, source, vec![])
    }

    /// Whether the rows are the characters of a text.
    pub fn is_text(&self) -> bool {
        matches!(self.source, Source::Text(_))
    }

    /// Where the table lies.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What a Parquet file says of itself under a key of its footer.
    pub fn note(&self, key: &str) -> Option<&str> {
        match &self.source {
            Source::Parquet(file) => file.note(key),
            Source::Csv(_) | Source::Text(_) => None,
        }
    }

    /// Columns of the file itself; those of its folder's name are behind them.
    fn own(&self) -> usize {
        self.names.len() - self.constants.len()
    }

    /// Whether the file names its columns; else they are called `c0`, `c1`, ….
    pub fn has_header(&self) -> bool {
        match &self.source {
            Source::Csv(file) => file.has_header(),
            Source::Parquet(_) | Source::Text(_) => true,
        }
    }

    /// A cursor before the first row. Only the `chosen` columns may be asked for.
    pub(super) fn cursor(&self, mut chosen: Vec<usize>) -> Result<Cursor, DataError> {
        chosen.retain(|column| *column < self.own());
        let rows = match &self.source {
            Source::Csv(file) => Rows::Csv(CsvCursor::new(file.reader())),
            Source::Parquet(_) => Rows::Parquet(Box::new(ParquetCursor::new(&self.file, chosen)?)),
            Source::Text(text) => Rows::Text(text.cursor()),
        };
        Ok(Cursor::new(rows, self.own(), &self.constants))
    }

    /// For each column, whether it holds numbers. Reads a text file to its end: it is only asked for
    /// when an error is certain.
    pub(super) fn numeric_columns(&self) -> Result<Vec<bool>, DataError> {
        match &self.source {
            Source::Csv(file) => file.numeric_columns(),
            Source::Parquet(file) => {
                let constants = self.constants.iter();
                let constants = constants.map(|text| Cell::read(text.as_bytes()).is_numeric());
                Ok(file
                    .numeric_columns()
                    .into_iter()
                    .chain(constants)
                    .collect())
            }
            Source::Text(_) => Ok(vec![false]),
        }
    }

    /// What a column holds, if it is of a type that can't be used.
    pub(super) fn refused(&self, column: usize) -> Option<&'static str> {
        match &self.source {
            Source::Csv(_) | Source::Text(_) => None,
            Source::Parquet(file) if column < self.own() => file.refused(column),
            Source::Parquet(_) => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::file;

    fn refusal(text: &str) -> String {
        let file = file(text);
        let table = Table::open(file.path(), CsvFormat::default());
        table.expect_err("refused").to_string()
    }

    #[test]
    fn names_that_no_artefact_holds_are_refused() {
        let long = "x".repeat(MAX_NAME + 1);
        for (header, text) in [
            (
                "\"pump\n\n```\nfn main() {}\n```\n\",b",
                "column 1: the name \"pump  ``` fn main() {} ```\" holds a line break; rename the column in the file",
            ),
            (
                "a,\u{1b}[2Jb",
                "column 2: the name \"\u{fffd}[2Jb\" holds the unprintable character U+001B; rename the column in \
                 the file",
            ),
            (
                "a,b\u{202e}c",
                "column 2: the name \"b\u{fffd}c\" holds the unprintable character U+202E; rename the column in \
                 the file",
            ),
            (
                &format!("a,{long}"),
                "column 2: the name \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\" has 241 bytes, and at most 240 \
                 are allowed; rename the column in the file",
            ),
        ] {
            assert_eq!(refusal(&format!("{header}\n1,2\n")), text);
        }
    }

    #[test]
    fn ordinary_and_odd_names_are_read() {
        let long = "x".repeat(MAX_NAME);
        for name in ["acc_x", "T (°C)", "`<b>`", "насос", "a\u{200f}", &long] {
            let file = file(&format!("a,{name}\n1,2\n"));
            let table = Table::open(file.path(), CsvFormat::default()).expect(name);
            assert_eq!(table.names()[1], name);
        }
    }

    #[test]
    fn a_line_read_as_one_column_is_no_long_name() {
        let names: Vec<String> = (0..200).map(|i| format!("channel{i}")).collect();
        for delimiter in [";", "\t"] {
            let text = format!(
                "{}\n{}\n",
                names.join(delimiter),
                vec!["1"; 200].join(delimiter)
            );
            let file = file(&text);
            Table::open(file.path(), CsvFormat::default()).expect("refused later, with advice");
        }
    }
}
