//! Channels: from the bits of an `f32` to Q16, and from Q16 to activations.

use super::float::Parts;
use super::number::{Saturation, round, scale};

/// The standardisation of a channel, `(x − mean) · inv_std`, in integers.
///
/// The product `x · inv_std` is exact (48 bits); it and the product
/// `mean · inv_std` are rounded to Q32, their difference to Q16. So a channel
/// whose mean is large against its deviation, as a pressure of 101325 ± 10,
/// keeps all the digits that its `f32` had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standardise {
    /// The mantissa of `inv_std`, 24 bits, with its sign.
    multiplier: i32,
    /// The product of two mantissas times two to this and the exponent field
    /// of `x` is in Q32.
    exponent: i32,
    /// `mean · inv_std` in Q32, within ±2^60.
    offset: i64,
}

impl Standardise {
    /// From a channel's mean and one over its standard deviation, both finite.
    ///
    /// Integers only, and constant: a `static` of it costs firmware no
    /// arithmetic in `f32`. More than 2^28 standard deviations between the
    /// mean and zero count as 2^28.
    pub const fn new(mean: f32, inv_std: f32) -> Self {
        const FAR: i64 = 1 << 60;
        let inv_std = Parts::new(inv_std);
        let mut map = Self {
            multiplier: inv_std.mantissa,
            exponent: inv_std.exponent - 268,
            offset: 0,
        };
        let offset = map.product(Parts::new(mean));
        map.offset = if offset > FAR {
            FAR
        } else if offset < -FAR {
            -FAR
        } else {
            offset
        };
        map
    }

    /// `(x − mean) · inv_std` in Q16, rounded; none if `x` is not finite.
    #[inline]
    pub fn apply(&self, x: f32, saturation: &mut Saturation) -> Option<i32> {
        let product = self.product(Parts::finite(x)?);
        Some(self.conclude(product, saturation))
    }

    /// [`apply`](Self::apply) to the [`value`](super::Mapped::value) of a
    /// domain's map, which is in Q24 and within ±2^14.
    #[inline]
    pub fn apply_mapped(&self, value: i64, saturation: &mut Saturation) -> i32 {
        // The exponent of `x` in Q24 as that of an `f32`.
        const EXPONENT: i32 = 150 - 24;
        let product = value.wrapping_mul(self.multiplier.into());
        let product = scale(product, (self.exponent + EXPONENT).wrapping_neg());
        self.conclude(product, saturation)
    }

    #[inline(always)]
    fn conclude(&self, product: i64, saturation: &mut Saturation) -> i32 {
        saturation.channel(scale(product.wrapping_sub(self.offset), 16))
    }

    /// `x · inv_std` in Q32, saturating at ±2^62.
    #[inline(always)]
    const fn product(&self, x: Parts) -> i64 {
        let product = x.mantissa as i64 * self.multiplier as i64;
        scale(product, (self.exponent + x.exponent).wrapping_neg())
    }
}

/// [`Standardise::apply`] for each channel; none if one is not finite.
#[inline(never)]
pub fn standardise<const N: usize>(
    raw: &[f32; N],
    maps: &[Standardise; N],
    saturation: &mut Saturation,
) -> Option<[i32; N]> {
    let mut standard = [0; N];
    for ((out, x), map) in standard.iter_mut().zip(raw).zip(maps) {
        *out = map.apply(*x, saturation)?;
    }
    Some(standard)
}

/// A channel in Q16 as an input of a dense layer with `fraction` bits behind
/// the point, at most 16: rounded and clamped.
#[inline]
pub fn to_activation(x: i32, fraction: u8, saturation: &mut Saturation) -> i16 {
    saturation.activation(round(x, 16u32.saturating_sub(fraction.into())))
}

/// [`to_activation`] for each channel.
#[inline]
pub fn to_activations<const N: usize>(
    x: &[i32; N],
    fraction: u8,
    saturation: &mut Saturation,
) -> [i16; N] {
    x.map(|x| to_activation(x, fraction, saturation))
}
