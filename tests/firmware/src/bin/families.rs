//! A few samples and log-likelihoods of each family, in functions that the instruction counter
//! finds by name. The small `maf` is in `reference`.
#![no_std]
#![no_main]

use core::hint::black_box;

use flow_case::{SEED, XorShift};
use flow_frame::{entry, stop};

/// Calls of each operation.
const CALLS: usize = 4;

flow_firmware::sampled! {
    nice_4 4 bench_nice_4_log_prob bench_nice_4_sample;
    nice_16 16 bench_nice_16_log_prob bench_nice_16_sample;
    realnvp_4 4 bench_realnvp_4_log_prob bench_realnvp_4_sample;
    realnvp_16 16 bench_realnvp_16_log_prob bench_realnvp_16_sample;
    nsf_4 4 bench_nsf_4_log_prob bench_nsf_4_sample;
    nsf_16 16 bench_nsf_16_log_prob bench_nsf_16_sample;
    maf_16 16 bench_maf_16_log_prob bench_maf_16_sample;
    iaf_4 4 bench_iaf_4_log_prob bench_iaf_4_sample;
    iaf_16 16 bench_iaf_16_log_prob bench_iaf_16_sample;
    nsf_ar_4 4 bench_nsf_ar_4_log_prob bench_nsf_ar_4_sample;
    nsf_ar_16 16 bench_nsf_ar_16_log_prob bench_nsf_ar_16_sample;
}

flow_firmware::scored! {
    realnvp_16_i8 16 bench_realnvp_16_i8_log_prob;
}

#[entry]
fn main() -> ! {
    let mut rng = XorShift::new(black_box(SEED));
    for _ in 0..CALLS {
        all(&mut rng);
        let event = black_box(bench_realnvp_16_sample(&mut rng));
        black_box(bench_realnvp_16_i8_log_prob(&event));
    }
    stop::success()
}
