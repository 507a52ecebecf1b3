//! Python's virtual environments: what is installed there is not elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use flow_measure::process;

/// A virtual environment.
pub struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// Makes it where it is missing, with these packages.
    ///
    /// # Errors
    /// There is no Python with `venv`, or a package can't be installed.
    pub fn ensure(folder: &Path, packages: &[&str]) -> Result<Self> {
        let own = Self {
            folder: folder.to_owned(),
        };
        if !own.program().is_file() {
            let Some(python) = process::which("python3") else {
                bail!("no python3 here: install Python 3.10 or later with venv");
            };
            process::run(Command::new(python).args(["-m", "venv"]).arg(folder))?;
        }
        if !packages.is_empty() {
            own.install(packages, &[])?;
        }
        Ok(own)
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// Its Python.
    #[must_use]
    pub fn python(&self) -> Command {
        let mut python = Command::new(self.program());
        // What is not installed here is not there.
        python.env_remove("PYTHONPATH");
        python
    }

    /// Installs packages into it.
    ///
    /// # Errors
    /// `pip` fails.
    pub fn install(&self, packages: &[&str], options: &[&str]) -> Result<()> {
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        process::run(self.python().args(pip).args(options).args(packages))
    }
}
