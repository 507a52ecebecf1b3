//! Tables of `flow-train/tests/peers` that the tool alone makes, made again.

use anyhow::Result;

use crate::environment::Environment;
use crate::{suite, workspace};
use flow_measure::process;

/// What the script imports.
const PACKAGES: [&str; 4] = ["numpy", "pandas", "scipy", "scikit-learn"];
/// The seeds of the committed table.
const SEEDS: &str = "5";

/// Makes the table of quantised models again, and holds the committed one to it. Gives the reason where that can't be
/// done here: the sets may not be carried in the repository.
///
/// # Errors
/// If a package can't be installed, or a row differs.
pub fn check() -> Result<Option<String>> {
    let data = workspace::root().join("../shared/data");
    if !data.is_dir() {
        return Ok(Some(format!(
            "there is no folder {}: the anomaly sets are not in the repository",
            data.display()
        )));
    }
    let environment = Environment::ensure(&workspace::root().join("target/peers"), &PACKAGES)?;
    let peers = workspace::root().join("flow-train/tests/peers");
    process::run(
        environment
            .python()
            .arg(peers.join("quantised.py"))
            .args(["--seeds", SEEDS, "--check"])
            .arg(peers.join("quantised.md"))
            .arg("--data")
            .arg(data)
            .arg("--flow")
            .arg(suite::program("flow")?),
    )?;
    Ok(None)
}
