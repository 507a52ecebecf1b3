//! What the binaries with one flow share.

use core::hint::black_box;

use flow_case::XorShift;
use flow_frame::print::Console;
use flow_frame::stack::{self, Depth};
use rand_core::Rng;

/// Calls of each operation: few, since floating point in software takes the tracing emulator its
/// time.
pub const CALLS: usize = 2;

/// Fills an event with numbers within ±2, by code that weighs the same for every flow.
#[inline(never)]
pub fn fill(event: &mut [f32], rng: &mut XorShift) {
    for x in black_box(event) {
        *x = (rng.next_u32() >> 8) as f32 / (1u32 << 22) as f32 - 2.0;
    }
}

/// The greater of a depth and that of a call.
pub fn deeper(worst: Depth, call: &mut dyn FnMut()) -> Depth {
    worst.max(stack::measure(call))
}

/// Prints the stack of each operation.
pub fn report(operations: impl Iterator<Item = (&'static str, Depth)>) {
    let mut console = Console::open();
    for (name, depth) in operations {
        console.text("stack ").text(name).number(depth.call).end();
    }
    console.text("end").end();
}
