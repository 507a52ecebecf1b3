//! Options that several commands share, and how their values are read.

use clap::Args;
use flow_data::{ColumnRequest, CsvFormat, DomainRequest, Header, RowFilter};
use flow_embedded::artefact::{Activation, NoSuchActivation};
use flow_model::{BaseSpec, NoSuchBase};
use std::str::FromStr;
use std::time::Duration;

/// How the table is written and which rows count.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Table")]
pub(super) struct TableOptions {
    /// Between cells: a character, or one of tab, comma, semicolon, pipe, space
    #[arg(long, default_value = "comma", value_parser = delimiter, value_name = "CHAR")]
    delimiter: u8,
    /// The first line is data; columns are called c0, c1, … [default: so if it is all numbers]
    #[arg(long)]
    no_header: bool,
    /// The first line holds names, even if all of them are numbers
    #[arg(long, conflicts_with = "no_header")]
    header: bool,
    /// Use only rows with one of these values in a column, e.g. --only activity=walking,standing
    #[arg(long, value_parser = row_filter, value_name = "COLUMN=VALUE,…")]
    pub(super) only: Option<RowFilter>,
}

/// Which rows are one recording, for models that are conditioned on the past of their stream.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Table")]
pub(super) struct RecordingOptions {
    /// Column that tells recordings apart, for a model that is conditioned on the past: rows must be
    /// in the order of time, and where this column changes, the past begins anew
    #[arg(long, value_name = "COLUMN")]
    pub(super) group: Option<String>,
}

impl RecordingOptions {
    /// What is needed of a table besides a model's columns.
    pub(super) fn request(&self, table: &TableOptions) -> ColumnRequest {
        ColumnRequest {
            group: self.group.clone(),
            filter: table.only.clone(),
            ..ColumnRequest::default()
        }
    }
}

impl TableOptions {
    /// How to read the file.
    pub(super) fn format(&self) -> CsvFormat {
        let header = match (self.header, self.no_header) {
            (true, _) => Header::Present,
            (_, true) => Header::Absent,
            _ => Header::Detect,
        };
        CsvFormat {
            delimiter: self.delimiter,
            header,
        }
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        "comma" => Ok(b','),
        "semicolon" => Ok(b';'),
        "pipe" => Ok(b'|'),
        "space" => Ok(b' '),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => {
                Ok(*byte)
            }
            _ => Err("give one character, or tab, comma, semicolon, pipe or space".to_owned()),
        },
    }
}

fn row_filter(text: &str) -> Result<RowFilter, String> {
    match text.split_once('=') {
        Some((column, values)) if !column.is_empty() && !values.is_empty() => Ok(RowFilter {
            column: column.to_owned(),
            values: values
                .split(',')
                .map(|value| value.trim().to_owned())
                .collect(),
        }),
        _ => Err("write COLUMN=VALUE or COLUMN=VALUE,VALUE".to_owned()),
    }
}

/// A false-alarm rate.
pub(super) fn alpha(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(alpha) if alpha > 0.0 && alpha < 1.0 => Ok(alpha),
        _ => Err("a rate between 0 and 1 is needed, such as 0.01".to_owned()),
    }
}

/// `column=value`.
pub(super) fn given(text: &str) -> Result<(String, String), String> {
    let parsed = text.split_once('=');
    let parsed = parsed.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    parsed.ok_or_else(|| "write COLUMN=VALUE, e.g. speed=1.5,state=idle".to_owned())
}

/// A finite number.
pub(super) fn number(text: &str) -> Option<f32> {
    text.parse().ok().filter(|value: &f32| value.is_finite())
}

/// `column=unit`.
pub(super) fn unit(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, unit)) => Ok((name.trim().to_owned(), unit.trim().to_owned())),
        None => Err("write COLUMN=UNIT, e.g. acc_x=m/s²".to_owned()),
    }
}

/// `column=domain`.
pub(super) fn domain(text: &str) -> Result<(String, DomainRequest), String> {
    let Some((name, domain)) = text.split_once('=') else {
        return Err("write COLUMN=DOMAIN, e.g. load=positive,angle=circular:0:360".to_owned());
    };
    let domain = domain.trim().parse::<DomainRequest>();
    domain
        .map(|domain| (name.trim().to_owned(), domain))
        .map_err(|fault| fault.to_string())
}

/// `column=step`.
pub(super) fn step(text: &str) -> Result<(String, f32), String> {
    let parsed = given(text).ok();
    let parsed = parsed.and_then(|(name, step)| Some((name, number(&step)?)));
    match parsed {
        Some((name, step)) if step > 0.0 => Ok((name, step)),
        _ => Err("write COLUMN=STEP with a step above 0, e.g. adc=1,volts=0.01".to_owned()),
    }
}

