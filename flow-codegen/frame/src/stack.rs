//! How deep the stack went, by painting: memory below the stack pointer is filled with a pattern,
//! and what no longer holds it afterwards has been used.

use crate::chip::stack_pointer;

const PAINT: u32 = 0xc0de_5afe;
/// Bytes below the stack pointer that are left alone while painting.
const MARGIN: usize = 64;
/// Bytes below a call's stack pointer that are painted afresh for each measurement; more than a
/// model can use on the board with the larger memory, where painting it all would take long.
const WINDOW: usize = 64 * 1024;

unsafe extern "C" {
    /// End of the static variables, where the room for the stack begins (from link.x).
    static mut __sheap: u32;
    /// Where the stack starts, growing down (from link.x).
    static mut _stack_start: u32;
}

/// A measurement of stack depth.
#[derive(Clone, Copy, Default)]
pub struct Depth {
    /// Bytes that the measured call used, at least [`MARGIN`].
    pub call: usize,
    /// Bytes between the start of the stack and the deepest place that the call reached.
    pub total: usize,
}

impl Depth {
    /// The greater of two measurements.
    pub fn max(self, other: Self) -> Self {
        Self {
            call: self.call.max(other.call),
            total: self.total.max(other.total),
        }
    }
}

/// Calls `f` and measures how deep it went.
#[inline(never)]
pub fn measure(f: &mut dyn FnMut()) -> Depth {
    let start = (&raw const _stack_start) as usize;
    let top = stack_pointer();
    let bottom = ((&raw const __sheap) as usize).max(top.saturating_sub(WINDOW)) & !3;
    let end = top.saturating_sub(MARGIN);
    let mut place = bottom;
    while place < end {
        // SAFETY: between the end of the static variables and the stack pointer nothing lives:
        // there is no heap, no interrupt is enabled, and this loop calls nothing.
        unsafe { (place as *mut u32).write_volatile(PAINT) };
        place += 4;
    }
    f();
    let mut deepest = bottom;
    while deepest < end {
        // SAFETY: as above, for reading.
        if unsafe { (deepest as *const u32).read_volatile() } != PAINT {
            break;
        }
        deepest += 4;
    }
    Depth {
        call: top - deepest,
        total: start - deepest,
    }
}
