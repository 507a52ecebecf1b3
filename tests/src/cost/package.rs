//! The firmwares around the models: a package that is generated, with a binary for each model.

use super::models::Model;
use anyhow::{Context, Result};
use flow_codegen::compile;
use flow_embedded::LoadedFlow;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use xtask::workspace;

/// The binary that holds no model: what is taken off the others.
pub(super) const EMPTY: &str = "empty";

/// The folder of everything that is generated and built.
pub(super) fn folder() -> PathBuf {
    workspace::root().join("target").join("cost")
}

/// The package's folder.
pub(super) fn package() -> PathBuf {
    folder().join("rust")
}

/// Writes the package for some models.
pub(super) fn write(models: &[Model]) -> Result<()> {
    let folder = package();
    let binaries = folder.join("src").join("bin");
    fs::create_dir_all(&binaries)?;
    for file in fs::read_dir(&binaries)? {
        let path = file?.path();
        let stem = path.file_stem().unwrap_or_default();
        if stem != EMPTY && !models.iter().any(|model| stem == model.name.as_str()) {
            fs::remove_file(&path)?;
        }
    }
    update(&folder.join("Cargo.toml"), &manifest())?;
    update(&folder.join("build.rs"), BUILD)?;
    update(&binaries.join(EMPTY).with_extension("rs"), EMPTY_SOURCE)?;
    for model in models {
        let (text, _) = compile(&model.artefact, Path::new("model.flow"), &model.options)?;
        let source = source(model, &text).context(model.name.clone())?;
        update(&binaries.join(&model.name).with_extension("rs"), &source)?;
    }
    Ok(())
}

/// Leaves a file alone that is as it should be, and with it what was built from it.
fn update(path: &Path, text: &str) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}

fn manifest() -> String {
    let tests = workspace::root().join("tests");
    format!(
        "[package]\nname = \"flow-cost\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nflow-cost-firmware = {{ path = {:?} }}\n\
         flow-embedded = {{ path = {:?} }}\n\n\
         [profile.release]\nopt-level = 3\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\"\n",
        tests.join("cost-firmware"),
        workspace::root().join("flow-embedded")
    )
}

const BUILD: &str = "fn main() {\n    println!(\"cargo::rustc-link-arg-bins=-Tlink.x\");\n    \
                     println!(\"cargo::rerun-if-changed=build.rs\");\n}\n";

const EMPTY_SOURCE: &str = "#![no_std]
#![no_main]

use core::hint::black_box;
use flow_cost_firmware::{Report, XorShift, entry};

#[entry]
fn main() -> ! {
    let mut report = Report::begin();
    report.operation(\"log_prob\", 8, &mut |index| _ = black_box(index));
    let mut rng = XorShift::new(black_box(1));
    report.operation(\"sample\", 8, &mut |_| _ = black_box(&mut rng));
    report.end()
}
";

fn source(model: &Model, module: &str) -> Result<String> {
    let flow = LoadedFlow::from_bytes(&model.artefact)?;
    let (event, context) = (flow.header().event.len(), flow.header().context.len());
    let integer = flow
        .header()
        .quantisation
        .is_some_and(|own| own.weights.is_integer());
    let functions = model.options.functions;
    // The documentation holds what this is to measure: it must not look like a change.
    let module: String = module
        .split_inclusive('\n')
        .filter(|line| !line.trim_start().starts_with("///"))
        .collect();
    let mut text = format!(
        "#![no_std]\n#![no_main]\n\nuse core::hint::black_box;\nuse flow_cost_firmware::{{Report, \
         entry}};\n\n#[allow(dead_code, unused_imports)]\nmod model {{\n{module}}}\n\n\
         static EVENTS: [([f32; {event}], [f32; {context}]); {}] = {:?};\n",
        model.events.len(),
        model.events
    );
    let mut calls = String::new();
    if functions.score() {
        write!(
            text,
            "\n#[inline(never)]\nfn log_prob(event: &[f32; {event}], context: &[f32; {context}]) -> \
             f32 {{\n    flow_embedded::Density::log_prob(&model::Model, event, context)\n}}\n"
        )?;
        calls += "    report.operation(\"log_prob\", EVENTS.len(), &mut |index| {\n        if let \
                  Some((event, context)) = black_box(&EVENTS).get(index) {\n            \
                  black_box(log_prob(event, context));\n        }\n    });\n";
    }
    if functions.sample() && !integer {
        write!(
            text,
            "\n#[inline(never)]\nfn sample(rng: &mut flow_cost_firmware::XorShift, context: &[f32; {context}]) -> [f32; \
             {event}] {{\n    flow_embedded::Sampler::sample(&model::Model, rng, context)\n}}\n"
        )?;
        calls += "    let mut rng = flow_cost_firmware::XorShift::new(black_box(1));\n    report.operation(\"sample\", \
                  EVENTS.len(), &mut |index| {\n        if let Some((_, context)) = \
                  black_box(&EVENTS).get(index) {\n            black_box(sample(&mut rng, \
                  context));\n        }\n    });\n";
    }
    if functions.score() && flow.calibration().is_some() {
        calls += "    black_box(flow_embedded::Calibrated::p_value(&model::Model, \
                  black_box(0.0)));\n";
    }
    write!(
        text,
        "\n#[entry]\nfn main() -> ! {{\n    let mut report = Report::begin();\n{calls}    \
         report.end()\n}}\n"
    )?;
    Ok(text)
}
