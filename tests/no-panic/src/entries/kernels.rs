//! Kernels and base distributions over slices of any length, as hand-written code may call them.

use flow_embedded::base;
use flow_embedded::kernels;
use flow_embedded::math::{Libm, Math, Micromath, Polynomial};

use crate::unknown::{AnyRng, keep, keep_all, number, slice};

fn splines<M: Math>() {
    let (value, log_det) = kernels::spline_forward::<M>(number(), slice(), number());
    keep_all(&[value, log_det]);
    let (value, log_det) = kernels::spline_inverse_and_log_det::<M>(number(), slice(), number());
    keep_all(&[value, log_det]);
    keep(kernels::spline_inverse::<M>(number(), slice(), number()));
    let (value, log_det) = kernels::circular_forward::<M>(number(), slice());
    keep_all(&[value, log_det]);
    keep(kernels::circular_inverse::<M>(number(), slice()));
    keep_all(&kernels::circle::<M>(number()));
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_spline() {
    splines::<Polynomial>();
    splines::<Libm>();
    splines::<Micromath>();
    keep(kernels::wrap(number()));
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_linear() {
    let x = slice();
    kernels::linear_normalize(x, slice(), slice());
    kernels::linear_generate(x, slice(), slice());
    let pairs = slice().as_chunks::<2>().0;
    kernels::element_wise_normalize(x, pairs);
    kernels::element_wise_generate(x, pairs);
    keep_all(x);
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_domain() {
    let mut x = number();
    keep(kernels::positive_normalize::<Polynomial>(&mut x, number()));
    keep(kernels::soft_positive_normalize::<Polynomial>(
        &mut x,
        number(),
        number(),
    ));
    keep(kernels::bounded_normalize::<Polynomial>(
        &mut x,
        number(),
        number(),
    ));
    kernels::positive_generate::<Polynomial>(&mut x, number());
    kernels::soft_positive_generate::<Polynomial>(&mut x, number(), number());
    kernels::bounded_generate::<Polynomial>(&mut x, number(), number());
    keep(kernels::round_to_grid(x, number(), number()));
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_base() {
    let z = slice();
    keep(base::normal_energy(&*z));
    keep(base::logistic_energy::<Polynomial>(&*z));
    keep(base::laplace_energy(&*z));
    keep(base::student_t_energy::<Polynomial>(&*z, number()));
    keep(base::circular_energy(&*z));
    keep(base::mixture_energy::<Polynomial, f32>(z, slice()));
    base::mixture::<Polynomial, _, f32>(&mut AnyRng, slice(), z);
    keep_all(z);
    keep(base::normal::<Polynomial, _>(&mut AnyRng));
    keep(base::logistic::<Polynomial, _>(&mut AnyRng));
    keep(base::laplace::<Polynomial, _>(&mut AnyRng));
    keep(base::student_t::<Polynomial, _>(&mut AnyRng, number()));
    keep(base::angle(&mut AnyRng));
}
