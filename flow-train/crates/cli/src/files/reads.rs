//! All that a command reads.

use super::given::Given;
use super::identity::{Identity, place};
use crate::Error;
use flow_data::Folder;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The files and folders that a command reads.
#[derive(Debug, Default)]
pub(super) struct Reads {
    files: Vec<File>,
    /// As they are named, and where they lie.
    folders: Vec<[PathBuf; 2]>,
    /// The files of all folders: they may be many, and are listed when a target exists.
    members: OnceLock<HashMap<Identity, PathBuf>>,
}

#[derive(Debug)]
struct File {
    identity: Identity,
    path: PathBuf,
    /// Whether a target may replace it.
    revised: bool,
}

impl Reads {
    /// Looks at what is named.
    ///
    /// # Errors
    /// A pipe or the standard input is named twice.
    pub(super) fn of(given: &[Given]) -> Result<Self, Error> {
        let mut reads = Self::default();
        let (mut stdin, mut pipes) = (false, HashSet::new());
        for own in given {
            let path = own.path().to_owned();
            let twice = match own.is_stdin() {
                true => std::mem::replace(&mut stdin, true),
                false => Identity::of_pipe(&path).is_some_and(|pipe| !pipes.insert(pipe)),
            };
            if twice {
                return Err(Error::Usage(format!(
                    "{own} is named twice, and can be read once: give a file for one of them"
                )));
            }
            if own.is_dir() {
                let lies = place(&path);
                reads.folders.push([path, lies]);
                continue;
            }
            let identity = match own.is_stdin() {
                true => Identity::of_stdin(),
                false => Identity::of(&path),
            };
            reads.files.extend(identity.map(|identity| File {
                identity,
                path,
                revised: own.is_revised(),
            }));
        }
        Ok(reads)
    }

    /// The name by which a file is read, if it is. One that may be replaced does not count for a target
    /// that `revises`.
    pub(super) fn find(&self, own: &Identity, revises: bool) -> Option<&Path> {
        let mut files = self.files.iter();
        let file = files.find(|file| file.identity == *own && !(revises && file.revised));
        if let Some(file) = file {
            return Some(&file.path);
        }
        let members = self.members.get_or_init(|| {
            // A folder that can't be listed is refused when it is read.
            let folders = self.folders.iter();
            let folders = folders.filter_map(|[path, _]| Folder::open(path).ok());
            let members = folders.flat_map(|folder| folder.members().to_vec());
            members
                .filter_map(|member| Some((Identity::of(member.path())?, member.path().to_owned())))
                .collect()
        });
        members.get(own).map(PathBuf::as_path)
    }

    /// The folder to whose tables a path belongs, or would.
    pub(super) fn folder_of(&self, path: impl FnOnce() -> PathBuf) -> Option<&Path> {
        if self.folders.is_empty() {
            return None;
        }
        let path = path();
        let mut folders = self.folders.iter();
        let folder = folders.find(|[_, lies]| {
            let place = path.strip_prefix(lies);
            place.is_ok_and(Folder::takes)
        });
        folder.map(|[path, _]| path.as_path())
    }
}
