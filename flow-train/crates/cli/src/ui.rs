//! What the user sees.

use crate::Error;
use flow_calibrate::Rate;
use flow_data::{CleaningReport, Table};
use flow_host::foreign::{Medium, show};
use flow_host::shown;
use serde::Serialize;
use std::io::Write as _;

/// How to talk to the user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ui {
    pub(super) json: bool,
    pub(super) quiet: bool,
    /// An output is the standard output, which then has no room for a report.
    pub(super) to_stdout: bool,
}

impl Ui {
    /// A remark on standard error; not with `--quiet`.
    pub(super) fn note(self, text: impl std::fmt::Display) {
        if !self.quiet {
            eprintln!("{}", show(&text.to_string(), Medium::Message));
        }
    }

    /// What reading a table gave.
    pub(super) fn read(self, file: &Table, report: &CleaningReport) {
        self.note(format_args!("{}: {report}", shown::path(file.path())));
        self.header(file);
    }

    /// Says so when a header was not given and not found.
    pub(super) fn header(self, file: &Table) {
        if !file.has_header() {
            let names = file.names();
            let last = names.last().map_or("", String::as_str);
            self.note(format_args!(
                "The first line was read as data; the columns are called c0 to {last} \
                 (--header if it holds names)."
            ));
        }
    }

    /// The result: the value with `--json`, else the lines of text. Where the standard output is an
    /// output of the command, the lines are a note.
    pub(super) fn result(
        self,
        value: &impl Serialize,
        lines: &[(&str, String)],
    ) -> Result<(), Error> {
        if self.to_stdout {
            self.note(aligned(lines));
            return Ok(());
        }
        let text = if self.json {
            let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from);
            text.map(|text| show(&text, Medium::Json))
        } else {
            Ok(aligned(lines))
        };
        let written = text.and_then(|text| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        });
        match written {
            // The reader has seen enough, as with `flow inspect model.flow | head -1`.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(Error::write("-".as_ref())),
        }
    }
}

/// Reports an error on standard error.
pub(super) fn error(error: &Error) {
    eprintln!("error: {}", show(&error.to_string(), Medium::Message));
}

/// Two columns; an empty key goes on with the line above. Keys and values may hold foreign
/// strings, which can't begin lines of their own.
fn aligned(lines: &[(&str, String)]) -> String {
    let one_line = |text: &str| show(text, Medium::Message).replace('\n', " ");
    let lines = lines
        .iter()
        .map(|(key, value)| (one_line(key), one_line(value)));
    let lines: Vec<(String, String)> = lines.collect();
    let width = lines
        .iter()
        .map(|(key, _)| key.chars().count())
        .max()
        .unwrap_or(0);
    let lines = lines
        .iter()
        .map(|(key, value)| format!("{key:width$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A share of independent trials as a percentage with its interval.
pub(super) fn percent(rate: &Rate) -> String {
    share(rate, "")
}

/// A share of rows, which may depend on each other: the interval says what it assumes.
pub(super) fn percent_of_rows(rate: &Rate) -> String {
    share(rate, " if rows are independent")
}

fn share(rate: &Rate, condition: &str) -> String {
    let (low, high) = rate.interval;
    format!(
        "{:.2} % ({} of {}; 95 % interval{condition}: {:.2} to {:.2} %)",
        100.0 * rate.rate,
        rate.hits,
        rate.trials,
        100.0 * low,
        100.0 * high
    )
}

/// The decimal number that was meant by a rate stored in `f32`: six digits.
pub(super) fn decimal(value: f32) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(f64::from(value))
}

/// A number of bytes.
pub(super) fn bytes(count: usize) -> String {
    if count < 1024 {
        format!("{count} bytes")
    } else {
        format!("{:.1} KiB", count as f64 / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_shown_as_they_were_meant() {
        for alpha in [0.01, 0.05, 0.001, 0.3, 0.0125] {
            assert_eq!(decimal(flow_calibrate::round_up(alpha)), alpha);
        }
    }

    #[test]
    fn values_stand_below_each_other() {
        let lines = [
            ("a", "1".to_owned()),
            ("long", "2".to_owned()),
            ("", "3".to_owned()),
        ];
        assert_eq!(aligned(&lines), "a     1\nlong  2\n      3");
    }

    #[test]
    fn foreign_strings_command_no_terminal() {
        let lines = [("\u{1b}[2J", "a\nerror: b\u{202e}".to_owned())];
        assert_eq!(aligned(&lines), "\u{fffd}[2J  a error: b\u{fffd}");
    }
}
