//! Counts the instructions that a firmware executes in each call of chosen functions.
//!
//! The emulator runs one instruction per translated block and logs each block it executes, so the
//! log is the list of executed instructions. A call starts where a function's address appears and
//! ends where the instruction after the caller's appears; its count is the number of instructions
//! between, those of the functions it calls included. Counts are exact and repeatable; they are
//! instructions and not cycles.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader};
use std::process::{ChildStderr, Stdio};

use anyhow::{Context, Result, bail};

use crate::figures::Figures;
use flow_measure::board::Board;
use flow_measure::elf::Elf;
use flow_measure::process;
use flow_measure::qemu;

/// Begins the name of each function that is counted; the operation's name follows.
const PREFIX: &str = "bench_";

/// Instructions of each completed call, by operation.
pub type Calls = BTreeMap<String, Vec<u64>>;

/// The mean instructions of each operation, as figures.
#[must_use]
pub fn means(calls: &Calls) -> Figures {
    let mean = |(name, counts): (&String, &Vec<u64>)| {
        let mean = counts.iter().sum::<u64>() / counts.len() as u64;
        (format!("{name}_instructions"), mean)
    };
    calls.iter().map(mean).collect()
}

/// Runs a firmware and counts the calls of its functions `bench_*`.
///
/// # Errors
/// If no such function is in the firmware, one of them is never called (or never returns), the
/// emulator fails, or the firmware executes more than `limit` instructions.
pub fn calls(board: &Board, elf: &Elf, limit: u64) -> Result<Calls> {
    let operation = |name: String| name.trim_start_matches(PREFIX).to_owned();
    let functions = elf.functions(PREFIX)?.into_iter();
    let functions: BTreeMap<u32, String> =
        functions.map(|(pc, name)| (pc, operation(name))).collect();
    calls_of(board, elf, &functions, limit)
}

/// Runs a firmware and counts the calls of functions, by address; the names are those of operations.
///
/// # Errors
/// As [`calls`].
pub fn calls_of(
    board: &Board,
    elf: &Elf,
    functions: &BTreeMap<u32, String>,
    limit: u64,
) -> Result<Calls> {
    let log = traced(board, elf, |log| follow(log, functions, limit))?;
    for name in functions.values() {
        if !log.calls.contains_key(name) {
            bail!(
                "{}: no call of `{name}` returned within {} instructions",
                elf.path().display(),
                log.executed
            );
        }
    }
    Ok(log.calls)
}

/// The bytes of stack that a firmware for an Arm core uses at most, as seen where blocks of
/// instructions begin.
///
/// # Errors
/// If the emulator fails, or says nothing of the stack pointer.
pub fn stack(board: &Board, elf: &Elf) -> Result<u64> {
    let deepest = |log: BufReader<ChildStderr>| {
        let mut ends: Option<(u32, u32)> = None;
        for line in log.split(b'\n') {
            if let Some(pointer) = stack_pointer(&line?) {
                let (low, high) = ends.unwrap_or((pointer, pointer));
                ends = Some((low.min(pointer), high.max(pointer)));
            }
        }
        let (low, high) = ends.context("the emulator's log has no stack pointer")?;
        Ok((u64::from(high - low), VecDeque::new()))
    };
    logged(board, elf, &["-d", "cpu,nochain"], deepest)
}

/// Follows a run that executes one instruction per block.
fn traced(
    board: &Board,
    elf: &Elf,
    follow: impl FnOnce(BufReader<ChildStderr>) -> Result<Log>,
) -> Result<Log> {
    let arguments = [qemu::single_step(board)?, &["-d", "exec,nochain"]].concat();
    logged(board, elf, &arguments, |log| {
        let mut log = follow(log)?;
        let other = std::mem::take(&mut log.other);
        Ok((log, other))
    })
}

