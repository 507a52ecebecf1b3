//! The forge's workflows prepare what the stages use, and may do no more than read.

use serde_json::Value;

use crate::{text, tracked};
use flow_measure::board::TARGETS;
use xtask::workspace::Manifest;

/// The value of a setting `name: "value"` of a workflow.
fn setting<'w>(workflow: &'w str, name: &str) -> &'w str {
    let mut lines = workflow.lines();
    let value = lines.find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_default().trim_matches('"')
}

#[test]
fn workflows_have_the_toolchains_of_the_stages() {
    let figures: Value = serde_json::from_str(&text("tests/firmware/figures.json")).expect("JSON");
    let msrv = Manifest::read().expect("the manifest").msrv;
    for path in tracked(".github/workflows/*.yml") {
        let workflow = text(&path);
        let name = path.display();
        for target in TARGETS {
            assert!(
                workflow.contains(target),
                "{name} does not install {target}"
            );
        }
        let release = setting(&workflow, "RUST");
        let (release, _) = release.rsplit_once('.').expect("a release with a patch");
        let measured = figures.get(format!("rustc {release}"));
        assert!(
            measured.is_some(),
            "{name}: no figures are of rustc {release}"
        );
        assert_eq!(setting(&workflow, "OLDEST"), msrv.to_string(), "{name}");
    }
}

#[test]
fn workflows_may_only_read() {
    for path in tracked(".github/workflows/*.yml") {
        let workflow = text(&path);
        let name = path.display();
        assert!(
            workflow.contains("\npermissions:\n  contents: read\n"),
            "{name}"
        );
        assert!(!workflow.contains("write"), "{name}");
        assert!(!workflow.contains("secrets."), "{name}");
        let uses = workflow
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- uses: "));
        for action in uses {
            let (who, version) = action.split_once("@v").unwrap_or_default();
            let is_major = !version.is_empty() && version.chars().all(|own| own.is_ascii_digit());
            assert!(who.starts_with("actions/") && is_major, "{name}: {action}");
        }
    }
}

#[test]
fn the_gate_and_the_full_matrix_are_run() {
    let gate = text(".github/workflows/test.yml");
    assert!(gate.contains("run: .ci/run") && gate.contains("  push:\n  pull_request:\n"));
    let full = text(".github/workflows/full.yml");
    assert!(full.contains("run: cargo xtask test --full") && full.contains("  schedule:\n"));
}
