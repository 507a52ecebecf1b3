//! Files that are there completely or not at all.

use crate::Error;
use crate::shown;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// An output that replaces its destination only when it is complete.
///
/// It is written to a temporary file in the destination's folder, so that an unwritable destination
/// is noticed at once, and renamed at the end. Dropped before that, it leaves nothing behind.
/// `-` and things that are no regular files (`/dev/stdout`) are written to directly.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Replace(BufWriter<NamedTempFile>),
    Direct(BufWriter<File>),
    Stdout(BufWriter<io::Stdout>),
}

impl Output {
    /// Opens the output.
    ///
    /// # Errors
    /// The destination is a folder or is read-only, or its folder can't be written to.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let sink = open(path).map_err(Error::write(path))?;
        Ok(Self {
            path: path.to_owned(),
            sink,
        })
    }

    /// Finds out whether `create` will succeed, before hours go into what is to be written.
    pub(super) fn check(path: &Path) -> Result<(), Error> {
        Self::create(path).map(drop)
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
            Sink::Replace(writer) => writer
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|file| Ok(file.persist(destination(&path))?))
                .map(drop),
            Sink::Direct(mut writer) => writer.flush(),
            Sink::Stdout(mut writer) => writer.flush(),
        };
        done.map_err(Error::write(&path))
    }

    /// Writes a complete output.
    ///
    /// # Errors
    /// As [`create`](Self::create) and [`commit`](Self::commit).
    pub(super) fn write_all_to(path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut output = Self::create(path)?;
        output.write_all(bytes).map_err(Error::write(path))?;
        output.commit()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Replace(writer) => writer.write(bytes),
            Sink::Direct(writer) => writer.write(bytes),
            Sink::Stdout(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Replace(writer) => writer.flush(),
            Sink::Direct(writer) => writer.flush(),
            Sink::Stdout(writer) => writer.flush(),
        }
    }
}

/// Follows a link, so that it stays one.
fn destination(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn open(path: &Path) -> io::Result<Sink> {
    if path.as_os_str() == "-" {
        return Ok(Sink::Stdout(BufWriter::new(io::stdout())));
    }
    if path.file_name().is_none() || path.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder, name a file",
        ));
    }
    let path = destination(path);
    if let Ok(metadata) = path.metadata() {
        if !metadata.is_file() {
            let file = File::options().write(true).open(&path)?;
            return Ok(Sink::Direct(BufWriter::new(file)));
        }
        if metadata.permissions().readonly() {
            let text = "it exists and is read-only";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let text = format!("the folder {} does not exist", shown::path(&folder));
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".flow-").suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // What a plain file would get; the process's mask still applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    Ok(Sink::Replace(BufWriter::new(builder.tempfile_in(folder)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_appears_when_committed_and_leaves_nothing_when_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.csv");
        std::fs::write(&path, "old").expect("written");
        let mut output = Output::create(&path).expect("writable");
        output.write_all(b"half").expect("written");
        drop(output);
        assert_eq!(std::fs::read(&path).expect("still there"), b"old");
        assert_eq!(folder.path().read_dir().expect("readable").count(), 1);
        Output::write_all_to(&path, b"new").expect("writable");
        assert_eq!(std::fs::read(&path).expect("there"), b"new");
        assert_eq!(folder.path().read_dir().expect("readable").count(), 1);
    }

    #[test]
    fn folders_and_missing_folders_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Output::create(folder.path())
            .expect_err("a folder")
            .to_string();
        assert!(
            error.ends_with("can't be written: it is a folder, name a file"),
            "{error}"
        );
        let error = Output::create(&folder.path().join("no/out")).expect_err("no folder");
        assert!(error.to_string().ends_with("no does not exist"), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn links_stay_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        Output::write_all_to(&link, b"new").expect("writable");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).expect("there"), b"new");
    }
}
