//! An `f32` taken apart and put together.

use super::magnitude::Magnitude;

/// A finite `f32`: `mantissa · 2^(exponent − 150)`, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// 24 bits and a sign.
    pub(super) mantissa: i32,
    /// The exponent field; 1 for subnormal numbers too.
    pub(super) exponent: i32,
}

impl Parts {
    /// Of a finite number.
    pub(super) const fn new(x: f32) -> Self {
        let bits = x.to_bits();
        let field = (bits >> 23) & 0xff;
        let fraction = (bits & 0x007f_ffff) as i32;
        let (size, exponent) = match field {
            0 => (fraction, 1),
            _ => (fraction | 1 << 23, field as i32),
        };
        let mantissa = if bits >> 31 == 0 { size } else { -size };
        Self { mantissa, exponent }
    }

    /// Of any number; none for NaN and infinities.
    #[inline]
    pub(super) const fn finite(x: f32) -> Option<Self> {
        const INFINITE: u32 = 0x7f80_0000;
        if x.to_bits() & INFINITE == INFINITE {
            return None;
        }
        Some(Self::new(x))
    }

    /// Without its sign.
    pub(super) const fn magnitude(self) -> Magnitude {
        Magnitude::new(self.mantissa.unsigned_abs() as u64, self.exponent - 150)
    }
}

/// The size of `x − y`, and whether it is negative. Exact to 2^-31, even where
/// it cancels.
#[inline(never)]
pub(super) const fn difference(x: Parts, y: Parts) -> (Magnitude, bool) {
    let below = x.mantissa < 0;
    if below == (y.mantissa < 0) {
        let (size, smaller) = x.magnitude().minus(y.magnitude());
        (size, smaller != below)
    } else {
        (x.magnitude().plus(y.magnitude()), below)
    }
}

/// From Q16 to `f32`: exact below 256, and to the nearest beyond, halves to
/// even.
#[inline(never)]
pub fn to_f32(x: i32) -> f32 {
    let size = x.unsigned_abs();
    if size == 0 {
        return 0.0;
    }
    let zeros = size.leading_zeros();
    let normal = size << zeros;
    // 24 bits stay; rounding up may carry into the exponent, as it should.
    let kept = normal >> 8;
    let odd = kept & 1;
    let up = ((normal & 0xff) + 0x7f + odd) >> 8;
    // The leading bit adds one to the exponent field.
    let field = 127 + 15 - 1 - zeros;
    let bits = (field << 23) + kept + up;
    f32::from_bits(bits | (x as u32 & 0x8000_0000))
}
