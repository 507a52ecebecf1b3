//! Builds the test firmware, runs it on the emulated boards, and gathers what it shows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::board::{BOARDS, Board};
use crate::count;
use crate::elf::{Elf, Sizes};
use crate::figures::{self, Boards, Figures, Outcome};
use crate::process;
use crate::qemu;
use crate::toolchain::Toolchain;
use crate::workspace;

/// How long a run may take on a slow machine.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// How many instructions a traced run may take.
const INSTRUCTION_LIMIT: u64 = 50_000_000;
/// The rounds of the two calls of the firmware's calibration loop, each one instruction to begin,
/// two a round, one to return.
const LOOP_ROUNDS: [u64; 2] = [10, 1000];

/// The bits that a firmware printed and the stack that it used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Printed {
    /// Bits of the log-likelihood of each row.
    pub log_probs: Vec<u32>,
    /// Bits of each sample's channels.
    pub samples: Vec<Vec<u32>>,
    /// Worst stack of one `log_prob`, in bytes.
    pub log_prob_stack: u64,
    /// Worst stack of one `sample`, in bytes.
    pub sample_stack: u64,
    /// Worst stack of the whole program, in bytes.
    pub total_stack: u64,
}

/// The folder of the test firmware.
#[must_use]
pub fn folder() -> PathBuf {
    workspace::root().join("tests").join("firmware")
}

/// The committed figures of the test firmware.
#[must_use]
pub fn figures_file() -> PathBuf {
    folder().join("figures.json")
}

/// Builds every binary of a firmware for a board, and gives the folder that holds them.
///
/// # Errors
/// If the build fails.
pub fn build(toolchain: &Toolchain, board: &Board, folder: &Path) -> Result<PathBuf> {
    process::run(
        toolchain
            .cargo(folder, "build", board.target)
            .args(["--release", "--quiet"]),
    )
    .with_context(|| format!("building {} for {}", folder.display(), board.name))?;
    Ok(workspace::device_target()
        .join(board.target)
        .join("release"))
}

/// Builds the test firmware around another case: a folder with a `model.flow` and a `rows.csv`.
///
/// # Errors
/// If the build fails.
pub fn build_case(toolchain: &Toolchain, board: &Board, case: &Path) -> Result<PathBuf> {
    let mut command = toolchain.cargo(&folder(), "build", board.target);
    process::run(
        command
            .args(["--release", "--quiet"])
            .env("FLOW_CASE", case),
    )
    .with_context(|| format!("building the firmware for {}", board.name))?;
    Ok(workspace::device_target()
        .join(board.target)
        .join("release"))
}

/// Runs the binary `bits` of the built test firmware.
///
/// # Errors
/// If the emulator fails or prints anything but the lines of that binary.
pub fn print(board: &Board, built: &Path) -> Result<Printed> {
    let text = qemu::run(board, &built.join("bits"), TIME_LIMIT)?;
    parse(&text).with_context(|| format!("what {} printed", board.name))
}

/// Builds the test firmware for a board and runs its binary `bits`.
///
/// # Errors
/// If the device toolchain is missing, the build fails or the run does.
pub fn build_and_print(board: &Board) -> Result<Printed> {
    let toolchain = crate::setup::toolchain()?;
    let built = build(&toolchain, board, &folder())?;
    print(board, &built)
}

/// Builds and runs the test firmware on every board, prints its figures and compares them with
/// the committed ones.
///
/// # Errors
/// If a build or run fails, the boards print different bits, or figures differ.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    let mut measured = Boards::new();
    let mut first: Option<(&Board, Printed)> = None;
    for board in BOARDS {
        let built = build(toolchain, board, &folder())?;
        let printed = print(board, &built)?;
        println!(
            "{}: {} log-likelihoods and {} samples",
            board.name,
            printed.log_probs.len(),
            printed.samples.len()
        );
        let figures = measure(board, &built, &printed)?;
        for (name, value) in &figures {
            println!("  {name:28} {value:>9}");
        }
        measured.insert(board.name.to_owned(), figures);
        match &first {
            None => first = Some((board, printed)),
            Some((other, bits)) => same_bits(other, bits, board, &printed)?,
        }
    }
    let file = figures_file();
    let bless = figures::bless_requested();
    match figures::check(&file, toolchain.version, &measured, bless)? {
        Outcome::Same => println!(
            "figures within {} % of the committed ones",
            figures::TOLERANCE_PERCENT
        ),
        Outcome::Blessed => println!("figures written to {}", file.display()),
        Outcome::OtherCompiler(releases) => println!(
            "figures NOT compared: this is rustc {}, the committed ones are of {}",
            toolchain.version.release(),
            releases.join(", ")
        ),
    }
    Ok(())
}

