//! Energies of base distributions, and the way back to `f32`.

use super::number::saturate;

/// `Σ z² / 2` in Q16, rounded once; saturates: normal distributions.
#[inline(never)]
pub fn normal_energy<'z>(z: impl IntoIterator<Item = &'z i32>) -> i32 {
    let squares = z.into_iter().fold(0u64, |sum, z| {
        let size = u64::from(z.unsigned_abs());
        sum.saturating_add(size * size)
    });
    // Half of a number in Q32, to Q16.
    let rounded = (squares >> 16).wrapping_add(1) >> 1;
    saturate(rounded as i64)
}

/// A log-likelihood in Q16 as an `f32`; NaN for none, that is, for an event or
/// a context with a channel that is not finite.
#[inline]
pub fn conclude(log_prob: Option<i32>) -> f32 {
    log_prob.map_or(f32::NAN, to_f32)
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
