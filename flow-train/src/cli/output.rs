//! Files that are there completely or not at all.

use super::files::Target;
use crate::Error;
use crate::shown;
use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// An output that replaces its destination only when it is complete.
///
/// It is written to a temporary file in the destination's folder, so that an unwritable destination
/// is noticed at once, and renamed at the end, when it has reached the disk. Dropped before that, it
/// leaves nothing behind. A file that is replaced hands on its permissions, and its owner where the
/// system allows it. `-` and things that are no regular files (a pipe, `/dev/null`) are written to directly.
///
/// Its [`Target`] knows what the command reads, and none of that is overwritten.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Replace {
        writer: BufWriter<NamedTempFile>,
        destination: PathBuf,
    },
    Direct(BufWriter<File>),
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
        let sink = destination(target).and_then(Destination::open);
        Ok(Self {
            path: target.path().to_owned(),
            sink: sink.map_err(Error::write(target.path()))?,
        })
    }

    /// Finds out whether `create` will succeed, before hours go into what is to be written. A pipe is
    /// left alone: its reader would take the end of the check for the end of the output.
    pub(super) fn check(target: &Target) -> Result<(), Error> {
        target.check()?;
        let found = destination(target).and_then(|found| match found {
            Destination::Stdout | Destination::Direct(_) => Ok(()),
            found @ Destination::Replace { .. } => found.open().map(drop),
        });
        found.map_err(Error::write(target.path()))
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
            Sink::Replace {
                writer,
                destination,
            } => writer
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|file| replace(file, &destination)),
            Sink::Direct(mut writer) => writer.flush(),
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
            Sink::Replace { writer, .. } => writer.write(bytes),
            Sink::Direct(writer) => writer.write(bytes),
            Sink::Stdout(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Replace { writer, .. } => writer.flush(),
            Sink::Direct(writer) => writer.flush(),
            Sink::Stdout(writer) => writer.flush(),
        }
    }
}

/// Where an output goes.
enum Destination {
    Stdout,
    /// A pipe or a device.
    Direct(PathBuf),
    Replace {
        path: PathBuf,
        folder: PathBuf,
        /// Of the file that is there already.
        old: Option<Metadata>,
    },
}

fn destination(target: &Target) -> io::Result<Destination> {
    if target.is_stdout() {
        return Ok(Destination::Stdout);
    }
    let path = target.path();
    if path.file_name().is_none() || path.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder, name a file",
        ));
    }
    // A link stays one.
    let path = super::files::follow(path);
    let old = path.metadata().ok();
    if let Some(old) = &old {
        if !old.is_file() {
            return Ok(Destination::Direct(path));
        }
        if old.permissions().readonly() {
            let text = "it exists and is read-only";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    if !folder.is_dir() {
        let text = format!("the folder {} does not exist", shown::path(&folder));
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    Ok(Destination::Replace { path, folder, old })
}

impl Destination {
    fn open(self) -> io::Result<Sink> {
        match self {
            Self::Stdout => Ok(Sink::Stdout(BufWriter::new(io::stdout()))),
            Self::Direct(path) => {
                let file = File::options().write(true).open(&path)?;
                Ok(Sink::Direct(BufWriter::new(file)))
            }
            Self::Replace { path, folder, old } => {
                let mut builder = tempfile::Builder::new();
                builder.prefix(".flow-").suffix(".partial");
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt as _;
                    // What a plain file would get; the process's mask still applies.
                    let mode = if old.is_some() { 0o600 } else { 0o666 };
                    builder.permissions(std::fs::Permissions::from_mode(mode));
                }
                let file = builder.tempfile_in(folder)?;
                if let Some(old) = old {
                    hand_on(&old, file.as_file())?;
                }
                Ok(Sink::Replace {
                    writer: BufWriter::new(file),
                    destination: path,
                })
            }
        }
    }
}

/// Gives a new file the owner, the group and the permissions of the one that it will replace.
#[cfg(unix)]
fn hand_on(old: &Metadata, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let own = new.metadata()?;
    let mut mode = old.mode() & 0o777;
    if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
        // Root may give files away; others may only hand them to their groups.
        let kept = fchown(new, Some(old.uid()), Some(old.gid()))
            .or_else(|_| fchown(new, None, Some(old.gid())));
        if kept.is_err() {
            // To another group the file shows no more than to everybody.
            mode = (mode & 0o707) | ((mode & 0o007) << 3);
        }
    }
    new.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// Permissions of other systems say no more than that a file is read-only, and such a file is refused.
#[cfg(not(unix))]
fn hand_on(_: &Metadata, _: &File) -> io::Result<()> {
    Ok(())
}

/// Renames a complete file. It reaches the disk first: after a power failure there is either the old
/// file or the new one.
fn replace(file: NamedTempFile, destination: &Path) -> io::Result<()> {
    match file.as_file().sync_all() {
        // Some network file systems have no such call.
        Err(fault) if fault.kind() == io::ErrorKind::Unsupported => {}
        other => other?,
    }
    file.persist(destination)?;
    // The name is in the folder. Windows opens no folders, and some file systems sync none.
    if let Some(folder) = destination.parent() {
        let folder = match folder == Path::new("") {
            true => Path::new("."),
            false => folder,
        };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    #[cfg(unix)]
    fn links_stay_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        Output::write_all_to(&target(&link), b"new").expect("writable");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).expect("there"), b"new");
    }

    #[test]
    #[cfg(unix)]
    fn links_to_what_is_not_there_stay_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink("file", &link).expect("linked");
        Output::write_all_to(&target(&link), b"new").expect("writable");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).expect("there"), b"new");
    }

    #[test]
    #[cfg(unix)]
    fn permissions_are_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let mode = || path.metadata().expect("there").permissions().mode() & 0o777;
        Output::write_all_to(&target(&path), b"new").expect("writable");
        // As the system makes files: the tests may run under any mask.
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "x").expect("written");
        let usual = plain.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), usual);
        for wanted in [0o600, 0o640, 0o666, 0o755, 0o200] {
            let permissions = std::fs::Permissions::from_mode(wanted);
            std::fs::set_permissions(&path, permissions).expect("set");
            Output::write_all_to(&target(&path), b"newer").expect("writable");
            assert_eq!(mode(), wanted, "{wanted:o}");
        }
    }
}