/// The figures of a built test firmware.
///
/// # Errors
/// If an ELF cannot be read, or the instruction counter is off.
pub fn measure(board: &Board, built: &Path, printed: &Printed) -> Result<Figures> {
    let bench = Elf::read(&built.join("bench"))?;
    let empty = Elf::read(&built.join("empty"))?;
    let calls = count::calls(board, &bench, "bench_", INSTRUCTION_LIMIT)?;
    let expected: Vec<u64> = LOOP_ROUNDS.iter().map(|n| 2 * n + 2).collect();
    if calls.get("bench_loop") != Some(&expected) {
        bail!(
            "the instruction counter is off: loops of {expected:?} instructions counted as {:?}",
            calls.get("bench_loop")
        );
    }
    let mut figures = Figures::new();
    for (name, counts) in &calls {
        let operation = name.trim_start_matches("bench_");
        if operation != "loop" {
            let total: u64 = counts.iter().sum();
            let mean = total / counts.len() as u64;
            figures.insert(format!("{operation}_instructions"), mean);
        }
    }
    let Sizes {
        text,
        rodata,
        data,
        bss,
    } = bench.sizes();
    let without = empty.sizes();
    for (name, bytes) in [
        ("text_bytes", text),
        ("rodata_bytes", rodata),
        ("data_bytes", data),
        ("bss_bytes", bss),
        (
            "model_flash_bytes",
            bench.sizes().flash().saturating_sub(without.flash()),
        ),
        (
            "model_ram_bytes",
            bench.sizes().ram().saturating_sub(without.ram()),
        ),
        ("log_prob_stack_bytes", printed.log_prob_stack),
        ("sample_stack_bytes", printed.sample_stack),
        ("total_stack_bytes", printed.total_stack),
    ] {
        figures.insert(name.to_owned(), bytes);
    }
    Ok(figures)
}

fn same_bits(a: &Board, left: &Printed, b: &Board, right: &Printed) -> Result<()> {
    if left.log_probs.len() != right.log_probs.len() || left.samples.len() != right.samples.len() {
        bail!(
            "{} and {} printed different numbers of lines",
            a.name,
            b.name
        );
    }
    let log_probs = left.log_probs.iter().zip(&right.log_probs);
    if let Some((row, (x, y))) = log_probs.enumerate().find(|(_, (x, y))| x != y) {
        bail!(
            "log_prob of row {row}: {} gives bits {x:08x}, {} gives {y:08x}",
            a.name,
            b.name
        );
    }
    let samples = left.samples.iter().zip(&right.samples);
    if let Some((i, (x, y))) = samples.enumerate().find(|(_, (x, y))| x != y) {
        bail!(
            "sample {i}: {} gives bits {x:08x?}, {} gives {y:08x?}",
            a.name,
            b.name
        );
    }
    println!("{} and {} give the same bits", a.name, b.name);
    Ok(())
}

fn parse(text: &str) -> Result<Printed> {
    let mut printed = Printed::default();
    let mut ended = false;
    for (number, line) in text.lines().enumerate() {
        if ended {
            bail!("line {}: text after the end: {line}", number + 1);
        }
        let mut words = line.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        let place = || format!("line {}: {line}", number + 1);
        match (kind, rest.as_slice()) {
            ("log_prob", [bits]) => printed
                .log_probs
                .push(u32::from_str_radix(bits, 16).with_context(place)?),
            ("sample", [_, ..]) => {
                let bits: Result<Vec<u32>, _> =
                    rest.iter().map(|b| u32::from_str_radix(b, 16)).collect();
                printed.samples.push(bits.with_context(place)?);
            }
            ("stack", [name, call, total]) => {
                let call = call.parse().with_context(place)?;
                match *name {
                    "log_prob" => printed.log_prob_stack = call,
                    "sample" => printed.sample_stack = call,
                    other => bail!("{}: no operation `{other}`", place()),
                }
                let total = total.parse().with_context(place)?;
                printed.total_stack = printed.total_stack.max(total);
            }
            ("end", []) => ended = true,
            _ => bail!("{}: not a line of this firmware", place()),
        }
    }
    if !ended {
        bail!(
            "the output stops before its end, after {} lines",
            text.lines().count()
        );
    }
    Ok(printed)
}

#[cfg(test)]
mod tests {
    use super::{Printed, parse, same_bits};
    use crate::board::{CORTEX_M0, CORTEX_M4F};

    const OUTPUT: &str = "log_prob c11e9892\nlog_prob ff800000\nsample 3f800000 bf800000\n\
                          stack log_prob 96 200\nstack sample 128 232\nend\n";

    #[test]
    fn reads_what_the_firmware_prints() {
        let expected = Printed {
            log_probs: vec![0xc11e_9892, 0xff80_0000],
            samples: vec![vec![0x3f80_0000, 0xbf80_0000]],
            log_prob_stack: 96,
            sample_stack: 128,
            total_stack: 232,
        };
        assert_eq!(parse(OUTPUT).unwrap(), expected);
    }

    #[test]
    fn output_that_stops_short_or_holds_strange_lines_is_refused() {
        let short = OUTPUT.strip_suffix("end\n").unwrap();
        let error = parse(short).unwrap_err();
        assert!(
            error.to_string().contains("stops before its end"),
            "{error}"
        );
        for line in ["log_prob xyz", "noise", "stack other 1 2"] {
            let error = parse(&format!("{line}\nend\n")).unwrap_err();
            assert!(error.to_string().contains("line 1"), "{line}: {error}");
        }
    }

    #[test]
    fn one_different_bit_is_named() {
        let left = parse(OUTPUT).unwrap();
        let mut right = left.clone();
        assert!(same_bits(&CORTEX_M4F, &left, &CORTEX_M0, &right).is_ok());
        right.log_probs[1] ^= 1;
        let error = same_bits(&CORTEX_M4F, &left, &CORTEX_M0, &right).unwrap_err();
        assert!(error.to_string().contains("row 1"), "{error}");
    }
}
