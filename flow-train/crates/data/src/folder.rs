//! A folder of Parquet files as one table.

use super::{DataError, Table};
use std::path::{Path, PathBuf};

/// The Parquet files in a folder and the folders in it.
///
/// A sub-folder called `key=value` gives each row below it a column `key` of that value, as Hive and
/// Spark write them. The order is that of the files' paths, folder by folder, name by name, compared
/// byte by byte: the same on every machine. Names that begin with `.` or `_` (`_SUCCESS`, temporary
/// files) and names that don't end in `.parquet` are passed over.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    members: Vec<Member>,
}

/// A file of a folder.
#[derive(Debug, Clone)]
pub struct Member {
    path: PathBuf,
    place: PathBuf,
    keys: Vec<(String, String)>,
}

/// What Hive calls a partition without a value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

impl Folder {
    /// Lists a folder.
    ///
    /// # Errors
    /// A folder can't be read, there is no Parquet file, or files have other keys in their paths
    /// than others.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let mut places = Vec::new();
        list(path, Path::new(""), &mut places)?;
        places.sort();
        let member = |place: PathBuf| Member {
            path: path.join(&place),
            keys: keys(&place),
            place,
        };
        let members: Vec<Member> = places.into_iter().map(member).collect();
        let Some(first) = members.first() else {
            return Err(DataError::NoTables);
        };
        let names = |own: &Member| -> Vec<String> {
            own.keys.iter().map(|(name, _)| name.clone()).collect()
        };
        if let Some(other) = members.iter().find(|own| names(own) != names(first)) {
            return Err(DataError::KeysDiffer {
                first: first.place.clone(),
                other: other.place.clone(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            members,
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a file at this place in a folder belongs to the table: its name ends in `.parquet`, and
    /// neither it nor a folder above it is passed over.
    pub fn takes(place: &Path) -> bool {
        let mut names = place.components();
        let is_table = place.to_string_lossy().ends_with(".parquet");
        is_table && !names.any(|name| is_passed_over(&name.as_os_str().to_string_lossy()))
    }

    /// Its files, at least one, in their order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
}

impl Member {
    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it lies in the folder.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Opens the file, with the keys of its path behind its own columns.
    ///
    /// # Errors
    /// It can't be read, or is damaged.
    pub fn open(&self) -> Result<Table, DataError> {
        Table::open_parquet(&self.path, self.keys.clone())
    }
}

/// Whether a file or folder of this name does not belong to the table.
fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// Adds the files of a folder, as they lie in `root`.
fn list(root: &Path, place: &Path, found: &mut Vec<PathBuf>) -> Result<(), DataError> {
    for entry in root.join(place).read_dir()? {
        let name = entry?.file_name();
        let shown = name.to_string_lossy();
        if is_passed_over(&shown) {
            continue;
        }
        let own = place.join(&name);
        // Of what a link points to.
        let kind = root.join(&own).metadata()?;
        if kind.is_dir() {
            list(root, &own, found)?;
        } else if shown.ends_with(".parquet") {
            found.push(own);
        }
    }
    Ok(())
}

/// The keys and values in the names of a file's folders.
fn keys(place: &Path) -> Vec<(String, String)> {
    let folders = place.parent().into_iter().flat_map(Path::components);
    let names = folders.map(|own| own.as_os_str().to_string_lossy().into_owned());
    let pairs = names.filter_map(|name| {
        let (key, value) = name.split_once('=')?;
        let value = if value == NO_VALUE { "" } else { value };
        Some((unescaped(key), unescaped(value)))
    });
    pairs.collect()
}

/// A name in which `%2F` stands for `/`, and so on.
fn unescaped(name: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), name.as_bytes());
    while let [first, behind @ ..] = rest {
        let code = behind
            .get(..2)
            .and_then(|code| str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok())
            .filter(|_| *first == b'%');
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, "").expect("written");
        }
        folder
    }

    #[test]
    fn files_are_listed_in_the_order_of_their_paths() {
        let names = ["b.parquet", "a/z.parquet", "a/b/c.parquet", "a.parquet"];
        let passed = ["_SUCCESS", ".x.parquet", "_tmp/y.parquet", "notes.txt"];
        let folder = folder(&[&names[..], &passed].concat());
        let found = Folder::open(folder.path()).expect("files");
        let places: Vec<&str> = found
            .members()
            .iter()
            .map(|own| own.place().to_str().expect("text"))
            .collect();
        for place in names {
            assert!(Folder::takes(Path::new(place)), "{place}");
        }
        for place in passed.into_iter().chain(["a/.b/c.parquet"]) {
            assert!(!Folder::takes(Path::new(place)), "{place}");
        }
        assert!(Folder::takes(Path::new("_k=v/a.parquet")));
        assert_eq!(
            places,
            ["a/b/c.parquet", "a/z.parquet", "a.parquet", "b.parquet"]
        );
    }

    #[test]
    fn keys_are_those_of_the_folders() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            keys(Path::new(
                "model=a%2Fb%20c/x/day=__HIVE_DEFAULT_PARTITION__/k=v.parquet"
            )),
            [pair("model", "a/b c"), pair("day", "")]
        );
        assert_eq!(unescaped("100%"), "100%");
        let folder = folder(&["m=1/a.parquet", "b.parquet"]);
        let error = Folder::open(folder.path()).expect_err("mixed").to_string();
        assert!(
            error.contains("b.parquet") && error.contains("m=1"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_without_tables_is_refused() {
        let folder = folder(&["a.csv"]);
        let error = Folder::open(folder.path()).expect_err("none").to_string();
        assert!(error.contains("no Parquet file"), "{error}");
    }
}
