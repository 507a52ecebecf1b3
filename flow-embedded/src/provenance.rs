//! What a compiled module was made from.

use crate::state::Digest;
use core::fmt;

/// Which artefact a module was compiled from, by which compiler, and what that
/// artefact was trained on: `PROVENANCE` of a generated module.
///
/// A generated module holds it as a `const`: firmware that never names it holds
/// none of it, and firmware that reads one field holds that field alone. To find
/// it with a debugger, keep it:
///
/// ```
/// # use flow_embedded::Provenance;
/// # mod model { pub const PROVENANCE: flow_embedded::Provenance = flow_embedded::Provenance::new("pump", 0x1234_abcd, 968, "flow-codegen 0.1.0"); }
/// #[used]
/// static MODEL: Provenance = model::PROVENANCE;
/// ```
///
/// [`Display`](fmt::Display), or `Format` with the feature `defmt`, gives one
/// line for the log.
///
/// The data digest tells one set of training rows from another by accident, not
/// against someone who means to deceive, and so does the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Provenance {
    /// The model's name, as given in training.
    pub name: &'static str,
    /// The CRC-32 that ends the artefact.
    pub artefact_crc32: u32,
    /// The artefact's length, bytes.
    pub artefact_bytes: u32,
    /// The compiler and its version.
    pub compiler: &'static str,
    /// The program that trained the model, and its version.
    pub created_by: &'static str,
    /// Its command line.
    pub command: &'static str,
    /// A digest of the training data's values.
    pub data_digest: u64,
    /// The rows trained on.
    pub rows: u32,
    /// The seed of all that was random in training.
    pub seed: u64,
}

/// Generated code of every release builds the value by these, so their
/// signatures stay as they are; what is added gets a function of its own.
impl Provenance {
    /// The artefact and the compiler; nothing is known of the training.
    pub const fn new(
        name: &'static str,
        artefact_crc32: u32,
        artefact_bytes: u32,
        compiler: &'static str,
    ) -> Self {
        Self {
            name,
            artefact_crc32,
            artefact_bytes,
            compiler,
            created_by: "",
            command: "",
            data_digest: 0,
            rows: 0,
            seed: 0,
        }
    }

    /// The digest of the artefact, for states that are saved.
    pub const fn digest(&self) -> Digest {
        Digest::new(self.artefact_crc32)
    }

    /// Adds who trained it, and how.
    #[must_use]
    pub const fn trained(
        mut self,
        created_by: &'static str,
        command: &'static str,
        seed: u64,
    ) -> Self {
        self.created_by = created_by;
        self.command = command;
        self.seed = seed;
        self
    }

    /// Adds the training data.
    #[must_use]
    pub const fn data(mut self, digest: u64, rows: u32) -> Self {
        self.data_digest = digest;
        self.rows = rows;
        self
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: artefact {:08x} of {} bytes compiled by {}; trained by {} on {} rows (digest {:016x}), seed {}",
            self.name,
            self.artefact_crc32,
            self.artefact_bytes,
            self.compiler,
            self.created_by,
            self.rows,
            self.data_digest,
            self.seed,
        )
    }
}
