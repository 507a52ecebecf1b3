//! `z = x + shift` (Dinh, Krueger & Bengio 2015, "NICE").

use crate::panel::RowsMut;
use crate::real::Real;
use pulp::Arch;

pub(super) fn forward<T: Real>(x: &[T], parameters: RowsMut<'_, T>, z: &mut [T]) {
    let pairs = x.iter().zip(parameters.into_row());
    Arch::new().dispatch(
        #[inline(always)]
        || {
            z.iter_mut()
                .zip(pairs)
                .for_each(|(z, (x, shift))| *z = *x + *shift);
        },
    );
}

pub(super) fn inverse<T: Real>(z: &[T], parameters: RowsMut<'_, T>, x: &mut [T]) {
    let pairs = z.iter().zip(parameters.into_row());
    Arch::new().dispatch(
        #[inline(always)]
        || {
            x.iter_mut()
                .zip(pairs)
                .for_each(|(x, (z, shift))| *x = *z - *shift);
        },
    );
}

pub(super) fn backward<T: Real>(gradient: &[T], d_parameters: RowsMut<'_, T>) {
    d_parameters.into_row().copy_from_slice(gradient);
}

pub(super) fn inverse_backward<T: Real>(gradient: &[T], d_parameters: RowsMut<'_, T>) {
    let pairs = d_parameters.into_row().iter_mut().zip(gradient);
    Arch::new().dispatch(
        #[inline(always)]
        || pairs.for_each(|(d_shift, g)| *d_shift = -*g),
    );
}
