//! Which model a state is of.

use crate::math::Backend;

/// A model that has a [`Digest`]. Generated code implements it, and so do loaded flows of a known
/// shape.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no digest, so its states are neither saved nor restored: generate its module again with `flow codegen` of this version",
    label = "no model with a digest",
    note = "a hand-written model implements `flow_embedded::state::Identified` with a number of its own"
)]
pub trait Identified {
    /// Tells the model, its calibration included, from others. States that are saved carry it.
    fn digest(&self) -> Digest;
}

impl<F: Identified> Identified for &F {
    fn digest(&self) -> Digest {
        F::digest(self)
    }
}

/// Tells a model and its calibration from others, by accident and not against someone who means to
/// deceive: two models have the same digest with a probability of one in 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Digest(u32);

impl Digest {
    /// The digest of a model by the CRC-32 that ends its artefact; of a hand-written model, by a
    /// number that changes whenever the model does.
    pub const fn new(artefact_crc32: u32) -> Self {
        Self(artefact_crc32)
    }

    /// The digest of the same artefact through other elementary functions than its own, which
    /// leave the calibration behind. Generated code calls this.
    #[must_use]
    pub const fn through(self, math: Backend) -> Self {
        self.and(match math {
            Backend::Polynomial => 1,
            Backend::Libm => 2,
            Backend::Micromath => 3,
        })
    }

    /// The number that a state carries.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The digest with something else that a state depends on. Different words give different
    /// digests: each step can be undone.
    pub(crate) const fn and(self, word: u32) -> Self {
        // An odd factor, near 2^32 over the golden ratio, spreads the bits.
        Self((self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b1))
    }
}

impl Identified for Digest {
    fn digest(&self) -> Digest {
        *self
    }
}
