//! Builds the test firmware, runs it on the emulated boards, and gathers what it shows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::device::{self, Build};
use crate::figures::{self, Boards, Figures};
use crate::parallel::side_by_side;
use crate::{bars, count, families, flash, workspace};
use flow_measure::board::{BOARDS, Board, CORTEX_M4F, TARGETS};
use flow_measure::elf::{Elf, Sizes};
use flow_measure::level::Level;
use flow_measure::process;
use flow_measure::qemu;
use flow_measure::toolchain::Toolchain;

/// The optimisation levels that are measured.
pub const LEVELS: [Level; 2] = [Level::Three, Level::S];
/// The binaries around the test case: its bits and its stack, its calls to be counted, and no model.
const CASE: [&str; 3] = ["bits", "bench", "empty"];
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

/// Builds binaries of the test firmware, all if none is named.
///
/// # Errors
/// If the build fails.
pub fn build(
    toolchain: &Toolchain,
    targets: &[&str],
    level: Level,
    features: &str,
    binaries: &[&str],
) -> Result<()> {
    let build = Build {
        folder: &folder(),
        targets,
        level: Some(level),
        features,
        binaries,
    };
    build.run(toolchain)
}

/// Builds the test firmware around another case: a folder with a `model.flow` and a `rows.csv`.
///
/// # Errors
/// If the build fails.
pub fn build_case(toolchain: &Toolchain, board: &Board, case: &Path) -> Result<()> {
    let build = Build {
        folder: &folder(),
        targets: &[board.target],
        level: Some(Level::Three),
        features: "",
        binaries: &CASE,
    };
    process::run(build.command(toolchain).env("FLOW_CASE", case))
        .with_context(|| format!("building the firmware for {}", board.name))
}

/// Runs the binary `bits` of the built test firmware.
///
/// # Errors
/// If the emulator fails or prints anything but the lines of that binary.
pub fn print(board: &Board) -> Result<Printed> {
    let text = qemu::run(board, &device::elf(board.target, "bits"), TIME_LIMIT)?;
    parse(&text).with_context(|| format!("what {} printed", board.name))
}

/// Builds the test firmware for a board and runs its binary `bits`.
///
/// # Errors
/// If the device toolchain is missing, the build fails or the run does.
pub fn build_and_print(board: &Board) -> Result<Printed> {
    let toolchain = crate::setup::toolchain()?;
    build(&toolchain, &[board.target], Level::Three, "", &CASE)?;
    print(board)
}

/// Builds the test firmware for every target at each of [`LEVELS`], runs it on every board, prints
/// what it does and costs, and compares its figures with the committed ones.
///
/// # Errors
/// If a build or run fails, the boards print different bits, or figures differ.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    let (mut cases, mut flows) = (Boards::new(), Boards::new());
    let mut first: Option<(String, Printed)> = None;
    for level in LEVELS {
        let binaries = [&CASE[..], &["reference"]].concat();
        build(toolchain, &TARGETS, level, "", &binaries)?;
        build(toolchain, &[CORTEX_M4F.target], level, "", &["families"])?;
        let measured = side_by_side(&BOARDS, |board| {
            let place = || format!("{} at opt-level {level}", board.name);
            let printed = print(board).with_context(place)?;
            let figures = measure(board, &printed).with_context(place)?;
            Ok((place(), printed, figures))
        })?;
        print_header();
        for (board, (place, printed, figures)) in BOARDS.iter().zip(measured) {
            let (other, bits) = first.get_or_insert_with(|| (place.clone(), printed.clone()));
            same_bits((other, bits), (&place, &printed))?;
            print_row(board, level, &figures);
            cases.insert(level.key(board.name), figures);
        }
        flows.extend(families::count(toolchain, level)?);
    }
    if let Some((_, printed)) = &first {
        println!(
            "the same bits of {} log-likelihoods and {} samples everywhere",
            printed.log_probs.len(),
            printed.samples.len()
        );
    }
    flash::measure(toolchain, &mut flows)?;
    println!("what is promised:");
    bars::check(&flows)?;
    let figures = |name: &str, measured: &Boards| {
        figures::check(&folder().join(name), toolchain.version, measured)
    };
    figures("figures.json", &cases)?;
    figures("families.json", &flows)
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
pub fn measure(board: &Board, printed: &Printed) -> Result<Figures> {
    let bench = Elf::read(&device::elf(board.target, "bench"))?;
    let empty = Elf::read(&device::elf(board.target, "empty"))?;
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
