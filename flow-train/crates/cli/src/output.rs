//! What a command writes: a file that is there completely or not at all, or the standard output.

use super::files::Target;
use crate::Error;
use flow_host::atomic_file::AtomicFile;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// An output that replaces its destination only when it is complete: see [`AtomicFile`]. `-` is the standard
/// output.
///
/// Its [`Target`] knows what the command reads, and none of that is overwritten.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    File(AtomicFile),
    Stdout(BufWriter<io::Stdout>),
}

impl Output {
    /// Opens the output.
    ///
    /// # Errors
    /// The command reads this file; the destination is a folder or is read-only; or its folder can't
    /// be written to.
    pub(super) fn create(target: &Target) -> Result<Self, Error> {
        target.check()?;
        let sink = match target.is_stdout() {
            true => Ok(Sink::Stdout(BufWriter::new(io::stdout()))),
            false => AtomicFile::create(target.path()).map(Sink::File),
        };
        Ok(Self {
            path: target.path().to_owned(),
            sink: sink.map_err(Error::write(target.path()))?,
        })
    }

    /// Finds out whether `create` will succeed, before hours go into what is to be written.
    pub(super) fn check(target: &Target) -> Result<(), Error> {
        target.check()?;
        match target.is_stdout() {
            true => Ok(()),
            false => AtomicFile::check(target.path()).map_err(Error::write(target.path())),
        }
    }

    /// Whether this is the standard output, which then has no room for a report.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(self.sink, Sink::Stdout(_))
    }

    /// Puts the output in its place.
    ///
    /// # Errors
    /// The disk is full, or the destination has become unwritable.
    pub(super) fn commit(self) -> Result<(), Error> {
        let Self { path, sink } = self;
        let done = match sink {
            Sink::File(file) => file.commit(),
            Sink::Stdout(mut writer) => writer.flush(),
        };
        done.map_err(Error::write(&path))
    }

    /// Writes a complete output.
    ///
    /// # Errors
    /// As [`create`](Self::create) and [`commit`](Self::commit).
    pub(super) fn write_all_to(target: &Target, bytes: &[u8]) -> Result<(), Error> {
        let mut output = Self::create(target)?;
        output
            .write_all(bytes)
            .map_err(Error::write(target.path()))?;
        output.commit()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::File(file) => file.write(bytes),
            Sink::Stdout(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::File(file) => file.flush(),
            Sink::Stdout(writer) => writer.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn target(path: &Path) -> Target {
        Target::unbound(path)
    }

    #[test]
    fn an_output_appears_when_committed_and_leaves_nothing_when_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.csv");
        std::fs::write(&path, "old").expect("written");
        let mut output = Output::create(&target(&path)).expect("writable");
        output.write_all(b"half").expect("written");
        drop(output);
        assert_eq!(std::fs::read(&path).expect("still there"), b"old");
        assert_eq!(folder.path().read_dir().expect("readable").count(), 1);
        Output::write_all_to(&target(&path), b"new").expect("writable");
        assert_eq!(std::fs::read(&path).expect("there"), b"new");
        assert_eq!(folder.path().read_dir().expect("readable").count(), 1);
    }

    #[test]
    fn folders_and_missing_folders_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Output::create(&target(folder.path()))
            .expect_err("a folder")
            .to_string();
        assert!(
            error.ends_with("can't be written: it is a folder, name a file"),
            "{error}"
        );
        let error = Output::create(&target(&folder.path().join("no/out"))).expect_err("no folder");
        assert!(error.to_string().ends_with("no does not exist"), "{error}");
    }
}
