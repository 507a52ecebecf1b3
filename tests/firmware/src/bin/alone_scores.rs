//! As `alone`, of a flow that only scores.
#![no_std]
#![no_main]

use core::hint::black_box;

use flow_case::{SEED, XorShift};
use flow_embedded::Density;
use flow_firmware::alone;
use flow_frame::stack::Depth;
use flow_frame::{entry, stop};

#[allow(dead_code)]
mod module {
    include!(concat!(env!("OUT_DIR"), "/", env!("CARGO_BIN_NAME"), ".rs"));
}

#[inline(never)]
#[unsafe(no_mangle)]
fn bench_log_prob(event: &[f32; module::CHANNELS]) -> f32 {
    module::Model.log_prob(event, &[])
}

#[entry]
fn main() -> ! {
    let mut rng = XorShift::new(black_box(SEED));
    let mut worst = Depth::default();
    for _ in 0..alone::CALLS {
        let mut event = [0.0; module::CHANNELS];
        alone::fill(&mut event, &mut rng);
        worst = alone::deeper(worst, &mut || {
            black_box(bench_log_prob(black_box(&event)));
        });
    }
    alone::report([("log_prob", worst)].into_iter());
    stop::success()
}
