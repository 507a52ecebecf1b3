//! The rows that a command is given: a table, or a folder of Parquet files as one.

use super::files::Given;
use super::model_file;
use super::ui::Ui;
use crate::Error;
use flow_data::{ColumnRequest, Columns, CsvFormat, DataError, Folder, Member, Table};
use flow_embedded::artefact::Header;
use std::path::Path;

/// A table, or a folder of Parquet files as one.
#[derive(Debug)]
pub(super) enum Input {
    Table(Table),
    Folder(Folder),
}

impl Input {
    /// Opens what lies there.
    pub(super) fn open(
        given: &Given,
        format: CsvFormat,
        header: &Header<'_>,
    ) -> Result<Self, Error> {
        match given.is_dir() {
            true => Folder::open(given.path())
                .map(Self::Folder)
                .map_err(Error::data(given.path())),
            false => model_file::table(given, format, header).map(Self::Table),
        }
    }

    /// Says so when a header was not given and not found.
    pub(super) fn header(&self, ui: Ui) {
        if let Self::Table(table) = self {
            ui.header(table);
        }
    }

    /// Its tables, in their order.
    pub(super) fn sources(&self) -> Vec<Source<'_>> {
        match self {
            Self::Table(table) => vec![Source::Table(table)],
            Self::Folder(folder) => folder.members().iter().map(Source::Member).collect(),
        }
    }
}

/// One table of an input. Those of a folder are opened when they are read: there may be many.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'i> {
    Table(&'i Table),
    Member(&'i Member),
}

impl Source<'_> {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Table(table) => table.path(),
            Self::Member(member) => member.path(),
        }
    }

    /// Opens the table.
    pub(super) fn open(&self) -> Result<Table, Error> {
        match self {
            Self::Table(table) => Ok((*table).clone()),
            Self::Member(member) => member.open().map_err(Error::data(member.path())),
        }
    }

    /// Opens the table, and finds a model's channels and what else is requested.
    pub(super) fn open_for(
        &self,
        header: &Header<'_>,
        others: &ColumnRequest,
    ) -> Result<(Table, Columns), Error> {
        let table = self.open()?;
        let columns = model_file::columns(&table, header, others.clone())?;
        Ok((table, columns))
    }

    /// Whether a fault means no more than that this one of many tables has no row to read.
    pub(super) fn may_lack(&self, fault: &DataError) -> bool {
        let nothing = matches!(fault, DataError::NoRows | DataError::NothingPassed { .. });
        nothing && matches!(self, Self::Member(_))
    }
}
