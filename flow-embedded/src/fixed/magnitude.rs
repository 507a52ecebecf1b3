//! Numbers of any size that are not negative, where a formula needs its
//! relative precision kept: 32 bits and a power of two.

use super::elementary::{ln, ln_wide, square_root};
use super::number::scale;

/// `mantissa · 2^exponent`, the mantissa at least 2^31, or zero for zero.
/// Operations are exact to 2^-31 of the result, if nothing else is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Magnitude {
    mantissa: u32,
    exponent: i32,
}

impl Magnitude {
    /// One.
    pub(super) const ONE: Self = Self {
        mantissa: 1 << 31,
        exponent: -31,
    };

    /// `x · 2^exponent`.
    #[inline]
    pub(super) const fn new(x: u64, exponent: i32) -> Self {
        // In 32-bit words, the only ones that a Cortex-M0 shifts in one go.
        let (upper, lower) = ((x >> 32) as u32, x as u32);
        let (word, rest, exponent) = match upper {
            0 => (lower, 0, exponent),
            _ => (upper, lower, exponent.wrapping_add(32)),
        };
        if word == 0 {
            return Self {
                mantissa: 0,
                exponent: 0,
            };
        }
        let zeros = word.leading_zeros();
        Self {
            mantissa: word << zeros | (rest >> 1) >> (31 - zeros),
            exponent: exponent.wrapping_sub(zeros as i32),
        }
    }

    /// Whether it is zero.
    #[inline(always)]
    pub(super) const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The product with two to `bits`; exact.
    #[inline(always)]
    pub(super) const fn shifted(self, bits: i32) -> Self {
        Self {
            exponent: self.exponent.wrapping_add(bits),
            ..self
        }
    }

    /// The product.
    #[inline(never)]
    pub(super) const fn times(self, other: Self) -> Self {
        let product = self.mantissa as u64 * other.mantissa as u64;
        let exponent = self.exponent.wrapping_add(other.exponent);
        let upper = (product >> 32) as u32;
        if upper >> 31 == 1 {
            Self {
                mantissa: upper,
                exponent: exponent.wrapping_add(32),
            }
        } else {
            Self {
                mantissa: (product >> 31) as u32,
                exponent: exponent.wrapping_add(31),
            }
        }
    }

    /// The sum.
    #[inline(never)]
    pub(super) const fn plus(self, other: Self) -> Self {
        if self.mantissa == 0 {
            return other;
        }
        let (large, small) = if other.mantissa == 0 || self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        let (sum, carry) = large.mantissa.overflowing_add(small.upper_of(large));
        if carry {
            Self {
                mantissa: sum >> 1 | 1 << 31,
                exponent: large.exponent.wrapping_add(1),
            }
        } else {
            Self {
                mantissa: sum,
                exponent: large.exponent,
            }
        }
    }

    /// The mantissa that it has at the exponent of a number no smaller.
    #[inline(always)]
    const fn upper_of(self, large: Self) -> u32 {
        match large.exponent.wrapping_sub(self.exponent) {
            down @ 0..=31 => self.mantissa >> down,
            _ => 0,
        }
    }

    /// The size of the difference, and whether `other` is the larger; exact to
    /// 2^-31 of the larger.
    #[inline]
    pub(super) const fn minus(self, other: Self) -> (Self, bool) {
        let negative = self.mantissa == 0
            || other.mantissa != 0
                && (self.exponent < other.exponent
                    || self.exponent == other.exponent && self.mantissa < other.mantissa);
        let (large, small) = if negative {
            (other, self)
        } else {
            (self, other)
        };
        let difference = large.mantissa.wrapping_sub(small.upper_of(large));
        (Self::new(difference as u64, large.exponent), negative)
    }

    /// One over it, exact to 2^-25; no meaning for zero.
    ///
    /// Newton's iteration from the best linear seed, two steps of 16 bits and
    /// one of 32: a Cortex-M0 has no division.
    #[inline(never)]
    pub(super) const fn inverse(self) -> Self {
        // The mantissa stands for ½ ..= 1, its upper half in Q16. 48/17 − 32/17 x
        // in Q14 is off by less than 1/17.
        let upper = (self.mantissa >> 16) as i32;
        let seed = 46_260 - ((upper * 30_840) >> 16);
        let coarse = newton(upper, newton(upper, seed));
        let error = (1i64 << 46).wrapping_sub(self.mantissa as i64 * coarse as i64);
        let correction = coarse.wrapping_mul((error >> 18) as i32) >> 12;
        // In Q30, within 1 ..= 2.
        let inverse = ((coarse << 16) as u32).wrapping_add_signed(correction);
        let exponent = self.exponent.wrapping_add(62).wrapping_neg();
        match inverse >> 31 {
            0 => Self {
                mantissa: inverse << 1,
                exponent: exponent.wrapping_sub(1),
            },
            _ => Self {
                mantissa: inverse,
                exponent,
            },
        }
    }

    /// The quotient, exact to 2^-25.
    #[inline(always)]
    pub(super) const fn over(self, other: Self) -> Self {
        self.times(other.inverse())
    }

    /// The square root.
    #[inline]
    pub(super) fn sqrt(self) -> Self {
        let odd = self.exponent & 1;
        let root = square_root(u64::from(self.mantissa) << (32 - odd));
        Self {
            mantissa: root,
            exponent: self.exponent.wrapping_sub(32 - odd) >> 1,
        }
    }

    /// The logarithm in Q16, as [`ln`].
    #[inline(always)]
    pub(super) fn ln(self) -> i32 {
        ln(self.mantissa, self.exponent)
    }

    /// The logarithm in Q32, as [`ln_wide`].
    #[inline(always)]
    pub(super) fn ln_wide(self) -> i64 {
        ln_wide(self.mantissa, self.exponent)
    }

    /// The product with `x · 2^bits`, rounded; saturates at ±2^62.
    #[inline]
    pub(super) const fn multiply(self, x: i32, bits: i32) -> i64 {
        // One bit less, so that the product has a sign.
        let product = x as i64 * (self.mantissa >> 1) as i64;
        let exponent = self.exponent.wrapping_add(1).wrapping_add(bits);
        scale(product, exponent.wrapping_neg())
    }
}

/// `r + r (1 − x r)` with `x` in Q16 and `r` in Q14.
#[inline(always)]
const fn newton(x: i32, r: i32) -> i32 {
    let error = (1i32 << 30).wrapping_sub(x.wrapping_mul(r));
    r.wrapping_add(r.wrapping_mul(error >> 15) >> 15)
}
