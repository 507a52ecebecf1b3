//! Start-up, one row of input and the exit: what a firmware weighs before it has a model.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_SUCCESS};
use flow_case::ROWS;
use flow_firmware as _;

#[entry]
fn main() -> ! {
    black_box(&ROWS);
    debug::exit(EXIT_SUCCESS);
    loop {
        core::hint::spin_loop();
    }
}
