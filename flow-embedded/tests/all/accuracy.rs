//! The accuracy table of `flow_embedded::math`, measured and enforced.
//!
//! One row a function and backend: the bound that the documentation states.
//! Reference: `f64` arithmetic of the crate `libm`. The inputs sweep the bit
//! patterns of the range with a stride that is coprime to powers of two.

use flow_embedded::math::{Libm, Math, Micromath, Polynomial};

const STRIDE: usize = 997;

/// Largest error of `f` over the finite numbers with `low <= |x| <= high`,
/// relative to `max(|exact|, floor)`.
fn worst(f: fn(f32) -> f32, exact: fn(f64) -> f64, low: f32, high: f32, floor: f64) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    for bits in (low.to_bits()..=high.to_bits()).step_by(STRIDE) {
        for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
            let reference = exact(f64::from(x));
            if reference.is_nan() {
                assert!(f(x).is_nan(), "{x}");
                continue;
            }
            let error = (f64::from(f(x)) - reference).abs() / reference.abs().max(floor);
            assert!(!error.is_nan(), "{x} gave {}", f(x));
            if error > worst.0 {
                worst = (error, x);
            }
        }
    }
    worst
}

struct Row {
    name: &'static str,
    f: fn(f32) -> f32,
    exact: fn(f64) -> f64,
    range: (f32, f32),
    /// Errors are relative to this size at least; for `ln`, whose zero lies at
    /// one, that makes them absolute there.
    floor: f64,
    bound: f64,
}

fn rows<M: Math>(name: [&'static str; 6], bounds: [f64; 5], tanh_floor: f64) -> [Row; 6] {
    let normal = (f32::MIN_POSITIVE, f32::MAX);
    let [exp, ln, tanh, sqrt, turn] = bounds;
    let row = |i: usize, f, exact, range, floor, bound| Row {
        name: name[i],
        f,
        exact,
        range,
        floor,
        bound,
    };
    [
        row(0, M::exp, libm::exp, (1e-9, 87.0), 0.0, exp),
        row(1, M::ln, libm::log, normal, 1.0, ln),
        row(2, M::tanh, libm::tanh, (1e-9, f32::MAX), tanh_floor, tanh),
        row(3, M::sqrt, libm::sqrt, normal, 0.0, sqrt),
        row(4, |x| M::sin_cos(x).0, libm::sin, (1e-9, 7.0), 1.0, turn),
        row(5, |x| M::sin_cos(x).1, libm::cos, (1e-9, 7.0), 1.0, turn),
    ]
}

#[test]
fn every_backend_keeps_its_documented_bound() {
    let table = [
        rows::<Polynomial>(
            [
                "polynomial exp",
                "polynomial ln",
                "polynomial tanh",
                "polynomial sqrt",
                "polynomial sin",
                "polynomial cos",
            ],
            [8e-8, 8e-8, 1.4e-7, 9e-8, 8e-8],
            0.0,
        ),
        rows::<Libm>(
            [
                "libm exp",
                "libm ln",
                "libm tanh",
                "libm sqrt",
                "libm sin",
                "libm cos",
            ],
            [8e-8, 8e-8, 1.6e-7, 6e-8, 8e-8],
            0.0,
        ),
        rows::<Micromath>(
            [
                "micromath exp",
                "micromath ln",
                "micromath tanh",
                "micromath sqrt",
                "micromath sin",
                "micromath cos",
            ],
            [2.5e-3, 0.12, 1.3e-3, 6.2e-2, 1.1e-3],
            1.0,
        ),
    ];
    let mut broken = 0;
    for row in table.iter().flatten() {
        let (error, x) = worst(row.f, row.exact, row.range.0, row.range.1, row.floor);
        println!(
            "{:18} {error:9.2e} at {x:e}, bound {:.2e}",
            row.name, row.bound
        );
        broken += usize::from(error > row.bound);
    }
    assert_eq!(broken, 0, "see the output for the rows over their bound");
}

#[test]
fn edges_are_defined() {
    fn check<M: Math>() {
        assert_eq!(M::exp(0.0), 1.0);
        assert_eq!(M::exp(f32::NEG_INFINITY), 0.0);
        // Machines differ in the sign of the NaNs that they make.
        for nan in [f32::NAN, -f32::NAN] {
            assert!(M::exp(nan).is_nan() && M::ln(nan).is_nan());
            assert!(M::tanh(nan).is_nan() && M::sqrt(nan).is_nan());
        }
        assert!(M::exp(1000.0) > 1e38);
        assert_eq!((M::tanh(50.0), M::tanh(-50.0)), (1.0, -1.0));
    }
    check::<Polynomial>();
    check::<Libm>();
    assert_eq!(Polynomial::exp(f32::INFINITY), f32::INFINITY);
    assert!(Polynomial::exp(88.722_8).is_finite());
    assert_eq!(Polynomial::ln(0.0), f32::NEG_INFINITY);
    assert_eq!(Polynomial::ln(1.0), 0.0);
    assert!(Polynomial::ln(-1.0).is_nan());
    assert_eq!(Polynomial::ln(f32::INFINITY), f32::INFINITY);
    assert_eq!(Polynomial::sqrt(0.0), 0.0);
    assert!(Polynomial::sqrt(-1.0).is_nan());
    let subnormal = f32::from_bits(1);
    assert!((Polynomial::ln(subnormal) - libm::logf(subnormal)).abs() < 1e-5);
    assert!((Polynomial::sqrt(subnormal) / libm::sqrtf(subnormal) - 1.0).abs() < 1e-6);
}
