//! A few calls of each operation, in functions that the instruction counter finds by name.
#![no_std]
#![no_main]

use core::arch::global_asm;
use core::hint::black_box;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_SUCCESS};
use flow_case::{CHANNELS, MODEL, ROWS, SEED, XorShift};
use flow_embedded::{Density, Sampler};
use flow_firmware as _;

/// Calls of each operation.
const CALLS: usize = 8;

// A loop of known length, by which the counter is checked: one instruction to begin, two for each
// of n rounds, one to return.
global_asm!(
    ".thumb",
    ".global bench_loop",
    ".type bench_loop, %function",
    ".thumb_func",
    "bench_loop:",
    "movs r1, r0",
    "2: subs r1, #1",
    "bne 2b",
    "bx lr",
    ".size bench_loop, . - bench_loop",
);

unsafe extern "C" {
    fn bench_loop(n: u32);
}

#[inline(never)]
#[unsafe(no_mangle)]
fn bench_log_prob(row: &[f32; CHANNELS]) -> f32 {
    MODEL.log_prob(row, &[])
}

#[inline(never)]
#[unsafe(no_mangle)]
fn bench_sample(rng: &mut XorShift) -> [f32; CHANNELS] {
    MODEL.sample(rng, &[])
}

#[entry]
fn main() -> ! {
    for n in [10, 1000] {
        // SAFETY: the loop above changes r1 and the flags alone, as a C function may.
        unsafe { bench_loop(n) };
    }
    let mut rng = XorShift::new(black_box(SEED));
    for row in ROWS.iter().step_by(ROWS.len() / CALLS).take(CALLS) {
        black_box(bench_log_prob(black_box(row)));
        black_box(bench_sample(&mut rng));
    }
    debug::exit(EXIT_SUCCESS);
    loop {
        core::hint::spin_loop();
    }
}
