//! What a panic would lead to, were it reached.

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_can_be_reached() -> !;
    }
    // SAFETY: the function is not there, so a program with this call does not link.
    unsafe { a_panic_can_be_reached() }
}
