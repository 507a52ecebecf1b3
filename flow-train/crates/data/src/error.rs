//! What can be wrong with a table, one sentence each.

use super::Place;
use flow_host::shown::{line, list, path};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Why a table can't be used. Each message says what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file can't be opened or read.
    #[error("can't be read: {0}")]
    Read(#[from] std::io::Error),
    /// The file holds nothing.
    #[error("is empty: a header line and one line for each row are needed")]
    Empty,
    /// The file holds a header alone.
    #[error("holds a header and no rows below it")]
    HeaderOnly,
    /// A row whose number of cells is not that of the first line.
    #[error(
        "line {line} has {found} cells where the first line has {expected}; mend the line or remove it"
    )]
    Ragged {
        /// Line in the file, from 1.
        line: u64,
        /// Cells in the first line.
        expected: u64,
        /// Cells in this line.
        found: u64,
    },
    /// The CSV itself is malformed.
    #[error("is not a well-formed table: {0}")]
    Malformed(csv::Error),
    /// A column was asked for that the table does not have.
    #[error("has no column `{}`{}; its columns are {}", line(name), nearest.as_ref().map(|near| format!(" (did you mean `{}`?)", line(near))).unwrap_or_default(), list(available))]
    NoSuchColumn {
        /// The name asked for.
        name: String,
        /// The most similar name, if one is close.
        nearest: Option<String>,
        /// All names of the table.
        available: Vec<String>,
    },
    /// The table has one column, whose name holds another delimiter.
    #[error(
        "has no column `{}`: the whole line was read as one column; try --delimiter {delimiter}",
        shortened(name, 200)
    )]
    WrongDelimiter {
        /// The name asked for, or the line itself.
        name: String,
        /// The delimiter that the line seems to use.
        delimiter: &'static str,
    },
    /// Columns that a model needs are absent.
    #[error("lacks {} of the model's columns: {}; its columns are {}", missing.len(), list(missing), list(available))]
    MissingColumns {
        /// The model's columns that are absent.
        missing: Vec<String>,
        /// All names of the table.
        available: Vec<String>,
    },
    /// Two columns share the name that was asked for.
    #[error("has more than one column `{}`; rename one", line(name))]
    AmbiguousColumn {
        /// The name.
        name: String,
    },
    /// One column was given two parts to play.
    #[error(
        "column `{name}` is asked for twice (--columns, --context, --label, --group and --weights may not share a column)",
        name = line(name)
    )]
    ColumnTwice {
        /// The name.
        name: String,
    },
    /// No column is left for the model.
    #[error("has no column of numbers for the model; name some with --columns")]
    NoColumns,
    /// Text in a column that was to hold numbers.
    #[error("{place}, column `{column}`: \"{text}\" is not a number; {advice}")]
    TextInNumberColumn {
        /// Where the row stands.
        place: Place,
        /// The column's name.
        column: String,
        /// The cell, shortened.
        text: String,
        /// What to do about it.
        advice: String,
    },
    /// A category that a model does not know.
    #[error(
        "{place}, column `{column}`: the model does not know the category \"{text}\"; it knows {known}"
    )]
    UnknownCategory {
        /// Where the row stands.
        place: Place,
        /// The column's name.
        column: String,
        /// The cell, shortened.
        text: String,
        /// The categories, or the first of them.
        known: String,
    },
    /// A column of one category, or of too many.
    #[error(
        "column `{column}` holds {found} categories, and a categorical column needs 2 to {limit}; leave it out, or model it as numbers"
    )]
    Categories {
        /// The column's name.
        column: String,
        /// Its categories.
        found: usize,
        /// The most that there may be.
        limit: usize,
    },
    /// A name that no artefact holds and no terminal should print.
    #[error("column {}: the name \"{text}\" {why}; rename the column in the file", index + 1)]
    BadName {
        /// The column, from 0.
        index: usize,
        /// The name, shortened.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A category that no artefact holds.
    #[error(
        "column `{column}`: the category \"{text}\" {why}; write another text in its cells, or leave the column out"
    )]
    BadCategory {
        /// The column's name.
        column: String,
        /// The category, shortened.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// More categorical columns than a model holds.
    #[error("has {found} categorical columns asked for; a model holds at most {limit}")]
    TooManyCategorical {
        /// The columns asked for.
        found: usize,
        /// The most that there may be.
        limit: usize,
    },
    /// A text that is no UTF-8.
    #[error("is no text in UTF-8: byte {byte} begins no character; convert it first")]
    NotUtf8 {
        /// The first byte that is wrong, from 0.
        byte: usize,
    },
    /// A text without a character.
    #[error("is empty: a text needs characters")]
    NoText,
    /// A label that says neither normal nor anomaly.
    #[error(
        "{place}, column `{column}`: the label \"{text}\" is neither 0 (normal) nor 1 (anomaly); if its values have other names, list the normal ones with --normal"
    )]
    BadLabel {
        /// Where the row stands.
        place: Place,
        /// The column's name.
        column: String,
        /// The cell, shortened.
        text: String,
    },
    /// A weight that is none.
    #[error(
        "{place}, column `{column}`: the weight \"{text}\" is not a finite number of at least 0; mend it, or give rows that shall not count the weight 0"
    )]
    BadWeight {
        /// Where the row stands.
        place: Place,
        /// The column's name.
        column: String,
        /// The cell, shortened.
        text: String,
    },
    /// No row has enough past for the features.
    #[error(
        "has no row with enough past among its {rows}: the model's features need {need} rows before a row, without a break; a break is where the group changes, a row is dropped or one is left out"
    )]
    NoPast {
        /// Rows that the filter let pass.
        rows: u64,
        /// Rows in a row that the features need.
        need: usize,
    },
    /// No usable row counts.
    #[error(
        "column `{column}`: each usable row has the weight 0; give some rows a positive weight"
    )]
    NoWeight {
        /// The column's name.
        column: String,
    },
    /// A Parquet column whose type is neither a number's nor text.
    #[error("column `{column}` holds {holds}, which are neither numbers nor text; {advice}")]
    UnusableColumn {
        /// The column's name.
        column: String,
        /// What it holds, in the plural.
        holds: &'static str,
        /// What to do about it.
        advice: String,
    },
    /// A Parquet file that contradicts itself or ends early.
    #[error("is a damaged Parquet file ({why}); write or copy it anew")]
    DamagedParquet {
        /// How it shows.
        why: String,
    },
    /// A Parquet file that is encrypted.
    #[error("is an encrypted Parquet file; write it without encryption")]
    Encrypted,
    /// A Parquet file's compression is not supported.
    #[error("is compressed with {name}, which is not supported; write it with zstd or snappy")]
    Compression {
        /// The compression.
        name: &'static str,
    },
    /// A folder without Parquet files.
    #[error(
        "holds no Parquet file: names that end in .parquet, in the folder or below it, and do not begin with . or _"
    )]
    NoTables,
    /// Files of a folder whose paths name other keys.
    #[error(
        "is no one table: the keys (key=value) in the path of {} are not those of {}; move one of them away",
        path(other),
        path(first)
    )]
    KeysDiffer {
        /// The first file, in the folder.
        first: PathBuf,
        /// The first file that differs from it.
        other: PathBuf,
    },
    /// A Parquet file without rows.
    #[error("holds no row")]
    NoRows,
    /// Every row was dropped.
    #[error(
        "has no usable row: each of its {rows} rows has a missing or non-finite cell ({faults}); mend them, or leave the column out with --columns"
    )]
    NoUsableRows {
        /// Rows read.
        rows: u64,
        /// The faults by column.
        faults: String,
    },
    /// The filter let no row pass.
    #[error("has no row with {} = {} (--only)", line(column), line(values))]
    NothingPassed {
        /// The filter's column.
        column: String,
        /// The values that would have passed.
        values: String,
    },
    /// Fewer rows than the task needs.
    #[error("has {have} usable rows and at least {need} are needed: {why}")]
    TooFewRows {
        /// Usable rows.
        have: usize,
        /// Rows needed.
        need: usize,
        /// Where the number comes from.
        why: String,
    },
    /// Fewer groups than the split needs.
    #[error(
        "has {have} groups and at least {need} are needed, so that training, validation and calibration each get whole groups"
    )]
    TooFewGroups {
        /// Groups found.
        have: usize,
        /// Groups needed.
        need: usize,
    },
    /// Whole groups leave one part with too few rows.
    #[error(
        "has groups whose rows fall into {train} to train, {validation} to validate and \
         {calibration} to calibrate, and these are needed: {why}; record more, or try another --seed"
    )]
    PartTooSmall {
        /// Rows to train.
        train: usize,
        /// Rows to validate.
        validation: usize,
        /// Rows to calibrate.
        calibration: usize,
        /// The rows needed.
        why: String,
    },
    /// The memory limit leaves no room for the shuffle.
    #[error(
        "needs {need} bytes of memory to be shuffled on disk, and the limit is {limit}; allow more"
    )]
    MemoryLimit {
        /// Bytes needed.
        need: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The groups alone fill the memory.
    #[error(
        "has more than {groups} groups in column `{column}`, too many for the memory limit of {limit} bytes; allow more, or name a column that tells recordings apart rather than rows"
    )]
    TooManyGroups {
        /// The column's name.
        column: String,
        /// Groups that the limit allows.
        groups: usize,
        /// Bytes allowed.
        limit: u64,
    },
    /// The temporary file of the shuffle can't be used.
    #[error(
        "is too large for the memory limit and can't be shuffled on disk: a temporary file of {need} bytes in {} failed ({fault}); name a folder with more room in TMPDIR, or allow more memory",
        path(folder)
    )]
    Spool {
        /// Where the temporary file lies.
        folder: PathBuf,
        /// Bytes needed.
        need: u64,
        /// What went wrong.
        #[source]
        fault: std::io::Error,
    },
    /// The table has other rows than a moment ago.
    #[error("has changed while it was read; start again when it is complete")]
    Changed,
    /// A column that never changes.
    #[error(
        "column `{column}` is {value} in all {rows} training rows: a constant has no density; leave it out{}, or, \
         if it is rounded, say to what with --step {column}=…",
        columns_advice(others)
    )]
    Constant {
        /// The column's name.
        column: String,
        /// Its value.
        value: f32,
        /// Rows looked at.
        rows: usize,
        /// The event columns that do change.
        others: Vec<String>,
    },
    /// Values that the step asked for does not hold.
    #[error(
        "column `{column}` holds {} and {}, which are no whole number of steps of {step} apart: mend the step or the \
         rows, or leave --step {column} out",
        values[0], values[1]
    )]
    OffSteps {
        /// The column's name.
        column: String,
        /// The step.
        step: f32,
        /// Two values that it does not hold.
        values: [f32; 2],
    },
    /// A value that the domain asked for does not hold.
    #[error(
        "column `{column}` holds the value {value}, which is not inside the domain {domain}; its ends are outside \
         themselves: move them, mend the rows, or ask for --domain {column}=real"
    )]
    OutsideDomain {
        /// The column's name.
        column: String,
        /// The domain asked for.
        domain: String,
        /// The value.
        value: f32,
    },
    /// A value that is out of all proportion to the others.
    #[error(
        "column `{column}` holds the value {value:e}, so far from the others that f32 can't hold it beside them; \
         mend or remove such rows"
    )]
    Extreme {
        /// The column's name.
        column: String,
        /// The value.
        value: f32,
    },
    /// A column whose spread is beyond `f32`.
    #[error(
        "column `{column}` has a standard deviation of {std:e}, which the chip's f32 can't scale; give the column in another unit"
    )]
    OutOfScale {
        /// The column's name.
        column: String,
        /// Its standard deviation.
        std: f64,
    },
}

