//! Numbers as text, for tables of many.

use std::io::Write as _;

/// Appends the shortest text that reads back as the same number: that of `{}`, written faster.
pub(super) fn push(text: &mut Vec<u8>, value: f32) {
    if usual(value) {
        let mut buffer = zmij::Buffer::new();
        let shortest = buffer.format_finite(value).as_bytes();
        let last = shortest.len() - 1;
        let point = shortest.iter().position(|byte| *byte == b'.');
        let decimals = last - point.unwrap_or(last);
        if !midway(value, decimals) {
            let whole = shortest.ends_with(b".0");
            let length = if whole { last - 1 } else { last + 1 };
            return text.extend_from_slice(&shortest[..length]);
        }
    }
    // Writing to memory does not fail.
    let _ = write!(text, "{value}");
}

/// Whether a number has neither an exponent in its shortest form nor zeros in place of digits.
fn usual(value: f32) -> bool {
    (1e-4..16_777_216.0).contains(&value.abs())
}

/// Whether a usual number may lie midway between two decimal numbers of so many places, which `{}` rounds up and
/// others to even. The product is exact where it does: ten digits at most.
fn midway(value: f32, decimals: usize) -> bool {
    const POWERS: [f64; 16] = {
        let mut powers = [10.0; 16];
        let mut index = 1;
        while index < 16 {
            powers[index] = 10.0 * powers[index - 1];
            index += 1;
        }
        powers
    };
    POWERS.get(decimals).is_none_or(|power| {
        let product = f64::from(value.abs()) * power;
        // Saturates where there are more digits than ten.
        let whole = product as u64;
        whole as f64 == product && whole % 10 == 5
    })
}

#[cfg(test)]
mod tests {
    use super::push;

    /// Every `step`-th bit pattern.
    fn compare(patterns: std::ops::RangeInclusive<u32>, step: usize) {
        let (mut text, mut expected) = (Vec::new(), String::new());
        for bits in patterns.step_by(step) {
            use std::fmt::Write as _;
            let value = f32::from_bits(bits);
            text.clear();
            expected.clear();
            push(&mut text, value);
            write!(expected, "{value}").expect("memory");
            assert_eq!(text, expected.as_bytes(), "{bits:#x}");
        }
    }

    #[test]
    fn numbers_are_written_as_by_display() {
        for value in [
            0.0,
            -0.0,
            1.0,
            -1.5,
            0.1,
            1e-4,
            1e-5,
            0.306_640_62,
            0.5,
            1e-7,
            1e16,
            1e30,
            16_777_216.0,
            f32::MAX,
            f32::MIN_POSITIVE,
            1e-45,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
        ] {
            let mut text = Vec::new();
            push(&mut text, value);
            assert_eq!(text, format!("{value}").as_bytes());
        }
        compare(0..=u32::MAX, 4_099);
        // Multiples of a power of two lie midway often.
        compare(0..=u32::MAX, 1 << 10);
    }
}
