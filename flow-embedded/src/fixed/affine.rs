//! The affine transformer in Q16.

use super::elementary::mul_exp_wide;
use super::magnitude::Magnitude;
use super::number::{Saturation, saturate};

/// Keeps a log-scale within ±bound, smoothly: `a / (1 + |a| / bound)`, from
/// Q16 to Q16, with one over the bound in Q30.
#[inline(never)]
pub fn soft_clip(a: i32, inv_bound: u32) -> i32 {
    saturate(soft_clip_wide(a, inv_bound, 0))
}

/// As [`soft_clip`], with `bits` more behind the point.
#[inline]
pub(super) fn soft_clip_wide(a: i32, inv_bound: u32, bits: i32) -> i64 {
    let share = u64::from(a.unsigned_abs()) * u64::from(inv_bound);
    // In Q46, at most 2^63 + 2^46.
    let divisor = Magnitude::new((1u64 << 46).wrapping_add(share), -46);
    divisor.inverse().multiply(a, bits)
}

/// Data to base for one channel: `z = x · e^s + shift` with `s = a` softly
/// clipped, all in Q16. Returns `(z, s)`; `s` is the channel's `ln |∂z/∂x|` in
/// nats.
///
/// The product is rounded once; that `s` is rounded before moves no
/// log-likelihood, since the map that is applied is that of the rounded one.
#[inline]
pub fn affine_forward(
    x: i32,
    shift: i32,
    a: i32,
    inv_bound: u32,
    saturation: &mut Saturation,
) -> (i32, i32) {
    let log_scale = soft_clip(a, inv_bound);
    (scale_then_shift(x, shift, log_scale, saturation), log_scale)
}

/// `x · e^s + shift`.
#[inline(always)]
pub(super) fn scale_then_shift(
    x: i32,
    shift: i32,
    log_scale: i32,
    saturation: &mut Saturation,
) -> i32 {
    let z = mul_exp_wide(x, log_scale).saturating_add(shift.into());
    saturation.channel(z)
}

/// `(z − shift) · e^s`.
#[inline(always)]
pub(super) fn unshift_then_scale(
    z: i32,
    shift: i32,
    log_scale: i32,
    saturation: &mut Saturation,
) -> i32 {
    let difference = saturation.channel(i64::from(z) - i64::from(shift));
    saturation.channel(mul_exp_wide(difference, log_scale))
}

/// The inverse of [`affine_forward`], and its log-determinant `−s`.
#[inline(never)]
pub fn affine_inverse(
    z: i32,
    shift: i32,
    a: i32,
    inv_bound: u32,
    saturation: &mut Saturation,
) -> (i32, i32) {
    let log_scale = soft_clip(a, inv_bound).saturating_neg();
    (
        unshift_then_scale(z, shift, log_scale, saturation),
        log_scale,
    )
}

/// [`affine_forward`] for each channel of a layer, in place. `parameters`
/// holds shift and unclipped log-scale by turns. Returns the layer's
/// log-determinant in nats.
#[inline(never)]
pub fn affine_forward_each<const N: usize, const PARAMETERS: usize>(
    x: &mut [i32; N],
    parameters: &[i32; PARAMETERS],
    inv_bound: u32,
    saturation: &mut Saturation,
) -> i32 {
    const {
        assert!(PARAMETERS == 2 * N);
    }
    let (pairs, _) = parameters.as_chunks::<2>();
    let mut log_det = 0i32;
    for (x, [shift, a]) in x.iter_mut().zip(pairs) {
        let (z, log_scale) = affine_forward(*x, *shift, *a, inv_bound, saturation);
        *x = z;
        log_det = log_det.saturating_add(log_scale);
    }
    log_det
}

/// [`affine_inverse`] for each channel of a layer, in place. Returns the
/// layer's log-determinant in nats.
#[inline(never)]
pub fn affine_inverse_each<const N: usize, const PARAMETERS: usize>(
    z: &mut [i32; N],
    parameters: &[i32; PARAMETERS],
    inv_bound: u32,
    saturation: &mut Saturation,
) -> i32 {
    const {
        assert!(PARAMETERS == 2 * N);
    }
    let (pairs, _) = parameters.as_chunks::<2>();
    let mut log_det = 0i32;
    for (z, [shift, a]) in z.iter_mut().zip(pairs) {
        let (x, log_scale) = affine_inverse(*z, *shift, *a, inv_bound, saturation);
        *z = x;
        log_det = log_det.saturating_add(log_scale);
    }
    log_det
}
