//! Affine transformers in Q16 whose scale comes of an unbounded parameter in other ways
//! than by a softly bounded exponential: those of [`crate::kernels::ScaleMap`].
//!
//! Only the logarithm of the scale is rounded. As for the affine transformer, the map that
//! is applied is that of the rounded one, so that no log-likelihood moves.

use super::affine::{scale_then_shift, unshift_then_scale};
use super::elementary::{FAR, exp};
use super::float::Parts;
use super::magnitude::Magnitude;
use super::number::Saturation;

/// From a parameter in Q16 to the logarithm of a positive scale.
pub trait ScaleMap: Copy {
    /// `ln scale` in Q16, within ±32 and what `least` asks for.
    fn log_scale(self, a: i32) -> i32;
}

/// `e^a + least`.
#[derive(Clone, Copy, Debug)]
pub struct ExponentialScale(Magnitude);

/// `ln(1 + e^a) + least`.
#[derive(Clone, Copy, Debug)]
pub struct SoftplusScale(Magnitude);

/// `1 / (1 + e^−a) + least`.
#[derive(Clone, Copy, Debug)]
pub struct SigmoidScale(Magnitude);

impl ExponentialScale {
    /// For a least scale that is finite and not negative.
    pub const fn new(least: f32) -> Self {
        Self(Parts::new(least).magnitude())
    }
}

impl SoftplusScale {
    /// For a least scale that is finite and not negative.
    pub const fn new(least: f32) -> Self {
        Self(Parts::new(least).magnitude())
    }
}

impl SigmoidScale {
    /// For a least scale that is finite and not negative.
    pub const fn new(least: f32) -> Self {
        Self(Parts::new(least).magnitude())
    }
}

impl ScaleMap for ExponentialScale {
    #[inline]
    fn log_scale(self, a: i32) -> i32 {
        let a = a.clamp(-FAR, FAR);
        match self.0.is_zero() {
            true => a,
            false => exp(a << 8).plus(self.0).ln(),
        }
    }
}

impl ScaleMap for SoftplusScale {
    #[inline]
    fn log_scale(self, a: i32) -> i32 {
        softplus(a).plus(self.0).ln()
    }
}

impl ScaleMap for SigmoidScale {
    #[inline]
    fn log_scale(self, a: i32) -> i32 {
        let e = exp(a.clamp(-FAR, FAR).wrapping_neg() << 8);
        Magnitude::ONE.plus(e).inverse().plus(self.0).ln()
    }
}

/// `ln(1 + e^a)` for `a` in Q16, to 4e-6 of itself.
#[inline(never)]
pub(super) fn softplus(a: i32) -> Magnitude {
    /// From here on the exponential of `−a` is less than the error.
    const LARGE: i32 = 16 << 16;
    /// Below it the logarithm would lose digits, and three terms of its series do not.
    const SMALL: i32 = -4 << 16;
    const THIRD: Magnitude = Magnitude::new(0x5555_5555, -32);
    if a >= LARGE {
        return Magnitude::new(a.unsigned_abs().into(), -16);
    }
    let e = exp(a.max(-FAR) << 8);
    if a >= SMALL {
        return Magnitude::new(Magnitude::ONE.plus(e).ln_wide().unsigned_abs(), -32);
    }
    let square = e.times(e);
    let (below, _) = e.minus(square.shifted(-1));
    below.plus(square.times(e).times(THIRD))
}

/// Data to base for one channel: `z = x · scale + shift`, and `ln scale` in nats, all in
/// Q16. The product is rounded once.
#[inline]
pub fn scaled_forward(
    x: i32,
    shift: i32,
    a: i32,
    map: impl ScaleMap,
    saturation: &mut Saturation,
) -> (i32, i32) {
    let log_scale = map.log_scale(a);
    let z = scale_then_shift(x, shift, log_scale, saturation);
    (z, log_scale)
}

/// The inverse of [`scaled_forward`], and its log-determinant `−ln scale`.
#[inline(never)]
pub fn scaled_inverse(
    z: i32,
    shift: i32,
    a: i32,
    map: impl ScaleMap,
    saturation: &mut Saturation,
) -> (i32, i32) {
    let log_scale = map.log_scale(a).saturating_neg();
    let x = unshift_then_scale(z, shift, log_scale, saturation);
    (x, log_scale)
}

/// [`scaled_forward`] for each channel of a layer, in place. `parameters` holds shift and
/// `a` by turns. Returns the layer's log-determinant in nats.
#[inline(never)]
pub fn scaled_forward_each<const N: usize, const PARAMETERS: usize>(
    x: &mut [i32; N],
    parameters: &[i32; PARAMETERS],
    map: impl ScaleMap,
    saturation: &mut Saturation,
) -> i32 {
    const {
        assert!(PARAMETERS == 2 * N);
    }
    let (pairs, _) = parameters.as_chunks::<2>();
    let mut log_det = 0i32;
    for (x, [shift, a]) in x.iter_mut().zip(pairs) {
        let (z, log_scale) = scaled_forward(*x, *shift, *a, map, saturation);
        *x = z;
        log_det = log_det.saturating_add(log_scale);
    }
    log_det
}

/// [`scaled_inverse`] for each channel of a layer, in place. Returns the layer's
/// log-determinant in nats.
#[inline(never)]
pub fn scaled_inverse_each<const N: usize, const PARAMETERS: usize>(
    z: &mut [i32; N],
    parameters: &[i32; PARAMETERS],
    map: impl ScaleMap,
    saturation: &mut Saturation,
) -> i32 {
    const {
        assert!(PARAMETERS == 2 * N);
    }
    let (pairs, _) = parameters.as_chunks::<2>();
    let mut log_det = 0i32;
    for (z, [shift, a]) in z.iter_mut().zip(pairs) {
        let (x, log_scale) = scaled_inverse(*z, *shift, *a, map, saturation);
        *z = x;
        log_det = log_det.saturating_add(log_scale);
    }
    log_det
}
