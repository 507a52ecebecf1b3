use flow_embedded::LoadError;
use std::fmt;
use std::path::PathBuf;

/// Why no code was generated.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The artefact could not be read.
    #[error("cannot read the artefact {}: {source}", path.display())]
    Read {
        /// The artefact.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The artefact was refused.
    #[error("{}: {source}", path.display())]
    Artefact {
        /// The artefact.
        path: PathBuf,
        /// Why.
        source: LoadError,
    },
    /// The generated file could not be written.
    #[error("cannot write the generated code to {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The type's name is no Rust identifier.
    #[error(
        "{name:?} cannot name a type: use letters, digits and underscores, beginning with a letter"
    )]
    TypeName {
        /// The name given.
        name: String,
    },
    /// A weight is too large for integers.
    #[error(
        "layer {layer} cannot be quantised: a weight is too large for the unit of what it gives; \
         compile the model to f32 or f16"
    )]
    Quantise {
        /// The layer, from 0.
        layer: usize,
    },
    /// No output folder: not run by cargo, and none was given.
    #[error("OUT_DIR is not set: call this from build.rs, or give Builder::out_dir")]
    NoOutDir,
    /// The emitted tokens are not Rust: a defect of this crate.
    #[error("internal error: the generated code does not parse: {0}")]
    Internal(#[from] syn::Error),
}

/// A build script that returns an error prints it by `Debug`: so that is the
/// sentence too.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
