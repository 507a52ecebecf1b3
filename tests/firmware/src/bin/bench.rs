//! A few calls of each operation, in functions that the instruction counter finds by name.
#![no_std]
#![no_main]

use core::hint::black_box;

use flow_case::{CHANNELS, MODEL, ROWS, SEED, XorShift};
use flow_embedded::{Density, Sampler};
use flow_frame::{bench_loop, entry, stop};

/// Calls of each operation: fewer where floating point is done in software and takes the tracing
/// emulator its time.
const CALLS: usize = if cfg!(target_abi = "eabihf") { 8 } else { 2 };

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
        bench_loop(n);
    }
    let mut rng = XorShift::new(black_box(SEED));
    for row in ROWS.iter().step_by(ROWS.len() / CALLS).take(CALLS) {
        black_box(bench_log_prob(black_box(row)));
        black_box(bench_sample(&mut rng));
    }
    stop::success()
}
