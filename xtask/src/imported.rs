//! Flows that the libraries themselves fit: trained for a moment, exported, imported, compiled and run on an emulated
//! chip, beside the log-likelihoods that the libraries give.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::device::{self, Build};
use crate::environment::Environment;
use crate::figures::bless_requested;
use crate::{suite, workspace};
use flow_measure::board::CORTEX_M4F;
use flow_measure::toolchain::Toolchain;
use flow_measure::{process, qemu};

/// How long a firmware may run.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// A flow on its way.
struct Flow {
    name: String,
    folder: PathBuf,
    /// What `flow import` said.
    imported: Value,
    /// The golden rows: events and contexts, the library's log-likelihood, and the bits that `flow score` gives.
    rows: Vec<Row>,
}

struct Row {
    event: Vec<f32>,
    context: Vec<f32>,
    expected: f64,
    scored: f32,
}

/// Tests the package `flow-bridge` against the libraries, then brings a flow of each of their families to the chip.
///
/// `BLESS=1` also rewrites the archive of such flows that is committed.
///
/// # Errors
/// If there is no Python, a package can't be installed, a test fails, or a flow is another one on the chip.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    let folder = workspace::root().join("target/imported");
    let bridge = workspace::root().join("python/flow-bridge");
    let environment = Environment::ensure(&folder.join("environment"), &[])?;
    let package = format!("{}[test]", bridge.display());
    environment.install(&[&package], &[])?;
    let command = suite::program("flow")?;
    let pytest = [
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
    ];
    process::run(
        environment
            .python()
            .args(pytest)
            .current_dir(&bridge)
            .env("FLOW", &command),
    )?;
    let fitted = folder.join("fitted");
    if fitted.exists() {
        fs::remove_dir_all(&fitted).with_context(|| fitted.display().to_string())?;
    }
    process::run(
        environment
            .python()
            .arg("tests/live.py")
            .arg(&fitted)
            .args(bless_requested().then_some("--archive"))
            .args(bless_requested().then(archive))
            .current_dir(&bridge),
    )?;
    let mut folders: Vec<PathBuf> = fs::read_dir(&fitted)
        .with_context(|| fitted.display().to_string())?
        .map(|own| Ok(own?.path()))
        .collect::<Result<_>>()?;
    folders.sort();
    let flows = folders.into_iter().map(|own| import(&command, own));
    let flows: Vec<Flow> = flows.collect::<Result<_>>()?;
    on_chip(toolchain, &folder.join("firmware"), &command, &flows)
}

/// The committed flows, which tests import that have no library.
fn archive() -> PathBuf {
    workspace::root().join("flow-train/crates/import/tests/imported.zip")
}

/// Imports a flow.
fn import(command: &Path, folder: PathBuf) -> Result<Flow> {
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let manifest = folder.join("flow.json");
    let mut import = std::process::Command::new(command);
    import.arg("import").arg(folder.join("flow.safetensors"));
    import
        .arg("--manifest")
        .arg(&manifest)
        .arg("-o")
        .arg(folder.join("model.flow"));
    let said = process::output(import.args(["--json", "--quiet"])).with_context(|| name.clone())?;
    let imported = serde_json::from_str(&said).context("what `flow import` printed")?;
    let manifest: Value = serde_json::from_str(&fs::read_to_string(&manifest)?)?;
    let numbers = |row: &Value| -> Vec<f32> {
        let row = row.as_array().into_iter().flatten();
        // Golden rows are numbers that 32 bits hold.
        row.filter_map(Value::as_f64)
            .map(|own| own as f32)
            .collect()
    };
    let list = |key: &str| manifest[key].as_array().cloned().unwrap_or_default();
    let (events, contexts) = (list("x"), list("context"));
    let log_probs = list("log_prob");
    let rows = log_probs.iter().enumerate().map(|(index, own)| {
        Ok(Row {
            event: numbers(&events[index]),
            context: contexts.get(index).map(numbers).unwrap_or_default(),
            expected: own.as_f64().context("a log_prob is no number")?,
            scored: f32::NAN,
        })
    });
    let mut rows = rows.collect::<Result<Vec<_>>>()?;
    let [event, context] = rows
        .first()
        .map_or([0, 0], |own| [own.event.len(), own.context.len()]);
    let names = [
        names(&list("columns"), "x", event),
        names(&list("context_columns"), "context", context),
    ]
    .concat();
    score(command, &folder, &names, &mut rows).with_context(|| name.clone())?;
    Ok(Flow {
        name,
        folder,
        imported,
        rows,
    })
}

/// The names of some channels: as stated, or those that `flow import` gives to channels without a name.
fn names(stated: &[Value], prefix: &str, count: usize) -> Vec<String> {
    let name = |index: usize| {
        let own = stated.get(index).and_then(Value::as_str);
        own.map_or_else(|| format!("{prefix}{index}"), str::to_owned)
    };
    (0..count).map(name).collect()
}

