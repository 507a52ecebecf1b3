//! How a firmware ends: the emulator exits with the status it is given here.

use core::panic::PanicInfo;

use cortex_m_rt::exception;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE};

/// Ends the emulator with an error.
pub(crate) fn failure() -> ! {
    debug::exit(EXIT_FAILURE);
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    failure()
}

/// A fault (a stack that overflowed, say) ends the run instead of hanging it.
#[exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    failure()
}
