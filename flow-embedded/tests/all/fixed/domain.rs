use super::{Worst, any, real, rng, unclamped};
use flow_embedded::fixed::{
    self, Bounded, HeavyTailed, Mapped, Positive, Saturation, SoftPositive, Standardise,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

/// One in Q24.
const FINE: f64 = 16_777_216.0;

/// Of all magnitudes alike, within 2^±bits.
fn size(rng: &mut ChaCha8Rng, bits: u32) -> f64 {
    let mantissa = 1.0 + f64::from(rng.next_u32()) / 2f64.powi(32);
    let exponent = (rng.next_u32() % (2 * bits)) as i32 - bits as i32;
    mantissa * 2f64.powi(exponent)
}

/// Holds a map to its formula for random constants and values: the value
/// beyond what is owed to its size, and the log-determinant.
fn check(
    name: &str,
    map: impl Fn(f32, f32, f32) -> Option<Mapped>,
    exact: impl Fn(f64, f64, f64) -> (f64, f64),
    mut draw: impl FnMut(&mut ChaCha8Rng) -> [f32; 3],
    bounds: [f64; 2],
) {
    let rng = &mut rng(16);
    let (mut value, mut log_det) = (Worst::default(), Worst::default());
    for _ in 0..200_000 {
        let [x, a, b] = draw(rng);
        let got = map(x, a, b).unwrap();
        let (y, slope) = exact(x.into(), a.into(), b.into());
        if !y.is_finite() || y.abs() > 16_384.0 {
            continue;
        }
        let place = || format!("{x} in {a}, {b}: {got:?}");
        value.see(
            (got.value as f64 / FINE - y).abs() / y.abs().max(1.0),
            place,
        );
        log_det.see((real(got.log_det) - slope).abs(), place);
    }
    value.hold(&format!("{name}, value"), bounds[0]);
    log_det.hold(&format!("{name}, log-determinant"), bounds[1]);
}

#[test]
fn domains_are_mapped_as_their_formulas_say() {
    let end = |rng: &mut ChaCha8Rng| any(rng) as f32 / 65_536.0;
    check(
        "positive",
        |x, low, _| Positive::new(low).normalize(x),
        |x, low, _| ((x - low).ln(), -(x - low).ln()),
        |rng| {
            let low = end(rng);
            [(f64::from(low) + size(rng, 30)) as f32, low, 0.0]
        },
        [8e-8, 8e-6],
    );
    check(
        "soft positive",
        |x, low, scale| SoftPositive::new(low, scale).normalize(x),
        |x, low, scale| {
            let u = (x - low) / scale;
            let log = (-(-u).exp_m1()).ln();
            (u + log, -log)
        },
        |rng| {
            let (low, scale) = (end(rng), size(rng, 30) as f32);
            [
                (f64::from(low) + size(rng, 14) * f64::from(scale)) as f32,
                low,
                scale,
            ]
        },
        [1.5e-7, 8e-6],
    );
    check(
        "bounded",
        |x, low, high| Bounded::new(low, high).normalize(x),
        |x, low, high| {
            let [below, above] = [x - low, high - x].map(|d| (d / (high - low)).ln());
            (below - above, -below - above)
        },
        |rng| {
            let low = end(rng);
            let range = size(rng, 30);
            let share = 1.0 / (1.0 + size(rng, 20));
            let place = |share| (f64::from(low) + range * share) as f32;
            [place(share), low, place(1.0)]
        },
        [1e-7, 8e-6],
    );
    check(
        "heavy-tailed",
        |x, centre, scale| HeavyTailed::new(centre, scale).normalize(x),
        |x, centre, scale| {
            let u = (x - centre) / scale;
            (u.asinh(), -0.5 * (u * u).ln_1p())
        },
        |rng| {
            let (centre, scale) = (end(rng), size(rng, 30) as f32);
            let sign = if rng.next_u32() % 2 == 0 { 1.0 } else { -1.0 };
            let distance = sign * size(rng, 40) * f64::from(scale);
            [(f64::from(centre) + distance) as f32, centre, scale]
        },
        [1e-7, 8e-6],
    );
}

#[test]
fn what_is_outside_its_domain_ends_as_minus_infinity() {
    let outside = Some(Mapped::OUTSIDE);
    for x in [2.0, 1.999, -5.0, f32::MIN, 0.0, -0.0] {
        assert_eq!(Positive::new(2.0).normalize(x), outside);
        assert_eq!(SoftPositive::new(2.0, 3.0).normalize(x), outside);
        assert_eq!(Bounded::new(2.0, 3.0).normalize(x), outside);
    }
    assert_eq!(Bounded::new(2.0, 3.0).normalize(3.0), outside);
    assert_eq!(Bounded::new(2.0, 3.0).normalize(f32::MAX), outside);
    for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(Positive::new(2.0).normalize(x), None);
        assert_eq!(SoftPositive::new(2.0, 3.0).normalize(x), None);
        assert_eq!(Bounded::new(2.0, 3.0).normalize(x), None);
        assert_eq!(HeavyTailed::new(2.0, 3.0).normalize(x), None);
    }
    let log_prob = Mapped::OUTSIDE.log_det.saturating_add(1000 << 16);
    assert_eq!(fixed::conclude(Some(log_prob)), f32::NEG_INFINITY);
    let centre = HeavyTailed::new(2.0, 3.0).normalize(2.0);
    assert_eq!(
        centre,
        Some(Mapped {
            value: 0,
            log_det: 0
        })
    );
}

#[test]
fn a_mapped_channel_is_standardised_from_its_fine_digits() {
    let rng = &mut rng(17);
    let mut worst = Worst::default();
    // The logarithm of a pressure with a deviation of a ten-thousandth.
    let (mean, inv_std) = (11.526_f32, 9973.0_f32);
    let map = Standardise::new(mean, inv_std);
    for _ in 0..100_000 {
        let value = (f64::from(mean) * FINE) as i64 + i64::from(any(rng) >> 14);
        let z = unclamped(|saturation| map.apply_mapped(value, saturation));
        let exact = (value as f64 / FINE - f64::from(mean)) * f64::from(inv_std);
        worst.see((f64::from(z) - exact * 65_536.0).abs(), || {
            format!("{value}")
        });
    }
    worst.hold("apply_mapped, ulps", 0.50002);
    let mut saturation = Saturation::new();
    assert_eq!(map.apply_mapped(1 << 38, &mut saturation), i32::MAX);
    assert_eq!(saturation.count(), 1);
}

proptest! {
    #[test]
    fn any_bits_are_constants_and_values(x: u32, a: u32, b: u32, value in -(1i64 << 38)..=1 << 38) {
        let [x, a, b] = [x, a, b].map(f32::from_bits);
        let finite = x.is_finite();
        prop_assert_eq!(Positive::new(a).normalize(x).is_some(), finite);
        prop_assert_eq!(SoftPositive::new(a, b).normalize(x).is_some(), finite);
        prop_assert_eq!(Bounded::new(a, b).normalize(x).is_some(), finite);
        prop_assert_eq!(HeavyTailed::new(a, b).normalize(x).is_some(), finite);
        Standardise::new(a, b).apply_mapped(value, &mut Saturation::new());
    }
}
