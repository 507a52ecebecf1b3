//! Draws a thousand samples and nothing else, so that what one of them costs can be counted.
#![no_std]
#![no_main]

mod board;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::NoiseSource;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

mod model {
    flow_embedded::include_flow!("model");
}

#[entry]
fn main() -> ! {
    const SAMPLES: u32 = 1000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut gyroscope = NoiseSource::new(model::Gyroscope);
    let mut last = 0.0;
    for _ in 0..SAMPLES {
        last = watch(&mut gyroscope, &mut rng);
    }
    let mut console = Console::open();
    console
        .text("1000 samples, the last")
        .fixed::<6>(last)
        .end();
    board::exit()
}

/// One sample. A function of its own, so that what it costs can be counted.
#[inline(never)]
fn watch(gyroscope: &mut NoiseSource<model::Gyroscope, 1, 4, 6>, rng: &mut ChaCha8Rng) -> f32 {
    let [sample] = gyroscope.next(rng, &[25.0]);
    sample
}
