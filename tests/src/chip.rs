//! What a model's code does and costs on emulated boards, in programs that are written around it.

use anyhow::{Context, Result, bail};
use flow_codegen::{OptLevel, Options, compile};
use flow_measure::board::Board;
use flow_measure::toolchain::Toolchain;
use flow_measure::{Bench, Figures, Probe, process, qemu};
use std::fs;
use std::path::Path;
use std::time::Duration;
use xtask::{device, workspace};

/// Flash, stack and instructions of a model on a board.
///
/// # Errors
/// The firmware can't be built or run.
pub fn figures(
    toolchain: &Toolchain,
    board: &'static Board,
    level: OptLevel,
    artefact: &[u8],
) -> Result<Figures> {
    let bench = Bench {
        toolchain,
        folder: workspace::measure(),
        features: Vec::new(),
    };
    let probes = [Probe::new("model", artefact, &Options::default())?];
    let built = bench.build(board, level, &probes)?;
    built.figures(&probes[0])
}

/// Runs the self-test of a model's code on a board: its log-likelihoods and its samples have the bits of the desk.
///
/// # Errors
/// The firmware can't be built or run, or a bit differs.
pub fn has_the_bits_of_the_desk(
    toolchain: &Toolchain,
    board: &'static Board,
    artefact: &[u8],
) -> Result<()> {
    let said = run(
        toolchain,
        board,
        "self-test",
        artefact,
        "console.text(if model::self_test() { \"same\" } else { \"other\" }).end();",
    )?;
    if said.trim() != "same" {
        bail!("{}: other bits than on the desk: {said}", board.name);
    }
    Ok(())
}

/// What a program around a model prints on a board: statements that know the module `model`, whose type is `Model`, and
/// a `console`. Programs of different names may be built at the same time.
///
/// # Errors
/// The firmware can't be built or run.
pub fn run(
    toolchain: &Toolchain,
    board: &'static Board,
    name: &str,
    artefact: &[u8],
    statements: &str,
) -> Result<String> {
    let options = Options {
        self_test: true,
        type_name: Some("Model".into()),
        ..Options::default()
    };
    let (module, _) = compile(artefact, Path::new("model.flow"), &options)?;
    let root = workspace::root();
    let folder = root.join("target/chip").join(name);
    fs::create_dir_all(folder.join("src"))?;
    let package =
        |name: &str, folder: &str| format!("{name} = {{ path = {:?} }}", root.join(folder));
    let manifest = format!(
        "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{}\n{}\n\n[profile.release]\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\"\n",
        package("flow-frame", "flow-codegen/frame"),
        package("flow-embedded", "flow-embedded"),
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(
        folder.join("build.rs"),
        "fn main() {\n    println!(\"cargo::rustc-link-arg-bins=-Tlink.x\");\n}\n",
    )?;
    let source = format!(
        "#![no_std]\n#![no_main]\n\n#[allow(dead_code)]\nmod model {{\n{module}}}\n\n\
         #[flow_frame::entry]\nfn main() -> ! {{\n    \
         let mut console = flow_frame::print::Console::open();\n{statements}\n    \
         flow_frame::stop::success()\n}}\n"
    );
    fs::write(folder.join("src/main.rs"), source)?;
    let target = workspace::device_target();
    process::run(&mut toolchain.build(&folder, &[board.target], &target))?;
    let elf = device::elf(board.target, name);
    qemu::run(board, &elf, Duration::from_secs(120)).context(board.name)
}
