//! The stages of `cargo xtask test`: a table, and the loop that runs it.

mod device;
mod host;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::setup;
use crate::workspace::Manifest;
use flow_measure::toolchain::Toolchain;

/// One stage.
pub struct Stage {
    /// Name on the command line.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub what: &'static str,
    run: fn(&mut Bench) -> Result<Verdict>,
}

/// How a stage that did not fail ended.
enum Verdict {
    /// It was done.
    Passed,
    /// It could not be done here; why.
    Skipped(String),
}

/// Every stage, in the order they run. To add one, add a line.
pub const STAGES: &[Stage] = &[
    Stage {
        name: "setup",
        what: "device toolchain and emulator, installed where missing",
        run: device::setup,
    },
    Stage {
        name: "format",
        what: "rustfmt changes nothing",
        run: host::format,
    },
    Stage {
        name: "lint",
        what: "clippy is silent on every target and feature",
        run: host::lint,
    },
    Stage {
        name: "build",
        what: "the workspace builds with all features",
        run: host::build,
    },
    Stage {
        name: "tests",
        what: "the workspace's tests",
        run: host::tests,
    },
    Stage {
        name: "doc-tests",
        what: "the examples in the documentation",
        run: host::doc_tests,
    },
    Stage {
        name: "docs",
        what: "the documentation builds without a warning",
        run: host::docs,
    },
    Stage {
        name: "msrv",
        what: "the workspace builds with the stated minimum Rust version",
        run: host::msrv,
    },
    Stage {
        name: "features",
        what: "flow-embedded with each set of features",
        run: host::features,
    },
    Stage {
        name: "python",
        what: "the Python package: its wheel, its types, scikit-learn's checks",
        run: host::python,
    },
    Stage {
        name: "no-panic",
        what: "no panic and no double precision in linked ELFs",
        run: device::no_panic,
    },
    Stage {
        name: "firmware",
        what: "the test firmware on emulated chips, with its figures",
        run: device::firmware,
    },
    Stage {
        name: "cost",
        what: "what models cost on emulated chips, against the committed figures",
        run: device::cost,
    },
    Stage {
        name: "examples",
        what: "the example firmwares print what they should",
        run: device::examples,
    },
    Stage {
        name: "imported",
        what: "flows of zuko, nflows, normflows and FlowJAX are the same on a chip",
        run: device::imported,
    },
    Stage {
        name: "fleet",
        what: "Spark, Polars and DataFusion give the bits of flow score",
        run: host::fleet,
    },
];

/// What stages share.
#[derive(Default)]
struct Bench {
    manifest: Option<Manifest>,
    toolchain: Option<Toolchain>,
}

impl Bench {
    fn manifest(&mut self) -> Result<&Manifest> {
        if self.manifest.is_none() {
            self.manifest = Some(Manifest::read()?);
        }
        self.manifest
            .as_ref()
            .ok_or_else(|| anyhow::anyhow!("the manifest was not read"))
    }

    fn toolchain(&mut self) -> Result<Toolchain> {
        if let Some(found) = &self.toolchain {
            return Ok(found.clone());
        }
        let found = setup::ensure()?;
        self.toolchain = Some(found.clone());
        Ok(found)
    }
}

/// Prints the table.
pub fn list() {
    for stage in STAGES {
        println!("{:10} {}", stage.name, stage.what);
    }
}

/// Runs the named stages, or all when none is named, and stops at the first failure. The last
/// line printed is `N passed, M failed`.
///
/// # Errors
/// If a name is unknown or a stage fails.
pub fn run(names: &[String]) -> Result<()> {
    let chosen = choose(names)?;
    let mut bench = Bench::default();
    let mut passed = 0;
    let mut skipped = Vec::new();
    let all = Instant::now();
    for (number, stage) in chosen.iter().enumerate() {
        println!(
            "\n== {}/{} {}: {}",
            number + 1,
            chosen.len(),
            stage.name,
            stage.what
        );
        let started = Instant::now();
        let outcome = (stage.run)(&mut bench);
        let seconds = started.elapsed().as_secs_f32();
        match outcome {
            Ok(Verdict::Passed) => {
                passed += 1;
                println!("-- {} passed in {seconds:.1} s", stage.name);
            }
            Ok(Verdict::Skipped(why)) => {
                println!("-- {} skipped: {why}", stage.name);
                skipped.push(stage.name);
            }
            Err(error) => {
                println!("-- {} FAILED after {seconds:.1} s: {error:#}", stage.name);
                println!("\n{passed} passed, 1 failed");
                bail!(
                    "stage {} failed (again alone: `cargo xtask test {}`)",
                    stage.name,
                    stage.name
                );
            }
        }
    }
    println!("\nall stages took {:.0} s", all.elapsed().as_secs_f32());
    if !skipped.is_empty() {
        println!("skipped: {}", skipped.join(", "));
    }
    println!("{passed} passed, 0 failed");
    Ok(())
}

fn choose(names: &[String]) -> Result<Vec<&'static Stage>> {
    if names.is_empty() {
        return Ok(STAGES.iter().collect());
    }
    names
        .iter()
        .map(|name| match STAGES.iter().find(|s| s.name == *name) {
            Some(stage) => Ok(stage),
            None => bail!("no stage `{name}`: `cargo xtask test --list` shows them"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{STAGES, choose};
    use std::collections::BTreeSet;

    #[test]
    fn stages_are_chosen_by_name() {
        assert_eq!(choose(&[]).unwrap().len(), STAGES.len());
        let chosen = choose(&["docs".to_owned(), "format".to_owned()]).unwrap();
        assert_eq!(chosen[0].name, "docs");
        assert_eq!(chosen[1].name, "format");
        let error = choose(&["formats".to_owned()]).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("`formats`"), "{error}");
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = STAGES.iter().map(|stage| stage.name).collect();
        assert_eq!(names.len(), STAGES.len());
    }
}
