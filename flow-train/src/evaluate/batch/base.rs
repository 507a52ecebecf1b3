//! Base distributions, event by event through the runtime's functions.

use flow_embedded::artefact::{Base, Shape};
use flow_embedded::base;
use flow_embedded::math::Math;
use rand_core::Rng;

/// `−ln p` of a base event without its constant. `numbers` are those stored for the distribution.
pub(super) fn energy<M: Math>(own: Base, shape: Shape, numbers: &[f32], z: &[f32]) -> f32 {
    let channels = |circular| {
        let of_kind = move |(channel, _): &(usize, _)| shape.is_circular(*channel) == circular;
        z.iter().enumerate().filter(of_kind).map(|(_, z)| z)
    };
    let straight = channels(false);
    let energy = match own {
        Base::Normal => base::normal_energy(straight),
        Base::Logistic => base::logistic_energy::<M>(straight),
        Base::Laplace => base::laplace_energy(straight),
        Base::StudentT { degrees_of_freedom } => {
            base::student_t_energy::<M>(straight, degrees_of_freedom)
        }
        Base::Mixture { .. } => base::mixture_energy::<M, _>(z, numbers),
    };
    match shape.circular {
        0 => energy,
        _ => energy + base::circular_energy(channels(true)),
    }
}

/// One base event, channel by channel.
pub(super) fn draw<M: Math, R: Rng + ?Sized>(
    own: Base,
    shape: Shape,
    numbers: &[f32],
    rng: &mut R,
    z: &mut [f32],
) {
    if let Base::Mixture { .. } = own {
        return base::mixture::<M, R, _>(rng, numbers, z);
    }
    for (channel, z) in z.iter_mut().enumerate() {
        *z = match own {
            _ if shape.is_circular(channel) => base::angle(rng),
            Base::Logistic => base::logistic::<M, R>(rng),
            Base::Laplace => base::laplace::<M, R>(rng),
            Base::StudentT { degrees_of_freedom } => {
                base::student_t::<M, R>(rng, degrees_of_freedom)
            }
            Base::Normal | Base::Mixture { .. } => base::normal::<M, R>(rng),
        };
    }
}
