//! The chip is an ARM Cortex-M.

use core::arch::{asm, naked_asm};

pub use cortex_m_rt::entry;
use cortex_m_rt::exception;

use crate::stop;

/// The stack pointer.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

/// A loop of known length, by which the instruction counter is checked: one instruction to begin,
/// two for each round, one to return.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn bench_loop(rounds: u32) {
    naked_asm!("movs r1, r0", "2: subs r1, #1", "bne 2b", "bx lr")
}

/// A fault (a stack that overflowed, say) ends the run instead of hanging it.
#[exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    stop::failure()
}
