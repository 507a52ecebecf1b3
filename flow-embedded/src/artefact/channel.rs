//! Channels between raw and standardised values.

use super::list::Iter;
use super::{Channel, Channels, Domain, Grid};
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

/// What a channel does to numbers: all of it but its texts, which an evaluation has no use for, and
/// which take time to decode, since they are checked to be UTF-8.
#[derive(Clone, Copy)]
pub(super) struct Standardisation {
    pub(super) domain: Domain,
    pub(super) grid: Option<Grid>,
    pub(super) mean: f32,
    pub(super) inv_std: f32,
}

impl From<Channel<'_>> for Standardisation {
    fn from(own: Channel<'_>) -> Self {
        Self {
            domain: own.domain,
            grid: own.grid,
            mean: own.mean,
            inv_std: own.inv_std,
        }
    }
}

impl<'a> Channels<'a> {
    /// What the channels do to numbers, in order.
    pub(super) fn standardisations(&self) -> Iter<'a, Channel<'a>, Standardisation> {
        self.parts()
    }
}

impl Domain {
    /// The place of the vocabulary, for a categorical channel.
    pub(super) fn vocabulary(self) -> Option<usize> {
        match self {
            Self::Categorical { vocabulary } => Some(usize::from(vocabulary)),
            _ => None,
        }
    }
}

impl Standardisation {
    /// As [`Channel::standardise`].
    #[inline]
    pub(super) fn standardise<M: Math>(&self, x: &mut f32) -> f32 {
        let log_det = self.domain.normalize::<M>(x);
        *x = (*x - self.mean) * self.inv_std;
        if self.domain == Domain::Circular {
            *x = wrap(*x);
        }
        log_det
    }

    /// As [`Channel::destandardise`].
    #[inline]
    pub(super) fn destandardise<M: Math>(&self, x: f32) -> f32 {
        let mut raw = x / self.inv_std + self.mean;
        self.domain.generate::<M>(&mut raw);
        raw
    }
}

impl Channel<'_> {
    /// Raw to standardised, in place: the domain's map, then the mean and the
    /// scale, then angles modulo 2 π. Returns the log-determinant of the
    /// domain's map: that of the scale is part of a model's `log_norm`.
    #[inline]
    pub fn standardise<M: Math>(&self, x: &mut f32) -> f32 {
        Standardisation::from(*self).standardise::<M>(x)
    }

    /// The inverse of [`standardise`](Self::standardise), up to whole turns of
    /// an angle.
    #[inline]
    pub fn destandardise<M: Math>(&self, x: f32) -> f32 {
        Standardisation::from(*self).destandardise::<M>(x)
    }

    /// The place of its vocabulary, if it is categorical.
    pub fn vocabulary(&self) -> Option<usize> {
        self.domain.vocabulary()
    }
}
