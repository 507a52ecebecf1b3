//! Counts executed instructions from within, where the emulator makes time of them
//! (`-icount shift=5`): fast, where a trace would take minutes.

#[cfg(target_arch = "arm")]
mod ticks {
    /// Control and status, reload value, current value.
    const SYST: [*mut u32; 3] = [
        0xe000_e010 as *mut u32,
        0xe000_e014 as *mut u32,
        0xe000_e018 as *mut u32,
    ];
    const MAX: u32 = 0x00ff_ffff;

    pub(super) fn start() {
        // SAFETY: the system timer's registers, which nothing else uses.
        unsafe {
            SYST[1].write_volatile(MAX);
            SYST[2].write_volatile(0);
            // Enabled, on the processor's clock, without interrupt.
            SYST[0].write_volatile(5);
        }
    }

    #[inline(always)]
    pub(super) fn now() -> u32 {
        // SAFETY: as above. The timer counts down.
        MAX - unsafe { SYST[2].read_volatile() }
    }

    #[inline(always)]
    pub(super) fn between(start: u32, end: u32) -> u32 {
        end.wrapping_sub(start) & MAX
    }
}

#[cfg(target_arch = "riscv32")]
mod ticks {
    use core::arch::asm;

    pub(super) fn start() {}

    #[inline(always)]
    pub(super) fn now() -> u32 {
        let count: u32;
        // SAFETY: reads a counter.
        unsafe { asm!("csrr {}, minstret", out(reg) count, options(nomem, nostack)) };
        count
    }

    #[inline(always)]
    pub(super) fn between(start: u32, end: u32) -> u32 {
        end.wrapping_sub(start)
    }
}

/// Starts the counter.
pub fn start() {
    ticks::start();
}

/// The ticks that a call takes, those of the measurement included: the loop of known length tells
/// what they are in instructions.
#[inline(never)]
pub fn ticks(call: &mut dyn FnMut()) -> u32 {
    let start = ticks::now();
    call();
    ticks::between(start, ticks::now())
}
