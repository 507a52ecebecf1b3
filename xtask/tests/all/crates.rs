//! Which crate stands on which: heavy dependencies stay where they belong, and the pages say what is so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::text;
use flow_measure::process;
use xtask::workspace;

/// Dependencies that one published crate has, and who uses another crate must not build.
const ALONE: [(&str, &str); 10] = [
    ("clap", "flow-cli"),
    ("ctrlc", "flow-cli"),
    ("indicatif", "flow-cli"),
    ("npyz", "flow-import"),
    ("parquet", "flow-data"),
    ("plotters", "flow-report"),
    ("png", "flow-report"),
    ("prettyplease", "flow-codegen"),
    ("safetensors", "flow-import"),
    ("zip", "flow-import"),
];

/// A published crate of the workspace.
struct Crate {
    folder: PathBuf,
    /// Its direct normal dependencies.
    dependencies: BTreeSet<String>,
}

/// The published crates of the workspace by their names.
struct Crates(BTreeMap<String, Crate>);

impl Crates {
    fn read() -> Self {
        let mut cargo = workspace::cargo();
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata = process::output(&mut cargo).expect("cargo metadata");
        let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
        let packages = metadata["packages"].as_array().expect("packages");
        let published = packages.iter().filter(|own| own["publish"].is_null());
        let facts = published.map(|own| {
            let name = own["name"].as_str().expect("a name").to_owned();
            let manifest = Path::new(own["manifest_path"].as_str().expect("a manifest"));
            let dependencies = own["dependencies"].as_array().expect("dependencies");
            let normal = dependencies.iter().filter(|own| own["kind"].is_null());
            let names = normal.map(|own| own["name"].as_str().expect("a name").to_owned());
            let folder = manifest.parent().expect("a folder").to_owned();
            let dependencies = names.collect();
            (
                name,
                Crate {
                    folder,
                    dependencies,
                },
            )
        });
        Self(facts.collect())
    }

    /// The crates of the workspace that one depends on.
    fn below(&self, name: &str) -> Vec<&str> {
        let own = self.0[name].dependencies.iter().map(String::as_str);
        own.filter(|below| self.0.contains_key(*below)).collect()
    }

    /// The crates that depend on one.
    fn above(&self, name: &str) -> Vec<&str> {
        let above = self.0.iter();
        let above = above.filter(|(_, own)| own.dependencies.contains(name));
        above.map(|(above, _)| above.as_str()).collect()
    }

    /// The longest way down from a crate.
    fn depth(&self, name: &str) -> usize {
        let below = self.below(name).into_iter();
        below.map(|below| 1 + self.depth(below)).max().unwrap_or(0)
    }

    /// Whether a way leads down from one crate to another.
    fn reaches(&self, from: &str, to: &str) -> bool {
        let below = self.below(from);
        below.iter().any(|own| *own == to || self.reaches(own, to))
    }

    /// The drawing: a line for each crate, above all that it depends on, with arrows to those that it does not reach
    /// through another.
    fn drawing(&self) -> String {
        let mut order: Vec<&str> = self.0.keys().map(String::as_str).collect();
        order.sort_by_key(|name| (usize::MAX - self.depth(name), *name));
        let width = order.iter().map(|name| name.len()).max().unwrap_or(0);
        let line = |name: &str| {
            let below = self.below(name);
            let longer = |to: &&str| below.iter().any(|other| self.reaches(other, to));
            let arrows: Vec<&str> = below.iter().copied().filter(|to| !longer(to)).collect();
            match arrows.is_empty() {
                true => format!("{name}\n"),
                false => {
                    let dashes = "─".repeat(width + 2 - name.len());
                    format!("{name} {dashes}► {}\n", arrows.join(", "))
                }
            }
        };
        order.into_iter().map(line).collect()
    }

    /// The line of a crate's page that says where it stands.
    fn standing(&self, name: &str) -> String {
        let list = |names: &[&str]| match names {
            [] => "no other crate".to_owned(),
            names => {
                let names: Vec<String> = names.iter().map(|own| format!("`{own}`")).collect();
                names.join(", ")
            }
        };
        let (below, above) = (self.below(name), self.above(name));
        format!("Depends on: {}. Used by: {}.", list(&below), list(&above))
    }
}

/// Holds what stands between two marks of a page to what is so, or with `BLESS=1` writes it there.
fn says(page: &Path, [start, end]: [&str; 2], expected: &str) {
    let shown = page.display();
    let old = text(page);
    let (before, rest) = old
        .split_once(start)
        .unwrap_or_else(|| panic!("{shown} lacks {start:?}"));
    let (own, after) = rest
        .split_once(end)
        .unwrap_or_else(|| panic!("{shown} lacks {end:?}"));
    if std::env::var_os("BLESS").is_some() {
        let new = format!("{before}{start}{expected}{end}{after}");
        std::fs::write(workspace::root().join(page), new).expect("the page is written");
    } else {
        let help = "is out of date: BLESS=1 cargo test -p xtask crates";
        assert_eq!(own, expected, "{shown} {help}");
    }
}

#[test]
fn heavy_dependencies_stay_in_one_crate() {
    let crates = Crates::read();
    for (dependency, owner) in ALONE {
        assert_eq!(crates.above(dependency), [owner], "{dependency}");
    }
}

#[test]
fn the_trainer_builds_nothing_of_the_command_or_the_compiler() {
    let mut cargo = workspace::cargo();
    cargo.args([
        "tree",
        "--package",
        "flow-train",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    let tree = process::output(&mut cargo).expect("cargo tree");
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(names.contains("parquet"), "no tree of flow-train: {tree}");
    for (dependency, owner) in ALONE {
        let expected = !["flow-cli", "flow-codegen"].contains(&owner);
        assert_eq!(names.contains(dependency), expected, "{dependency}");
    }
}

#[test]
fn the_drawing_has_every_crate_and_arrow() {
    let expected = format!("```text\n{}```\n", Crates::read().drawing());
    let marks = ["<!-- crates -->\n", "<!-- end of crates -->"];
    says(Path::new("ARCHITECTURE.md"), marks, &expected);
}

#[test]
fn pages_say_where_their_crates_stand() {
    let crates = Crates::read();
    let family = workspace::root().join("flow-train/crates");
    let parts = crates.0.iter();
    let parts = parts.filter(|(_, own)| own.folder.starts_with(&family));
    let mut count = 0;
    for (name, own) in parts {
        count += 1;
        let standing = crates.standing(name);
        let marks = ["\nDepends on: ", "\n"];
        let expected = standing.trim_start_matches("Depends on: ");
        says(&own.folder.join("README.md"), marks, expected);
    }
    assert!(count >= 14, "only {count} crates are in flow-train/crates");
}

#[test]
fn arrows_lead_down_and_are_few() {
    let made = |name: &str, dependencies: &[&str]| {
        let own = Crate {
            folder: PathBuf::new(),
            dependencies: dependencies.iter().map(ToString::to_string).collect(),
        };
        (name.to_owned(), own)
    };
    let crates = Crates(BTreeMap::from([
        made("a", &["serde"]),
        made("bb", &["a"]),
        made("c", &["a", "bb", "libm"]),
        made("d", &["a"]),
    ]));
    assert_eq!(crates.drawing(), "c ───► bb\nbb ──► a\nd ───► a\na\n");
    assert_eq!(crates.standing("bb"), "Depends on: `a`. Used by: `c`.");
    assert_eq!(
        crates.standing("d"),
        "Depends on: `a`. Used by: no other crate."
    );
}
