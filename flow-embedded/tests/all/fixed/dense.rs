use super::{ONE, Worst, any, real, rng, unclamped, within};
use flow_embedded::fixed::{self, Activation, Relu, Row, Saturation, Silu, Tanh};
use proptest::prelude::*;
use rand_core::Rng;

/// By 64-bit integers, as its documentation says it.
fn requantised(sum: i32, multiplier: i16, shift: i8) -> i32 {
    let bits = 16 + i32::from(shift);
    let product = i64::from(sum) * i64::from(multiplier);
    let rounded = (product + (1 << (bits - 1))) >> bits;
    rounded.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

#[test]
fn requantising_rounds_the_exact_product_once() {
    let rng = &mut rng(4);
    for _ in 0..4_000_000 {
        let sum = any(rng);
        let multiplier = (rng.next_u32() as i16) & i16::MAX;
        let shift = (rng.next_u32() % 24) as i8 - 8;
        assert_eq!(
            fixed::requantise(sum, multiplier, shift),
            requantised(sum, multiplier, shift),
            "{sum} · {multiplier} / 2^(16 + {shift})"
        );
    }
    for sum in [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX] {
        for multiplier in [0, 1, 1 << 14, i16::MAX] {
            for shift in -8..=15 {
                assert_eq!(
                    fixed::requantise(sum, multiplier, shift),
                    requantised(sum, multiplier, shift)
                );
            }
        }
    }
}

fn row<W: fixed::Weight, const N: usize>(
    rng: &mut rand_chacha::ChaCha8Rng,
    weight: fn(u32) -> W,
) -> Row<W, N> {
    Row {
        bias: within(rng, 1 << 24),
        multiplier: (rng.next_u32() as i16) & i16::MAX,
        shift: 3,
        weights: std::array::from_fn(|_| weight(rng.next_u32())),
    }
}

/// A dense block of rows of seven inputs of nine, into places 1 to 5.
fn check<A: Activation, W: fixed::Weight>(weight: fn(u32) -> W, fraction: i32, f: fn(f64) -> f64) {
    let rng = &mut rng(5);
    for _ in 0..2000 {
        let rows: [Row<W, 7>; 5] = std::array::from_fn(|_| row(rng, weight));
        let input: [i16; 9] = std::array::from_fn(|_| within(rng, 2000) as i16);
        let mut output = [77; 6];
        let mut saturation = Saturation::new();
        fixed::dense::<A, 1, 5, 7, 9, 6, W>(&rows, &input, &mut output, &mut saturation);
        let mut q16 = [77; 6];
        fixed::dense_q16::<1, 5, 7, 9, 6, W>(&rows, &input, &mut q16);
        assert_eq!((output[0], q16[0]), (77, 77));
        let (mut small, mut small_q16) = ([77; 6], [77; 6]);
        let mut own = Saturation::new();
        fixed::dense_small::<A, 1, 5, 7, 9, 6, W>(&rows, &input, &mut small, &mut own);
        fixed::dense_q16_small::<1, 5, 7, 9, 6, W>(&rows, &input, &mut small_q16);
        assert_eq!((small, small_q16, own), (output, q16, saturation));
        let mut clamped = 0;
        for (row, (output, q16)) in rows.iter().zip(output.iter().zip(q16).skip(1)) {
            let products = row.weights.iter().zip(input).take(7);
            let sum = products.fold(i64::from(row.bias), |sum, (w, x)| {
                sum + i64::from(w.value()) * i64::from(x)
            });
            let sum = i32::try_from(sum).unwrap();
            assert_eq!(fixed::dot(row, &input), sum);
            assert_eq!(q16, requantised(sum, row.multiplier, row.shift));
            let exact = f(real(q16)) * f64::from(fraction);
            let inside = exact.clamp(f64::from(i16::MIN), f64::from(i16::MAX));
            assert!(
                (f64::from(*output) - inside).abs() < 1.5,
                "{output} {exact}"
            );
            clamped += u32::from(A::apply(q16) != i32::from(*output));
        }
        assert_eq!(saturation.count(), clamped);
    }
}

#[test]
fn dense_layers_are_sums_then_activations() {
    check::<Relu, i8>(|bits| bits as i8, 1 << 16, |x| x.max(0.0));
    check::<Relu, i16>(|bits| bits as i16, 1 << 16, |x| x.max(0.0));
    check::<Tanh<14>, i8>(|bits| bits as i8, 1 << 14, f64::tanh);
    check::<Tanh<15>, i16>(|bits| bits as i16, 1 << 15, f64::tanh);
    let silu = |x: f64| x / (1.0 + (-x).exp());
    check::<Silu<12>, i8>(|bits| bits as i8, 1 << 12, silu);
    check::<Silu<10>, i16>(|bits| bits as i16, 1 << 10, silu);
}

#[test]
fn rows_live_in_statics_and_residuals_add() {
    static ROWS: [Row<i8, 2>; 1] = [Row {
        bias: 10,
        multiplier: 1 << 14,
        shift: 0,
        weights: [3, -4],
    }];
    let mut output = [0];
    fixed::dense_q16::<0, 1, 2, 2, 1, i8>(&ROWS, &[2, 1], &mut output);
    assert_eq!(output, [3]);

    let mut hidden = [1, 30_000, -30_000, 4];
    let mut saturation = Saturation::new();
    fixed::add::<1, 2, 4>(&[9, 30_000, -30_000, 9], &mut hidden, &mut saturation);
    assert_eq!(hidden, [1, i16::MAX, i16::MIN, 4]);
    assert_eq!(saturation.count(), 2);
}

#[test]
fn channels_become_activations_by_rounding() {
    let rng = &mut rng(6);
    let mut worst = Worst::default();
    for _ in 0..100_000 {
        let (x, fraction) = (within(rng, 1 << 16), (rng.next_u32() % 16) as u8);
        let x = x >> (fraction / 8);
        let [got] = unclamped(|saturation| fixed::to_activations(&[x / 4], fraction, saturation));
        let exact = f64::from(x / 4) / ONE * f64::from(1 << fraction);
        worst.see((f64::from(got) - exact).abs(), || format!("{x} {fraction}"));
    }
    worst.hold("to_activation, ulps", 0.5);
    let mut saturation = Saturation::new();
    assert_eq!(
        fixed::to_activation(i32::MAX, 16, &mut saturation),
        i16::MAX
    );
    assert_eq!(
        fixed::to_activation(i32::MIN, 12, &mut saturation),
        i16::MIN
    );
    assert_eq!(saturation.count(), 2);
}

proptest! {
    #[test]
    fn sums_wrap_and_activations_clamp(
        bias: i32, weights: [i16; 5], input: [i16; 5], multiplier in 0i16.., shift: i8,
    ) {
        let rows = [Row { bias, multiplier, shift, weights }];
        let mut saturation = Saturation::new();
        let mut hidden = [0i16; 1];
        fixed::dense::<Relu, 0, 1, 5, 5, 1, i16>(&rows, &input, &mut hidden, &mut saturation);
        fixed::dense::<Tanh<15>, 0, 1, 5, 5, 1, i16>(&rows, &input, &mut hidden, &mut saturation);
        fixed::dense::<Silu<0>, 0, 1, 5, 5, 1, i16>(&rows, &input, &mut hidden, &mut saturation);
        fixed::dense_q16::<0, 1, 5, 5, 1, i16>(&rows, &input, &mut [0]);
    }
}
