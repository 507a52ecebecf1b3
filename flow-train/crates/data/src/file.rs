//! A CSV file: its names, its delimiter, whether it has a header.

use super::cell::Cell;
use super::readable::Reader;
use super::{DataError, Readable};

/// Whether the first line names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Header {
    /// It does, unless all its cells are numbers. (`0,1,2,…` counts as names: some programs number
    /// their columns.)
    #[default]
    Detect,
    /// It does.
    Present,
    /// It is data already; the columns are called `c0`, `c1`, ….
    Absent,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvFormat {
    /// The byte between two cells.
    pub delimiter: u8,
    /// Whether the first line names the columns.
    pub header: Header,
}

impl Default for CsvFormat {
    /// Commas, header detected.
    fn default() -> Self {
        Self {
            delimiter: b',',
            header: Header::Detect,
        }
    }
}

/// A text file whose first line has been read.
#[derive(Debug, Clone)]
pub(super) struct CsvFile {
    file: Readable,
    delimiter: u8,
    has_header: bool,
    names: Vec<String>,
}

impl CsvFile {
    /// Opens a table and reads its first line.
    ///
    /// # Errors
    /// The file can't be read, or it is empty.
    pub(super) fn open(file: &Readable, format: CsvFormat) -> Result<Self, DataError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(format.delimiter)
            .has_headers(false)
            .from_reader(file.reader());
        let mut first = csv::ByteRecord::new();
        if !reader.read_byte_record(&mut first)? {
            return Err(DataError::Empty);
        }
        let has_header = match format.header {
            Header::Present => true,
            Header::Absent => false,
            Header::Detect => !is_data(&first),
        };
        let names = first
            .iter()
            .enumerate()
            .map(|(index, cell)| {
                let name = String::from_utf8_lossy(cell.trim_ascii()).into_owned();
                if has_header && !name.is_empty() {
                    name
                } else {
                    format!("c{index}")
                }
            })
            .collect();
        Ok(Self {
            file: file.clone(),
            delimiter: format.delimiter,
            has_header,
            names,
        })
    }

    /// The names of the columns, in order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the first line names the columns.
    pub(super) fn has_header(&self) -> bool {
        self.has_header
    }

    /// A reader that stands before the first row of data.
    pub(super) fn reader(&self) -> CsvReader {
        CsvReader {
            reader: csv::ReaderBuilder::new()
                .delimiter(self.delimiter)
                .has_headers(self.has_header)
                .flexible(true)
                .from_reader(self.file.reader()),
            width: self.names.len(),
        }
    }

    /// For each column, whether at least half of its filled cells are numbers. Reads the whole file.
    pub(super) fn numeric_columns(&self) -> Result<Vec<bool>, DataError> {
        let mut reader = self.reader();
        let mut record = csv::ByteRecord::new();
        let mut balance = vec![0i64; self.names.len()];
        while reader.read(&mut record)? {
            for (balance, cell) in balance.iter_mut().zip(&record) {
                *balance += match Cell::read(cell) {
                    Cell::Number(_) | Cell::NonFinite => 1,
                    Cell::Text => -1,
                    Cell::Missing => 0,
                };
            }
        }
        Ok(balance.into_iter().map(|balance| balance >= 0).collect())
    }

    /// The delimiter that the first line seems to use, if it was read as a single column.
    pub(super) fn likely_delimiter(&self) -> Option<&'static str> {
        let [only] = self.names.as_slice() else {
            return None;
        };
        [
            (';', "semicolon"),
            ('\t', "tab"),
            ('|', "pipe"),
            (',', "comma"),
        ]
        .into_iter()
        .find_map(|(delimiter, name)| only.contains(delimiter).then_some(name))
    }
}

/// Reads rows that have as many cells as the table has columns.
///
/// The reader of the crate `csv` compares a row with the first one that it reads itself. The columns come
/// from another reading, and the file may have been written to in between: so the number of columns is
/// compared here, and a row that has been read has every cell.
#[derive(Debug)]
pub(super) struct CsvReader {
    reader: csv::Reader<Reader>,
    width: usize,
}

impl CsvReader {
    /// Reads the next row; whether there is one.
    ///
    /// # Errors
    /// The file can't be read, or the row has more or fewer cells than the table has columns.
    pub(super) fn read(&mut self, record: &mut csv::ByteRecord) -> Result<bool, DataError> {
        if !self.reader.read_byte_record(record)? {
            return Ok(false);
        }
        if record.len() != self.width {
            return Err(DataError::Ragged {
                line: record.position().map_or(0, csv::Position::line),
                expected: self.width as u64,
                found: record.len() as u64,
            });
        }
        Ok(true)
    }
}

/// Whether a first line is data: numbers or gaps only, at least one number, and not `0, 1, 2, …`.
fn is_data(first: &csv::ByteRecord) -> bool {
    let numbered = first
        .iter()
        .enumerate()
        .all(|(i, cell)| cell.trim_ascii() == i.to_string().as_bytes());
    !numbered
        && first.iter().all(|cell| Cell::read(cell).is_numeric())
        && first
            .iter()
            .any(|cell| matches!(Cell::read(cell), Cell::Number(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::file;

    fn names(text: &str, header: Header) -> (Vec<String>, bool) {
        let file = file(text);
        let csv = CsvFile::open(
            &Readable::open(file.path()).expect("opens"),
            CsvFormat {
                header,
                ..CsvFormat::default()
            },
        )
        .expect("opens");
        (csv.names().to_vec(), csv.has_header())
    }

    #[test]
    fn the_header_is_detected_and_can_be_overruled() {
        let named = |n: &[&str]| n.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            names("a, b,\n1,2,3\n", Header::Detect),
            (named(&["a", "b", "c2"]), true)
        );
        assert_eq!(
            names("1,2\n3,4\n", Header::Detect),
            (named(&["c0", "c1"]), false)
        );
        assert_eq!(
            names("1,\n3,4\n", Header::Detect),
            (named(&["c0", "c1"]), false)
        );
        assert_eq!(
            names("0,1\n3,4\n", Header::Detect),
            (named(&["0", "1"]), true)
        );
        assert_eq!(
            names("1,2\n3,4\n", Header::Present),
            (named(&["1", "2"]), true)
        );
        assert_eq!(
            names("a,b\n3,4\n", Header::Absent),
            (named(&["c0", "c1"]), false)
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        assert_eq!(names("\u{feff}a,b\n1,2\n", Header::Detect).0, ["a", "b"]);
    }

    #[test]
    fn rows_are_compared_with_the_columns_that_were_found() {
        let file = file("1.5,2.5,3.5\n4,5,6\n");
        let path = file.path();
        let csv = CsvFile::open(&Readable::open(path).expect("opens"), CsvFormat::default())
            .expect("opens");
        // Another program writes fewer columns while the table is in use.
        std::fs::write(path, "4,5\n6,7\n").expect("written");
        let mut record = csv::ByteRecord::new();
        let error = csv.reader().read(&mut record).expect_err("ragged");
        let found = match error {
            DataError::Ragged {
                line,
                expected,
                found,
            } => [line, expected, found],
            other => panic!("{other}"),
        };
        assert_eq!(found, [1, 3, 2]);
        assert!(matches!(
            csv.numeric_columns(),
            Err(DataError::Ragged { .. })
        ));
    }

    #[test]
    fn an_empty_file_is_refused() {
        for text in ["", "\n\n"] {
            let file = file(text);
            let file = Readable::open(file.path()).expect("opens");
            let error = CsvFile::open(&file, CsvFormat::default()).expect_err("empty");
            assert!(matches!(error, DataError::Empty), "{error}");
        }
    }
}
