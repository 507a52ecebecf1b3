use super::{ONE, Worst, any, real, rng, within};
use flow_embedded::fixed;
use proptest::prelude::*;
use std::f64::consts::{PI, TAU};

#[test]
fn angles_are_taken_modulo_a_turn() {
    let rng = &mut rng(20);
    let mut worst = Worst::default();
    for _ in 0..1_000_000 {
        let x = any(rng);
        let got = fixed::wrap(x);
        assert!(real(got).abs() <= PI);
        // Either end stands for both.
        let apart = (real(got) - real(x)).rem_euclid(TAU);
        worst.see(apart.min(TAU - apart) * ONE, || format!("{x}"));
    }
    worst.hold("wrap, ulps", 0.6);
}

#[test]
fn the_circle_is_cosine_and_sine() {
    let mut worst = Worst::default();
    for x in -205_887..=205_887 {
        let [cos, sin] = fixed::circle(x);
        let error = (f64::from(cos) - real(x).cos() * ONE).abs();
        worst.see(error, || format!("cosine of {x}"));
        let error = (f64::from(sin) - real(x).sin() * ONE).abs();
        worst.see(error, || format!("sine of {x}"));
    }
    worst.hold("circle, ulps", 1.5);
    assert_eq!(fixed::circle(0), [fixed::ONE, 0]);
}

#[test]
fn a_circular_spline_is_a_spline_and_a_turn() {
    let rng = &mut rng(21);
    for _ in 0..1000 {
        let mut parameters: [i32; 11] = std::array::from_fn(|_| within(rng, 3 << 16));
        let x = within(rng, 205_887);
        let (y, slope) = fixed::spline_forward(x, &mut parameters.clone(), 205_887);
        let (z, log_det) = fixed::circular_forward(x, &mut parameters);
        assert_eq!(log_det, slope);
        let turn = PI * (3.0 - 5f64.sqrt());
        let apart = (real(z) - real(y) - turn).rem_euclid(TAU);
        assert!(apart.min(TAU - apart) < 3e-5);
    }
}

proptest! {
    #[test]
    fn no_angle_overflows(x: i32, mut parameters: [i32; 8]) {
        fixed::circle(x);
        fixed::wrap(x);
        fixed::circular_forward(x, &mut parameters);
    }
}
