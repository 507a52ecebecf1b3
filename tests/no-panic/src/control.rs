//! The positive control: it can panic, so it must not link. It has no other entry, so that what
//! fails is the index and nothing else, and fails fast.
#![no_std]
#![no_main]

mod handler;

use core::hint::black_box;

/// Where the linker begins.
#[unsafe(no_mangle)]
pub extern "C" fn prove() {
    black_box([0.0; 8][black_box(8)]);
}
