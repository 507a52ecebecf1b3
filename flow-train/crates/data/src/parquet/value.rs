//! One value, as a number of the model or as text.

use super::kind::Kind;
use crate::cell::Cell;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use std::borrow::Cow;

/// A value that is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Signed(i64),
    Unsigned(u64),
    Single(f32),
    Double(f64),
    Text(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The value as the chip's `f32`, rounded to nearest.
    pub(super) fn cell(self) -> Cell {
        let number = match self {
            Self::Signed(value) => value as f32,
            Self::Unsigned(value) => value as f32,
            Self::Single(value) => value,
            Self::Double(value) => value as f32,
            Self::Text(text) => return Cell::read(text),
        };
        if number.is_finite() {
            Cell::Number(number)
        } else {
            Cell::NonFinite
        }
    }

    /// The value as it is compared with a label's, a group's or a filter's.
    pub(super) fn text(self) -> Cow<'a, [u8]> {
        let text = match self {
            Self::Signed(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Single(value) => value.to_string(),
            Self::Double(value) => value.to_string(),
            Self::Text(text) => return Cow::Borrowed(text.trim_ascii()),
        };
        Cow::Owned(text.into_bytes())
    }
}

/// A type that columns are stored in.
pub(super) trait Stored {
    /// What a stored value of this kind means.
    fn value(&self, kind: Kind) -> Value<'_>;
}

impl Stored for bool {
    fn value(&self, _: Kind) -> Value<'_> {
        Value::Signed((*self).into())
    }
}

impl Stored for i32 {
    fn value(&self, kind: Kind) -> Value<'_> {
        match kind {
            Kind::Unsigned => Value::Unsigned(self.cast_unsigned().into()),
            _ => i64::from(*self).value_of(kind),
        }
    }
}

impl Stored for i64 {
    fn value(&self, kind: Kind) -> Value<'_> {
        match kind {
            Kind::Unsigned => Value::Unsigned(self.cast_unsigned()),
            _ => self.value_of(kind),
        }
    }
}

impl Stored for f32 {
    fn value(&self, _: Kind) -> Value<'_> {
        Value::Single(*self)
    }
}

impl Stored for f64 {
    fn value(&self, _: Kind) -> Value<'_> {
        Value::Double(*self)
    }
}

impl Stored for ByteArray {
    fn value(&self, kind: Kind) -> Value<'_> {
        // A value that was never set, as only a damaged file has, holds no bytes.
        let bytes = if self.is_empty() { &[] } else { self.data() };
        match kind {
            Kind::Decimal { scale } => Value::Double(decimal(big_endian(bytes), scale)),
            _ => Value::Text(bytes),
        }
    }
}

impl Stored for FixedLenByteArray {
    fn value(&self, kind: Kind) -> Value<'_> {
        match kind {
            Kind::Half => match self.as_ref() {
                [low, high] => Value::Single(half(u16::from_le_bytes([*low, *high]))),
                _ => Value::Single(f32::NAN),
            },
            _ => (**self).value(kind),
        }
    }
}

impl Stored for Int96 {
    /// Columns of this type are refused by their kind.
    fn value(&self, _: Kind) -> Value<'_> {
        Value::Single(f32::NAN)
    }
}

/// A signed integer that may count fractions.
trait Counted {
    fn value_of<'a>(self, kind: Kind) -> Value<'a>;
}

impl Counted for i64 {
    fn value_of<'a>(self, kind: Kind) -> Value<'a> {
        match kind {
            Kind::Decimal { scale } => Value::Double(decimal(Some(self.into()), scale)),
            _ => Value::Signed(self),
        }
    }
}

/// `unscaled / 10^scale`; not a number where there is none.
fn decimal(unscaled: Option<i128>, scale: i32) -> f64 {
    unscaled.map_or(f64::NAN, |unscaled| unscaled as f64 / 10f64.powi(scale))
}

/// A two's complement number of at most 16 bytes, the highest first.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let first = bytes.first()?;
    if bytes.len() > 16 {
        return None;
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Some(
        bytes
            .iter()
            .fold(sign, |value: i128, byte| value << 8 | i128::from(*byte)),
    )
}

/// Half precision, widened exactly: 1 sign bit, 5 of exponent (bias 15), 10 of significand.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let significand = f32::from(bits & 0x3ff);
    sign * match exponent {
        0 => significand * 2f32.powi(-24),
        0x1f if significand == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1024.0 + significand) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_all_widths_are_read_with_their_sign() {
        let cell = |value: Value<'_>| value.cell();
        assert_eq!(cell((-1i32).value(Kind::Number)), Cell::Number(-1.0));
        assert_eq!(
            cell((-1i32).value(Kind::Unsigned)),
            Cell::Number(4_294_967_295.0)
        );
        assert_eq!(
            cell((-1i64).value(Kind::Unsigned)),
            Cell::Number(u64::MAX as f32)
        );
        assert_eq!(cell(true.value(Kind::Number)), Cell::Number(1.0));
        assert_eq!(
            (-1i64).value(Kind::Unsigned).text().as_ref(),
            b"18446744073709551615"
        );
    }

    #[test]
    fn decimals_are_scaled() {
        let kind = Kind::Decimal { scale: 2 };
        assert_eq!((-125i32).value(kind), Value::Double(-1.25));
        for (bytes, expected) in [
            (&[0x00, 0x7d][..], 1.25),
            (&[0xff, 0x83], -1.25),
            (&[0xff; 16], -0.01),
        ] {
            assert_eq!(
                ByteArray::from(bytes.to_vec()).value(kind),
                Value::Double(expected)
            );
        }
        let cell = |bytes: Vec<u8>| ByteArray::from(bytes).value(kind).cell();
        assert_eq!(cell(vec![1; 17]), Cell::NonFinite);
        assert_eq!(cell(vec![]), Cell::NonFinite);
    }

    #[test]
    fn halves_are_widened_exactly() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn what_f32_can_not_hold_is_not_finite() {
        assert_eq!(Value::Double(1e39).cell(), Cell::NonFinite);
        assert_eq!(Value::Single(f32::NAN).cell(), Cell::NonFinite);
        assert_eq!(Value::Text(b" 2.5 ").cell(), Cell::Number(2.5));
        assert_eq!(Value::Text(b"on").cell(), Cell::Text);
    }
}
