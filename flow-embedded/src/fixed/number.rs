//! What all of the integer arithmetic rests on: rounding and saturation.

/// One in Q16.
pub const ONE: i32 = 1 << 16;

/// Counts the values that did not fit their format.
///
/// Every kernel that clamps takes one by `&mut`. A value that fits costs a
/// comparison and a branch that the clamp needs anyway; memory is touched only
/// by one that does not, so counting is always on. A count of zero after an
/// event certifies that its log-likelihood is that of the unclamped model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Saturation(u32);

impl Saturation {
    /// Nothing has been clamped yet.
    pub const fn new() -> Self {
        Self(0)
    }

    /// How many values have been clamped; stays at `u32::MAX`.
    pub const fn count(self) -> u32 {
        self.0
    }

    /// Clamps to an activation.
    #[inline(always)]
    pub fn activation(&mut self, x: i32) -> i16 {
        let narrow = x as i16;
        if i32::from(narrow) == x {
            return narrow;
        }
        self.note();
        if x < 0 { i16::MIN } else { i16::MAX }
    }

    /// Clamps a wide number of steps of Q16 to Q16.
    #[inline(always)]
    pub fn channel(&mut self, x: i64) -> i32 {
        let narrow = x as i32;
        if i64::from(narrow) == x {
            return narrow;
        }
        self.note();
        if x < 0 { i32::MIN } else { i32::MAX }
    }

    #[cold]
    fn note(&mut self) {
        self.0 = self.0.saturating_add(1);
    }
}

/// Clamps to `i32` where nobody counts.
#[inline(always)]
pub(super) fn saturate(x: i64) -> i32 {
    Saturation::new().channel(x)
}

/// `x / 2^bits`, rounded, for `bits` up to 31.
#[inline(always)]
pub(super) const fn round(x: i32, bits: u32) -> i32 {
    match bits {
        0 => x,
        // Adding half of 2^bits first could overflow.
        1 => (x >> 1).wrapping_add(x & 1),
        _ => x.wrapping_shr(bits - 1).wrapping_add(1) >> 1,
    }
}

/// `x / 2^bits` for any `bits`, negative ones too, and |x| up to 2^62:
/// rounded, and saturating at ±2^62.
#[inline]
pub(super) const fn scale(x: i64, bits: i32) -> i64 {
    const FAR: i64 = 1 << 62;
    if bits > 62 {
        return 0;
    }
    if bits > 0 {
        // One shift by a variable, which a Cortex-M0 has to call for.
        return ((x >> (bits - 1)).wrapping_add(1)) >> 1;
    }
    let left = bits.unsigned_abs();
    if x == 0 {
        0
    } else if left < x.unsigned_abs().leading_zeros().saturating_sub(1) {
        x << left
    } else if x < 0 {
        -FAR
    } else {
        FAR
    }
}
