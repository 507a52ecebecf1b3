use super::{ONE, Worst, any, real, rng, within};
use flow_embedded::fixed::{self, Activation, Identity, Relu, Saturation, Silu, Tanh};

#[test]
fn a_gate_is_a_sigmoid() {
    let rng = &mut rng(41);
    let (mut gate, mut product) = (Worst::default(), Worst::default());
    for _ in 0..200_000 {
        let x = any(rng);
        let exact = 1.0 / (1.0 + (-real(x)).exp());
        let error = f64::from(fixed::sigmoid(x)) - exact * ONE;
        gate.see(error.abs(), || format!("x {x}"));
        let sum = within(rng, 8 << 16);
        let error = f64::from(fixed::gated(sum, x)) - real(sum) * exact * ONE;
        // An error of the gate counts as often as the sum is large.
        product.see(error.abs() / (1.0 + real(sum).abs()), || {
            format!("{sum} by {x}")
        });
    }
    gate.hold("sigmoid, ulps", 1.3);
    product.hold("gated, ulps", 1.3);
    assert_eq!(fixed::gated(i32::MIN, i32::MAX), i32::MIN);
}

#[test]
fn only_a_block_of_places_is_worked_on() {
    let sums = [-3 << 16, 5 << 16, i32::MAX, 7];
    let mut own = [1, i32::MAX, i32::MAX, i32::MIN];
    fixed::add_q16::<1, 2, 4>(&sums, &mut own);
    assert_eq!(own, [1, i32::MAX, i32::MAX, i32::MIN]);
    fixed::gate_q16::<3, 1, 4>(&sums, &mut own);
    assert_eq!(own, [1, i32::MAX, i32::MAX, fixed::gated(i32::MIN, 7)]);
    fixed::apply_q16::<Relu, 3, 1, 4>(&mut own);
    assert_eq!(own, [1, i32::MAX, i32::MAX, 0]);
    let mut units = [9; 4];
    let mut saturation = Saturation::new();
    fixed::activate_q16::<Relu, 0, 2, 4>(&sums, &mut units, 8, &mut saturation);
    assert_eq!((units, saturation.count()), ([0, 5 << 8, 9, 9], 0));
    fixed::activate_q16::<Identity, 1, 3, 4>(&sums, &mut units, 8, &mut saturation);
    assert_eq!((units, saturation.count()), ([0, 5 << 8, i16::MAX, 0], 1));
}

#[test]
fn smooth_activations_take_and_give_q16() {
    for x in [i32::MIN, -70_000, 0, 12_345, i32::MAX] {
        assert_eq!(Tanh::<16>::apply(x), fixed::tanh(x));
        assert_eq!(Silu::<16>::apply(x), fixed::silu(x));
    }
}
