/// Data to base for each channel of a layer, in place: `z = x + shift`.
#[inline]
pub fn shift_forward_each<const N: usize>(x: &mut [f32; N], shifts: &[f32; N]) {
    for (x, shift) in x.iter_mut().zip(shifts) {
        *x += shift;
    }
}

/// The inverse of [`shift_forward_each`].
#[inline]
pub fn shift_inverse_each<const N: usize>(z: &mut [f32; N], shifts: &[f32; N]) {
    for (z, shift) in z.iter_mut().zip(shifts) {
        *z -= shift;
    }
}
