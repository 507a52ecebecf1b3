//! The positive control: it can panic, so it must not link.

use crate::unknown::{keep, numbers, word};

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_control() {
    keep(numbers::<8>()[word() as usize]);
}