/// Scores golden rows with `flow score`, as firmware must.
fn score(command: &Path, folder: &Path, names: &[String], rows: &mut [Row]) -> Result<()> {
    let mut table = names.join(",");
    for row in &*rows {
        let numbers = row.event.iter().chain(&row.context);
        let numbers: Vec<String> = numbers.map(f32::to_string).collect();
        table.push('\n');
        table.push_str(&numbers.join(","));
    }
    let golden = folder.join("golden.csv");
    fs::write(&golden, table).with_context(|| golden.display().to_string())?;
    let mut score = std::process::Command::new(command);
    score
        .arg("score")
        .arg(folder.join("model.flow"))
        .arg(golden);
    let text = process::output(score.args(["-o", "-", "--quiet"]))?;
    let scores: Vec<f32> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap_or_default().parse())
        .collect::<Result<_, _>>()
        .context("what `flow score` printed")?;
    if scores.len() != rows.len() {
        bail!("{} scores of {} rows", scores.len(), rows.len());
    }
    rows.iter_mut()
        .zip(scores)
        .for_each(|(row, scored)| row.scored = scored);
    Ok(())
}

/// Compiles the flows, runs them on the chip, and shows how near they come. `flow import` has compared every row with
/// the library by the artefact's own arithmetic; what is left is that the chip has the same bits.
fn on_chip(toolchain: &Toolchain, folder: &Path, command: &Path, flows: &[Flow]) -> Result<()> {
    write(folder, command, flows)?;
    let board = &CORTEX_M4F;
    let build = Build {
        folder,
        targets: &[board.target],
        level: None,
        features: "",
        binaries: &[],
    };
    build.run(toolchain)?;
    println!(
        "{:34} {:>10} {:>12} {:>12} {:>6}",
        "family", "parameters", "f64 rel.", "chip, nats", "rows"
    );
    for flow in flows {
        let printed = qemu::run(board, &device::elf(board.target, &flow.name), TIME_LIMIT)
            .with_context(|| flow.name.clone())?;
        let worst = worst(flow, &printed).with_context(|| flow.name.clone())?;
        let number = |key: &str| flow.imported[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:34} {:>10} {:>12.1e} {:>12.1e} {:>6}",
            flow.name,
            number("parameters"),
            number("worst_exact"),
            worst,
            flow.rows.len()
        );
    }
    Ok(())
}

/// The largest difference from the library, over all rows.
fn worst(flow: &Flow, printed: &str) -> Result<f64> {
    let bits = printed
        .lines()
        .filter_map(|line| line.strip_prefix("log_prob "));
    let found: Vec<f32> = bits
        .map(|own| Ok(f32::from_bits(u32::from_str_radix(own.trim(), 16)?)))
        .collect::<Result<_>>()?;
    if found.len() != flow.rows.len() {
        bail!("{} answers to {} rows", found.len(), flow.rows.len());
    }
    let pairs = || found.iter().zip(&flow.rows);
    let other = |(found, row): &(&f32, &Row)| found.to_bits() != row.scored.to_bits();
    if let Some(row) = pairs().position(|own| other(&own)) {
        bail!(
            "golden row {row} has log_prob {} on the chip, {} by flow score and {} by the library",
            found[row],
            flow.rows[row].scored,
            flow.rows[row].expected
        );
    }
    // NaN is worse than any number.
    Ok(pairs()
        .map(|(found, row)| (f64::from(*found) - row.expected).abs())
        .fold(0.0, |a, b| if b <= a { a } else { b }))
}

/// Writes a package with a binary for each flow.
fn write(folder: &Path, command: &Path, flows: &[Flow]) -> Result<()> {
    let binaries = folder.join("src/bin");
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&binaries)?;
    let package = |folder: &str| workspace::root().join(folder);
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"imported\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nflow-frame = {{ path = {:?} }}\nflow-embedded = {{ path = {:?} }}\n\n\
             [profile.release]\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\"\n",
            package("flow-codegen/frame"),
            package("flow-embedded"),
        ),
    )?;
    fs::write(
        folder.join("build.rs"),
        "fn main() {\n    println!(\"cargo::rustc-link-arg-bins=-Tlink.x\");\n}\n",
    )?;
    for flow in flows {
        let module = binaries.join(&flow.name).with_extension("txt");
        let mut compile = std::process::Command::new(command);
        compile.arg("codegen").arg(flow.folder.join("model.flow"));
        compile
            .args(["--type-name", "Model", "--quiet", "-o"])
            .arg(&module);
        process::output(&mut compile)?;
        let [events, contexts] = [0, 1].map(|part| {
            let rows = flow.rows.iter();
            let rows: Vec<&[f32]> = rows
                .map(|row| {
                    if part == 0 {
                        &*row.event
                    } else {
                        &*row.context
                    }
                })
                .collect();
            let width = rows.first().map_or(0, |row| row.len());
            format!("[[f32; {width}]; {}] = {rows:?}", rows.len())
        });
        let source = format!(
            "#![no_std]\n#![no_main]\n\nuse flow_embedded::Density;\nuse flow_frame::print::Console;\n\
             use flow_frame::{{entry, stop}};\n\n#[allow(dead_code)]\nmod model {{\n    include!({module:?});\n}}\n\n\
             static EVENTS: {events};\nstatic CONTEXTS: {contexts};\n\n#[entry]\nfn main() -> ! {{\n    \
             let mut console = Console::open();\n    for (event, context) in EVENTS.iter().zip(&CONTEXTS) {{\n        \
             console.text(\"log_prob\").bits(model::Model.log_prob(event, context)).end();\n    }}\n    \
             stop::success()\n}}\n"
        );
        fs::write(binaries.join(&flow.name).with_extension("rs"), source)?;
    }
    Ok(())
}
