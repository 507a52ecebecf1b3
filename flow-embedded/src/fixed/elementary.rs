//! Exponential, logarithm and square root: reduction by a table of 32 entries,
//! then a cubic in 32-bit products. Cores without a multiplier of 64 bits spend
//! one call of it on a logarithm and two on an exponential.

use super::magnitude::Magnitude;
use super::number::{saturate, scale};

/// `ln 2 / 32` in Q32.
const LN_2_PART: i32 = 93_032_640;
/// `ln 2` in Q32.
const LN_2: i64 = 2_977_044_472;

/// `x · e^s`, all in Q16, rounded; saturates.
///
/// The exponent is taken as exact. Reduction by `ln 2 / 32` to a table, after
/// Tang 1989, "Table-driven implementation of the exponential function".
#[inline(never)]
pub fn mul_exp(x: i32, s: i32) -> i32 {
    saturate(mul_exp_wide(x, s))
}

/// As [`mul_exp`], saturating only at ±2^62 steps.
#[inline(always)]
pub(super) fn mul_exp_wide(x: i32, s: i32) -> i64 {
    exp(s.clamp(-FAR, FAR) << 8).multiply(x, 0)
}

/// Past ±32 in Q16, a product with an exponential is zero or saturates.
pub(super) const FAR: i32 = 32 << 16;

/// `e^s` for `s` in Q24 within ±32.
#[inline]
pub(super) fn exp(s: i32) -> Magnitude {
    /// `32 / ln 2` in Q10.
    const PARTS: i32 = 47_274;
    // The nearest number of parts, or sometimes the next to it.
    let parts = ((s >> 14) * PARTS + (1 << 19)) >> 20;
    // In Q32, modulo 2^32: the difference is small, so nothing is lost.
    let r = (s << 8).wrapping_sub(parts.wrapping_mul(LN_2_PART));
    // e^r − 1 in Q32, for |r| < 0.012. The quartic term is below 1e-9.
    let short = r >> 11;
    let square = (short * short) >> 11;
    let third = (short * 21_845) >> 16;
    let cube = ((square >> 4) * third) >> 17;
    let above = r + square + cube;
    let power = EXP.get((parts & 31) as usize).map_or(0, |power| *power);
    let rest = (i64::from(power) * i64::from(above)) >> 32;
    let mantissa = power.wrapping_add_signed(rest as i32);
    Magnitude::new(mantissa.into(), (parts >> 5) - 30)
}

/// `ln(mantissa · 2^exponent)` in Q16, rounded; `i32::MIN` for zero.
///
/// Exponents are clamped to ±2^15.
#[inline]
pub fn ln(mantissa: u32, exponent: i32) -> i32 {
    saturate(scale(ln_wide(mantissa, exponent), 16))
}

/// As [`ln`], in Q32 and off by less than 6e-8; far below all logarithms for
/// zero.
///
/// Reduction by a table of reciprocals, after Tang 1990, "Table-driven
/// implementation of the logarithm function".
#[inline(never)]
pub(super) fn ln_wide(mantissa: u32, exponent: i32) -> i64 {
    const ZERO: i64 = (i32::MIN as i64) << 16;
    if mantissa == 0 {
        return ZERO;
    }
    let zeros = mantissa.leading_zeros();
    let normal = mantissa << zeros;
    let index = (normal >> 26) & 31;
    let Some((reciprocal, log)) = LN.get(index as usize) else {
        return ZERO;
    };
    // normal · reciprocal − 1 in Q36: the one is zero modulo 2^32.
    let r = (normal >> 3).wrapping_mul(u32::from(*reciprocal)) as i32;
    // ln(1 + r) in Q26, for |r| < 0.017. The quartic term is below 2.1e-8.
    let short = r >> 15;
    let square = short * short;
    let cube = ((square >> 16) * short) >> 21;
    let above = (r >> 10) - (square >> 17) + ((cube * 21_845) >> 16);
    let exponent = exponent.clamp(-(1 << 15), 1 << 15) + 31 - zeros as i32;
    i64::from(exponent) * LN_2 + (i64::from(log + above) << 6)
}

/// Square root, from Q16 to Q16, rounded; zero for negative numbers.
#[inline]
pub fn sqrt(x: i32) -> i32 {
    // A step more in the result, to round.
    let root = square_root((x.max(0) as u64) << 18);
    (root.wrapping_add(1) >> 1) as i32
}

/// The largest integer whose square is not above `x`, bit by bit.
#[inline(never)]
pub(super) fn square_root(x: u64) -> u32 {
    let (mut rest, mut root) = (x, 0u64);
    let zeros = x.leading_zeros() & !1;
    let mut bit = (1u64 << 62).wrapping_shr(zeros);
    while bit != 0 {
        let trial = root + bit;
        root >>= 1;
        if rest >= trial {
            rest -= trial;
            root += bit;
        }
        bit >>= 2;
    }
    root as u32
}

/// `2^(i / 32)` in Q30.
#[rustfmt::skip]
const EXP: [u32; 32] = [
    1073741824, 1097253708, 1121280436, 1145833280,
    1170923762, 1196563654, 1222764986, 1249540052,
    1276901417, 1304861917, 1333434672, 1362633090,
    1392470869, 1422962010, 1454120821, 1485961921,
    1518500250, 1551751076, 1585730000, 1620452965,
    1655936265, 1692196547, 1729250827, 1767116489,
    1805811301, 1845353420, 1885761398, 1927054196,
    1969251188, 2012372174, 2056437387, 2101467502,
];

/// One over the midpoint of each 32nd of 1 .. 2 in Q8, and minus its exact
/// logarithm in Q26.
#[rustfmt::skip]
const LN: [(u8, i32); 32] = [
    (252, 1056854), (245, 2947370), (237, 5175255), (231, 6896089),
    (224, 8961140), (218, 10783212), (213, 12340332), (207, 14257859),
    (202, 15898744), (197, 17580758), (193, 18957399), (188, 20718887),
    (184, 22162144), (180, 23637124), (176, 25145252), (172, 26688052),
    (169, 27868884), (165, 29476359), (162, 30707748), (159, 31962156),
    (156, 33240459), (153, 34543585), (150, 35872516), (148, 36773320),
    (145, 38147611), (142, 39550635), (140, 40502550), (138, 41468162),
    (135, 42943141), (133, 43944784), (131, 44961605), (129, 45994069),
];
