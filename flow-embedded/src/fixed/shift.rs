//! The volume-preserving transformer of NICE (Dinh, Krueger & Bengio 2015) in
//! Q16: `z = x + shift`.

use super::number::Saturation;

/// Data to base, channel by channel, in place. The log-determinant is zero.
#[inline]
pub fn shift_forward_each<const N: usize>(
    x: &mut [i32; N],
    shifts: &[i32; N],
    saturation: &mut Saturation,
) {
    for (x, shift) in x.iter_mut().zip(shifts) {
        *x = saturation.channel(i64::from(*x) + i64::from(*shift));
    }
}

/// The inverse of [`shift_forward_each`].
#[inline]
pub fn shift_inverse_each<const N: usize>(
    z: &mut [i32; N],
    shifts: &[i32; N],
    saturation: &mut Saturation,
) {
    for (z, shift) in z.iter_mut().zip(shifts) {
        *z = saturation.channel(i64::from(*z) - i64::from(*shift));
    }
}
