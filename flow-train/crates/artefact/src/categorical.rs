//! The vocabularies of a draft.

use super::ExportError;
use flow_embedded::artefact::{LoadedFlow, SEPARATOR, Vocabulary};

/// The categories of one or more channels: see [`Vocabulary`].
#[derive(Clone, Debug, PartialEq)]
pub struct DraftVocabulary {
    /// Their names, ascending.
    pub names: Vec<String>,
    /// The numbers of each embedding.
    pub width: usize,
    /// The embeddings, row by row.
    pub embeddings: Vec<f32>,
}

impl DraftVocabulary {
    /// The names as an artefact has them.
    pub(super) fn names(&self) -> Result<String, ExportError> {
        if self.names.iter().any(|name| name.contains(SEPARATOR)) {
            return Err(ExportError::Separator);
        }
        Ok(self.names.join(&SEPARATOR.to_string()))
    }

    pub(super) fn schema<'a>(&self, names: &'a str) -> Result<Vocabulary<'a>, ExportError> {
        let too_many = |what, found, limit| ExportError::TooMany { what, found, limit };
        let (size, width) = (self.names.len(), self.width);
        Ok(Vocabulary {
            names,
            size: u16::try_from(size)
                .map_err(|_| too_many("categories", size, usize::from(u16::MAX)))?,
            embedding: u8::try_from(width)
                .map_err(|_| too_many("numbers of an embedding", width, usize::from(u8::MAX)))?,
        })
    }

    pub(super) fn all(flow: &LoadedFlow<'_>) -> Vec<Self> {
        let own = flow.header().vocabularies.iter().enumerate();
        own.map(|(index, own)| Self {
            names: own.names().map(str::to_owned).collect(),
            width: own.embedding(),
            embeddings: flow.embeddings(index).collect(),
        })
        .collect()
    }
}
