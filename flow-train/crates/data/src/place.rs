//! Where a row stands in its file.

use std::fmt;

/// A row's place, counted from 1, in the terms of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The line of a text file.
    Line(u64),
    /// The row of a file that has no lines.
    Row(u64),
    /// The character of a text.
    Character(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
            Self::Character(place) => write!(f, "character {place}"),
        }
    }
}
