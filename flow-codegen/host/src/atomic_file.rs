//! Files that are there completely or not at all.

use crate::shown;
use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::NamedTempFile;

/// A file that replaces its destination only when it is complete.
///
/// It is written to a temporary file in the destination's folder, so that an unwritable destination
/// is noticed at once, and renamed at the end, when it has reached the disk. Dropped before that, it
/// leaves nothing behind. A file that is replaced hands on its permissions, and its owner where the
/// system allows it. A link stays a link to the new file. Things that are no regular files (a pipe,
/// `/dev/null`) are written to directly.
#[derive(Debug)]
pub struct AtomicFile(Sink);

#[derive(Debug)]
enum Sink {
    Replace {
        // Before `listed`: the file goes first, and then its place on the list.
        writer: BufWriter<NamedTempFile>,
        destination: PathBuf,
        listed: Listed,
    },
    Direct(BufWriter<File>),
}

/// The temporary files that are being written.
static PARTIAL: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn partial() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    PARTIAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary files of everything that is being written, for a process that ends without
/// dropping it, such as on Ctrl-C. Destinations stay as they are.
pub fn remove_partial() {
    for path in partial().drain(..) {
        // One that has just been renamed is there no more.
        let _ = std::fs::remove_file(path);
    }
}

/// Lists a temporary file for [`remove_partial`] until this is dropped.
#[derive(Debug)]
struct Listed(PathBuf);

impl Listed {
    fn new(path: &Path) -> Self {
        partial().push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        partial().retain(|own| *own != self.0);
    }
}

/// Writes a complete file.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

impl AtomicFile {
    /// Opens the file to write.
    ///
    /// # Errors
    /// The destination is a folder or is read-only, or its folder does not exist or can't be written to.
    pub fn create(path: &Path) -> io::Result<Self> {
        Destination::of(path)?.open().map(Self)
    }

    /// Finds out whether [`create`](Self::create) will succeed, before hours go into what is to be
    /// written. A pipe is left alone: its reader would take the end of the check for the end of the output.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn check(path: &Path) -> io::Result<()> {
        match Destination::of(path)? {
            Destination::Direct(_) => Ok(()),
            found @ Destination::Replace { .. } => found.open().map(drop),
        }
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// The disk is full, or the destination has become unwritable. The destination is then as it was.
    pub fn commit(self) -> io::Result<()> {
        match self.0 {
            Sink::Replace {
                writer,
                destination,
                listed,
            } => {
                let file = writer.into_inner();
                let file = file.map_err(io::IntoInnerError::into_error)?;
                let done = replace(file, &destination);
                drop(listed);
                done
            }
            Sink::Direct(mut writer) => writer.flush(),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Sink::Replace { writer, .. } => writer.write(bytes),
            Sink::Direct(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Sink::Replace { writer, .. } => writer.flush(),
            Sink::Direct(writer) => writer.flush(),
        }
    }
}

/// Where a file goes.
enum Destination {
    /// A pipe or a device.
    Direct(PathBuf),
    Replace {
        path: PathBuf,
        folder: PathBuf,
        /// Of the file that is there already.
        old: Option<Metadata>,
    },
}

impl Destination {
    fn of(path: &Path) -> io::Result<Self> {
        if path.file_name().is_none() || path.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a folder, name a file",
            ));
        }
        // A link stays one.
        let path = follow(path);
        let old = path.metadata().ok();
        if let Some(old) = &old {
            if !old.is_file() {
                return Ok(Self::Direct(path));
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
        Ok(Self::Replace { path, folder, old })
    }

    fn open(self) -> io::Result<Sink> {
        match self {
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
                    listed: Listed::new(file.path()),
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

/// Follows links to a file that may be missing.
pub fn follow(path: &Path) -> PathBuf {
    /// More than any system follows: then they go in a circle.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        // What the system finds, such as a pipe in /dev/fd, has no path.
        if path.exists() {
            break;
        }
        let Ok(link) = path.read_link() else { break };
        path = path.parent().unwrap_or(Path::new("")).join(link);
    }
    path.canonicalize().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_fails_leaves_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.flow");
        std::fs::write(&path, "old").expect("written");
        let mut file = AtomicFile::create(&path).expect("writable");
        file.write_all(b"half").expect("written");
        drop(file);
        assert_eq!(std::fs::read(&path).expect("still there"), b"old");
        assert_eq!(folder.path().read_dir().expect("readable").count(), 1);
        write(&path, b"new").expect("writable");
        assert_eq!(std::fs::read(&path).expect("there"), b"new");
        assert_eq!(folder.path().read_dir().expect("readable").count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn links_stay_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        write(&link, b"new").expect("writable");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).expect("there"), b"new");
    }

    #[test]
    #[cfg(unix)]
    fn links_to_what_is_not_there_stay_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink("file", &link).expect("linked");
        write(&link, b"new").expect("writable");
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
        write(&path, b"new").expect("writable");
        // As the system makes files: the tests may run under any mask.
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "x").expect("written");
        let usual = plain.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), usual);
        for wanted in [0o600, 0o640, 0o666, 0o755, 0o200] {
            let permissions = std::fs::Permissions::from_mode(wanted);
            std::fs::set_permissions(&path, permissions).expect("set");
            write(&path, b"newer").expect("writable");
            assert_eq!(mode(), wanted, "{wanted:o}");
        }
    }
}
