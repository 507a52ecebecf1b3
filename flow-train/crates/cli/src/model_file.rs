//! An artefact on disk, and a table read with its channels.

use super::files::Given;
use crate::Error;
use flow_artefact::Draft;
use flow_calibrate as calibrate;
use flow_data::{self as data, Alphabet, ColumnRequest, Columns, CsvFormat, Table};
use flow_embedded::artefact::{Channels, Header, LoadedFlow};
use std::path::PathBuf;

/// Says in the footer of a table of scores which model they are of: see [`ModelFile::density`].
pub(super) const DENSITY: &str = "flow.density";

/// The bytes of an artefact.
#[derive(Debug)]
pub(super) struct ModelFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl ModelFile {
    /// Reads the file.
    pub(super) fn read(file: &Given) -> Result<Self, Error> {
        Ok(Self {
            bytes: file.bytes()?,
            path: file.path().to_owned(),
        })
    }

    /// Validates it.
    pub(super) fn load(&self) -> Result<LoadedFlow<'_>, Error> {
        LoadedFlow::from_bytes(&self.bytes).map_err(|fault| Error::Artefact {
            path: self.path.clone(),
            fault,
        })
    }

    /// A checksum of what the model computes: of all but its promises.
    pub(super) fn density(&self) -> Result<String, Error> {
        let draft = Draft {
            calibration: None,
            mondrian: None,
            sequential: None,
            ..Draft::from_loaded(&self.load()?)
        };
        let checksum = checksum(&draft.encode()?);
        Ok(format!("{checksum:08x}"))
    }

    /// Its checksum.
    pub(super) fn checksum(&self) -> u32 {
        checksum(&self.bytes)
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its size in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The checksum that an artefact ends with. One of all its bytes would be the same for each: that
/// of bytes with their checksum behind them is.
fn checksum(artefact: &[u8]) -> u32 {
    let last = artefact.last_chunk().copied();
    u32::from_le_bytes(last.unwrap_or_default())
}

/// The names of some channels.
pub(super) fn names(channels: Channels<'_>) -> Vec<String> {
    channels
        .iter()
        .map(|channel| channel.name.to_owned())
        .collect()
}

/// Opens a table of the model's channels: the characters of a text for a model of one.
pub(super) fn table(given: &Given, format: CsvFormat, header: &Header<'_>) -> Result<Table, Error> {
    match text(header) {
        Some(alphabet) => given.text(alphabet),
        None => given.table(format),
    }
}

/// Refuses to calibrate on the table that the model was made from, which is read for that.
pub(super) fn check_unseen(
    file: &Table,
    header: &Header<'_>,
    others: ColumnRequest,
) -> Result<(), Error> {
    let columns = columns(file, header, others)?;
    let digest = data::digest(file, &columns).map_err(Error::data(file.path()))?;
    calibrate::check_unseen(header, digest).map_err(|fault| Error::Calibration {
        path: file.path().to_owned(),
        fault,
    })
}

/// What a model of a text tells apart; `None` for other models.
pub(super) fn text(header: &Header<'_>) -> Option<Alphabet> {
    let own = header.event.first().filter(|_| header.event.len() == 1)?;
    own.vocabulary()?;
    Alphabet::of(own.name, own.unit)
}

/// Finds the model's channels, and what else is requested, in a table; features of the past are
/// computed from it.
pub(super) fn columns(
    file: &Table,
    header: &Header<'_>,
    others: ColumnRequest,
) -> Result<Columns, Error> {
    let request = ColumnRequest {
        events: Some(names(header.event)),
        context: names(header.context.skip(header.features.len())),
        ..others
    };
    let columns = Columns::find_for_model(file, &request).map_err(Error::data(file.path()))?;
    let columns = columns.with_features(header.features.iter().collect());
    Ok(columns.with_vocabularies(header))
}
