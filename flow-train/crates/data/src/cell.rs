//! What one cell of a table holds.

/// A cell, read as a number of the model's precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// A finite number.
    Number(f32),
    /// Nothing: empty, or one of the usual words for it.
    Missing,
    /// NaN, an infinity, or a number too large for `f32`.
    NonFinite,
    /// Anything else.
    Text,
}

/// Words that stand for a missing value, compared without regard to case.
const MISSING: [&str; 6] = ["na", "n/a", "null", "none", "?", "-"];

impl Cell {
    /// Reads a cell; blanks around the value don't count.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            return Self::Missing;
        }
        let Ok(text) = core::str::from_utf8(bytes) else {
            return Self::Text;
        };
        match text.parse::<f32>() {
            Ok(value) if value.is_finite() => Self::Number(value),
            Ok(_) => Self::NonFinite,
            Err(_) if MISSING.iter().any(|word| word.eq_ignore_ascii_case(text)) => Self::Missing,
            Err(_) => Self::Text,
        }
    }

    /// Whether a column of such cells could be one of numbers.
    pub(super) fn is_numeric(self) -> bool {
        self != Self::Text
    }
}

/// Whether the text is a number written with a decimal comma, such as `-3,25`.
pub(super) fn has_decimal_comma(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.split_once(',').is_some_and(|(whole, fraction)| {
        [whole, fraction]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_told_apart() {
        for (text, expected) in [
            ("1.5", Cell::Number(1.5)),
            (" -2e3 ", Cell::Number(-2000.0)),
            ("", Cell::Missing),
            ("  ", Cell::Missing),
            ("NA", Cell::Missing),
            ("null", Cell::Missing),
            ("nan", Cell::NonFinite),
            ("-inf", Cell::NonFinite),
            ("1e39", Cell::NonFinite),
            ("walking", Cell::Text),
            ("1,5", Cell::Text),
        ] {
            assert_eq!(Cell::read(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(Cell::read(&[0xff, 0xfe]), Cell::Text);
    }

    #[test]
    fn decimal_commas_are_recognised() {
        assert!(has_decimal_comma("1,5") && has_decimal_comma("-12,25"));
        assert!(!has_decimal_comma("a,b") && !has_decimal_comma("1,") && !has_decimal_comma("15"));
    }
}
