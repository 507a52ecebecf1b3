//! How long a recording goes on without a gap.

use super::{Columns, DataError, RowReader, Table};

/// The rows of a recording that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretches {
    /// All of them.
    pub rows: usize,
    /// The most in a row: of one group, with none between them that is missing or left out.
    pub longest: usize,
}

impl Stretches {
    /// Reads the recording once.
    ///
    /// # Errors
    /// As [`RowReader::next_row`].
    pub fn of(table: &Table, columns: &Columns) -> Result<Self, DataError> {
        let mut reader = RowReader::new(table, columns)?;
        let (mut found, mut stretch) = (
            Self {
                rows: 0,
                longest: 0,
            },
            0,
        );
        let (mut group, mut left_out) = (Vec::new(), 0);
        while let Some(row) = reader.next_row()? {
            let usable = row.fault.is_none();
            if let Some(own) = row.group.filter(|own| *own != group) {
                group = own.to_vec();
                stretch = 0;
            }
            if reader.left_out() != left_out {
                left_out = reader.left_out();
                stretch = 0;
            }
            stretch = if usable { stretch + 1 } else { 0 };
            found.rows += usize::from(usable);
            found.longest = found.longest.max(stretch);
        }
        Ok(found)
    }
}
