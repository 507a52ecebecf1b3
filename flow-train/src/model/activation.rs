//! The nonlinearities of hidden layers, over whole panels.

use super::panel::Panel;
use super::real::Real;
use super::spec::Activation;
use pulp::Arch;

impl Activation {
    /// Replaces pre-activations by activations.
    pub(crate) fn apply<T: Real>(self, hidden: &mut Panel<T>) {
        let values = hidden.as_mut_slice();
        match self {
            Self::Relu => Arch::new().dispatch(
                #[inline(always)]
                || {
                    for h in values {
                        *h = if *h > T::ZERO { *h } else { T::ZERO };
                    }
                },
            ),
            Self::Tanh => Arch::new().dispatch(
                #[inline(always)]
                || values.iter_mut().for_each(|h| *h = h.tanh()),
            ),
        }
    }

    /// Turns the gradient with respect to activations into that with respect to pre-activations.
    ///
    /// `gradient` may have more rows than `hidden`; they are left alone.
    pub(crate) fn backward<T: Real>(self, hidden: &Panel<T>, gradient: &mut Panel<T>) {
        let pairs = gradient.as_mut_slice().iter_mut().zip(hidden.as_slice());
        match self {
            Self::Relu => Arch::new().dispatch(
                #[inline(always)]
                || pairs.for_each(|(g, h)| *g = if *h > T::ZERO { *g } else { T::ZERO }),
            ),
            Self::Tanh => Arch::new().dispatch(
                #[inline(always)]
                || pairs.for_each(|(g, h)| *g *= T::ONE - *h * *h),
            ),
        }
    }
}
