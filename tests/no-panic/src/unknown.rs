//! Inputs that the compiler cannot know, and a place for results that it cannot drop.

use core::convert::Infallible;

use flow_embedded::Digest;
use flow_embedded::rand_core::TryRng;

/// An address that could be in a chip's RAM; nothing is ever read there, since nothing is run.
const PLACE: usize = 0x2000_0100;

/// Any 32 bits.
pub(crate) fn word() -> u32 {
    // SAFETY: an aligned address in RAM.
    unsafe { (PLACE as *const u32).read_volatile() }
}

/// Any model, by what its states carry.
pub(crate) fn model() -> Digest {
    Digest::new(word())
}

/// Any number, NaN and infinities included.
pub(crate) fn number() -> f32 {
    f32::from_bits(word())
}

/// Any numbers.
pub(crate) fn numbers<const N: usize>() -> [f32; N] {
    core::array::from_fn(|_| number())
}

/// Any integers.
pub(crate) fn integers<const N: usize>() -> [i32; N] {
    core::array::from_fn(|_| word() as i32)
}

/// Any activations.
pub(crate) fn activations<const N: usize>() -> [i16; N] {
    core::array::from_fn(|_| word() as i16)
}

/// Any bytes of any length.
pub(crate) fn bytes() -> &'static [u8] {
    // SAFETY: not run; for the compiler, a slice it knows nothing of.
    unsafe { core::slice::from_raw_parts(word() as *const u8, word() as usize) }
}

/// Any numbers, any many.
pub(crate) fn slice() -> &'static mut [f32] {
    // SAFETY: not run; for the compiler, a slice it knows nothing of.
    unsafe { core::slice::from_raw_parts_mut(word() as *mut f32, word() as usize) }
}

/// Any integers, any many.
pub(crate) fn integer_slice() -> &'static mut [i32] {
    // SAFETY: not run; for the compiler, a slice it knows nothing of.
    unsafe { core::slice::from_raw_parts_mut(word() as *mut i32, word() as usize) }
}

/// Keeps a result.
pub(crate) fn keep(value: f32) {
    // SAFETY: an aligned address in RAM.
    unsafe { (PLACE as *mut f32).write_volatile(value) };
}

/// Keeps results.
pub(crate) fn keep_all(values: &[f32]) {
    values.iter().copied().for_each(keep);
}

/// Keeps integers.
pub(crate) fn keep_integers(values: &[i32]) {
    // SAFETY: an aligned address in RAM.
    let keep = |value| unsafe { (PLACE as *mut i32).write_volatile(value) };
    values.iter().copied().for_each(keep);
}

/// A generator of any numbers.
pub(crate) struct AnyRng;

impl TryRng for AnyRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from(word()) << 32 | u64::from(word()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().for_each(|byte| *byte = word() as u8);
        Ok(())
    }
}
