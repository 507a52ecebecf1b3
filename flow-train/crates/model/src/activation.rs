//! The nonlinearities of hidden layers, over rows of a panel.

use super::real::Real;
use flow_embedded::artefact::Activation;
use pulp::Arch;

/// Whether the slope can be told from the activation alone.
pub(crate) fn slope_from_output(activation: Activation) -> bool {
    match activation {
        Activation::Relu
        | Activation::Tanh
        | Activation::LeakyRelu { .. }
        | Activation::Elu { .. } => true,
        Activation::Silu | Activation::Gelu | Activation::GeluTanh => false,
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
        Activation::Gelu => Arch::new().dispatch(
            #[inline(always)]
            || values.iter_mut().for_each(|h| *h = *h * normal_cdf(*h).0),
        ),
        Activation::GeluTanh => Arch::new().dispatch(
            #[inline(always)]
            || {
                values
                    .iter_mut()
                    .for_each(|h| *h = *h * sigmoid(gelu_argument(*h).0));
            },
        ),
        Activation::Elu { alpha } => {
            let alpha = T::from_f64(alpha.into());
            Arch::new().dispatch(
                #[inline(always)]
                || values.iter_mut().for_each(|h| *h = elu(*h, alpha)),
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
        Activation::Gelu => Arch::new().dispatch(
            #[inline(always)]
            || {
                for (h, slope) in pairs {
                    let (share, density) = normal_cdf(*h);
                    *slope = share + *h * density;
                    *h *= share;
                }
            },
        ),
        Activation::GeluTanh => Arch::new().dispatch(
            #[inline(always)]
            || {
                for (h, slope) in pairs {
                    let (argument, rise) = gelu_argument(*h);
                    let share = sigmoid(argument);
                    *slope = share + *h * (share * (T::ONE - share) * rise);
                    *h *= share;
                }
            },
        ),
        Activation::Elu { alpha } => {
            let alpha = T::from_f64(alpha.into());
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (h, slope) in pairs {
                        let own = elu(*h, alpha);
                        *slope = if *h > T::ZERO { T::ONE } else { own + alpha };
                        *h = own;
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
        // Nor is alpha; and alpha · e^x is what the activation stands above −alpha.
        Activation::Elu { alpha } => {
            let alpha = T::from_f64(alpha.into());
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    pairs.for_each(|(g, h)| {
                        *g = if *h > T::ZERO { *g } else { (*h + alpha) * *g };
                    });
                },
            );
        }
        Activation::Silu | Activation::Gelu | Activation::GeluTanh => {
            debug_assert!(false, "the forward pass keeps the slope");
        }
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

/// `alpha (e^x − 1)` below zero, by `e^x − 1 = 2 t / (1 − t)` with `t = tanh(x / 2)`.
#[inline(always)]
fn elu<T: Real>(x: T, alpha: T) -> T {
    let t = (x * T::from_f64(0.5)).tanh();
    let below = alpha * ((t + t) / (T::ONE - t));
    if x > T::ZERO { x } else { below }
}

/// `2 √(2/π) (x + 0.044715 x³)` and its derivative.
#[inline(always)]
fn gelu_argument<T: Real>(x: T) -> (T, T) {
    let linear = T::from_f64(1.595_769_121_605_730_7);
    let cubic = linear * T::from_f64(0.044_715);
    let square = cubic * x * x;
    (x * (linear + square), linear + T::from_f64(3.0) * square)
}

/// The standard normal's distribution function and density.
///
/// `Φ(−u) = t P(t) e^(−u²/2)` with `t = 1 / (1 + u / 4)`; the polynomial is within 2e-11, relative.
#[inline(always)]
fn normal_cdf<T: Real>(x: T) -> (T, T) {
    let u = x.abs();
    let t = T::ONE / (T::ONE + u * T::from_f64(0.25));
    let tail = TAIL.iter().rev();
    let tail = tail.fold(T::ZERO, |sum, c| sum * t + T::from_f64(*c));
    let bell = (T::from_f64(-0.5) * u * u).exp();
    let beyond = t * tail * bell;
    let share = if x > T::ZERO { T::ONE - beyond } else { beyond };
    (share, bell * T::from_f64(0.398_942_280_401_432_7))
}

/// `Φ(−u) e^(u²/2) / t` by powers of t.
const TAIL: [f64; 15] = [
    0.099_735_558_852_378_84,
    0.099_736_129_891_458_52,
    0.093_489_854_405_964_18,
    0.081_191_315_220_646_99,
    0.062_202_610_223_629_544,
    0.050_750_893_892_571_7,
    -0.007_615_364_808_908_233,
    0.100_582_810_059_574_1,
    -0.209_087_796_808_914_12,
    0.323_679_120_532_987_7,
    -0.380_274_491_301_754_5,
    0.285_597_848_160_166_5,
    -0.128_522_799_175_156_52,
    0.031_920_943_242_615_026,
    -0.003_386_632_386_465_025,
];
