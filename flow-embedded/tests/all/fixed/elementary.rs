use super::{ONE, Worst, any, real, rng, within};
use flow_embedded::fixed;
use proptest::prelude::*;

const CASES: usize = 1 << 21;

/// The error in ulps of Q16 of a function from Q16 to Q16, over a dense grid.
fn ulps(f: fn(i32) -> i32, exact: fn(f64) -> f64, places: impl Iterator<Item = i32>) -> Worst {
    let mut worst = Worst::default();
    for x in places {
        let error = (f64::from(f(x)) - exact(real(x)) * ONE).abs();
        worst.see(error, || format!("{x}"));
    }
    worst
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[test]
fn functions_of_one_argument_keep_their_bounds() {
    let near = || (-20 << 16..20 << 16).step_by(3);
    let far = || (i32::MIN..=i32::MAX).step_by(99_991);
    let silu = |x: f64| x / (1.0 + (-x).exp());
    ulps(fixed::tanh, f64::tanh, near().chain(far())).hold("tanh", 1.2);
    ulps(fixed::silu, silu, near().chain(far())).hold("silu", 1.1);
    ulps(fixed::softplus, softplus, near().chain(far())).hold("softplus", 1.2);
    let gelu = |x: f64| 0.5 * x * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2);
    let gelu_tanh = |x: f64| {
        let y = (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
        x / (1.0 + (-2.0 * y).exp())
    };
    ulps(fixed::gelu, gelu, near().chain(far())).hold("gelu", 1.0);
    ulps(fixed::gelu_tanh, gelu_tanh, near().chain(far())).hold("gelu_tanh", 1.0);
    let elu = |x: f64| if x < 0.0 { x.exp_m1() } else { x };
    let own = |x| fixed::elu(x, fixed::q16(1.0));
    ulps(own, elu, near().chain(far())).hold("elu", 1.2);
    let steep = |x: f64| if x < 0.0 { 8.0 * x.exp_m1() } else { x };
    let own = |x| fixed::elu(x, fixed::q16(8.0));
    ulps(own, steep, near().chain(far())).hold("elu of 8", 8.9);
    let positive = || (0..1 << 21).chain((0..=i32::MAX).step_by(997));
    ulps(fixed::sqrt, f64::sqrt, positive()).hold("sqrt", 0.5);
    assert_eq!(fixed::sqrt(-5), 0);
}

/// The nearest integer to the product with the slope's 31 bits, in any unit.
#[test]
fn a_leaky_relu_is_exact() {
    let places = || {
        (-20 << 16..20 << 16)
            .step_by(3)
            .chain((i32::MIN..=i32::MAX).step_by(99_991))
    };
    for slope in [0.0f32, 1e-6, 0.01, 0.2, 0.5, 1.0] {
        let bits = fixed::q31(slope);
        let own = f64::from(bits) / 2f64.powi(31);
        assert!(
            (own - f64::from(slope)).abs() <= 0.5 / 2f64.powi(31),
            "{slope}"
        );
        for x in places() {
            let y = fixed::leaky_relu(x, bits);
            if x >= 0 {
                assert_eq!(y, x);
                continue;
            }
            let error = i64::from(y) * (1 << 31) - i64::from(x) * i64::from(bits);
            assert!(error.abs() <= 1 << 30, "{slope} of {x}: {y}");
        }
    }
}

#[test]
fn smooth_functions_meet_their_ends() {
    for x in (0..10 << 16).chain([i32::MAX]) {
        assert_eq!(fixed::tanh(-x), -fixed::tanh(x));
    }
    assert_eq!((fixed::tanh(0), fixed::tanh(i32::MIN)), (0, -65_536));
    assert_eq!((fixed::silu(0), fixed::silu(i32::MIN)), (0, 0));
    assert_eq!(fixed::silu(i32::MAX), i32::MAX);
    for f in [fixed::gelu, fixed::gelu_tanh] {
        let ends = [i32::MIN, 0, i32::MAX].map(f);
        assert_eq!(ends, [0, 0, i32::MAX]);
    }
    let ends = [i32::MIN, 0, i32::MAX].map(|x| fixed::elu(x, fixed::q16(1.5)));
    assert_eq!(ends, [-98_304, 0, i32::MAX]);
    assert_eq!(fixed::softplus(i32::MAX), i32::MAX);
    assert_eq!(fixed::softplus(i32::MIN), 0);
}

#[test]
fn the_exponential_keeps_its_relative_error() {
    let rng = &mut rng(1);
    let mut worst = Worst::default();
    for _ in 0..CASES {
        let (x, s) = (any(rng), within(rng, 33 << 16));
        let exact = f64::from(x) * real(s).exp();
        let exact = exact.clamp(f64::from(i32::MIN), f64::from(i32::MAX));
        let error = (f64::from(fixed::mul_exp(x, s)) - exact).abs();
        // What is left beyond the rounding.
        worst.see((error - 0.5).max(0.0) / exact.abs().max(1.0), || {
            format!("{x} e^{s}")
        });
    }
    worst.hold("mul_exp, relative", 7e-8);
    assert_eq!(fixed::mul_exp(fixed::ONE, 0), fixed::ONE);
    assert_eq!(fixed::mul_exp(i32::MIN, 0), i32::MIN);
    assert_eq!(fixed::mul_exp(0, i32::MAX), 0);
    assert_eq!(fixed::mul_exp(1, i32::MAX), i32::MAX);
    assert_eq!(fixed::mul_exp(-1, i32::MAX), i32::MIN);
    assert_eq!(fixed::mul_exp(i32::MIN, i32::MIN), 0);
}

#[test]
fn the_logarithm_is_off_by_less_than_an_ulp() {
    let rng = &mut rng(2);
    let mut worst = Worst::default();
    let mut see = |mantissa: u32, exponent: i32| {
        let exact = f64::from(mantissa).ln() + f64::from(exponent) * std::f64::consts::LN_2;
        let error = (f64::from(fixed::ln(mantissa, exponent)) - exact * ONE).abs();
        worst.see(error, || format!("{mantissa} 2^{exponent}"));
    };
    for _ in 0..CASES {
        see(any(rng).unsigned_abs().max(1), within(rng, 300));
    }
    for mantissa in 60_000..140_000 {
        see(mantissa, -16);
    }
    see(1, -(1 << 15));
    see(u32::MAX, 1 << 15);
    worst.hold("ln, ulps", 0.51);
    assert_eq!(fixed::ln(1, 0), 0);
    assert_eq!(fixed::ln(0, 7), i32::MIN);
}

#[test]
fn the_soft_clip_is_off_by_half_an_ulp() {
    let rng = &mut rng(3);
    let mut worst = Worst::default();
    for _ in 0..CASES {
        let (a, inv_bound) = (any(rng), any(rng) as u32);
        let exact = real(a) / (1.0 + real(a).abs() * f64::from(inv_bound) / (1u64 << 30) as f64);
        let got = fixed::soft_clip(a, inv_bound);
        let error = (f64::from(got) - exact * ONE).abs();
        // Bounds beyond 16 are none of a flow's.
        if exact.abs() < 16.0 {
            worst.see(error, || format!("{a}, {inv_bound}"));
        }
        assert!(
            error < 0.51 + exact.abs() * ONE * 2e-7,
            "{a}, {inv_bound}: {got}"
        );
    }
    worst.hold("soft_clip, ulps", 0.51);
    assert_eq!(fixed::soft_clip(i32::MIN, u32::MAX), -fixed::ONE / 4);
    assert_eq!(fixed::soft_clip(0, u32::MAX), 0);
}

proptest! {
    #[test]
    fn nothing_overflows(x: i32, y: i32, unsigned: u32) {
        fixed::mul_exp(x, y);
        fixed::ln(unsigned, y);
        fixed::sqrt(x);
        fixed::tanh(x);
        fixed::silu(x);
        fixed::softplus(x);
        fixed::soft_clip(x, unsigned);
        fixed::to_f32(x);
    }

    #[test]
    fn a_product_grows_with_its_factor(x: i32, s in -20 << 16..20 << 16) {
        let next = x.saturating_add(1);
        prop_assert!(fixed::mul_exp(x, s) <= fixed::mul_exp(next, s));
    }
}

/// No step back where a table's pieces join or a reciprocal is rounded.
#[test]
fn growing_arguments_give_no_smaller_results() {
    let clip = |a| fixed::soft_clip(a, 1 << 28);
    for (name, f) in [
        ("tanh", fixed::tanh as fn(i32) -> i32),
        ("softplus", fixed::softplus),
        ("soft_clip", clip),
    ] {
        assert!((-20 << 16..20 << 16).all(|x| f(x) <= f(x + 1)), "{name}");
    }
}
