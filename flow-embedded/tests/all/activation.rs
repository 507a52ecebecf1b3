//! The activations: their values, their ends, and their names.

use flow_embedded::artefact::{self, NoSuchActivation};
use flow_embedded::kernels::{Activation, LeakyRelu};
use flow_embedded::math::Polynomial;

const STRIDE: usize = 997;
const SLOPE: f32 = 0.2;

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
        "leaky-relu:2",
    ] {
        assert_eq!(
            text.parse::<artefact::Activation>(),
            Err(NoSuchActivation),
            "{text}"
        );
    }
    let message = NoSuchActivation.to_string();
    assert!(
        message.starts_with("no activation; write relu, tanh, silu or "),
        "{message}"
    );
    assert!(message.ends_with(" or leaky-relu:0.01"), "{message}");
}
