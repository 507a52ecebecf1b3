//! One flow and nothing else that computes: a few calls of its operations, for the instruction
//! counter, and the stack that they took. The binary's name is the flow's behind `alone_`.
#![no_std]
#![no_main]

use core::hint::black_box;

use flow_case::{SEED, XorShift};
use flow_embedded::{Density, Sampler};
use flow_firmware::alone;
use flow_frame::stack::Depth;
use flow_frame::{entry, stop};

#[allow(dead_code)]
mod module {
    include!(concat!(env!("OUT_DIR"), "/", env!("CARGO_BIN_NAME"), ".rs"));
}

/// The event of the flow.
type Event = [f32; module::CHANNELS];

#[inline(never)]
#[unsafe(no_mangle)]
fn bench_log_prob(event: &Event) -> f32 {
    module::Model.log_prob(event, &[])
}

#[inline(never)]
#[unsafe(no_mangle)]
fn bench_sample(rng: &mut XorShift, event: &mut Event) {
    *event = module::Model.sample(rng, &[]);
}

#[entry]
fn main() -> ! {
    let mut rng = XorShift::new(black_box(SEED));
    let mut worst = [Depth::default(); 2];
    for _ in 0..alone::CALLS {
        let mut event = [0.0; module::CHANNELS];
        worst[1] = alone::deeper(worst[1], &mut || {
            bench_sample(&mut rng, &mut event);
            // A call in the last place would be a jump, whose return can't be seen.
            black_box(&event);
        });
        worst[0] = alone::deeper(worst[0], &mut || {
            black_box(bench_log_prob(black_box(&event)));
        });
    }
    alone::report(["log_prob", "sample"].into_iter().zip(worst));
    stop::success()
}
