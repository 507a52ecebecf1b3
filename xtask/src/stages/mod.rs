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
    /// When it runs if no stage is named.
    pub when: When,
    /// Seconds that it may take on two cores with nothing installed or built but by the stages before
    /// it. More than half as much again is named at the end of a run.
    pub budget: u32,
    run: fn(&mut Bench) -> Result<Verdict>,
}

/// When a stage runs if no stage is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// For every change: `cargo xtask test`.
    Change,
    /// With everything else: `cargo xtask test --full`.
    Full,
}

/// How much of its matrix a check covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// What every change must pass.
    Part,
    /// All of it.
    All,
}

/// How a stage that did not fail ended.
enum Verdict {
    /// It was done.
    Passed,
    /// It could not be done here; why.
    Skipped(String),
}

/// Every stage, in the order they run, and the only place that says which runs when. To add one, add a
/// row and bless the table of CONTRIBUTING.md, which shows these rows.
pub const STAGES: &[Stage] = &[
    Stage {
        name: "setup",
        what: "device toolchain, emulators and test runner, installed where missing",
        when: When::Change,
        budget: 60,
        run: device::setup,
    },
    Stage {
        name: "format",
        what: "rustfmt changes nothing",
        when: When::Change,
        budget: 10,
        run: host::format,
    },
    Stage {
        name: "lint",
        what: "clippy is silent on every target and feature",
        when: When::Change,
        budget: 120,
        run: host::lint,
    },
    Stage {
        name: "build",
        what: "the workspace and its tests build with all features",
        when: When::Change,
        budget: 480,
        run: host::build,
    },
    Stage {
        name: "tests",
        what: "the workspace's tests, but long ones",
        when: When::Change,
        budget: 300,
        run: host::tests,
    },
    Stage {
        name: "doc-tests",
        what: "the examples in the documentation",
        when: When::Change,
        budget: 20,
        run: host::doc_tests,
    },
    Stage {
        name: "docs",
        what: "the documentation builds without a warning",
        when: When::Change,
        budget: 60,
        run: host::docs,
    },
    Stage {
        name: "msrv",
        what: "the workspace builds with the stated minimum Rust version",
        when: When::Change,
        budget: 10,
        run: host::msrv,
    },
    Stage {
        name: "features",
        what: "flow-embedded with each set of features",
        when: When::Change,
        budget: 90,
        run: host::features,
    },
    Stage {
        name: "python",
        what: "the Python package: its wheel, its types, its tests, but slow ones",
        when: When::Change,
        budget: 300,
        run: host::python,
    },
    Stage {
        name: "no-panic",
        what: "no panic and no double precision in linked ELFs of three targets",
        when: When::Change,
        budget: 180,
        run: device::no_panic,
    },
    Stage {
        name: "firmware",
        what: "the test firmware on emulated chips, with its figures",
        when: When::Change,
        budget: 300,
        run: device::firmware,
    },
    Stage {
        name: "corpus",
        what: "the bits of every committed model on emulated chips",
        when: When::Change,
        budget: 200,
        run: device::corpus,
    },
    Stage {
        name: "cost",
        what: "what some models cost on emulated chips, against the committed figures",
        when: When::Change,
        budget: 120,
        run: device::cost,
    },
    Stage {
        name: "examples",
        what: "the quick start and the example firmwares print what they should",
        when: When::Change,
        budget: 180,
        run: device::examples,
    },
    Stage {
        name: "no-panic-all",
        what: "the proofs on every target at every level",
        when: When::Full,
        budget: 300,
        run: device::no_panic_all,
    },
    Stage {
        name: "golden",
        what: "every golden module on every emulated chip at every level",
        when: When::Full,
        budget: 900,
        run: device::golden,
    },
    Stage {
        name: "cost-all",
        what: "what every held-out model costs everywhere",
        when: When::Full,
        budget: 900,
        run: device::cost_all,
    },
    Stage {
        name: "sweeps",
        what: "long tests of the workspace",
        when: When::Full,
        budget: 300,
        run: host::sweeps,
    },
    Stage {
        name: "python-all",
        what: "the Python package with scikit-learn's checks of the default estimator",
        when: When::Full,
        budget: 600,
        run: host::python_all,
    },
    Stage {
        name: "imported",
        what: "flows that zuko, nflows, normflows and FlowJAX fit are the same on a chip",
        when: When::Full,
        budget: 600,
        run: device::imported,
    },
    Stage {
        name: "fleet",
        what: "Spark, Polars and DataFusion give the bits of flow score",
        when: When::Full,
        budget: 200,
        run: host::fleet,
    },
    Stage {
        name: "peers",
        what: "the table of quantised models on the anomaly sets is what the tool gives",
        when: When::Full,
        budget: 1200,
        run: host::peers,
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
        let when = match stage.when {
            When::Change => "",
            When::Full => " (--full)",
        };
        println!("{:12} {}{when}", stage.name, stage.what);
    }
}

/// What became of one stage.
struct Report {
    stage: &'static Stage,
    seconds: f32,
    ended: &'static str,
}

