//! A few samples and log-likelihoods of each family, in functions that the instruction counter
//! finds by name.
#![no_std]
#![no_main]

use core::hint::black_box;

use flow_case::{SEED, XorShift};
use flow_embedded::{Density, Sampler};
use flow_firmware::{entry, stop};

/// Calls of each operation: each sample is scored.
const CALLS: usize = 4;

/// A module and two functions for each flow, and one that calls them all.
macro_rules! families {
    ($($module:ident $event:literal $sample:ident $log_prob:ident;)*) => {
        $(
            #[allow(dead_code)]
            mod $module {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($module), ".rs"));
            }

            #[inline(never)]
            #[unsafe(no_mangle)]
            fn $sample(rng: &mut XorShift) -> [f32; $event] {
                $module::Model.sample(rng, &[])
            }

            #[inline(never)]
            #[unsafe(no_mangle)]
            fn $log_prob(event: &[f32; $event]) -> f32 {
                $module::Model.log_prob(event, &[])
            }
        )*

        fn all(rng: &mut XorShift) {
            $(
                let event = black_box($sample(rng));
                black_box($log_prob(&event));
            )*
        }
    };
}

families! {
    nice_4 4 bench_nice_4_sample bench_nice_4_log_prob;
    nice_16 16 bench_nice_16_sample bench_nice_16_log_prob;
    realnvp_4 4 bench_realnvp_4_sample bench_realnvp_4_log_prob;
    realnvp_16 16 bench_realnvp_16_sample bench_realnvp_16_log_prob;
    nsf_4 4 bench_nsf_4_sample bench_nsf_4_log_prob;
    nsf_16 16 bench_nsf_16_sample bench_nsf_16_log_prob;
    maf_4 4 bench_maf_4_sample bench_maf_4_log_prob;
    maf_16 16 bench_maf_16_sample bench_maf_16_log_prob;
    iaf_4 4 bench_iaf_4_sample bench_iaf_4_log_prob;
    iaf_16 16 bench_iaf_16_sample bench_iaf_16_log_prob;
    nsf_ar_4 4 bench_nsf_ar_4_sample bench_nsf_ar_4_log_prob;
    nsf_ar_16 16 bench_nsf_ar_16_sample bench_nsf_ar_16_log_prob;
}

#[entry]
fn main() -> ! {
    let mut rng = XorShift::new(black_box(SEED));
    for _ in 0..CALLS {
        all(&mut rng);
    }
    stop::success()
}
