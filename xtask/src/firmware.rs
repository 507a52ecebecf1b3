//! Builds the test firmware, runs it on the emulated boards, and gathers what it shows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::count;
use crate::figures::{self, Boards, Figures};
use crate::workspace;
use flow_measure::board::{BOARDS, Board};
use flow_measure::elf::{Elf, Sizes};
use flow_measure::level::Level;
use flow_measure::process;
use flow_measure::qemu;
use flow_measure::toolchain::Toolchain;

/// The optimisation levels that are measured.
pub const LEVELS: [Level; 2] = [Level::Three, Level::S];
/// How long a run may take on a slow machine.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// How many instructions a traced run may take.
const INSTRUCTION_LIMIT: u64 = 50_000_000;
/// The rounds of the two calls of the firmware's calibration loop, each one instruction to begin,
/// two a round, one to return, on either architecture.
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

/// Builds every binary of a firmware for a board, and gives the folder that holds them.
///
/// # Errors
/// If the build fails.
pub fn build(toolchain: &Toolchain, board: &Board, folder: &Path) -> Result<PathBuf> {
    run_build(
        &mut toolchain.build(folder, board.target, &workspace::device_target()),
        board,
    )
    .with_context(|| folder.display().to_string())
}

/// Builds the test firmware for a board at an optimisation level.
///
/// # Errors
/// If the build fails.
pub fn build_at(toolchain: &Toolchain, board: &Board, level: Level) -> Result<PathBuf> {
    let mut command = toolchain.build(&folder(), board.target, &workspace::device_target());
    run_build(level.apply(&mut command), board)
}

/// Builds the test firmware around another case: a folder with a `model.flow` and a `rows.csv`.
///
/// # Errors
/// If the build fails.
pub fn build_case(toolchain: &Toolchain, board: &Board, case: &Path) -> Result<PathBuf> {
    let mut command = toolchain.build(&folder(), board.target, &workspace::device_target());
    run_build(command.env("FLOW_CASE", case), board)
}

fn run_build(command: &mut Command, board: &Board) -> Result<PathBuf> {
    process::run(command).with_context(|| format!("building the firmware for {}", board.name))?;
    Ok(workspace::device_release(board.target))
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
    let built = build_at(&toolchain, board, Level::Three)?;
    print(board, &built)
}

/// Builds and runs the test firmware on every board at each of [`LEVELS`], prints its figures and
/// compares them with the committed ones.
///
/// # Errors
/// If a build or run fails, the boards print different bits, or figures differ.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    let mut measured = Boards::new();
    let mut first: Option<(String, Printed)> = None;
    for board in BOARDS {
        for level in LEVELS {
            let place = format!("{} at opt-level {level}", board.name);
            let built = build_at(toolchain, board, level).context(place.clone())?;
            let printed = print(board, &built).context(place.clone())?;
            let (other, bits) = first.get_or_insert_with(|| (place.clone(), printed.clone()));
            same_bits((other, bits), (&place, &printed))?;
            let figures = measure(board, &built, &printed).context(place)?;
            if measured.is_empty() {
                print_header();
            }
            print_row(board, level, &figures);
            measured.insert(level.key(board.name), figures);
        }
    }
    if let Some((_, printed)) = &first {
        println!(
            "the same bits of {} log-likelihoods and {} samples everywhere",
            printed.log_probs.len(),
            printed.samples.len()
        );
    }
    let file = folder().join("figures.json");
    figures::check(&file, toolchain.version, &measured)
}

/// The columns of the table of figures: title, name.
const COLUMNS: [(&str, &str); 7] = [
    ("log_prob", "log_prob_instructions"),
    ("sample", "sample_instructions"),
    ("flash", "model_flash_bytes"),
    ("RAM", "model_ram_bytes"),
    ("stack", "log_prob_stack_bytes"),
    ("(sample)", "sample_stack_bytes"),
    ("text", "text_bytes"),
];

fn print_header() {
    print!("{:12} level", "board");
    for (title, _) in COLUMNS {
        print!(" {title:>9}");
    }
    println!("   (instructions; bytes)");
}

fn print_row(board: &Board, level: Level, figures: &Figures) {
    print!("{:12} {level:>5}", board.name);
    for (_, name) in COLUMNS {
        print!(" {:>9}", figures[name]);
    }
    println!();
}

/// The figures of a built test firmware.
///
/// # Errors
/// If an ELF cannot be read, or the instruction counter is off.
pub fn measure(board: &Board, built: &Path, printed: &Printed) -> Result<Figures> {
    let bench = Elf::read(&built.join("bench"))?;
    let empty = Elf::read(&built.join("empty"))?;
    let mut calls = count::calls(board, &bench, INSTRUCTION_LIMIT)?;
    let expected: Vec<u64> = LOOP_ROUNDS.iter().map(|n| 2 * n + 2).collect();
    let counted = calls.remove("loop");
    if counted.as_ref() != Some(&expected) {
        bail!(
            "the instruction counter is off: loops of {expected:?} instructions counted as \
             {counted:?}"
        );
    }
    let mut figures = count::means(&calls);
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

/// Compares what two named places printed.
fn same_bits((a, left): (&str, &Printed), (b, right): (&str, &Printed)) -> Result<()> {
    if left.log_probs.len() != right.log_probs.len() || left.samples.len() != right.samples.len() {
        bail!("{a} and {b} printed different numbers of lines");
    }
    let log_probs = left.log_probs.iter().zip(&right.log_probs);
    if let Some((row, (x, y))) = log_probs.enumerate().find(|(_, (x, y))| x != y) {
        bail!("log_prob of row {row}: {a} gives bits {x:08x}, {b} gives {y:08x}");
    }
    let samples = left.samples.iter().zip(&right.samples);
    if let Some((i, (x, y))) = samples.enumerate().find(|(_, (x, y))| x != y) {
        bail!("sample {i}: {a} gives bits {x:08x?}, {b} gives {y:08x?}");
    }
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
        assert!(same_bits(("one", &left), ("other", &right)).is_ok());
        right.log_probs[1] ^= 1;
        let error = same_bits(("one", &left), ("other", &right)).unwrap_err();
        assert!(error.to_string().contains("row 1"), "{error}");
    }
}