/// Runs the named stages, or all of their time when none is named, and stops at the first failure. It
/// closes with the seconds of each stage; the last line printed is `N passed, M failed`.
///
/// # Errors
/// If a name is unknown or a stage fails.
pub fn run(names: &[String], full: bool) -> Result<()> {
    let chosen = choose(names, full)?;
    let mut bench = Bench::default();
    let mut reports = Vec::new();
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
        let (ended, failure) = match outcome {
            Ok(Verdict::Passed) => {
                println!("-- {} passed in {seconds:.1} s", stage.name);
                ("passed", None)
            }
            Ok(Verdict::Skipped(why)) => {
                println!("-- {} skipped: {why}", stage.name);
                ("skipped", None)
            }
            Err(error) => {
                println!("-- {} FAILED after {seconds:.1} s: {error:#}", stage.name);
                ("FAILED", Some(stage.name))
            }
        };
        reports.push(Report {
            stage,
            seconds,
            ended,
        });
        if let Some(name) = failure {
            print!("{}", summary(&reports));
            bail!("stage {name} failed (again alone: `cargo xtask test {name}`)");
        }
    }
    print!("{}", summary(&reports));
    Ok(())
}

/// The seconds of each stage, those over their budget named, and the counts.
fn summary(reports: &[Report]) -> String {
    let mut text = String::from("\nstage         seconds  budget\n");
    for Report {
        stage,
        seconds,
        ended,
    } in reports
    {
        let over = match is_over(stage, *seconds) {
            true => "  over its budget by more than half",
            false => "",
        };
        let ended = match *ended {
            "passed" => String::new(),
            other => format!("  {other}"),
        };
        let (name, budget) = (stage.name, stage.budget);
        text += &format!("{name:12} {seconds:>8.0} {budget:>7}{ended}{over}\n");
    }
    let all: f32 = reports.iter().map(|report| report.seconds).sum();
    let budget: u32 = reports.iter().map(|report| report.stage.budget).sum();
    text += &format!("{:12} {all:>8.0} {budget:>7}\n\n", "all");
    let count = |ended| {
        reports
            .iter()
            .filter(|report| report.ended == ended)
            .count()
    };
    if count("skipped") > 0 {
        text += &format!("{} skipped\n", count("skipped"));
    }
    text + &format!("{} passed, {} failed\n", count("passed"), count("FAILED"))
}

/// Whether a stage took more than half as much again as its budget.
fn is_over(stage: &Stage, seconds: f32) -> bool {
    seconds > 1.5 * stage.budget as f32
}

fn choose(names: &[String], full: bool) -> Result<Vec<&'static Stage>> {
    if names.is_empty() {
        let wanted = |stage: &&Stage| full || stage.when == When::Change;
        return Ok(STAGES.iter().filter(wanted).collect());
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
    use super::{Report, STAGES, Stage, When, choose, summary};
    use crate::workspace;
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn stages_are_chosen_by_name_or_by_when_they_run() {
        let every: Vec<_> = choose(&[], true).unwrap();
        assert_eq!(every.len(), STAGES.len());
        let change = choose(&[], false).unwrap();
        assert!(change.iter().all(|stage| stage.when == When::Change));
        assert!(change.len() < STAGES.len());
        let chosen = choose(&["fleet".to_owned(), "format".to_owned()], false).unwrap();
        assert_eq!(chosen[0].name, "fleet");
        assert_eq!(chosen[1].name, "format");
        let error = choose(&["formats".to_owned()], true)
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains("`formats`"), "{error}");
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = STAGES.iter().map(|stage| stage.name).collect();
        assert_eq!(names.len(), STAGES.len());
    }

    #[test]
    fn what_runs_for_every_change_fits_half_an_hour_and_a_half() {
        let change = STAGES.iter().filter(|own| own.when == When::Change);
        let budget: u32 = change.map(|own| own.budget).sum();
        assert!(budget <= 2_700, "{budget} s");
    }

    #[test]
    fn a_summary_names_what_took_too_long() {
        let report = |index: usize, seconds: f32, ended| Report {
            stage: &STAGES[index],
            seconds: STAGES[index].budget as f32 + seconds,
            ended,
        };
        let (near, far) = (report(1, 0.0, "passed"), report(2, 1000.0, "FAILED"));
        let text = summary(&[near, far]);
        let line = |name| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(!line(STAGES[1].name).contains("over"), "{text}");
        assert!(line(STAGES[2].name).contains("over its budget"), "{text}");
        assert!(text.ends_with("\n1 passed, 1 failed\n"), "{text}");
    }

    /// The two tables of CONTRIBUTING.md: what runs when.
    fn tables() -> String {
        let table = |title: &str, when: When| {
            let row = |own: &Stage| format!("| `{}` | {} | {} |\n", own.name, own.what, own.budget);
            let own = STAGES.iter().filter(|own| own.when == when);
            let rows: String = own.map(row).collect();
            format!("| {title} | shows | seconds |\n|---|---|---|\n{rows}")
        };
        let change = table("`cargo xtask test`", When::Change);
        change + "\n" + &table("and with `--full`", When::Full)
    }

    #[test]
    fn contributing_says_what_runs_when() {
        let path = workspace::root().join("CONTRIBUTING.md");
        let text = fs::read_to_string(&path).unwrap();
        let (start, end) = ("<!-- stages -->\n", "<!-- end of stages -->");
        let (before, rest) = text.split_once(start).unwrap();
        let (own, after) = rest.split_once(end).unwrap();
        if std::env::var_os("BLESS").is_some() {
            let text = format!("{before}{start}{}{end}{after}", tables());
            fs::write(&path, text).unwrap();
        } else {
            let help = "CONTRIBUTING.md is out of date: BLESS=1 cargo test -p xtask contributing";
            assert_eq!(own, tables(), "{help}");
        }
    }
}
