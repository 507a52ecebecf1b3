//! Tests a filter on the chip: a table turns to and fro, a gyroscope of generated noise watches it, and two tunings of
//! the filter say where it points.
#![no_std]
#![no_main]

mod board;
mod kalman;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::NoiseSource;
use kalman::{Kalman, Tuning};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// The noise of the gyroscope, compiled from `model.flow` by `build.rs`.
mod model {
    flow_embedded::include_flow!("model");
}

/// Seconds between samples, as in the recording.
const DT: f32 = 0.01;
/// Samples between two looks at the encoder: ten seconds.
const LOOK: u32 = 1000;
/// Looks between two lines of the table: a minute.
const LINE: u32 = 6;
/// Looks in all: half an hour.
const END: u32 = 180;
/// The steps of the encoder, in °.
const STEP: f32 = 0.05;
/// The standard deviation of rounding to steps of 1.
const ROUNDING: f32 = 0.2887;

/// As the data sheet has it: white noise alone, and a bias that stays.
const DATA_SHEET: Tuning = Tuning {
    white: 0.0106,
    random_walk: 0.0,
    encoder: STEP * ROUNDING,
};
/// As `flow noise-report` reads it off the recording; the walk doubled, for the flicker noise beside it.
const MEASURED: Tuning = Tuning {
    white: 0.011,
    random_walk: 0.0009,
    encoder: STEP * ROUNDING,
};

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut gyroscope = NoiseSource::new(model::Gyroscope);
    let mut filters = [DATA_SHEET, MEASURED].map(Kalman::new);

    // The first samples are those of `flow sample --seed 1 --warm-up 0 --given temperature=25`.
    console.text("first samples");
    for _ in 0..5 {
        let [rate] = gyroscope.next(&mut rng, &[25.0]);
        console.fixed::<6>(rate);
    }
    console.end();
    for _ in 0..gyroscope.warm_up() {
        gyroscope.next(&mut rng, &[25.0]);
    }

    console
        .text("                        data sheet                measured")
        .end();
    console
        .text("        time temperature       error    surprise       error    surprise")
        .end();
    let (mut angle, mut surprise) = (0.0, [[0.0; 2]; 2]);
    for look in 0..END {
        // The table turns one way and back, a little faster each time, and warms up by 15 K.
        let speed = 8.0 + 0.037 * look as f32;
        let temperature = 20.0 + 15.0 * look as f32 / END as f32;
        for sample in 0..LOOK {
            let rate = if sample < LOOK / 2 + look {
                speed
            } else {
                -speed
            };
            angle += rate * DT;
            let [noise] = gyroscope.next(&mut rng, &[temperature]);
            for filter in &mut filters {
                filter.predict(rate + noise, DT);
            }
        }
        let steps = angle / STEP + 0.5_f32.copysign(angle);
        let encoder = (steps as i32) as f32 * STEP;
        for (filter, sums) in filters.iter_mut().zip(&mut surprise) {
            let own = filter.correct(encoder);
            sums.iter_mut().for_each(|sum| *sum += own);
        }
        if (look + 1) % LINE == 0 {
            let seconds = (look + 1) as f32 * LOOK as f32 * DT;
            console.fixed::<0>(seconds).fixed::<1>(temperature);
            for (filter, [of_line, _]) in filters.iter().zip(&mut surprise) {
                console
                    .fixed::<3>(filter.angle() - angle)
                    .fixed::<2>(*of_line / LINE as f32);
                *of_line = 0.0;
            }
            console.end();
        }
    }
    console.text("surprise in the mean    ");
    for [_, sum] in surprise {
        console.text("            ").fixed::<2>(sum / END as f32);
    }
    console.end();
    board::exit()
}
