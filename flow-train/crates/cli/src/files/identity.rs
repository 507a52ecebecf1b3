//! Whether two paths are one file.

use flow_host::atomic_file::follow;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// What a regular file has in common with itself under another name: a link, a hard link, another
/// spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// Device and number on it.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The path without links: hard links are not told apart from other files.
    #[cfg(not(unix))]
    Path(PathBuf),
}

impl Identity {
    /// That of a path, if a regular file is there.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Self::of_metadata(&metadata, path).filter(|_| metadata.is_file())
    }

    /// That of anything but a folder that can be read once only, such as a pipe.
    pub(super) fn of_pipe(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        let once = !metadata.is_file() && !metadata.is_dir();
        Self::of_metadata(&metadata, path).filter(|_| once)
    }

    /// That of the standard input, if it is a regular file.
    pub(super) fn of_stdin() -> Option<Self> {
        #[cfg(unix)]
        return Self::of_open(&std::io::stdin());
        #[cfg(not(unix))]
        None
    }

    /// That of the standard output, if it is a regular file.
    pub(super) fn of_stdout() -> Option<Self> {
        #[cfg(unix)]
        return Self::of_open(&std::io::stdout());
        #[cfg(not(unix))]
        None
    }

    #[cfg(unix)]
    fn of_open(file: &impl std::os::fd::AsFd) -> Option<Self> {
        let own = file.as_fd().try_clone_to_owned().ok()?;
        let metadata = std::fs::File::from(own).metadata().ok()?;
        Self::of_metadata(&metadata, Path::new("-")).filter(|_| metadata.is_file())
    }

    #[cfg(unix)]
    fn of_metadata(metadata: &Metadata, _: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        Some(Self::Inode(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn of_metadata(_: &Metadata, path: &Path) -> Option<Self> {
        path.canonicalize().ok().map(Self::Path)
    }
}

/// Where a path leads, without links; a file or folder that is not there yet lies in the first of its
/// folders that is.
pub(super) fn place(path: &Path) -> PathBuf {
    let path = follow(path);
    let absolute = std::path::absolute(&path).unwrap_or(path);
    let found = absolute.ancestors().find_map(|folder| {
        let rest = absolute.strip_prefix(folder).ok()?;
        Some(folder.canonicalize().ok()?.join(rest))
    });
    // Joining nothing adds a separator, which components don't have.
    let found: PathBuf = found.unwrap_or(absolute).components().collect();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn names_of_one_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "x").expect("written");
        std::fs::write(path("other"), "x").expect("written");
        std::fs::create_dir(path("sub")).expect("made");
        std::os::unix::fs::symlink("file", path("link")).expect("linked");
        std::fs::hard_link(path("file"), path("hard")).expect("linked");
        let own = Identity::of(&path("file")).expect("a file");
        for name in ["link", "hard", "sub/../file", "./file"] {
            assert_eq!(Identity::of(&path(name)), Some(own.clone()), "{name}");
        }
        assert_ne!(Identity::of(&path("other")), Some(own));
        assert_eq!(Identity::of(&path("sub")), None);
        assert_eq!(Identity::of(&path("missing")), None);
    }

    #[test]
    #[cfg(unix)]
    fn files_that_are_not_there_have_a_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("sub")).expect("made");
        std::os::unix::fs::symlink("sub", path("link")).expect("linked");
        std::os::unix::fs::symlink("sub/new", path("dangling")).expect("linked");
        std::os::unix::fs::symlink("circle", path("circle")).expect("linked");
        let own = path("sub").canonicalize().expect("there").join("new");
        for name in ["sub/new", "link/new", "sub/../sub/new", "dangling"] {
            assert_eq!(place(&path(name)), own, "{name}");
        }
        assert_eq!(
            place(&path("sub/no/new")),
            own.with_file_name("no").join("new")
        );
        assert!(place(&path("circle")).ends_with("circle"));
    }
}
