//! The activations: their accuracy as their pages state it, their ends, and their names.
//!
//! Reference: `f64` arithmetic of the crate `libm`, over the bit patterns of all finite numbers with a
//! stride that is coprime to powers of two.

use flow_embedded::artefact::{self, NoSuchActivation};
use flow_embedded::kernels::{Activation, Elu, Gelu, GeluTanh, LeakyRelu};
use flow_embedded::math::{Libm, Math, Polynomial};

const STRIDE: usize = 997;
const SLOPE: f32 = 0.2;
const ALPHA: f32 = 1.5;

fn gelu(x: f64) -> f64 {
    0.5 * x * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2)
}

fn gelu_tanh(x: f64) -> f64 {
    let y = (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    x / (1.0 + libm::exp(-2.0 * y))
}

fn elu(x: f64) -> f64 {
    if x < 0.0 {
        f64::from(ALPHA) * libm::expm1(x)
    } else {
        x
    }
}

/// What lies nearer to zero is off by less than this.
const FLOOR: f64 = 1e-36;

/// The largest relative error from −4 on, and below, of results beyond the floor.
fn errors(f: fn(f32) -> f32, exact: fn(f64) -> f64) -> [f64; 2] {
    let mut worst = [0.0f64; 2];
    for bits in (0..=f32::MAX.to_bits()).step_by(STRIDE) {
        for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
            let reference = exact(f64::from(x));
            let error = (f64::from(f(x)) - reference).abs();
            assert!(!error.is_nan(), "{x} gave {}", f(x));
            if reference.abs() < FLOOR {
                assert!(error < FLOOR, "{x}: {error}");
                continue;
            }
            let worst = &mut worst[usize::from(x < -4.0)];
            *worst = worst.max(error / reference.abs());
        }
    }
    worst
}

#[test]
fn smooth_activations_keep_their_documented_bounds() {
    fn check<M: Math>(backend: &str) {
        const ALPHA_BITS: u32 = ALPHA.to_bits();
        for (name, f, exact, bounds) in [
            (
                "gelu",
                Gelu::<M>::apply as fn(f32) -> f32,
                gelu as fn(f64) -> f64,
                [6e-7, 6e-6],
            ),
            ("gelu-tanh", GeluTanh::<M>::apply, gelu_tanh, [2.5e-6, 2e-5]),
            ("elu", Elu::<M, ALPHA_BITS>::apply, elu, [4e-7, 4e-7]),
        ] {
            let found = errors(f, exact);
            println!("{backend} {name}: {found:?}, bounds {bounds:?}");
            let kept = found
                .iter()
                .zip(bounds)
                .all(|(found, bound)| *found <= bound);
            assert!(kept, "{backend} {name}: {found:?} beyond {bounds:?}");
        }
    }
    check::<Polynomial>("polynomial");
    check::<Libm>("libm");
}

#[test]
fn a_leaky_relu_is_one_product() {
    const SLOPE_BITS: u32 = SLOPE.to_bits();
    for bits in (0..=f32::INFINITY.to_bits()).step_by(STRIDE) {
        let x = f32::from_bits(bits);
        assert_eq!(LeakyRelu::<SLOPE_BITS>::apply(x), x);
        assert_eq!(LeakyRelu::<SLOPE_BITS>::apply(-x), SLOPE * -x);
    }
}

#[test]
fn ends_are_those_of_the_functions() {
    for activation in artefact::Activation::ALL {
        let of = |x| activation.of::<Polynomial>(x);
        assert!(of(f32::NAN).is_nan(), "{activation}");
        assert_eq!(of(0.0), 0.0, "{activation}");
        let top = match activation.is_bounded() {
            true => 1.0,
            false => f32::INFINITY,
        };
        assert_eq!(of(f32::INFINITY), top, "{activation}");
        // Subnormal numbers: what is near zero stays there, and keeps its sign.
        for x in [1e-40f32, -1e-40, f32::MIN_POSITIVE, -f32::MIN_POSITIVE] {
            let y = of(x);
            assert!(
                y.abs() <= x.abs() && y * x >= 0.0,
                "{activation} of {x:e}: {y:e}"
            );
        }
    }
}

#[test]
fn names_are_read_back_with_their_numbers() {
    for activation in artefact::Activation::ALL {
        assert_eq!(activation.name().parse(), Ok(activation));
        assert_eq!(activation.to_string().parse(), Ok(activation));
        if activation.number().is_some() {
            let own = activation.with_number(0.25).expect("a quarter");
            assert_eq!(own.number(), Some(0.25));
            assert_eq!(own.to_string(), format!("{}:0.25", own.name()));
            assert_eq!(own.to_string().parse(), Ok(own));
            assert!(
                own.label().to_string().ends_with(" (0.25)"),
                "{}",
                own.label()
            );
        } else {
            assert_eq!(activation.with_number(0.25), None, "{activation}");
        }
    }
    for text in [
        "",
        "mish",
        "relu:0.1",
        "leaky-relu:",
        "leaky-relu:-0.1",
        "leaky-relu:NaN",
        "elu:9",
    ] {
        assert_eq!(
            text.parse::<artefact::Activation>(),
            Err(NoSuchActivation),
            "{text}"
        );
    }
    let message = NoSuchActivation.to_string();
    assert!(
        message.starts_with("no activation; write relu, tanh, silu, "),
        "{message}"
    );
    assert!(message.ends_with(" or elu:1"), "{message}");
}