impl DataError {
    /// Whether the message begins with a line or a column.
    pub fn names_a_place(&self) -> bool {
        matches!(
            self,
            Self::Ragged { .. }
                | Self::TextInNumberColumn { .. }
                | Self::BadLabel { .. }
                | Self::BadWeight { .. }
                | Self::NoWeight { .. }
                | Self::UnusableColumn { .. }
                | Self::Constant { .. }
                | Self::OutOfScale { .. }
                | Self::OffSteps { .. }
                | Self::OutsideDomain { .. }
                | Self::Extreme { .. }
                | Self::ColumnTwice { .. }
                | Self::BadName { .. }
        )
    }
}

/// ` with --columns a,b`, ready to paste; nothing when there is no other column.
fn columns_advice(others: &[String]) -> String {
    let mut advice = String::new();
    if !others.is_empty() {
        // Writing to a String can't fail.
        let _ = write!(advice, " with --columns {}", others.join(","));
    }
    advice
}

impl From<csv::Error> for DataError {
    fn from(error: csv::Error) -> Self {
        match error.kind() {
            csv::ErrorKind::UnequalLengths {
                pos,
                expected_len,
                len,
            } => Self::Ragged {
                line: pos.as_ref().map_or(0, csv::Position::line),
                expected: *expected_len,
                found: *len,
            },
            csv::ErrorKind::Io(_) => match error.into_kind() {
                csv::ErrorKind::Io(io) => Self::Read(io),
                _ => Self::Empty,
            },
            _ => Self::Malformed(error),
        }
    }
}

/// A cell or name as it may stand in a message: one line, at most 40 characters.
pub(super) fn shown(bytes: &[u8]) -> String {
    shortened(&String::from_utf8_lossy(bytes), 40)
}

/// A text as it may stand in a message: one line, at most so many characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let text = text.trim();
    let start: String = text.chars().take(most).collect();
    let mut shown = line(&start);
    if start.len() < text.len() {
        shown.push('…');
    }
    shown
}
