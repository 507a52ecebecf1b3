//! A file that is read.

use super::reads::Reads;
use super::target::Target;
use crate::Error;
use flow_data::{Alphabet, CsvFormat, Readable, Table, TextLines};
use flow_host::shown;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A file or folder that a command reads; `-` is the standard input.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// As messages call it.
    path: PathBuf,
    is_stdin: bool,
    /// Whether a [`Target`] may replace it, see [`Target::revising`].
    revised: bool,
    opened: Arc<OnceLock<Readable>>,
    reads: Arc<OnceLock<Arc<Reads>>>,
}

impl Given {
    pub(super) fn new(path: PathBuf) -> Self {
        let names = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];
        let is_stdin = names.iter().any(|name| path.as_os_str() == *name);
        Self {
            path: match is_stdin {
                true => PathBuf::from("standard input"),
                false => path,
            },
            is_stdin,
            revised: false,
            opened: Arc::default(),
            reads: Arc::default(),
        }
    }

    /// A model that `-o` may replace.
    pub(super) fn revised(path: PathBuf) -> Self {
        Self {
            revised: true,
            ..Self::new(path)
        }
    }

    pub(super) fn bind(&self, reads: &Arc<Reads>) {
        // A command line is bound once.
        let _ = self.reads.set(Arc::clone(reads));
    }

    /// What messages call it. To read it, [`open`](Self::open) it: the standard input has no path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_stdin(&self) -> bool {
        self.is_stdin
    }

    pub(super) fn is_revised(&self) -> bool {
        self.revised
    }

    /// Whether it is a folder.
    pub(crate) fn is_dir(&self) -> bool {
        !self.is_stdin && self.path.is_dir()
    }

    /// The name to record: `-` for what has no file.
    pub(crate) fn recorded(&self) -> String {
        let copied = self.opened.get().is_some_and(Readable::is_copy);
        let name = match self.is_stdin || copied {
            true => "-".as_ref(),
            false => self.path.file_name().unwrap_or_default(),
        };
        name.to_string_lossy().into_owned()
    }

    /// Opens the file, once: a pipe is copied the first time, and stays as it is then.
    fn open(&self) -> io::Result<Readable> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened.clone());
        }
        let opened = match self.is_stdin {
            true => Readable::stdin(&self.path)?,
            false => Readable::open(&self.path)?,
        };
        Ok(self.opened.get_or_init(|| opened).clone())
    }

    /// Opens a table.
    pub(crate) fn table(&self, format: CsvFormat) -> Result<Table, Error> {
        let file = self.open().map_err(|fault| self.data(fault))?;
        Table::of(file, format).map_err(Error::data(&self.path))
    }

    /// Opens a text as a table of its characters.
    pub(crate) fn text(&self, alphabet: Alphabet) -> Result<Table, Error> {
        let file = self.open().map_err(|fault| self.data(fault))?;
        Table::of_text(file, alphabet).map_err(Error::data(&self.path))
    }

    /// Opens a text by its lines.
    pub(crate) fn lines(&self) -> Result<TextLines, Error> {
        let file = self.open().map_err(|fault| self.data(fault))?;
        TextLines::of(&file).map_err(Error::data(&self.path))
    }

    /// That a table can't be read.
    fn data(&self, fault: io::Error) -> Error {
        Error::data(&self.path)(fault.into())
    }

    /// Reads all bytes, and keeps nothing open.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Error> {
        let bytes = match self.is_stdin {
            true => self.open().and_then(|own| own.bytes()),
            false => std::fs::read(&self.path),
        };
        bytes.map_err(|fault| Error::Read {
            path: self.path.clone(),
            fault,
        })
    }

    /// The target that replaces this file.
    ///
    /// # Errors
    /// It is the standard input.
    pub(crate) fn in_place(&self) -> Result<Target, Error> {
        if self.is_stdin {
            return Err(Error::Usage(
                "the standard input can't be replaced: name the file to write with -o".into(),
            ));
        }
        let target = Target::revising(self.path.clone());
        if let Some(reads) = self.reads.get() {
            target.bind(reads, "-o");
        }
        Ok(target)
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown::path(&self.path))
    }
}
