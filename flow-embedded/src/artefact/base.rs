//! A stored base distribution, evaluated and drawn from.

use super::{Base, Shape};
use crate::base;
use crate::kernels::Weight;
use crate::math::Math;
use rand_core::Rng;

impl Base {
    /// `−ln p` of a base event in nats, without its constant, which is part of
    /// a model's `log_norm`. `numbers` are the [`weights`](Self::weights)
    /// stored for the distribution.
    pub fn energy<M: Math, W: Weight>(self, shape: &Shape, numbers: &[W], z: &[f32]) -> f32 {
        let channels = |circular| {
            let of_kind = move |(channel, _): &(usize, _)| shape.is_circular(*channel) == circular;
            z.iter().enumerate().filter(of_kind).map(|(_, z)| z)
        };
        let straight = channels(false);
        let energy = match self {
            Self::Normal => base::normal_energy(straight),
            Self::Logistic => base::logistic_energy::<M>(straight),
            Self::Laplace => base::laplace_energy(straight),
            Self::StudentT { degrees_of_freedom } => {
                base::student_t_energy::<M>(straight, degrees_of_freedom)
            }
            Self::Mixture { .. } => base::mixture_energy::<M, W>(z, numbers),
        };
        match shape.circular.is_empty() {
            true => energy,
            false => energy + base::circular_energy(channels(true)),
        }
    }

    /// One base event, channel by channel, with a fixed number of words from
    /// the generator; `numbers` as in [`energy`](Self::energy).
    pub fn draw<M: Math, R: Rng + ?Sized, W: Weight>(
        self,
        shape: &Shape,
        numbers: &[W],
        rng: &mut R,
        z: &mut [f32],
    ) {
        if let Self::Mixture { .. } = self {
            return base::mixture::<M, R, W>(rng, numbers, z);
        }
        for (channel, z) in z.iter_mut().enumerate() {
            *z = match self {
                _ if shape.is_circular(channel) => base::angle(rng),
                Self::Logistic => base::logistic::<M, R>(rng),
                Self::Laplace => base::laplace::<M, R>(rng),
                Self::StudentT { degrees_of_freedom } => {
                    base::student_t::<M, R>(rng, degrees_of_freedom)
                }
                Self::Normal | Self::Mixture { .. } => base::normal::<M, R>(rng),
            };
        }
    }
}
