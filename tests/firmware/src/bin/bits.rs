//! Prints the bits of each row's log-likelihood and of many samples, then the worst stack.
#![no_std]
#![no_main]

use flow_case::{CHANNELS, MODEL, ROWS, SAMPLES, SEED, XorShift};
use flow_embedded::{Density, Sampler};
use flow_frame::print::Console;
use flow_frame::stack::{self, Depth};
use flow_frame::{entry, stop};

/// Rows and samples whose stack is measured; the depth hardly depends on the values.
const MEASURED: usize = 64;

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let mut worst = [Depth::default(); 2];
    for (i, row) in ROWS.iter().enumerate() {
        let mut log_prob = 0.0;
        let mut call = || log_prob = MODEL.log_prob(row, &[]);
        if i < MEASURED {
            worst[0] = worst[0].max(stack::measure(&mut call));
        } else {
            call();
        }
        console.text("log_prob").bits(log_prob).end();
    }
    let mut rng = XorShift::new(SEED);
    for i in 0..SAMPLES {
        let mut sample = [0.0; CHANNELS];
        let mut call = || sample = MODEL.sample(&mut rng, &[]);
        if i < MEASURED {
            worst[1] = worst[1].max(stack::measure(&mut call));
        } else {
            call();
        }
        console.text("sample");
        for value in sample {
            console.bits(value);
        }
        console.end();
    }
    for (name, depth) in ["log_prob", "sample"].into_iter().zip(worst) {
        console.text("stack ").text(name);
        console.number(depth.call).number(depth.total).end();
    }
    console.text("end").end();
    stop::success()
}
