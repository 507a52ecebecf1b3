//! How fast a recording was sampled.

use std::str::FromStr;

/// Samples a second: `10Hz`, `0.1 Hz`, `2 kHz`; or the time from one to the next: `100ms`, `5 s`,
/// `10 min`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRate {
    hertz: f64,
}

impl SampleRate {
    /// Samples a second.
    pub fn hertz(self) -> f64 {
        self.hertz
    }
}

impl FromStr for SampleRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let error = || RateError(text.to_owned());
        let text = text.trim();
        // From the end: an exponent has a letter too.
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &text[number.len()..];
        let value = number.trim_end().parse::<f64>().map_err(|_| error())?;
        let hertz = match unit {
            "Hz" | "hz" => value,
            "kHz" | "khz" => 1e3 * value,
            "us" => 1e6 / value,
            "ms" => 1e3 / value,
            "s" => value.recip(),
            "min" => (60.0 * value).recip(),
            "h" => (3_600.0 * value).recip(),
            _ => return Err(error()),
        };
        // Also of numbers that are none, infinite, or so small that their inverse is.
        if value > 0.0 && value.is_finite() && hertz > 0.0 && hertz.is_finite() {
            Ok(Self { hertz })
        } else {
            Err(error())
        }
    }
}

/// A sample rate that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a sample rate of \"{0}\" is not understood: write a number above 0 with Hz or kHz, as in \
     \"10Hz\", or the time between samples in us, ms, s, min or h, as in \"100ms\""
)]
pub struct RateError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_times_are_understood() {
        for (text, hertz) in [
            ("10Hz", 10.0),
            ("12.5 Hz", 12.5),
            ("1.6kHz", 1_600.0),
            ("100ms", 10.0),
            ("1e3us", 1_000.0),
            ("5 s", 0.2),
            ("1 min", 1.0 / 60.0),
            ("1 h", 1.0 / 3_600.0),
        ] {
            let found = text.parse::<SampleRate>().expect(text).hertz();
            assert!((found / hertz - 1.0).abs() < 1e-12, "{text}: {found}");
        }
        for wrong in [
            "10", "Hz", "0", "0Hz", "-1Hz", "nan", "nanHz", "infHz", "10 MHz", "1e-320us", "é",
        ] {
            assert_eq!(
                wrong.parse::<SampleRate>(),
                Err(RateError(wrong.to_owned()))
            );
        }
    }
}
