//! Builds firmware for the chips: every firmware into one folder with one profile, several chips at a
//! time, so that `core` is compiled once for each target and level and links run side by side.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;
use flow_measure::level::Level;
use flow_measure::process;
use flow_measure::toolchain::Toolchain;

/// What is to be built.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// The folder of the firmware's manifest.
    pub folder: &'a Path,
    /// Compiler targets.
    pub targets: &'a [&'a str],
    /// The optimisation level; the manifest's if none is named.
    pub level: Option<Level>,
    /// Features of the firmware, separated by commas.
    pub features: &'a str,
    /// Its binaries; all if none is named.
    pub binaries: &'a [&'a str],
}

impl Build<'_> {
    /// The command that builds it.
    #[must_use]
    pub fn command(&self, toolchain: &Toolchain) -> Command {
        let target = workspace::device_target();
        let mut command = toolchain.build(self.folder, self.targets, &target);
        if !self.features.is_empty() {
            command.args(["--features", self.features]);
        }
        for binary in self.binaries {
            command.args(["--bin", binary]);
        }
        if let Some(level) = self.level {
            level.apply(&mut command);
        }
        command
    }

    /// Builds it. The binaries are where [`elf`] says until the next build of the same folder.
    ///
    /// # Errors
    /// The build fails.
    pub fn run(&self, toolchain: &Toolchain) -> Result<()> {
        let place = || {
            let level = self.level.map(|own| format!(" at opt-level {own}"));
            let (folder, targets) = (self.folder.display(), self.targets.join(", "));
            format!(
                "building {folder} for {targets}{}",
                level.unwrap_or_default()
            )
        };
        process::run(&mut self.command(toolchain)).with_context(place)
    }
}

/// A binary as the last build for a target left it.
#[must_use]
pub fn elf(target: &str, binary: &str) -> PathBuf {
    let release = workspace::device_target().join(target).join("release");
    release.join(binary)
}
