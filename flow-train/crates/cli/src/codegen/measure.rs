//! What the compiled model costs, by firmware that is built and run.

use crate::Error;
use crate::ui::Ui;
use flow_codegen::cost::Measured;
use flow_codegen::{OptLevel, Optimise, Options};
use flow_measure::board::Board;
use flow_measure::toolchain::Toolchain;
use flow_measure::version::Version;
use flow_measure::{Bench, Probe};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

/// Measures a model made for speed and for size, at each level of the compiler.
pub(super) fn all(
    artefact: &[u8],
    options: &Options,
    features: &[String],
    ui: Ui,
) -> Result<Vec<Measured>, Error> {
    let core = options.chip.core;
    let Some(board) = Board::of(core) else {
        return Err(Error::Usage(format!(
            "--measure: {core} has no firmware to build; give the --core of a chip"
        )));
    };
    let msrv = Version::find(env!("CARGO_PKG_RUST_VERSION"))
        .ok_or_else(|| Error::Measure("this build names no oldest Rust".to_owned()))?;
    let toolchain = Toolchain::find(&[board.target], msrv).map_err(|lack| {
        Error::Usage(format!(
            "--measure: {lack}; run rustup target add {}",
            board.target
        ))
    })?;
    if !board.can_run() {
        ui.note(format_args!(
            "{} is not installed: flash is measured, instructions and stack stay estimates.",
            board.emulator
        ));
    }
    let failed = |fault: anyhow::Error| Error::Measure(format!("{fault:#}"));
    let probes: Vec<Probe> = [Optimise::Speed, Optimise::Size]
        .into_iter()
        .map(|optimise| {
            let options = Options {
                optimise,
                ..options.clone()
            };
            Probe::new(optimise.name(), artefact, &options)
        })
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let (folder, _lock) = folder().map_err(|fault| failed(fault.into()))?;
    let bench = Bench {
        toolchain: &toolchain,
        folder,
        features: features.to_vec(),
    };
    let mut found = Vec::new();
    for level in OptLevel::ALL {
        ui.note(format_args!(
            "Building firmware for the {core} at opt-level {level} with {toolchain}."
        ));
        let built = bench.build(board, level, &probes).map_err(failed)?;
        for probe in &probes {
            found.push(built.measured(core, probe).map_err(failed)?);
        }
    }
    Ok(found)
}

/// The folder where firmware is built, for this process alone while the lock
/// lives: what is there makes the next time quicker.
fn folder() -> io::Result<(PathBuf, File)> {
    let cache = dirs::cache_dir().unwrap_or_else(std::env::temp_dir);
    let folder = cache.join("flow").join("measure");
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    Ok((folder, lock))
}
