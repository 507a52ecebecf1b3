use flow_embedded::{LoadError, LoadedFlow};

/// An artefact that passed validation: weights are finite, shapes fit.
pub struct Checked<'a> {
    pub(crate) flow: LoadedFlow<'a>,
    pub(crate) checksum: u32,
    pub(crate) bytes: usize,
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
            flow,
            checksum,
            bytes: artefact.len(),
        })
    }
}
