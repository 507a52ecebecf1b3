//! Where things are in the workspace, and what its manifest states.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use flow_measure::TARGET;
use flow_measure::process;
use flow_measure::version::Version;

/// The root folder of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    // Cargo sets the variable for `cargo run` and `cargo test`; the compiled-in path serves a
    // binary that is started by hand.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.ancestors()
        .find(|folder| folder.join("xtask/Cargo.toml").is_file())
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            Path::to_path_buf,
        )
}

/// The target folder of host builds.
#[must_use]
pub fn host_target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The folder that stands for the user's cache where tests run `flow`.
#[must_use]
pub fn cache() -> PathBuf {
    root().join("target").join("cache")
}

/// Where `flow codegen --measure` builds firmware within [`cache`].
#[must_use]
pub fn measure() -> PathBuf {
    cache().join("flow").join("measure")
}

/// The one target folder of all device builds, those of `flow codegen --measure` included, so that
/// `core` is compiled once for each target and level and not once for each firmware.
#[must_use]
pub fn device_target() -> PathBuf {
    measure().join(TARGET)
}

/// The host's cargo: the one that runs this program, else the one on `PATH`.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// A crate of the workspace.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the root.
    pub folder: PathBuf,
}

/// The crates of the workspace.
///
/// # Errors
/// If cargo fails.
pub fn members() -> Result<Vec<Member>> {
    let metadata: Value = serde_json::from_str(&metadata()?).context("cargo metadata")?;
    let root = metadata["workspace_root"]
        .as_str()
        .context("cargo metadata: no workspace_root")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let member = |package: &Value| {
        let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
        Some(Member {
            name: package["name"].as_str()?.to_owned(),
            folder: folder.strip_prefix(root).ok()?.to_owned(),
        })
    };
    Ok(packages.filter_map(member).collect())
}

fn metadata() -> Result<String> {
    process::output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))
}

/// The facts of the workspace that tasks need.
#[derive(Debug)]
pub struct Manifest {
    /// The minimum supported Rust version.
    pub msrv: Version,
    /// Every feature of flow-embedded but `default`, sorted.
    pub embedded_features: Vec<String>,
}

impl Manifest {
    /// Reads `cargo metadata`.
    ///
    /// # Errors
    /// If cargo fails or flow-embedded or its `rust-version` is missing.
    pub fn read() -> Result<Self> {
        Self::parse(&metadata()?)
    }

    fn parse(metadata: &str) -> Result<Self> {
        let metadata: Value = serde_json::from_str(metadata).context("cargo metadata")?;
        let embedded = metadata["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|package| package["name"] == "flow-embedded")
            .context("the workspace has no package flow-embedded")?;
        let msrv = embedded["rust_version"]
            .as_str()
            .and_then(Version::find)
            .context("flow-embedded states no rust-version")?;
        let features = embedded["features"]
            .as_object()
            .context("cargo metadata: flow-embedded without a feature table")?;
        let mut embedded_features: Vec<String> = features
            .keys()
            .filter(|name| *name != "default")
            .cloned()
            .collect();
        embedded_features.sort();
        Ok(Self {
            msrv,
            embedded_features,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    #[test]
    fn reads_the_msrv_and_the_features() {
        let metadata = r#"{"packages": [
            {"name": "other", "rust_version": "1.80", "features": {}},
            {"name": "flow-embedded", "rust_version": "1.95",
             "features": {"micromath": [], "default": [], "libm": []}}]}"#;
        let manifest = Manifest::parse(metadata).unwrap();
        assert_eq!(manifest.msrv.to_string(), "1.95.0");
        assert_eq!(manifest.embedded_features, ["libm", "micromath"]);
    }

    #[test]
    fn a_workspace_without_the_runtime_is_refused() {
        let error = Manifest::parse(r#"{"packages": []}"#).unwrap_err();
        assert!(error.to_string().contains("flow-embedded"), "{error}");
    }
}
