//! The nonlinearities of hidden layers, over rows of a panel.

use super::real::Real;
use flow_embedded::artefact::Activation;
use pulp::Arch;

/// Whether the slope can be told from the activation alone.
pub(crate) fn slope_from_output(activation: Activation) -> bool {
    match activation {
        Activation::Relu | Activation::Tanh | Activation::LeakyRelu { .. } => true,
        Activation::Silu => false,
    }
}

/// Replaces pre-activations by activations.
pub(crate) fn apply<T: Real>(activation: Activation, values: &mut [T]) {
    match activation {
        Activation::Relu => Arch::new().dispatch(
            #[inline(always)]
            || {
                for h in values {
                    *h = if *h > T::ZERO { *h } else { T::ZERO };
                }
            },
        ),
        Activation::Tanh => Arch::new().dispatch(
            #[inline(always)]
            || values.iter_mut().for_each(|h| *h = h.tanh()),
        ),
        Activation::Silu => Arch::new().dispatch(
            #[inline(always)]
            || values.iter_mut().for_each(|h| *h = *h * sigmoid(*h)),
        ),
        Activation::LeakyRelu { slope } => {
            let slope = T::from_f64(slope.into());
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    for h in values {
                        *h = if *h > T::ZERO { *h } else { slope * *h };
                    }
                },
            );
        }
    }
}

/// As [`apply`], and writes the derivative of each activation by its pre-activation.
pub(crate) fn apply_with_slope<T: Real>(
    activation: Activation,
    values: &mut [T],
    slopes: &mut [T],
) {
    let pairs = values.iter_mut().zip(slopes);
    match activation {
        Activation::Relu => Arch::new().dispatch(
            #[inline(always)]
            || {
                for (h, slope) in pairs {
                    *slope = if *h > T::ZERO { T::ONE } else { T::ZERO };
                    *h = if *h > T::ZERO { *h } else { T::ZERO };
                }
            },
        ),
        Activation::Tanh => Arch::new().dispatch(
            #[inline(always)]
            || {
                for (h, slope) in pairs {
                    *h = h.tanh();
                    *slope = T::ONE - *h * *h;
                }
            },
        ),
        Activation::Silu => Arch::new().dispatch(
            #[inline(always)]
            || {
                for (h, slope) in pairs {
                    let share = sigmoid(*h);
                    *slope = share + *h * share * (T::ONE - share);
                    *h *= share;
                }
            },
        ),
        Activation::LeakyRelu { slope: below } => {
            let below = T::from_f64(below.into());
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (h, slope) in pairs {
                        *slope = if *h > T::ZERO { T::ONE } else { below };
                        *h *= *slope;
                    }
                },
            );
        }
    }
}

/// Turns the gradient by activations into that by pre-activations, where [`slope_from_output`].
pub(crate) fn backward<T: Real>(activation: Activation, hidden: &[T], gradient: &mut [T]) {
    let pairs = gradient.iter_mut().zip(hidden);
    match activation {
        Activation::Relu => Arch::new().dispatch(
            #[inline(always)]
            || pairs.for_each(|(g, h)| *g = if *h > T::ZERO { *g } else { T::ZERO }),
        ),
        Activation::Tanh => Arch::new().dispatch(
            #[inline(always)]
            || pairs.for_each(|(g, h)| *g *= T::ONE - *h * *h),
        ),
        // The slope is not negative: an activation above zero comes from above zero.
        Activation::LeakyRelu { slope } => {
            let slope = T::from_f64(slope.into());
            Arch::new().dispatch(
                #[inline(always)]
                || pairs.for_each(|(g, h)| *g = if *h > T::ZERO { *g } else { slope * *g }),
            );
        }
        Activation::Silu => debug_assert!(false, "the slope of SiLU is kept by the forward pass"),
    }
}

/// Turns the gradient by activations into that by pre-activations, with slopes that were kept.
pub(crate) fn backward_with_slope<T: Real>(slopes: &[T], gradient: &mut [T]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            gradient
                .iter_mut()
                .zip(slopes)
                .for_each(|(g, &slope)| *g *= slope);
        },
    );
}

/// Replaces what a gate was given by what it lets through, within 0 and 1.
pub(crate) fn gate<T: Real>(values: &mut [T]) {
    Arch::new().dispatch(
        #[inline(always)]
        || values.iter_mut().for_each(|g| *g = sigmoid(*g)),
    );
}

/// The gradient by what a gate was given, from the gradient by its product with some values.
pub(crate) fn backward_gate<T: Real>(
    gates: &[T],
    values: &[T],
    d_product: &[T],
    gradient: &mut [T],
) {
    let own = gradient.iter_mut().zip(gates);
    let pairs = own.zip(values.iter().zip(d_product));
    Arch::new().dispatch(
        #[inline(always)]
        || {
            pairs.for_each(|((g, &share), (&value, &d))| {
                *g = d * value * share * (T::ONE - share);
            });
        },
    );
}

#[inline(always)]
fn sigmoid<T: Real>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exp())
}
