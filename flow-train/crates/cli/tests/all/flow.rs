//! Runs the command in a folder of its own.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A temporary folder in which the command runs.
pub(crate) struct Folder(TempDir);

/// How a run ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file.
    pub(crate) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path().join(name), content).expect("written");
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("readable")
    }

    pub(crate) fn read_bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).expect("readable")
    }

    /// The names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = self.path().read_dir().expect("readable");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    /// Runs `flow` with arguments separated by blanks.
    pub(crate) fn flow(&self, arguments: &str) -> Run {
        self.run(arguments.split_whitespace())
    }

    /// Runs a line of the shell, in which `$FLOW` is the command.
    #[cfg(unix)]
    pub(crate) fn shell(&self, line: &str) -> Run {
        let output = Command::new("sh")
            .args(["-c", line])
            .env("FLOW", env!("CARGO_BIN_EXE_flow"))
            .stdin(std::process::Stdio::null())
            .current_dir(self.path())
            .output()
            .expect("a shell starts");
        Run::of(output)
    }

    /// Runs `flow` with arguments that may hold blanks.
    pub(crate) fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_flow"))
            .args(arguments)
            .current_dir(self.path())
            .output()
            .expect("the command starts");
        Run::of(output)
    }
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// Expects success.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self
    }

    /// Expects that the arguments are refused before anything is done, and told why.
    pub(crate) fn fails_in_usage(self, part: &str) {
        assert_eq!(self.code, Some(2), "{}", self.err);
        assert!(self.err.contains(part), "{part:?} is not in: {}", self.err);
    }

    /// Expects failure with a code and one sentence that has all the parts.
    pub(crate) fn fails(self, code: i32, parts: &[&str]) {
        assert_eq!(
            self.code,
            Some(code),
            "out: {}\nerr: {}",
            self.out,
            self.err
        );
        assert!(
            self.err
                .lines()
                .last()
                .is_some_and(|line| line.starts_with("error: ")),
            "{}",
            self.err
        );
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
        assert_eq!(self.out, "", "a failure prints no result");
    }

    /// The result of `--json`.
    pub(crate) fn json(self) -> serde_json::Value {
        let run = self.done();
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error} in {}", run.out))
    }
}
