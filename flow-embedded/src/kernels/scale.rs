//! Affine maps whose scale comes of an unbounded parameter in other ways than by a softly
//! bounded exponential: those of other libraries.

use crate::math::Math;

/// From a parameter to a positive scale.
pub trait ScaleMap: Copy {
    /// The scale, and its logarithm. Accurate to a few ULP of the scale where the
    /// backend's functions are; a parameter so large that the scale is infinite gives ∞.
    fn scale<M: Math>(self, a: f32) -> (f32, f32);
}

/// `e^a + least`.
#[derive(Clone, Copy, Debug)]
pub struct ExponentialScale {
    /// Not negative.
    pub least: f32,
}

/// `ln(1 + e^a) + least`.
#[derive(Clone, Copy, Debug)]
pub struct SoftplusScale {
    /// Not negative.
    pub least: f32,
}

/// `1 / (1 + e^−a) + least`.
#[derive(Clone, Copy, Debug)]
pub struct SigmoidScale {
    /// Not negative.
    pub least: f32,
}

impl ScaleMap for ExponentialScale {
    #[inline(always)]
    fn scale<M: Math>(self, a: f32) -> (f32, f32) {
        let exp = M::exp(a);
        if self.least == 0.0 {
            return (exp, a);
        }
        let scale = exp + self.least;
        (scale, M::ln(scale))
    }
}

impl ScaleMap for SoftplusScale {
    #[inline(always)]
    fn scale<M: Math>(self, a: f32) -> (f32, f32) {
        let scale = softplus::<M>(a) + self.least;
        (scale, M::ln(scale))
    }
}

impl ScaleMap for SigmoidScale {
    #[inline(always)]
    fn scale<M: Math>(self, a: f32) -> (f32, f32) {
        let scale = 1.0 / (1.0 + M::exp(-a)) + self.least;
        (scale, M::ln(scale))
    }
}

/// `ln(1 + e^a)`. What `1 + e` rounds away is made good, so that small results keep their
/// digits (Kahan; see Goldberg 1991, theorem 4).
#[inline(never)]
pub(super) fn softplus<M: Math>(a: f32) -> f32 {
    let e = M::exp(-a.abs());
    let sum = 1.0 + e;
    let rounded = sum - 1.0;
    let log = if rounded == 0.0 {
        e
    } else {
        M::ln(sum) * (e / rounded)
    };
    a.max(0.0) + log
}

/// Data to base for one channel: `z = x · scale + shift`, and `ln scale`.
#[inline]
pub fn scaled_forward<M: Math, S: ScaleMap>(x: f32, shift: f32, a: f32, map: S) -> (f32, f32) {
    let (scale, log_scale) = map.scale::<M>(a);
    (x * scale + shift, log_scale)
}

/// The inverse of [`scaled_forward`], and its log-determinant `−ln scale`.
#[inline(never)]
pub fn scaled_inverse<M: Math, S: ScaleMap>(z: f32, shift: f32, a: f32, map: S) -> (f32, f32) {
    let (scale, log_scale) = map.scale::<M>(a);
    ((z - shift) / scale, -log_scale)
}

/// [`scaled_forward`] for each channel of a layer, in place. `parameters` holds shift and
/// `a` by turns. Returns the log-determinant in nats, summed in the channels' order.
#[inline(never)]
pub fn scaled_forward_each<M: Math, S: ScaleMap, const N: usize, const PARAMETERS: usize>(
    x: &mut [f32; N],
    parameters: &[f32; PARAMETERS],
    map: S,
) -> f32 {
    each(x, parameters, |x, shift, a| {
        scaled_forward::<M, S>(x, shift, a, map)
    })
}

/// [`scaled_inverse`] for each channel of a layer, in place; returns the log-determinant.
#[inline(never)]
pub fn scaled_inverse_each<M: Math, S: ScaleMap, const N: usize, const PARAMETERS: usize>(
    z: &mut [f32; N],
    parameters: &[f32; PARAMETERS],
    map: S,
) -> f32 {
    each(z, parameters, |z, shift, a| {
        scaled_inverse::<M, S>(z, shift, a, map)
    })
}

#[inline(always)]
fn each<const N: usize, const PARAMETERS: usize>(
    x: &mut [f32; N],
    parameters: &[f32; PARAMETERS],
    map: impl Fn(f32, f32, f32) -> (f32, f32),
) -> f32 {
    const {
        assert!(PARAMETERS == 2 * N);
    }
    let (pairs, _) = parameters.as_chunks::<2>();
    let mut log_det = 0.0;
    for (x, [shift, a]) in x.iter_mut().zip(pairs) {
        let (value, own) = map(*x, *shift, *a);
        *x = value;
        log_det += own;
    }
    log_det
}
