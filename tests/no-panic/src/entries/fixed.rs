//! The integer kernels, on any integers.

use flow_embedded::fixed::{
    self, Activation, Bounded, Elu, ExponentialScale, Floor, Gelu, GeluTanh, HeavyTailed, Identity,
    LeakyRelu, Positive, Relu, Row, Saturation, ScaleMap, SigmoidScale, Silu, SoftPositive,
    SoftplusScale, Standardise, StudentT, Tanh, Weight,
};

use crate::unknown::{
    activations, integer_slice, integers, keep, keep_integers, number, numbers, word,
};

fn rows<W: Weight>(weight: fn(u32) -> W) -> [Row<W, 5>; 3] {
    core::array::from_fn(|_| Row {
        bias: word() as i32,
        multiplier: word() as i16,
        shift: word() as i8,
        weights: core::array::from_fn(|_| weight(word())),
    })
}

fn dense<A: Activation, W: Weight>(weight: fn(u32) -> W, saturation: &mut Saturation) {
    let rows = rows(weight);
    let input = activations();
    let mut output = activations();
    fixed::dense::<A, 1, 3, 5, 6, 4, W>(&rows, &input, &mut output, saturation);
    fixed::dense_small::<A, 1, 3, 5, 6, 4, W>(&rows, &input, &mut output, saturation);
    fixed::add::<1, 3, 4>(&activations(), &mut output, saturation);
    keep_integers(&output.map(i32::from));
    let mut last = [0; 4];
    fixed::dense_q16::<1, 3, 5, 6, 4, W>(&rows, &input, &mut last);
    keep_integers(&last);
    fixed::dense_q16_small::<1, 3, 5, 6, 4, W>(&rows, &input, &mut last);
    keep_integers(&last);
}

fn layers(saturation: &mut Saturation) {
    dense::<Relu, i8>(|bits| bits as i8, saturation);
    dense::<Tanh<15>, i16>(|bits| bits as i16, saturation);
    dense::<Silu<12>, i8>(|bits| bits as i8, saturation);
    dense::<LeakyRelu<429_496_736>, i16>(|bits| bits as i16, saturation);
    dense::<Gelu<12>, i8>(|bits| bits as i8, saturation);
    dense::<GeluTanh<12>, i16>(|bits| bits as i16, saturation);
    dense::<Elu<98_304, 12>, i8>(|bits| bits as i8, saturation);
    let mut x = integers::<3>();
    let forward = fixed::affine_forward_each(&mut x, &integers::<6>(), word(), saturation);
    let inverse = fixed::affine_inverse_each(&mut x, &integers::<6>(), word(), saturation);
    keep_integers(&x);
    keep_integers(&[forward, inverse]);
    fixed::shift_forward_each(&mut x, &integers(), saturation);
    fixed::shift_inverse_each(&mut x, &integers(), saturation);
    keep_integers(&x);
    let x = integer_slice();
    fixed::linear_normalize(x, integer_slice(), integer_slice(), saturation);
    fixed::element_wise_normalize(x, integer_slice().as_chunks::<2>().0, saturation);
    keep_integers(x);
}

fn scaled(map: impl ScaleMap, saturation: &mut Saturation) {
    let mut x = integers::<3>();
    let forward = fixed::scaled_forward_each(&mut x, &integers::<6>(), map, saturation);
    let inverse = fixed::scaled_inverse_each(&mut x, &integers::<6>(), map, saturation);
    keep_integers(&x);
    keep_integers(&[forward, inverse]);
    let [x, shift, a] = integers();
    let (value, log_det) = fixed::scaled_forward(x, shift, a, map, saturation);
    keep_integers(&[value, log_det]);
    let (value, log_det) = fixed::scaled_inverse(x, shift, a, map, saturation);
    keep_integers(&[value, log_det]);
}

fn blocks<A: Activation>(saturation: &mut Saturation) {
    let mut sums = integers::<4>();
    fixed::add_q16::<1, 3, 4>(&integers(), &mut sums);
    fixed::gate_q16::<1, 3, 4>(&integers(), &mut sums);
    fixed::apply_q16::<A, 1, 3, 4>(&mut sums);
    let mut units = activations();
    fixed::activate_q16::<A, 1, 3, 4>(&sums, &mut units, word() as u8, saturation);
    keep_integers(&sums);
    keep_integers(&units.map(i32::from));
}

fn channels(saturation: &mut Saturation) -> Option<i32> {
    let maps = [Standardise::new(number(), number()); 2];
    let x = fixed::standardise(&numbers(), &maps, saturation)?;
    let inputs = fixed::to_activations(&x, word() as u8, saturation);
    keep_integers(&inputs.map(i32::from));
    for mapped in [
        Positive::new(number()).normalize(number())?,
        SoftPositive::new(number(), number()).normalize(number())?,
        Bounded::new(number(), number()).normalize(number())?,
        HeavyTailed::new(number(), number()).normalize(number())?,
    ] {
        let standard = maps[0].apply_mapped(mapped.value, saturation);
        keep_integers(&[standard, mapped.log_det]);
    }
    Some(word() as i32)
}

fn energies() {
    let z = integer_slice();
    keep_integers(&[
        fixed::normal_energy(&*z),
        fixed::logistic_energy(&*z),
        fixed::laplace_energy(&*z),
        StudentT::new(number()).energy(&*z),
    ]);
    keep_integers(&[fixed::mixture_energy(integer_slice(), integer_slice())]);
}

fn transformers() {
    let [x, y] = integers();
    let (value, log_det) = fixed::spline_forward(x, integer_slice(), y);
    keep_integers(&[value, log_det]);
    let (value, log_det) = fixed::spline_inverse_and_log_det(x, integer_slice(), y);
    keep_integers(&[value, log_det]);
    let floor = Floor::new(number(), number(), number(), word() as u8, word() & 1 == 1);
    let (value, log_det) = fixed::floored_spline_forward(x, integer_slice(), y, floor);
    keep_integers(&[value, log_det]);
    let (value, log_det) = fixed::floored_spline_inverse_and_log_det(x, integer_slice(), y, floor);
    keep_integers(&[value, log_det]);
    let (value, log_det) = fixed::circular_forward(x, integer_slice());
    keep_integers(&[value, log_det, fixed::wrap(x)]);
    keep_integers(&fixed::circle(x));
}

fn functions() {
    let [x, y] = integers();
    keep_integers(&[
        fixed::mul_exp(x, y),
        fixed::ln(word(), x),
        fixed::sqrt(x),
        fixed::softplus(x),
        fixed::soft_clip(x, word()),
    ]);
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_fixed() {
    let mut saturation = Saturation::new();
    layers(&mut saturation);
    scaled(ExponentialScale::new(number()), &mut saturation);
    scaled(SoftplusScale::new(number()), &mut saturation);
    scaled(SigmoidScale::new(number()), &mut saturation);
    blocks::<Identity>(&mut saturation);
    blocks::<Silu<16>>(&mut saturation);
    transformers();
    functions();
    energies();
    keep(fixed::conclude(channels(&mut saturation)));
    keep_integers(&[saturation.count() as i32]);
}
