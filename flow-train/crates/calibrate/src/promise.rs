//! A promise in the user's words: so many false alarms in such a time, or none with such a probability.

use std::fmt;
use std::str::FromStr;

/// The names of times, with their seconds. A month has 30 days, a year 365.
const TIMES: [(&str, f64); 7] = [
    ("second", 1.0),
    ("minute", 60.0),
    ("hour", 3_600.0),
    ("day", 86_400.0),
    ("week", 7.0 * 86_400.0),
    ("month", 30.0 * 86_400.0),
    ("year", 365.0 * 86_400.0),
];

/// The span that false alarms are counted over.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Span {
    Seconds(f64),
    Samples(f64),
}

/// At most so many false alarms in a span, in the mean: `1 per day`, `2 per 8 hours`, `1 per 1000
/// samples`. Or any within a span with at most such a probability, however often one looks: `1 % in 8
/// hours`. A test of the run length `A` gives a false alarm among `t` samples with a probability of at
/// most `t / A` ([`evidence`](flow_embedded::detect::evidence)), so that this is the promise of a hundredth
/// of an alarm per 8 hours.
#[derive(Debug, Clone, PartialEq)]
pub struct FalseAlarms {
    alarms: f64,
    span: Span,
    text: String,
}

impl FalseAlarms {
    /// The mean number of samples from one false alarm to the next that keeps this promise, of a stream of
    /// so many samples a second (positive and finite).
    ///
    /// # Errors
    /// The promise is about time and no rate is given, or it allows more than one false alarm a
    /// sample.
    pub fn run_length(&self, hertz: Option<f64>) -> Result<f64, PromiseError> {
        let samples = match (self.span, hertz) {
            (Span::Samples(samples), _) => samples,
            (Span::Seconds(seconds), Some(hertz)) => seconds * hertz,
            (Span::Seconds(_), None) => return Err(PromiseError::NoRate(self.text.clone())),
        };
        let run_length = samples / self.alarms;
        if run_length >= 1.0 {
            Ok(run_length)
        } else {
            Err(PromiseError::TooMany {
                promise: self.text.clone(),
                run_length,
            })
        }
    }
}

impl fmt::Display for FalseAlarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for FalseAlarms {
    type Err = PromiseError;

    fn from_str(text: &str) -> Result<Self, PromiseError> {
        let error = || PromiseError::FalseAlarms(text.to_owned());
        let spaced = text.replace('%', " % ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let (alarms, share, count, unit) = match words[..] {
            [alarms, "per" | "a" | "an", unit] => (alarms, 1.0, "1", unit),
            [alarms, "per", count, unit] => (alarms, 1.0, count, unit),
            [percent, "%", "in", "a" | "an", unit] => (percent, 0.01, "1", unit),
            [percent, "%", "in", count, unit] => (percent, 0.01, count, unit),
            _ => return Err(error()),
        };
        let alarms = share * positive(alarms).ok_or_else(error)?;
        if share < 1.0 && alarms >= 1.0 {
            return Err(error());
        }
        let count = positive(count).ok_or_else(error)?;
        let unit = unit.strip_suffix('s').unwrap_or(unit);
        let span = match TIMES.iter().find(|(name, _)| *name == unit) {
            Some((_, seconds)) => Span::Seconds(count * seconds),
            None if unit == "sample" => Span::Samples(count),
            None => return Err(error()),
        };
        Ok(Self {
            alarms,
            span,
            text: words.join(" "),
        })
    }
}

fn positive(text: &str) -> Option<f64> {
    if text == "one" {
        return Some(1.0);
    }
    let value: f64 = text.parse().ok()?;
    (value > 0.0 && value.is_finite()).then_some(value)
}

/// Why a promise was not understood.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PromiseError {
    /// No such promise.
    #[error(
        "false alarms \"{0}\" are not understood: write a number above 0, \"per\", and second, minute, \
         hour, day, week, month, year or samples, as in \"1 per day\", \"2 per 8 hours\" or \"1 per 1000 \
         samples\"; or a probability below 100 % of any, as in \"1 % in 8 hours\""
    )]
    FalseAlarms(String),
    /// A time without a rate.
    #[error(
        "false alarms \"{0}\" speak of time, and how many samples that is isn't known: give the sample \
         rate (--rate 10Hz), or a promise in samples (\"1 per 1000 samples\")"
    )]
    NoRate(String),
    /// More than one false alarm a sample.
    #[error(
        "false alarms \"{promise}\" are one in {run_length:.3} samples, which is more than one for \
         every sample: ask for fewer"
    )]
    TooMany {
        /// The promise.
        promise: String,
        /// Samples to a false alarm.
        run_length: f64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_length(promise: &str, hertz: f64) -> Result<f64, PromiseError> {
        let promise: FalseAlarms = promise.parse()?;
        promise.run_length(Some(hertz))
    }

    #[test]
    fn promises_are_understood() {
        for (promise, hertz, samples) in [
            ("1 per day", 10.0, 864_000.0),
            ("one a day", 10.0, 864_000.0),
            ("2 per week", 1.0 / 60.0, 5_040.0),
            ("0.5 per 8 hours", 10.0, 576_000.0),
            ("1 per month", 1.0 / 3_600.0, 720.0),
            ("3 per year", 2_000.0, 2.1024e10),
            ("1 per 1000 samples", 1.0, 1000.0),
            ("1 per minute", 1_000.0, 60_000.0),
            ("1 per sample", 0.2, 1.0),
            ("1 % in 8 hours", 10.0, 28_800_000.0),
            ("5% in a day", 1.0, 1_728_000.0),
            ("0.5 % in 1000 samples", 7.0, 200_000.0),
        ] {
            let found = run_length(promise, hertz).expect(promise);
            assert!(
                (found / samples - 1.0).abs() < 1e-12,
                "{promise} {hertz}: {found}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (promise, hertz) in [
            ("", 1.0),
            ("1", 1.0),
            ("1 per", 1.0),
            ("0 per day", 1.0),
            ("-1 per day", 1.0),
            ("inf per day", 1.0),
            ("1 per fortnight", 1.0),
            ("1 per 0 days", 1.0),
            ("1 per day per day", 1.0),
            ("100 % in a day", 1.0),
            ("1 in a day", 1.0),
            ("1 % per day", 1.0),
        ] {
            let error = run_length(promise, hertz).expect_err(promise);
            assert_eq!(error, PromiseError::FalseAlarms(promise.to_owned()));
            assert!(error.to_string().contains("\"1 per day\""));
        }
        let promise: FalseAlarms = "1 per day".parse().expect("a promise");
        let error = promise.run_length(None).expect_err("no rate");
        assert_eq!(error, PromiseError::NoRate("1 per day".to_owned()));
        let error = run_length("20 per second", 10.0).expect_err("too many");
        assert!(
            error.to_string().contains("one in 0.500 samples"),
            "{error}"
        );
    }
}
