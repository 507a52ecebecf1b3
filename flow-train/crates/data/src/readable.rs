//! A file that is opened once and read any number of times.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open file, or a copy of what came through a pipe.
///
/// Reading a table takes several passes: one finds the format, one the columns, others the rows. All
/// passes read the same open file, each from its own position. So a file that is replaced meanwhile
/// stays the one that was opened. A pipe gives its bytes once: [`open`](Self::open) copies them to a
/// temporary file before anything looks at them. That file has no name; the system frees it when it is
/// closed, however the process ends.
#[derive(Debug, Clone)]
pub struct Readable {
    file: Arc<File>,
    path: PathBuf,
    copied: bool,
}

impl Readable {
    /// Opens a file. Copies it if it is no regular file: a pipe, a device, `/dev/fd/3`.
    ///
    /// # Errors
    /// The file can't be opened, it is a folder, or the temporary file can't be written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let kind = file.metadata()?;
        if kind.is_dir() {
            let text = "it is a folder, name a file";
            return Err(io::Error::new(io::ErrorKind::IsADirectory, text));
        }
        match kind.is_file() {
            true => Ok(Self {
                file: Arc::new(file),
                path: path.to_owned(),
                copied: false,
            }),
            false => Self::copy(path, file),
        }
    }

    /// Copies what a reader gives, to its end. Messages call it by `path`.
    ///
    /// # Errors
    /// The reader fails, or the temporary file can't be written.
    pub fn copy(path: &Path, mut from: impl Read) -> io::Result<Self> {
        let mut file = tempfile::tempfile().map_err(no_copy)?;
        let mut block = vec![0; 1 << 16];
        loop {
            let read = match from.read(&mut block) {
                Ok(0) => break,
                Ok(read) => read,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
                Err(fault) => return Err(fault),
            };
            io::Write::write_all(&mut file, &block[..read]).map_err(no_copy)?;
        }
        // Some systems move the position with every reader: all begin where they are told to.
        file.rewind()?;
        Ok(Self {
            file: Arc::new(file),
            path: path.to_owned(),
            copied: true,
        })
    }

    /// Opens the standard input, which messages call `path`. A file that the shell has opened for it is
    /// read where it lies, if nobody has begun to read it; all else is copied.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn stdin(path: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd as _;
            let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
            if file.metadata()?.is_file() && file.stream_position()? == 0 {
                return Ok(Self {
                    file: Arc::new(file),
                    path: path.to_owned(),
                    copied: false,
                });
            }
        }
        Self::copy(path, io::stdin().lock())
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is a copy of something that can be read once only.
    pub fn is_copy(&self) -> bool {
        self.copied
    }

    /// Reads all bytes.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A reader that stands at the start. Readers do not disturb each other.
    pub(super) fn reader(&self) -> Reader {
        self.reader_at(0)
    }

    /// A reader that stands at a byte.
    pub(super) fn reader_at(&self, place: u64) -> Reader {
        Reader {
            file: Arc::clone(&self.file),
            place,
        }
    }

    /// The length in bytes.
    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

// `map_err` gives it away.
#[allow(clippy::needless_pass_by_value)]
fn no_copy(fault: io::Error) -> io::Error {
    let text = format!(
        "a pipe is read once, so it is copied to a temporary file in {}, and that failed ({fault}); name a folder \
         with more room in TMPDIR, or give a file",
        std::env::temp_dir().display()
    );
    io::Error::new(fault.kind(), text)
}

/// Reads an open file from a position of its own.
#[derive(Debug)]
pub(super) struct Reader {
    file: Arc<File>,
    place: u64,
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, bytes, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, place)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::file;

    fn text(mut reader: Reader) -> String {
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn readers_have_a_position_each() {
        let own = file("abcdef");
        let copy = Readable::copy(Path::new("-"), &b"abcdef"[..]).expect("copied");
        let open = Readable::open(own.path()).expect("opens");
        assert!(copy.is_copy() && !open.is_copy());
        for readable in [copy, open] {
            let mut first = readable.reader();
            let mut start = [0; 2];
            first.read_exact(&mut start).expect("read");
            assert_eq!(text(readable.reader()), "abcdef");
            assert_eq!(text(readable.reader_at(4)), "ef");
            assert_eq!((text(first).as_str(), &start), ("cdef", b"ab"));
            assert_eq!(readable.length().expect("known"), 6);
        }
    }

    #[test]
    fn a_file_that_is_replaced_stays_the_one_that_was_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, "old").expect("written");
        std::fs::write(&other, "new").expect("written");
        let readable = Readable::open(&path).expect("opens");
        // Some systems refuse to replace a file that is open.
        let _ = std::fs::rename(&other, &path);
        assert_eq!(text(readable.reader()), "old");
    }

    #[test]
    fn a_reader_that_fails_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let error = Readable::copy(Path::new("-"), Broken).expect_err("broken");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
