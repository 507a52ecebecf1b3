//! Child processes: run with the output shown, or captured, or captured under a time limit.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a captured child printed and how it ended.
#[derive(Debug)]
pub struct Captured {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output; bytes that are not UTF-8 replaced.
    pub stdout: String,
    /// Standard error; bytes that are not UTF-8 replaced.
    pub stderr: String,
}

/// The command as a person would type it, for messages.
#[must_use]
pub fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

/// Runs a command with its output shown and no standard input.
///
/// # Errors
/// If the command cannot be started or does not exit with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{}`", display(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", display(command));
    }
    Ok(())
}

/// Runs a command and keeps its output, whatever its exit status.
///
/// # Errors
/// If the command cannot be started.
pub fn capture(command: &mut Command) -> Result<Captured> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", display(command)))?;
    Ok(Captured {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Standard output of a command that must succeed.
///
/// # Errors
/// If the command cannot be started or does not exit with 0; the message carries its standard
/// error.
pub fn output(command: &mut Command) -> Result<String> {
    let done = capture(command)?;
    if !done.status.success() {
        bail!(
            "`{}` failed ({}): {}",
            display(command),
            done.status,
            done.stderr.trim()
        );
    }
    Ok(done.stdout)
}

/// Runs a command with its output captured and ends it when `limit` has passed.
///
/// # Errors
/// If the command cannot be started or runs past the limit; the message carries the end of what
/// it had printed.
pub fn capture_within(command: &mut Command, limit: Duration) -> Result<Captured> {
    let shown = display(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    // Both pipes are drained while the child runs, or it would block on a full one.
    let stdout = child.stdout.take().map(drain);
    let stderr = child.stderr.take().map(drain);
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let collect = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        let bytes = reader.and_then(|r| r.join().ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (stdout, stderr) = (collect(stdout), collect(stderr));
    match status {
        Some(status) => Ok(Captured {
            status,
            stdout,
            stderr,
        }),
        None => bail!(
            "`{shown}` did not end within {} s; its last output:\n{}",
            limit.as_secs_f32(),
            tail(&format!("{stdout}{stderr}"), 10)
        ),
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A read error ends the collection; the exit status tells what became of the child.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

/// The last `lines` lines of a text.
#[must_use]
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// The full path of a program on `PATH`, if there is one.
#[must_use]
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(|d| Path::new(d).to_path_buf()))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::{capture_within, output, tail, which};
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn a_child_that_runs_too_long_is_ended_and_its_output_told() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo started; exec sleep 30"]);
        let error = capture_within(&mut command, Duration::from_millis(300)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("did not end within 0.3 s"), "{message}");
        assert!(message.contains("started"), "{message}");
    }

    #[test]
    fn a_failing_command_is_named_with_its_standard_error() {
        let error = output(Command::new("sh").args(["-c", "echo lost >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("lost"), "{error}");
    }

    #[test]
    fn finds_programs_on_the_path() {
        assert!(which("sh").is_some());
        assert!(which("no-such-program-anywhere").is_none());
    }

    #[test]
    fn tail_keeps_the_end() {
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
