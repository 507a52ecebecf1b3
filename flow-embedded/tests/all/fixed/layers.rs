use super::{ONE, Worst, any, real, rng, unclamped, within};
use flow_embedded::fixed::{self, Saturation};
use proptest::prelude::*;

/// One over a bound in Q30.
fn inverse(bound: f64) -> u32 {
    ((1u64 << 30) as f64 / bound).round() as u32
}

#[test]
fn the_affine_transformer_follows_its_formula_and_its_inverse_undoes_it() {
    let rng = &mut rng(11);
    let (mut value, mut round_trip) = (Worst::default(), Worst::default());
    let inv_bound = inverse(3.0);
    for _ in 0..300_000 {
        let [x, shift] = [0, 1].map(|_| within(rng, 20 << 16));
        let a = any(rng);
        let (z, s) =
            unclamped(|saturation| fixed::affine_forward(x, shift, a, inv_bound, saturation));
        let exact = (real(x) * real(s).exp() + real(shift)) * ONE;
        value.see((f64::from(z) - exact).abs(), || format!("{x} {shift} {a}"));
        let (back, minus_s) =
            unclamped(|saturation| fixed::affine_inverse(z, shift, a, inv_bound, saturation));
        assert_eq!(minus_s, -s);
        // A step of z is e^−s steps of x.
        let steps = f64::from((back - x).abs()) / (1.0 + (-real(s)).exp());
        round_trip.see(steps, || format!("{x} {shift} {a}"));
    }
    value.hold("affine_forward, ulps", 0.8);
    round_trip.hold("affine, round trip, ulps", 0.7);
}

#[test]
fn the_log_determinant_is_the_logarithm_of_the_derivative() {
    let rng = &mut rng(12);
    for _ in 0..10_000 {
        let a = within(rng, 8 << 16);
        let run = |x: i32| {
            unclamped(|saturation| fixed::affine_forward(x, 0, a, inverse(4.0), saturation))
        };
        let far = 8 << 16;
        let ((high, s), (low, _)) = (run(far), run(-far));
        let slope = f64::from(high - low) / f64::from(2 * far);
        assert!((slope.ln() - real(s)).abs() < 2e-4, "a {a}");
    }
}

#[test]
fn the_channels_of_an_affine_layer_are_each_transformed() {
    let parameters = [1 << 16, 2 << 16, -3 << 16, -1 << 16];
    let mut x = [5 << 16, -6 << 16];
    let inv_bound = inverse(5.0);
    let mut saturation = Saturation::new();
    let each = [(x[0], 0), (x[1], 2)].map(|(x, at)| {
        fixed::affine_forward(
            x,
            parameters[at],
            parameters[at + 1],
            inv_bound,
            &mut saturation,
        )
    });
    let log_det = fixed::affine_forward_each(&mut x, &parameters, inv_bound, &mut saturation);
    assert_eq!(x, [each[0].0, each[1].0]);
    assert_eq!(log_det, each[0].1 + each[1].1);
    let back = fixed::affine_inverse_each(&mut x, &parameters, inv_bound, &mut saturation);
    assert_eq!(back, -log_det);
    assert!((x[0] - (5 << 16)).abs() < 3 && (x[1] + (6 << 16)).abs() < 3);
    assert_eq!(saturation.count(), 0);
    let mut far = [i32::MAX, 0];
    fixed::affine_forward_each(&mut far, &parameters, inv_bound, &mut saturation);
    assert_eq!((far[0], saturation.count()), (i32::MAX, 1));
}

#[test]
fn a_shift_is_undone_unless_it_saturates() {
    let mut x = [5, i32::MAX, i32::MIN];
    let shifts = [-7, 1, 1];
    let mut saturation = Saturation::new();
    fixed::shift_forward_each(&mut x, &shifts, &mut saturation);
    assert_eq!((x, saturation.count()), ([-2, i32::MAX, i32::MIN + 1], 1));
    fixed::shift_inverse_each(&mut x, &shifts, &mut saturation);
    assert_eq!((x, saturation.count()), ([5, i32::MAX - 1, i32::MIN], 1));
}

#[test]
fn the_linear_layer_is_a_product_of_triangles() {
    let rng = &mut rng(13);
    let mut worst = Worst::default();
    for _ in 0..20_000 {
        let upper: [i32; 6] = std::array::from_fn(|_| within(rng, 1 << 25));
        let lower: [i32; 6] = std::array::from_fn(|_| within(rng, 1 << 24));
        let x: [i32; 3] = std::array::from_fn(|_| within(rng, 8 << 16));
        let mut z = x;
        unclamped(|saturation| fixed::linear_normalize(&mut z, &upper, &lower, saturation));
        let weight = |w: i32| f64::from(w) / f64::from(1 << 24);
        let u = upper.map(weight);
        let l = lower.map(weight);
        let [a, b, c] = x.map(real);
        let y = [
            u[0] * a + u[1] * b + u[2] * c,
            u[3] * b + u[4] * c,
            u[5] * c,
        ];
        let exact = [
            y[0] + real(lower[0]),
            l[2] * y[0] + y[1] + real(lower[1]),
            l[4] * y[0] + l[5] * y[1] + y[2] + real(lower[3]),
        ];
        for (z, exact) in z.iter().zip(exact) {
            worst.see((f64::from(*z) - exact * ONE).abs(), || format!("{x:?}"));
        }
    }
    // Roundings of the first product, which the second may triple.
    worst.hold("linear_normalize, ulps", 2.0);
}

#[test]
fn the_element_wise_layer_is_rounded_once() {
    let rng = &mut rng(14);
    let mut worst = Worst::default();
    for _ in 0..100_000 {
        let (x, scale, shift) = (within(rng, 9 << 16), within(rng, 1 << 27), any(rng) >> 4);
        let mut z = [x];
        let pair = [[scale, shift]];
        unclamped(|saturation| fixed::element_wise_normalize(&mut z, &pair, saturation));
        let exact = f64::from(scale) * real(x) / f64::from(1 << 8) + f64::from(shift);
        worst.see((f64::from(z[0]) - exact).abs(), || format!("{x} {scale}"));
    }
    worst.hold("element_wise_normalize, ulps", 0.5);
}

proptest! {
    #[test]
    fn nothing_overflows(
        mut x: [i32; 3], parameters: [i32; 6], lower: [i32; 6], inv_bound: u32,
    ) {
        let saturation = &mut Saturation::new();
        fixed::affine_forward_each(&mut x, &parameters, inv_bound, saturation);
        fixed::affine_inverse_each(&mut x, &parameters, inv_bound, saturation);
        fixed::linear_normalize(&mut x, &parameters, &lower, saturation);
        fixed::element_wise_normalize(&mut x, parameters.as_chunks::<2>().0, saturation);
        fixed::linear_normalize(&mut x, &[], &[i32::MAX], saturation);
        fixed::normal_energy(&x);
    }

    #[test]
    fn extremes_saturate(signs: [bool; 3]) {
        let mut x = signs.map(|sign| if sign { i32::MAX } else { i32::MIN });
        let saturation = &mut Saturation::new();
        fixed::linear_normalize(&mut x, &[i32::MIN; 6], &[i32::MAX; 6], saturation);
        prop_assert!(saturation.count() > 0);
    }
}
