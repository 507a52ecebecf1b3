//! The package of firmwares: a binary around each model, and one around none.

use crate::Probe;
use anyhow::{Context, Result};
use flow_embedded::artefact::Judged;
use flow_embedded::math::Backend;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The binary that holds no model: what is taken off the others.
pub(crate) const EMPTY: &str = "no_model";

/// Writes the package. What is as it should be stays, and with it what was built
/// from it; binaries of other models go.
pub(crate) fn write(folder: &Path, probes: &[Probe], features: &[String]) -> Result<()> {
    let binaries = folder.join("src").join("bin");
    fs::create_dir_all(&binaries)?;
    for file in fs::read_dir(&binaries)? {
        let path = file?.path();
        let stem = path.file_stem().unwrap_or_default();
        if stem != EMPTY && !probes.iter().any(|probe| stem == probe.name.as_str()) {
            fs::remove_file(&path)?;
        }
    }
    update(&folder.join("Cargo.toml"), &manifest(probes, features))?;
    update(&folder.join("build.rs"), BUILD)?;
    update(&binaries.join(EMPTY).with_extension("rs"), EMPTY_SOURCE)?;
    for probe in probes {
        let path = binaries.join(&probe.name).with_extension("rs");
        update(&path, &source(probe))?;
    }
    Ok(())
}

fn update(path: &Path, text: &str) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}

fn manifest(probes: &[Probe], features: &[String]) -> String {
    let backends = probes.iter().filter_map(|probe| match probe.backend {
        Backend::Polynomial => None,
        Backend::Libm => Some("libm"),
        Backend::Micromath => Some("micromath"),
    });
    let features: BTreeSet<&str> = backends
        .chain(features.iter().map(String::as_str))
        .collect();
    let features = Vec::from_iter(features);
    format!(
        "[package]\nname = \"flow-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nflow-frame = {{ {} }}\n\
         flow-embedded = {{ {}, features = {features:?} }}\n\n\
         [profile.release]\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\"\n",
        origin("../frame"),
        origin("../../flow-embedded"),
    )
}

/// Where a crate of this project comes from: its folder as seen from this crate's,
/// as in their repository, or else the registry in the version of this crate.
fn origin(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if folder.join("Cargo.toml").is_file() {
        format!("path = {folder:?}")
    } else {
        format!("version = \"={}\"", env!("CARGO_PKG_VERSION"))
    }
}

const BUILD: &str = "fn main() {
    println!(\"cargo::rustc-link-arg-bins=-Tlink.x\");
    println!(\"cargo::rerun-if-changed=build.rs\");
}
";

/// It reports as the others do, so that the report is taken off with the rest.
const EMPTY_SOURCE: &str = "#![no_std]
#![no_main]

use core::hint::black_box;
use flow_embedded::golden::Words;
use flow_frame::{Report, entry};

#[entry]
fn main() -> ! {
    let mut report = Report::begin();
    report.operation(\"log_prob\", 8, &mut |index| _ = black_box(index));
    let mut words = Words::new(black_box(1));
    report.operation(\"sample\", 8, &mut |_| _ = black_box(&mut words));
    report.end()
}
";

fn source(probe: &Probe) -> String {
    let (event, context) = probe
        .events
        .first()
        .map_or((0, 0), |(event, context)| (event.len(), context.len()));
    let mut text = format!(
        "#![no_std]\n#![no_main]\n\nuse core::hint::black_box;\nuse flow_frame::{{Report, entry}};\n\n\
         #[allow(dead_code, unused_imports)]\nmod model {{\n{}}}\n\n\
         static EVENTS: [([f32; {event}], [f32; {context}]); {}] = {:?};\n",
        probe.module,
        probe.events.len(),
        probe.events
    );
    let mut calls = String::new();
    if probe.score {
        calls += "    report.operation(\"log_prob\", EVENTS.len(), &mut |index| {
        if let Some((event, context)) = black_box(&EVENTS).get(index) {
            black_box(flow_embedded::Density::log_prob(&model::Model, event, context));
        }
    });
";
    }
    if probe.sample {
        calls += "    let mut words = flow_embedded::golden::Words::new(black_box(1));
    report.operation(\"sample\", EVENTS.len(), &mut |index| {
        if let Some((_, context)) = black_box(&EVENTS).get(index) {
            black_box(flow_embedded::Sampler::sample(&model::Model, &mut words, context));
        }
    });
";
    }
    if let Some(judges) = probe.calibrated {
        let calibrated = match judges {
            Judged::Events => "Calibrated",
            Judged::Lines => "CalibratedLines",
        };
        calls += &format!(
            "    black_box(flow_embedded::{calibrated}::p_value(&model::Model, black_box(0.0)));\n"
        );
    }
    if let Some(bets) = probe.bets {
        // Its tables are in flash; a step of the test itself is the same for every model.
        let test = format!(
            "<model::Model as flow_embedded::detect::Sequential<{event}, {}, {bets}>>",
            event + 1
        );
        calls += &format!("    black_box(({test}::EVIDENCE, {test}::COMMON));\n");
    }
    text += &format!(
        "\n#[entry]\nfn main() -> ! {{\n    let mut report = Report::begin();\n{calls}    report.end()\n}}\n"
    );
    text
}
