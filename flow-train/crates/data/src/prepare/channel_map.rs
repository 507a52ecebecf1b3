//! What is done to one channel, with the arithmetic of the chip.

use flow_embedded::artefact::{Domain, Grid};
use flow_embedded::kernels::wrap;
use flow_embedded::math::Math;

/// What is done to one channel: an artefact's channel without its names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelMap {
    /// Where its values live.
    pub domain: Domain,
    /// The values that it is rounded to, if it is; never for context.
    pub grid: Option<Grid>,
    /// Mean of the training rows after the map of the domain; the centre of a circular channel's turn.
    pub mean: f32,
    /// One over their standard deviation; 2 π over a circular channel's period.
    pub inv_std: f32,
}

impl ChannelMap {
    /// Leaves values as they are.
    pub const IDENTITY: Self = Self {
        domain: Domain::Real,
        grid: None,
        mean: 0.0,
        inv_std: 1.0,
    };

    /// Raw to prepared, in place, `noise` raw units beside the value; returns `ln |dx / d raw|` in nats without
    /// what is the same for all values.
    ///
    /// Without noise these are the bits of the runtime.
    pub(super) fn normalize<M: Math>(&self, x: &mut f32, noise: f32) -> f32 {
        // A straight channel takes the noise after its mean is off: next to counts of millions it would be lost.
        let (before, after) = match self.domain {
            Domain::Real | Domain::Circular => (0.0, noise),
            _ => (noise, 0.0),
        };
        *x += before;
        let log_det = self.domain.normalize::<M>(x);
        *x = ((*x - self.mean) + after) * self.inv_std;
        if self.domain == Domain::Circular {
            *x = wrap(*x);
        }
        log_det
    }

    /// Prepared to raw, with the bits of the runtime.
    pub(super) fn generate<M: Math>(&self, x: f32) -> f32 {
        let mut raw = x / self.inv_std + self.mean;
        self.domain.generate::<M>(&mut raw);
        raw
    }

    /// The place of its vocabulary, if it holds codes.
    pub(super) fn vocabulary(&self) -> Option<usize> {
        match self.domain {
            Domain::Categorical { vocabulary } => Some(usize::from(vocabulary)),
            _ => None,
        }
    }

    pub(super) fn is_circular(&self) -> bool {
        self.domain == Domain::Circular
    }
}
