//! Draws a thousand times from the posterior and nothing else, so that what a draw costs can be counted.
#![no_std]
#![no_main]

mod board;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::Posterior;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

mod model {
    flow_embedded::include_flow!("model");
}

#[entry]
fn main() -> ! {
    const DRAWS: u32 = 1000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let posterior = Posterior::new(model::Thermistor);
    let mut last = 0.0;
    for _ in 0..DRAWS {
        last = watch(&posterior, &mut rng);
    }
    let mut console = Console::open();
    console.text("1000 draws, the last").fixed::<4>(last).end();
    board::exit()
}

/// One draw. A function of its own, so that what it costs can be counted.
#[inline(never)]
fn watch(posterior: &Posterior<model::Thermistor, 3, 3>, rng: &mut ChaCha8Rng) -> f32 {
    match posterior.sample(&[3150.0, 2050.0, 825.0], rng) {
        Ok([_, r25, _]) => r25,
        Err(_) => 0.0,
    }
}
