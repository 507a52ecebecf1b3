//! A model that owns its bytes.

use crate::error::{ArtefactError, UnsupportedError};
use flow_embedded::artefact::{Header, LoadedFlow};
use flow_train::evaluate::Scorer;
use pyo3::PyResult;
use self_cell::self_cell;

type Ready<'a> = Scorer<'a, 'a>;

self_cell!(
    /// The bytes, and the flow that borrows from them.
    struct Loaded {
        owner: Vec<u8>,
        #[covariant]
        dependent: LoadedFlow,
    }
);

self_cell!(
    /// The flow, and its weights laid out for many rows.
    struct Scoring {
        owner: Loaded,
        #[covariant]
        dependent: Ready,
    }
);

/// A validated model, ready to score.
pub(crate) struct Held(Scoring);

impl Held {
    /// Validates the bytes of an artefact; `place` is where they come from.
    pub(crate) fn new(bytes: Vec<u8>, place: &str) -> PyResult<Self> {
        let refused = |fault| ArtefactError::new_err(format!("{place}: {fault}"));
        let loaded =
            Loaded::try_new(bytes, |bytes| LoadedFlow::from_bytes(bytes)).map_err(refused)?;
        let scoring = Scoring::try_new(loaded, |loaded| Scorer::new(loaded.borrow_dependent()));
        let scoring = scoring.map_err(|fault| UnsupportedError::new_err(fault.to_string()))?;
        Ok(Self(scoring))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.borrow_owner().borrow_owner()
    }

    pub(crate) fn flow(&self) -> &LoadedFlow<'_> {
        self.0.borrow_owner().borrow_dependent()
    }

    pub(crate) fn header(&self) -> &Header<'_> {
        self.flow().header()
    }

    pub(crate) fn scorer(&self) -> &Scorer<'_, '_> {
        self.0.borrow_dependent()
    }
}
