//! Channels between raw and standardised values.

use super::{Channel, Domain};
use crate::kernels::{
    bounded_generate, bounded_normalize, heavy_tailed_generate, heavy_tailed_normalize,
    positive_generate, positive_normalize, soft_positive_generate, soft_positive_normalize, wrap,
};
use crate::math::Math;

impl Domain {
    /// Raw to mapped, in place; returns `ln |d mapped / d raw|` in nats without
    /// what is the same for all values. Reals, angles and codes stay as they are; a
    /// value outside the domain becomes NaN, which ends as a log-likelihood of
    /// −∞.
    #[inline]
    pub fn normalize<M: Math>(self, x: &mut f32) -> f32 {
        match self {
            Self::Real | Self::Circular | Self::Categorical { .. } => 0.0,
            Self::Positive { low } => positive_normalize::<M>(x, low),
            Self::SoftPositive { low, scale } => soft_positive_normalize::<M>(x, low, scale),
            Self::Bounded { low, high } => bounded_normalize::<M>(x, low, high),
            Self::HeavyTailed { centre, scale } => heavy_tailed_normalize::<M>(x, centre, scale),
        }
    }

    /// The inverse of [`normalize`](Self::normalize): mapped to raw, in place.
    #[inline]
    pub fn generate<M: Math>(self, y: &mut f32) {
        match self {
            Self::Real | Self::Circular | Self::Categorical { .. } => {}
            Self::Positive { low } => positive_generate::<M>(y, low),
            Self::SoftPositive { low, scale } => soft_positive_generate::<M>(y, low, scale),
            Self::Bounded { low, high } => bounded_generate::<M>(y, low, high),
            Self::HeavyTailed { centre, scale } => heavy_tailed_generate::<M>(y, centre, scale),
        }
    }
}

impl Channel<'_> {
    /// Raw to standardised, in place: the domain's map, then the mean and the
    /// scale, then angles modulo 2 π. Returns the log-determinant of the
    /// domain's map: that of the scale is part of a model's `log_norm`.
    #[inline]
    pub fn standardise<M: Math>(&self, x: &mut f32) -> f32 {
        let log_det = self.domain.normalize::<M>(x);
        *x = (*x - self.mean) * self.inv_std;
        if self.domain == Domain::Circular {
            *x = wrap(*x);
        }
        log_det
    }

    /// The inverse of [`standardise`](Self::standardise), up to whole turns of
    /// an angle.
    #[inline]
    pub fn destandardise<M: Math>(&self, x: f32) -> f32 {
        let mut raw = x / self.inv_std + self.mean;
        self.domain.generate::<M>(&mut raw);
        raw
    }
}
