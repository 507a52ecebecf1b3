//! The chip is a RISC-V.

use core::arch::{asm, naked_asm};

pub use riscv_rt::entry;

use crate::stop;

/// The stack pointer.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

/// A loop of known length, by which the instruction counter is checked: one instruction to begin,
/// two for each round, one to return.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn bench_loop(rounds: u32) {
    naked_asm!("mv a1, a0", "2: addi a1, a1, -1", "bnez a1, 2b", "ret")
}

/// A fault (a stack that overflowed, say) ends the run instead of hanging it.
// SAFETY: the runtime calls this name on an exception that nobody else handles.
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn fault(_: &riscv_rt::TrapFrame) -> ! {
    stop::failure()
}
