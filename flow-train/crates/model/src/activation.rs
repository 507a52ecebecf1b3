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
            let slope = written::<T>(slope);
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
            let alpha = written::<T>(alpha);
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
            let below = written::<T>(below);
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
            let alpha = written::<T>(alpha);
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
            let slope = written::<T>(slope);
            Arch::new().dispatch(
                #[inline(always)]
                || pairs.for_each(|(g, h)| *g = if *h > T::ZERO { *g } else { slope * *g }),
            );
        }
        // Nor is alpha; and alpha · e^x is what the activation stands above −alpha.
        Activation::Elu { alpha } => {
            let alpha = written::<T>(alpha);
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

/// A number as it was written: in `f64`, 0.01 and not the `f32` next to it, which other libraries do not
/// compute with.
fn written<T: Real>(number: f32) -> T {
    let exact = number.to_string().parse();
    T::from_f64(exact.unwrap_or(number.into()))
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
/// `Φ(−u) = t P(t) e^(−u²/2)` with `t = 1 / (1 + u / 4)`; the polynomial is within 2e-13, relative.
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
const TAIL: [f64; 18] = [
    0.099_735_570_543_343_91,
    0.099_735_544_080_926_41,
    0.093_502_781_479_344_99,
    0.081_024_439_990_635_62,
    0.063_615_163_088_517_45,
    0.042_421_696_036_272_79,
    0.027_840_340_151_361_727,
    -0.010_705_553_991_529_284,
    0.051_250_976_588_534_85,
    -0.130_763_333_688_459_47,
    0.205_836_882_079_988_65,
    -0.257_997_913_235_260_7,
    0.211_470_870_676_949_92,
    -0.086_140_823_845_687_64,
    -0.004_711_457_201_270_42,
    0.021_556_364_780_240_877,
    -0.008_964_313_437_179_537,
    0.001_292_765_903_282_727,
];
