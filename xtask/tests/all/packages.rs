//! Every package that is published carries its licences, a page of its own, and what a registry asks for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{text, tracked};
use flow_measure::process;
use xtask::workspace;

const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// The most keywords and categories of a package, and the most characters of a keyword, that crates.io takes.
const MOST: usize = 5;
const KEYWORD_CHARACTERS: usize = 20;

/// The categories in use: slugs of crates.io's list.
const CATEGORIES: [&str; 8] = [
    "command-line-utilities",
    "development-tools::build-utils",
    "development-tools::profiling",
    "development-tools::testing",
    "embedded",
    "mathematics",
    "no-std",
    "science",
];

/// A package that `publish = false` does not keep back.
struct Package {
    name: String,
    folder: PathBuf,
    facts: Value,
}

/// The published packages of all workspaces of the repository.
fn published() -> Vec<Package> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for manifest in tracked("*Cargo.toml") {
        let manifest = workspace::root().join(manifest);
        if seen.contains(&manifest) {
            continue;
        }
        let mut cargo = workspace::cargo();
        cargo
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(&manifest);
        let metadata = process::output(&mut cargo).expect("cargo metadata");
        let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
        for facts in metadata["packages"].as_array().expect("packages") {
            let manifest = PathBuf::from(facts["manifest_path"].as_str().expect("a manifest"));
            if seen.insert(manifest.clone()) && facts["publish"].is_null() {
                found.push(Package {
                    name: facts["name"].as_str().expect("a name").to_owned(),
                    folder: manifest.parent().expect("a folder").to_owned(),
                    facts: facts.clone(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The strings of a list among a package's facts.
fn strings<'p>(package: &'p Package, list: &str) -> Vec<&'p str> {
    let values = package.facts[list].as_array().into_iter().flatten();
    values.filter_map(Value::as_str).collect()
}

/// A folder has the licences of the root, in one source.
fn has_licences(folder: &Path) {
    for name in LICENCES {
        let own = text(folder.join(name));
        assert_eq!(own, text(name), "{}: {name}", folder.display());
    }
}

#[test]
fn these_crates_are_published() {
    let names: Vec<String> = published().into_iter().map(|own| own.name).collect();
    let expected = [
        "artefact",
        "calibrate",
        "cli",
        "codegen",
        "cortex-m",
        "data",
        "embedded",
        "evaluate",
        "export",
        "fit",
        "frame",
        "host",
        "import",
        "measure",
        "model",
        "noise",
        "plan",
        "posterior",
        "quantise",
        "recipe",
        "report",
        "train",
    ];
    assert_eq!(names, expected.map(|name| format!("flow-{name}")));
}

#[test]
fn a_registry_finds_what_it_asks_for() {
    for package in published() {
        let Package {
            name,
            folder,
            facts,
        } = &package;
        has_licences(folder);
        assert_eq!(facts["license"], "MIT OR Apache-2.0", "{name}");
        assert_eq!(facts["readme"], "README.md", "{name}");
        let description = facts["description"].as_str().unwrap_or_default();
        assert!(
            description.len() > 20,
            "{name}: description {description:?}"
        );
        let keywords = strings(&package, "keywords");
        let fits =
            |own: &&str| own.len() <= KEYWORD_CHARACTERS && own.starts_with(char::is_alphabetic);
        assert!((2..=MOST).contains(&keywords.len()), "{name}: {keywords:?}");
        assert!(keywords.iter().all(fits), "{name}: {keywords:?}");
        let categories = strings(&package, "categories");
        assert!(
            (1..=MOST).contains(&categories.len()),
            "{name}: {categories:?}"
        );
        let known = |own: &&str| CATEGORIES.contains(own);
        assert!(categories.iter().all(known), "{name}: {categories:?}");
    }
}

#[test]
fn a_package_carries_its_licences_and_its_page() {
    for Package { name, folder, .. } in published() {
        let mut cargo = workspace::cargo();
        cargo
            .args([
                "package",
                "--list",
                "--allow-dirty",
                "--offline",
                "--manifest-path",
            ])
            .arg(folder.join("Cargo.toml"))
            // Packages outside the workspace would get target folders of their own.
            .env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"));
        let listed = process::output(&mut cargo).expect("cargo package --list");
        for file in LICENCES.into_iter().chain(["README.md", "CHANGELOG.md"]) {
            assert!(
                listed.lines().any(|own| own == file),
                "{name} lacks {file}:\n{listed}"
            );
        }
        let page = text(folder.join("README.md"));
        let title = format!("# {name}\n");
        assert!(
            page.starts_with(&title),
            "{name}: README.md begins with another title"
        );
        assert!(page.contains("```"), "{name}: README.md has no example");
    }
}

#[test]
fn python_packages_carry_their_licences_and_a_page() {
    let projects = tracked("*pyproject.toml");
    assert!(projects.len() >= 3, "{projects:?}");
    for project in projects {
        let settings = text(&project);
        let folder = project.parent().expect("a folder");
        assert!(
            settings.contains("readme = \"README.md\""),
            "{}",
            project.display()
        );
        assert!(
            settings.contains("MIT OR Apache-2.0"),
            "{}",
            project.display()
        );
        has_licences(folder);
        assert!(
            text(folder.join("README.md")).starts_with("# "),
            "{}",
            folder.display()
        );
    }
}
