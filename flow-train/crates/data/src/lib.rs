//! From a file of recorded rows to numbers a flow can be fitted to.
//!
//! ```text
//! Table ──► Columns ──► RowReader ──► Dataset + CleaningReport ──► Split ──► Preparation
//!  CSV or    which       one row       the usable rows,             train,    domain, grid,
//!  Parquet   is what     at a time     what was dropped and why     validation, mean and 1/std
//!                                 │                                 calibration of each channel
//!                                 └──► RowStore, if they are too many for the memory limit
//! ```
//!
//! A [`Readable`] is opened once, whatever is read of it: a pipe is copied before anything looks at it.
//! A [`Folder`] of Parquet files is one table: its members, one after the other.
//!
//! A row is used when every chosen cell holds a finite number. A row with a missing or non-finite
//! cell is dropped and counted, by column, with the place of the first such row. Columns may have
//! features of their own past ([`Columns::with_features`]): then rows are in the order of time, and
//! those without enough past are left out and counted. Text where a
//! number belongs, a ragged row, a column that is not there or one that never changes is an error
//! that names the place and says what to do.
//!
//! `flow-train` re-exports this crate as `flow_train::data`.
#![forbid(unsafe_code)]

mod cell;
mod clean;
pub mod columnar;
mod columns;
mod cursor;
mod dataset;
pub mod domain;
mod error;
mod file;
mod folder;
pub mod grid;
mod lines;
mod load;
mod moments;
mod parquet;
mod past;
mod place;
mod prepare;
mod rate;
mod readable;
mod report;
mod rows;
mod split;
mod store;
mod stretch;
mod table;
mod text;
mod vocabulary;

pub use columns::{ColumnRequest, Columns, RowFilter};
pub use dataset::Dataset;
pub use domain::{DomainRequest, Reason};
pub use error::DataError;
pub use file::{CsvFormat, Header};
pub use folder::{Folder, Member};
pub use lines::TextLines;
pub use load::{Recording, digest, load, load_columns};
pub use past::{Past, feature_name, warm_up};
pub use place::Place;
pub use prepare::{ChannelMap, Choice, Preparation, PrepareOptions};
pub use rate::{RateError, SampleRate};
pub use readable::Readable;
pub use report::{CleaningReport, ColumnFaults};
pub use rows::{Fault, FaultKind, Row, RowReader};
pub use split::{Fractions, Split, SplitMethod};
pub use store::{Division, HeldOut, Loaded, Memory, RowStore, Survey, load_within};
pub use stretch::Stretches;
pub use table::{Table, fault_of_name};
pub use text::Alphabet;
pub use vocabulary::Vocabularies;

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod testing {
    //! Small tables for the tests.

    use std::io::Write as _;

    /// A temporary file that holds `text`.
    pub(super) fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("written");
        file
    }

    pub(super) fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }
}