/// What is said of columns, that of `*` said of each: what names a column itself overrules it.
pub(super) fn of_each<T: Clone>(said: &[(String, T)], columns: &[String]) -> Vec<(String, T)> {
    let (all, own): (Vec<_>, Vec<_>) = said.iter().cloned().partition(|(name, _)| name == ALL);
    let each = |(_, value): (String, T)| {
        let columns = columns.iter();
        columns.map(move |name| (name.clone(), value.clone()))
    };
    all.into_iter().flat_map(each).chain(own).collect()
}

/// Stands for all columns of the event.
pub(super) const ALL: &str = "*";

/// A base distribution.
pub(super) fn base(text: &str) -> Result<BaseSpec, String> {
    text.parse().map_err(|fault: NoSuchBase| fault.to_string())
}

pub(super) fn activation(text: &str) -> Result<Activation, String> {
    text.parse()
        .map_err(|fault: NoSuchActivation| format!("`{text}` is {fault}"))
}

/// Width and height of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text.split_once('x').and_then(|(width, height)| {
            let side = |text: &str| {
                text.parse::<usize>()
                    .ok()
                    .filter(|side| (1..=64).contains(side))
            };
            Some((side(width)?, side(height)?))
        });
        match sides {
            Some((width, height)) => Ok(Self { width, height }),
            None => Err("write WIDTHxHEIGHT in pixels, e.g. 8x8".to_owned()),
        }
    }
}

/// A frequency in Hz, with a unit if need be.
pub(super) fn hertz(text: &str) -> Result<u64, String> {
    let wrong = || "write a frequency, e.g. 64MHz".to_owned();
    let (number, unit) = number_and_unit(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "hz" => 1.0,
        "k" | "khz" => 1e3,
        "m" | "mhz" => 1e6,
        "g" | "ghz" => 1e9,
        _ => return Err(wrong()),
    };
    let hertz = number.parse::<f64>().map_err(|_| wrong())? * factor;
    match (1.0..1e12).contains(&hertz) {
        true => Ok(hertz.round() as u64),
        false => Err(wrong()),
    }
}

/// A length of time, with its unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time with s, ms or us, e.g. 5ms".to_owned();
    let (number, unit) = number_and_unit(text);
    let factor = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" | "μs" => 1e-6,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * factor;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    match duration.is_zero() {
        true => Err(wrong()),
        false => Ok(duration),
    }
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let digits = text.trim_end_matches(char::is_alphabetic);
    (digits.trim(), &text[digits.len()..])
}

/// A number of bytes, with a unit if need be.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return Err("write a number of bytes with KiB, MiB or GiB, e.g. 512MiB".to_owned()),
    };
    let number = digits.trim().parse::<u64>().ok().filter(|n| *n > 0);
    number
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| "write a whole number of bytes, e.g. 512MiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_all_columns_is_overruled_by_name() {
        let said = |name: &str, value: i32| (name.to_owned(), value);
        let columns = ["a".to_owned(), "b".to_owned()];
        let each = of_each(&[said("b", 2), said("*", 1)], &columns);
        assert_eq!(each, [said("a", 1), said("b", 1), said("b", 2)]);
    }

    #[test]
    fn delimiters_go_by_name_or_character() {
        assert_eq!(delimiter("tab"), Ok(b'\t'));
        assert_eq!(delimiter("\t"), Ok(b'\t'));
        assert_eq!(delimiter(";"), Ok(b';'));
        assert!(delimiter("ab").is_err() && delimiter("a").is_err() && delimiter("\"").is_err());
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        assert!(alpha("0.01").is_ok() && alpha("1").is_err() && alpha("nan").is_err());
        let own = |value: &str| Ok(("speed".to_owned(), value.to_owned()));
        assert_eq!(given("speed = 1.5"), own("1.5"));
        assert_eq!(number("1.5"), Some(1.5));
        assert_eq!(bytes("3MiB"), Ok(3 << 20));
        assert_eq!(bytes("17"), Ok(17));
        for wrong in ["", "0", "MiB", "1.5GiB", "3MB", "99999999TiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert!(hertz("0.5Hz").is_err());
        assert!(base("student-t:5").is_ok() && base("cauchy").is_err());
        assert!(domain("a=positive").is_ok() && domain("a=log").is_err() && domain("a").is_err());
        assert!(given("speed").is_err() && number("inf").is_none() && number("idle").is_none());
        assert!(step("adc=0.5").is_ok() && step("adc=0").is_err() && step("adc").is_err());
        let filter = row_filter("a=x, y").expect("well-formed");
        assert_eq!(
            (filter.column.as_str(), filter.values),
            ("a", vec!["x".into(), "y".into()])
        );
        assert!(row_filter("a").is_err() && row_filter("a=").is_err());
    }
}
