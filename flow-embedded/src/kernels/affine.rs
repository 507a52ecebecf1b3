use crate::math::Math;

/// Raw data to standardised data: `(x − mean) · inv_std`, channel by channel.
#[inline]
pub fn standardise<const N: usize>(
    raw: &[f32; N],
    mean: &[f32; N],
    inv_std: &[f32; N],
) -> [f32; N] {
    let mut standard = [0.0; N];
    for (((out, x), mean), inv_std) in standard.iter_mut().zip(raw).zip(mean).zip(inv_std) {
        *out = (x - mean) * inv_std;
    }
    standard
}

/// The inverse of [`standardise`]: `x / inv_std + mean`.
#[inline]
pub fn destandardise<const N: usize>(
    standard: &[f32; N],
    mean: &[f32; N],
    inv_std: &[f32; N],
) -> [f32; N] {
    let mut raw = [0.0; N];
    for (((out, x), mean), inv_std) in raw.iter_mut().zip(standard).zip(mean).zip(inv_std) {
        *out = x / inv_std + mean;
    }
    raw
}

/// Keeps a log-scale within ±bound, smoothly: `a / (1 + |a| / bound)`.
#[inline(always)]
pub(super) fn soft_clip(a: f32, inv_bound: f32) -> f32 {
    a / (1.0 + a.abs() * inv_bound)
}

/// Data to base for one channel: `z = x · e^s + shift` with `s = a` softly
/// clipped. Returns `(z, s)`; `s` is the channel's `ln |∂z/∂x|` in nats.
#[inline]
pub fn affine_forward<M: Math>(x: f32, shift: f32, a: f32, inv_bound: f32) -> (f32, f32) {
    let log_scale = soft_clip(a, inv_bound);
    (x * M::exp(log_scale) + shift, log_scale)
}

/// The inverse of [`affine_forward`], and its log-determinant `−s`.
#[inline(never)]
pub fn affine_inverse<M: Math>(z: f32, shift: f32, a: f32, inv_bound: f32) -> (f32, f32) {
    let log_scale = -soft_clip(a, inv_bound);
    ((z - shift) * M::exp(log_scale), log_scale)
}

/// [`affine_forward`] for each channel of a layer, in place. `parameters`
/// holds shift and unclipped log-scale by turns. Returns the layer's
/// log-determinant in nats, summed in the channels' order.
#[inline(never)]
pub fn affine_forward_each<M: Math, const N: usize, const PARAMETERS: usize>(
    x: &mut [f32; N],
    parameters: &[f32; PARAMETERS],
    inv_bound: f32,
) -> f32 {
    const {
        assert!(PARAMETERS == 2 * N);
    }
    let (pairs, _) = parameters.as_chunks::<2>();
    let mut log_det = 0.0;
    for (x, [shift, a]) in x.iter_mut().zip(pairs) {
        let (z, log_scale) = affine_forward::<M>(*x, *shift, *a, inv_bound);
        *x = z;
        log_det += log_scale;
    }
    log_det
}

/// [`affine_inverse`] for each channel of a layer, in place.
#[inline(never)]
pub fn affine_inverse_each<M: Math, const N: usize, const PARAMETERS: usize>(
    z: &mut [f32; N],
    parameters: &[f32; PARAMETERS],
    inv_bound: f32,
) {
    const {
        assert!(PARAMETERS == 2 * N);
    }
    let (pairs, _) = parameters.as_chunks::<2>();
    for (z, [shift, a]) in z.iter_mut().zip(pairs) {
        (*z, _) = affine_inverse::<M>(*z, *shift, *a, inv_bound);
    }
}

/// Gives non-finite input and overflow their defined answers: NaN if a channel
/// of event or context is not finite, else −∞ in the place of NaN and of +∞. A
/// density is finite; where `f32` overflows on the way, nothing is known of it, and
/// a detector must not take the event for a normal one.
#[inline]
pub fn conclude(log_prob: f32, event: &[f32], context: &[f32]) -> f32 {
    if !event.iter().chain(context).all(|x| x.is_finite()) {
        return f32::NAN;
    }
    // A comparison with NaN is false.
    if log_prob < f32::INFINITY {
        log_prob
    } else {
        f32::NEG_INFINITY
    }
}
