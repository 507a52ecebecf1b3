//! The small flow that all figures are stated for, in every format and layout, and a spline flow of
//! integers beside it.
#![no_std]
#![no_main]

use core::hint::black_box;

use flow_case::{ROWS, SEED, XorShift};
use flow_frame::{entry, stop};

/// Calls of each operation: fewer where floating point is done in software and takes the tracing
/// emulator its time.
const CALLS: usize = if cfg!(target_abi = "eabihf") { 4 } else { 1 };

flow_firmware::sampled! {
    maf_4 4 bench_maf_4_log_prob bench_maf_4_sample;
    maf_4_size 4 bench_maf_4_size_log_prob bench_maf_4_size_sample;
}

flow_firmware::scored! {
    maf_4_i8 4 bench_maf_4_i8_log_prob;
    maf_4_i8_size 4 bench_maf_4_i8_size_log_prob;
    maf_4_i16 4 bench_maf_4_i16_log_prob;
    nsf_ar_4_i8 4 bench_nsf_ar_4_i8_log_prob;
}

/// Calls of each flow of integers.
const INTEGER_CALLS: usize = 8;

#[entry]
fn main() -> ! {
    let mut rng = XorShift::new(black_box(SEED));
    for _ in 0..CALLS {
        all(&mut rng);
    }
    let rows = ROWS.iter().step_by(ROWS.len() / INTEGER_CALLS);
    for event in rows.take(INTEGER_CALLS).filter_map(|row| row.first_chunk()) {
        black_box(bench_maf_4_i8_log_prob(black_box(event)));
        black_box(bench_maf_4_i8_size_log_prob(black_box(event)));
        black_box(bench_maf_4_i16_log_prob(black_box(event)));
        black_box(bench_nsf_ar_4_i8_log_prob(black_box(event)));
    }
    stop::success()
}
