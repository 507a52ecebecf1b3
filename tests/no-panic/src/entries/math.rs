//! The elementary functions of every backend.

use flow_embedded::math::{Libm, Math, Micromath, Polynomial};

use crate::unknown::{keep_all, number};

fn all<M: Math>() {
    keep_all(&[
        M::exp(number()),
        M::ln(number()),
        M::tanh(number()),
        M::sqrt(number()),
    ]);
    let (sin, cos) = M::sin_cos(number());
    keep_all(&[sin, cos]);
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_math() {
    all::<Polynomial>();
    all::<Libm>();
    all::<Micromath>();
}
