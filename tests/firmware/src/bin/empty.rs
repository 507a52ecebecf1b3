//! Start-up, one row of input and the exit: what a firmware weighs before it has a model.
#![no_std]
#![no_main]

use core::hint::black_box;

use flow_case::ROWS;
use flow_frame::{entry, stop};

#[entry]
fn main() -> ! {
    black_box(&ROWS);
    stop::success()
}
