//! The folder of an example, whose files are held to what its commands make.

use std::fs;
use std::path::PathBuf;
use xtask::workspace;

/// An example of the repository.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The folder's name.
    pub name: &'static str,
    /// The test that holds its files to what they should be.
    pub test: &'static str,
}

impl Example {
    /// Its folder.
    pub fn folder(self) -> PathBuf {
        workspace::root().join("examples").join(self.name)
    }

    /// Its model's bytes.
    ///
    /// # Panics
    /// If there is none.
    pub fn model(self) -> Vec<u8> {
        fs::read(self.folder().join("model.flow")).expect("a model")
    }

    /// One of its texts.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn text(self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).expect(name)
    }

    /// Compares a file with what it should be; `BLESS=1` writes it anew.
    ///
    /// # Panics
    /// If they differ, or the file can't be written.
    pub fn is_committed(self, name: &str, text: &str) {
        let path = self.folder().join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, text).expect("written");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{name} is out of date: BLESS=1 cargo test -p flow-tests --test all {}",
            self.test
        );
    }

    /// Holds the README to a table.
    ///
    /// # Panics
    /// If it is not there.
    pub fn readme_has(self, table: &str) {
        assert!(
            self.text("README.md").contains(table),
            "the README's table should be\n{table}"
        );
    }
}
