//! How a firmware ends: the emulator exits with the status it is given here.

use core::panic::PanicInfo;

use semihosting::process;

/// Ends the emulator: all is well.
pub fn success() -> ! {
    process::exit(0)
}

/// Ends the emulator with an error.
pub fn failure() -> ! {
    process::exit(1)
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    failure()
}
