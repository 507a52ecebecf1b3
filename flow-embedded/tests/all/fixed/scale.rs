use super::{ONE, Worst, any, real, rng, unclamped, within};
use flow_embedded::fixed::{
    self, ExponentialScale, Saturation, ScaleMap, SigmoidScale, SoftplusScale,
};
use proptest::prelude::*;

fn softplus(a: f64) -> f64 {
    a.max(0.0) + (-a.abs()).exp().ln_1p()
}

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

/// `ln scale` of a map and its formula, for parameters of all sizes up to ±`most`.
fn hold(name: &str, map: impl ScaleMap, exact: impl Fn(f64) -> f64, most: i32, bound: f64) {
    let rng = &mut rng(31);
    let mut worst = Worst::default();
    for _ in 0..200_000 {
        let a = any(rng).clamp(-most, most);
        let error = f64::from(map.log_scale(a)) - exact(real(a)).ln() * ONE;
        worst.see(error.abs(), || format!("a {a}"));
    }
    worst.hold(name, bound);
}

#[test]
fn scales_have_the_logarithm_of_their_formula() {
    const FAR: i32 = 32 << 16;
    let exponential = |least: f64| move |a: f64| a.exp() + least;
    let name = "ln of exponential scale";
    hold(
        name,
        ExponentialScale::new(1e-3),
        exponential(f64::from(1e-3f32)),
        FAR,
        0.52,
    );
    let exact = |a: f64| softplus(a) + f64::from(1e-3f32);
    hold(
        "ln of softplus scale",
        SoftplusScale::new(1e-3),
        exact,
        i32::MAX,
        0.75,
    );
    hold(
        "ln of softplus scale alone",
        SoftplusScale::new(0.0),
        softplus,
        FAR,
        0.75,
    );
    let exact = |a: f64| sigmoid(a) + f64::from(1e-3f32);
    hold(
        "ln of sigmoid scale",
        SigmoidScale::new(1e-3),
        exact,
        i32::MAX,
        0.52,
    );
    hold(
        "ln of sigmoid scale alone",
        SigmoidScale::new(0.0),
        sigmoid,
        FAR,
        0.52,
    );
    for a in [i32::MIN, -5, 0, 7, i32::MAX] {
        assert_eq!(ExponentialScale::new(0.0).log_scale(a), a.clamp(-FAR, FAR));
    }
}

#[test]
fn scaled_channels_follow_their_formula_and_the_inverse_undoes_it() {
    let rng = &mut rng(32);
    let (mut value, mut round_trip) = (Worst::default(), Worst::default());
    let map = SoftplusScale::new(1e-3);
    for _ in 0..200_000 {
        let [x, shift] = [0, 1].map(|_| within(rng, 20 << 16));
        let a = within(rng, 8 << 16);
        let (z, s) = unclamped(|saturation| fixed::scaled_forward(x, shift, a, map, saturation));
        let exact = (real(x) * real(s).exp() + real(shift)) * ONE;
        value.see((f64::from(z) - exact).abs(), || format!("{x} {shift} {a}"));
        let (back, minus_s) =
            unclamped(|saturation| fixed::scaled_inverse(z, shift, a, map, saturation));
        assert_eq!(minus_s, -s);
        let steps = f64::from((back - x).abs()) / (1.0 + (-real(s)).exp());
        round_trip.see(steps, || format!("{x} {shift} {a}"));
    }
    value.hold("scaled_forward, ulps", 0.6);
    round_trip.hold("scaled, round trip, ulps", 0.7);
}

#[test]
fn the_channels_of_a_scaled_layer_are_each_transformed() {
    let parameters = [1 << 16, 2 << 16, -3 << 16, -1 << 16];
    let mut x = [5 << 16, -6 << 16];
    let map = SigmoidScale::new(0.5);
    let mut saturation = Saturation::new();
    let each = [(x[0], 0), (x[1], 2)].map(|(x, at)| {
        fixed::scaled_forward(x, parameters[at], parameters[at + 1], map, &mut saturation)
    });
    let log_det = fixed::scaled_forward_each(&mut x, &parameters, map, &mut saturation);
    assert_eq!(x, [each[0].0, each[1].0]);
    assert_eq!(log_det, each[0].1 + each[1].1);
    let back = fixed::scaled_inverse_each(&mut x, &parameters, map, &mut saturation);
    assert_eq!(back, -log_det);
    assert!((x[0] - (5 << 16)).abs() < 3 && (x[1] + (6 << 16)).abs() < 3);
    assert_eq!(saturation.count(), 0);
}

proptest! {
    #[test]
    fn no_parameter_and_no_value_overflows(x: i32, shift: i32, a: i32, least in 0.0f32..1e30) {
        fn run(x: i32, shift: i32, a: i32, map: impl ScaleMap) {
            let mut saturation = Saturation::new();
            let (_, forward) = fixed::scaled_forward(x, shift, a, map, &mut saturation);
            let (_, inverse) = fixed::scaled_inverse(x, shift, a, map, &mut saturation);
            assert_eq!(forward, -inverse);
        }
        run(x, shift, a, ExponentialScale::new(least));
        run(x, shift, a, SoftplusScale::new(least));
        run(x, shift, a, SigmoidScale::new(least));
    }
}
