use super::activation::Activation;

/// A stored weight: an `f32` or a [`Half`] of generated code, or the
/// little-endian bytes of an `f32` in an artefact.
pub trait Weight: Copy {
    /// Its value.
    fn value(self) -> f32;

    /// Weights that are `f32` as they lie.
    #[inline(always)]
    fn as_f32<const N: usize>(_weights: &[[Self; N]]) -> Option<&[[f32; N]]> {
        None
    }
}

impl Weight for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }

    #[inline(always)]
    fn as_f32<const N: usize>(weights: &[[f32; N]]) -> Option<&[[f32; N]]> {
        Some(weights)
    }
}

/// A finite number of half precision (IEEE 754 binary16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Half(u16);

impl Half {
    /// From a number that half precision holds: the compiler emits no other. What
    /// lies between two of them is cut towards zero, and what lies beyond them is
    /// the largest.
    pub const fn new(x: f32) -> Self {
        let bits = x.to_bits();
        let (sign, size) = ((bits >> 16) as u16 & 0x8000, bits & 0x7fff_ffff);
        let half = match size >> 23 {
            0..=102 => 0,
            // Subnormal numbers are multiples of 2^-24.
            exponent @ 103..=112 => (size & 0x007f_ffff | 1 << 23) >> (126 - exponent),
            113..=142 => (size - (112 << 23)) >> 13,
            _ => 0x7bff,
        };
        Self(sign | half as u16)
    }

    /// [`new`](Self::new) for each number of a list.
    pub const fn list<const N: usize>(numbers: [f32; N]) -> [Self; N] {
        let mut halves = [Self(0); N];
        let mut place = 0;
        while place < N {
            halves[place] = Self::new(numbers[place]);
            place += 1;
        }
        halves
    }

    /// [`new`](Self::new) for each number of a panel.
    pub const fn panel<const ROWS: usize, const COLUMNS: usize>(
        numbers: [[f32; ROWS]; COLUMNS],
    ) -> [[Self; ROWS]; COLUMNS] {
        let mut halves = [[Self(0); ROWS]; COLUMNS];
        let mut column = 0;
        while column < COLUMNS {
            halves[column] = Self::list(numbers[column]);
            column += 1;
        }
        halves
    }
}

impl Weight for Half {
    #[inline(always)]
    fn value(self) -> f32 {
        let bits = u32::from(self.0);
        let (sign, size) = ((bits & 0x8000) << 16, (bits & 0x7fff) << 13);
        // Biases differ by 112.
        if size >= 1 << 23 {
            return f32::from_bits(sign + size + (112 << 23));
        }
        // A subnormal number, or zero: 2^112 makes it what it is.
        let size = f32::from_bits(size) * f32::from_bits((127 + 112) << 23);
        f32::from_bits(sign | size.to_bits())
    }
}

impl Weight for [u8; 4] {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_le_bytes(self)
    }
}

/// Bias plus the products of weights and inputs, in ascending order.
///
/// `row` holds the bias, then one weight for each leading input that the row
/// sees; inputs beyond the row are not read.
#[inline(always)]
pub fn dot<W: Weight>(row: &[W], input: &[f32]) -> f32 {
    // Slice patterns rather than iterators: nothing here can be left out of
    // line at opt-level z. Four at a time, because the compiler does not
    // unroll at s and z; the order of additions is the same.
    let [bias, weights @ ..] = row else {
        return 0.0;
    };
    let mut sum = bias.value();
    let mut rest = (weights, input);
    while let ([w0, w1, w2, w3, weights @ ..], [x0, x1, x2, x3, input @ ..]) = rest {
        sum += w0.value() * x0;
        sum += w1.value() * x1;
        sum += w2.value() * x2;
        sum += w3.value() * x3;
        rest = (weights, input);
    }
    while let ([weight, weights @ ..], [x, input @ ..]) = rest {
        sum += weight.value() * x;
        rest = (weights, input);
    }
    sum
}

/// A residual connection: adds `input[OFFSET..OFFSET + ROWS]` to the same
/// places of `output`.
#[inline]
pub fn add<const OFFSET: usize, const ROWS: usize, const N: usize>(
    input: &[f32; N],
    output: &mut [f32; N],
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    let pairs = output.iter_mut().zip(input).skip(OFFSET).take(ROWS);
    for (output, input) in pairs {
        *output += input;
    }
}

/// A gate: multiplies the same places of `output` by `input[OFFSET..OFFSET + ROWS]`.
#[inline]
pub fn multiply<const OFFSET: usize, const ROWS: usize, const N: usize>(
    input: &[f32; N],
    output: &mut [f32; N],
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    let pairs = output.iter_mut().zip(input).skip(OFFSET).take(ROWS);
    for (output, input) in pairs {
        *output *= input;
    }
}

/// A non-linearity apart from a dense layer: of `input[OFFSET..OFFSET + ROWS]` into the
/// same places of `output`.
#[inline]
pub fn activate<A: Activation, const OFFSET: usize, const ROWS: usize, const N: usize>(
    input: &[f32; N],
    output: &mut [f32; N],
) {
    const {
        assert!(OFFSET + ROWS <= N);
    }
    let pairs = output.iter_mut().zip(input).skip(OFFSET).take(ROWS);
    for (output, input) in pairs {
        *output = A::apply(*input);
    }
}

#[cfg(test)]
mod tests {
    use super::{Half, Weight as _};

    /// Every finite number of half precision, there and back.
    #[test]
    fn halves_are_what_they_were_made_from() {
        for bits in (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00) {
            let half = Half(bits);
            let size = f64::from(bits & 0x3ff);
            let exact = match bits >> 10 & 0x1f {
                0 => size * 2f64.powi(-24),
                exponent => (size + 1024.0) * 2f64.powi(i32::from(exponent) - 25),
            };
            let exact = if bits & 0x8000 == 0 { exact } else { -exact };
            let value = half.value();
            assert_eq!(f64::from(value).to_bits(), exact.to_bits(), "{bits:#06x}");
            assert_eq!(Half::new(value), half);
        }
    }

    #[test]
    fn other_numbers_are_cut_to_halves() {
        for (x, half) in [
            (1.000_9, 1.0),
            (-1.000_9, -1.0),
            (65_519.0, 65_504.0),
            (1e30, 65_504.0),
            (f32::NEG_INFINITY, -65_504.0),
            (9e-8, 2f32.powi(-24)),
            (5e-8, 0.0),
        ] {
            assert_eq!(Half::new(x).value(), half, "{x}");
        }
        // Whatever the bits are, what comes out is finite.
        for bits in (0..=u32::MAX).step_by(65_521) {
            assert!(Half::new(f32::from_bits(bits)).value().is_finite());
        }
    }
}