/// Runs a firmware and reads the emulator's log; a reader also gives the last lines that it could make
/// nothing of.
fn logged<T>(
    board: &Board,
    elf: &Elf,
    arguments: &[&str],
    read: impl FnOnce(BufReader<ChildStderr>) -> Result<(T, VecDeque<String>)>,
) -> Result<T> {
    let mut command = qemu::command(board, elf.path());
    // The log has a buffered stream of its own on the pipe of standard error, whereas standard
    // output keeps the firmware's own prints out of it.
    command
        .args(arguments)
        .args(["-D", "/dev/stderr"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{}`", process::display(&command)))?;
    let stream = child.stderr.take().context("the emulator's log")?;
    let found = read(BufReader::with_capacity(1 << 16, stream));
    if found.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let (found, other) =
        found.with_context(|| format!("{} on {}", elf.path().display(), board.name))?;
    if !status.success() {
        bail!(
            "{} on {} failed under trace ({status}): {}",
            elf.path().display(),
            board.name,
            Vec::from(other).join("\n")
        );
    }
    Ok(found)
}

/// What a log held.
#[derive(Debug, Default)]
struct Log {
    calls: Calls,
    executed: u64,
    /// The last lines that were no trace: the emulator's complaints.
    other: VecDeque<String>,
}

/// A call that has not returned.
struct Open<'a> {
    name: &'a str,
    /// Address of the calling instruction.
    caller: u32,
    /// Instructions executed before the function's first.
    start: u64,
}

fn follow(log: impl BufRead, functions: &BTreeMap<u32, String>, limit: u64) -> Result<Log> {
    let mut result = Log::default();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut previous = 0;
    for line in log.split(b'\n') {
        let line = line?;
        let Some(pc) = program_counter(&line) else {
            if result.other.len() == 10 {
                result.other.pop_front();
            }
            result
                .other
                .push_back(String::from_utf8_lossy(&line).into_owned());
            continue;
        };
        // A call instruction is two bytes long (by register; RISC-V's compressed) or four.
        while let Some(call) = open.pop_if(|c| pc == c.caller + 2 || pc == c.caller + 4) {
            let counts = result.calls.entry(call.name.to_owned()).or_default();
            counts.push(result.executed - call.start);
        }
        if let Some(name) = functions.get(&pc) {
            open.push(Open {
                name,
                caller: previous,
                start: result.executed,
            });
        }
        result.executed += 1;
        previous = pc;
        if result.executed > limit {
            bail!("still running after {limit} instructions");
        }
    }
    Ok(result)
}

/// The address in `Trace 0: 0x7f… [00000000/0000042a/…] name`; none for any other line.
fn program_counter(line: &[u8]) -> Option<u32> {
    let rest = line.strip_prefix(b"Trace ")?;
    let mut fields = rest.split(|&byte| byte == b'/');
    let address = std::str::from_utf8(fields.nth(1)?).ok()?;
    u32::from_str_radix(address, 16).ok()
}

/// The stack pointer in `R12=00000000 R13=203ffd28 R14=…`; none for any other line.
fn stack_pointer(line: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once("R13=")?;
    u32::from_str_radix(rest.get(..8)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{Calls, follow, means, program_counter, stack_pointer};
    use std::collections::BTreeMap;
    use std::fmt::Write;

    fn trace(addresses: &[u32]) -> String {
        let mut log = String::new();
        for pc in addresses {
            writeln!(
                log,
                "Trace 0: 0x7f00 [00000000/{pc:08x}/00000110/ff000201] f"
            )
            .unwrap();
        }
        log
    }

    fn functions() -> BTreeMap<u32, String> {
        BTreeMap::from([(0x100, "a".to_owned()), (0x200, "b".to_owned())])
    }

    #[test]
    fn counts_calls_and_the_calls_inside_them() {
        // 0x10 calls a (four bytes), which runs two instructions, calls b by register (two bytes;
        // b runs three), and one more.
        let log = trace(&[0x10, 0x100, 0x102, 0x200, 0x202, 0x204, 0x104, 0x14, 0x16]);
        let found = follow(log.as_bytes(), &functions(), 100).unwrap();
        assert_eq!(found.calls["b"], [3]);
        assert_eq!(found.calls["a"], [6]);
        assert_eq!(found.executed, 9);
    }

    #[test]
    fn figures_are_means() {
        let calls = Calls::from([("nsf_ar_4_log_prob".to_owned(), vec![10, 20])]);
        assert_eq!(means(&calls)["nsf_ar_4_log_prob_instructions"], 15);
    }

    #[test]
    fn a_call_that_does_not_return_is_not_counted() {
        let log = trace(&[0x10, 0x100, 0x102]);
        let found = follow(log.as_bytes(), &functions(), 100).unwrap();
        assert!(found.calls.is_empty());
    }

    #[test]
    fn an_endless_firmware_is_stopped() {
        let log = trace(&[0x10; 50]);
        let error = follow(log.as_bytes(), &functions(), 20).unwrap_err();
        assert!(error.to_string().contains("20 instructions"), "{error}");
    }

    #[test]
    fn other_lines_are_kept_for_the_message() {
        let found = follow(&b"qemu: no such machine\n"[..], &functions(), 1).unwrap();
        assert_eq!(found.other, ["qemu: no such machine"]);
    }

    #[test]
    fn reads_stack_pointers() {
        let line = b"R12=00000000 R13=203ffd28 R14=0000041b R15=00000412";
        assert_eq!(stack_pointer(line), Some(0x203f_fd28));
        assert_eq!(stack_pointer(b"R08=00000000 R09=00000000"), None);
    }

    #[test]
    fn reads_addresses_of_both_widths() {
        let old = b"Trace 0: 0x7f8a40000100 [00000000/000004f2/00000110/ff000201] main";
        let new = b"Trace 0: 0x7f8a40000100 [00000000/00000000000004f2/00000110/ff000201] main";
        assert_eq!(program_counter(old), Some(0x4f2));
        assert_eq!(program_counter(new), Some(0x4f2));
        assert_eq!(program_counter(b"qemu: fatal"), None);
    }
}
