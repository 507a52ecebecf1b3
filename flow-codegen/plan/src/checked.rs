use flow_embedded::math::Backend;
use flow_embedded::{LoadError, LoadedFlow};

/// An artefact that passed validation: weights are finite, shapes fit.
pub struct Checked<'a> {
    pub(crate) flow: LoadedFlow<'a>,
    pub(crate) checksum: u32,
    pub(crate) bytes: usize,
    /// The elementary functions that the artefact names; the flow may have been
    /// given others.
    pub(crate) math: Backend,
}

impl<'a> Checked<'a> {
    /// Validates the bytes of `model.flow`.
    ///
    /// # Errors
    /// As [`LoadedFlow::from_bytes`], with the layer and index of a weight that
    /// is not finite.
    pub fn new(artefact: &'a [u8]) -> Result<Self, LoadError> {
        let flow = LoadedFlow::from_bytes(artefact)?;
        // A valid artefact ends in its checksum.
        let checksum = artefact
            .last_chunk()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Ok(Self {
            math: flow.header().math,
            flow,
            checksum,
            bytes: artefact.len(),
        })
    }

    /// A flow whose bytes are not at hand: to be interpreted, not to be named
    /// in a module.
    pub(crate) fn from(flow: LoadedFlow<'a>) -> Self {
        Self {
            math: flow.header().math,
            flow,
            checksum: 0,
            bytes: 0,
        }
    }

    /// The flow.
    pub fn flow(&self) -> &LoadedFlow<'a> {
        &self.flow
    }

    /// The elementary functions that the artefact names.
    pub fn math(&self) -> Backend {
        self.math
    }

    /// The same flow through other elementary functions, without its
    /// calibration.
    ///
    /// # Errors
    /// As [`LoadedFlow::with_math`].
    pub fn with_math(self, math: Backend) -> Result<Self, LoadError> {
        Ok(Self {
            flow: self.flow.with_math(math)?,
            ..self
        })
    }
}
