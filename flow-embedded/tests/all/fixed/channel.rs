use super::{ONE, Worst, any, rng, unclamped};
use flow_embedded::fixed::{self, Saturation, Standardise};
use proptest::prelude::*;
use rand_core::Rng;

/// A pressure in pascals, known when the code is compiled.
static PRESSURE: Standardise = Standardise::new(101_325.0, 0.1);

/// In `f64`, whose 53 bits hold both products but not always their difference:
/// rounded there to 2^-32 at worst for the sizes of the test.
fn standardised(x: f32, mean: f32, inv_std: f32) -> f64 {
    f64::from(x) * f64::from(inv_std) - f64::from(mean) * f64::from(inv_std)
}

#[test]
fn a_channel_keeps_the_digits_of_its_f32() {
    let rng = &mut rng(7);
    let mut worst = Worst::default();
    for (mean, inv_std) in [
        (101_325.0f32, 0.1f32),
        (-101_325.0, 0.1),
        (0.0, 1.0),
        (21.5, 0.37),
        (1e-30, 3e29),
        (-7e30, 1.3e-30),
        (1e-39, 1e38),
        (16_777_215.0, 1.0),
    ] {
        let map = Standardise::new(mean, inv_std);
        for _ in 0..100_000 {
            let deviations = f64::from(any(rng)) / ONE / 64.0;
            let x = (f64::from(mean) + deviations / f64::from(inv_std)) as f32;
            let exact = standardised(x, mean, inv_std) * ONE;
            let z = unclamped(|saturation| map.apply(x, saturation)).unwrap();
            worst.see((f64::from(z) - exact).abs(), || {
                format!("{x} of {mean}, {inv_std}")
            });
        }
    }
    worst.hold("standardise, ulps", 0.50002);
    let z = unclamped(|saturation| PRESSURE.apply(101_335.0, saturation));
    assert_eq!(z, Some(fixed::ONE));
}

#[test]
fn what_is_not_finite_is_none_and_what_is_far_saturates() {
    let maps = [PRESSURE, Standardise::new(0.0, 1.0)];
    let mut saturation = Saturation::new();
    for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(fixed::standardise(&[0.0, x], &maps, &mut saturation), None);
    }
    let [low, high] = fixed::standardise(&[f32::MIN, 40_000.0], &maps, &mut saturation).unwrap();
    assert_eq!((low, high), (i32::MIN, i32::MAX));
    assert!(fixed::standardise(&[f32::from_bits(1); 2], &maps, &mut saturation).is_some());
    assert_eq!(saturation.count(), 3 - 1);
}

#[test]
fn a_log_likelihood_is_rounded_to_even() {
    let rng = &mut rng(8);
    for _ in 0..1_000_000 {
        let x = any(rng);
        assert_eq!(fixed::to_f32(x), (f64::from(x) / ONE) as f32, "{x}");
    }
    assert_eq!(fixed::to_f32(i32::MIN), -32_768.0);
    assert_eq!(fixed::to_f32(i32::MAX), 32_768.0);
    assert_eq!(fixed::to_f32(0).to_bits(), 0);
    assert!(fixed::conclude(None).is_nan());
    assert_eq!(fixed::conclude(Some(-3 << 15)), -1.5);
    assert_eq!(fixed::conclude(Some(i32::MIN / 2)), f32::NEG_INFINITY);
}

proptest! {
    #[test]
    fn any_bits_are_a_mean_a_deviation_and_a_value(mean: u32, inv_std: u32, x: u32) {
        let map = Standardise::new(f32::from_bits(mean), f32::from_bits(inv_std));
        let x = f32::from_bits(x);
        let z = map.apply(x, &mut Saturation::new());
        prop_assert_eq!(z.is_some(), x.is_finite());
    }

    /// Against `f64`, for all sizes that it holds without loss.
    #[test]
    fn standardising_saturates_on_the_right_side(mean: f32, inv_std: f32, x: f32) {
        let far = f64::from(mean) * f64::from(inv_std);
        if far.abs() >= f64::from(1 << 28) {
            return Ok(());
        }
        let exact = standardised(x, mean, inv_std) * ONE;
        let inside = exact.clamp(f64::from(i32::MIN), f64::from(i32::MAX));
        let mut saturation = Saturation::new();
        let z = Standardise::new(mean, inv_std).apply(x, &mut saturation).unwrap();
        prop_assert!((f64::from(z) - inside).abs() <= 1.0);
        prop_assert_eq!(saturation.count() > 0, (exact - inside).abs() > 0.5);
    }
}

#[test]
fn constructors_take_the_ends_of_f32() {
    let rng = &mut rng(10);
    for _ in 0..100_000 {
        let x = f32::from_bits(rng.next_u32());
        let z = Standardise::new(f32::MAX, f32::MAX).apply(x, &mut Saturation::new());
        assert_eq!(z.is_some(), x.is_finite());
    }
}
