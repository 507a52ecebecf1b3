//! A file that is written.

use super::identity::{Identity, place};
use super::reads::Reads;
use crate::Error;
use flow_host::shown;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A file, or a folder of files, that a command writes; `-` is the standard output.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    path: PathBuf,
    /// Whether it may replace the model that it is made from.
    revises: bool,
    bound: Arc<OnceLock<Bound>>,
}

/// What is known of a target once the command line is read.
#[derive(Debug)]
struct Bound {
    reads: Arc<Reads>,
    /// The option that names it.
    option: String,
}

impl Target {
    pub(super) fn new(path: PathBuf) -> Self {
        // Replaced by a complete file, as others are, it would not be what the shell has opened.
        let names = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
        let is_stdout = names.iter().any(|name| path.as_os_str() == *name);
        Self {
            path: if is_stdout { "-".into() } else { path },
            revises: false,
            bound: Arc::default(),
        }
    }

    /// One that may replace a [`Given::revised`](super::Given::revised).
    pub(super) fn revising(path: PathBuf) -> Self {
        Self {
            revises: true,
            ..Self::new(path)
        }
    }

    /// A file in this folder. It replaces nothing that is read.
    pub(crate) fn within(&self, place: impl AsRef<Path>) -> Self {
        Self {
            path: self.path.join(place),
            revises: false,
            bound: Arc::clone(&self.bound),
        }
    }

    pub(super) fn bind(&self, reads: &Arc<Reads>, option: &str) {
        // A command line is bound once.
        let _ = self.bound.set(Bound {
            reads: Arc::clone(reads),
            option: option.to_owned(),
        });
    }

    /// Where it lies; `-` for the standard output.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is the standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// The name to give a model that is written here.
    pub(crate) fn stem(&self) -> String {
        let stem = match self.is_stdout() {
            true => "model".as_ref(),
            false => self.path.file_stem().unwrap_or_default(),
        };
        shown::line(stem.to_string_lossy())
    }

    /// The file that is there, if one is.
    fn identity(&self) -> Option<Identity> {
        match self.is_stdout() {
            true => Identity::of_stdout(),
            false => Identity::of(&self.path),
        }
    }

    /// Whether both are one file, or will be.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let file = self.identity();
        let one = file.is_some() && file == other.identity();
        match self.is_stdout() || other.is_stdout() {
            true => one || self.path == other.path,
            false => one || place(&self.path) == place(&other.path),
        }
    }

    /// Refuses to overwrite what the command reads.
    ///
    /// # Errors
    /// It is a file that is read, by whatever name, or it lies among the files of a folder that is read.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let Some(Bound { reads, option }) = self.bound.get() else {
            return Ok(());
        };
        let file = self.identity();
        if let Some(read) = file.and_then(|own| reads.find(&own, self.revises)) {
            let said = match read == self.path {
                true => format!("{option} {self} is a file that the command reads"),
                false => format!(
                    "{option} {self} is the same file as {}, which the command reads",
                    shown::path(read)
                ),
            };
            return Err(Error::Usage(format!(
                "{said}: it would be overwritten, name another file with {option}"
            )));
        }
        let here = || place(&self.path);
        match reads.folder_of(here) {
            Some(folder) if !self.is_stdout() => Err(Error::Usage(format!(
                "{option} {self} lies in the folder {}, whose Parquet files are read, and would be taken for rows: \
                 name a file beside the folder with {option}",
                shown::path(folder)
            ))),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_stdout() {
            true => f.write_str("standard output"),
            false => f.write_str(&shown::path(&self.path)),
        }
    }
}

#[cfg(test)]
impl Target {
    /// A target of no command line, for tests.
    pub(crate) fn unbound(path: &Path) -> Self {
        Self::new(path.to_owned())
    }
}
