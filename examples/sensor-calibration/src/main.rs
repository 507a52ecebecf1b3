//! Calibrates thermistors on the device: from three readings of its converter it infers its resistors and the
//! thermistor's beta, and then says what a temperature is and how far that may be off. The exact answer stands beside it.
#![no_std]
#![no_main]

mod board;
mod readings;
mod thermometer;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::Posterior;
use flow_embedded::posterior::{Estimate, PosteriorError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use readings::{DEVICES, Device};

/// The posterior, compiled from `model.flow` by `build.rs`.
mod model {
    flow_embedded::include_flow!("model");
}

/// Draws of each estimate: chance moves a mean by a twentieth of its deviation.
const DRAWS: usize = 400;

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let posterior = Posterior::new(model::Thermistor);

    // The first draw is that of `flow sample --seed 1` with these counts given.
    console.text("first draw  ");
    match posterior.sample(&DEVICES[0].counts, &mut rng) {
        Ok(draw) => draw.iter().for_each(|value| {
            console.fixed::<3>(*value);
        }),
        Err(_) => {
            console.text(" refused");
        }
    }
    console.end();
    let names = ["device 1 ", "device 2 ", "device 3 ", "device 4 "];
    for (name, device) in names.into_iter().zip(&DEVICES) {
        console
            .text(name)
            .text("        chip        ± sd       exact        ± sd       truth")
            .end();
        match calibrate(&posterior, device, &mut rng) {
            Ok(found) => print(&mut console, device, &found),
            Err(_) => console.text("a reading is missing").end(),
        }
    }
    board::exit()
}

/// Infers the parameters, and the temperature of the later reading.
fn calibrate(
    posterior: &Posterior<model::Thermistor, 3, 3>,
    device: &Device,
    rng: &mut ChaCha8Rng,
) -> Result<[Estimate; 4], PosteriorError> {
    let [series, r25, beta] = posterior.mean_and_sd::<DRAWS>(&device.counts, rng)?;
    // Whatever is computed from parameters has the uncertainty of its values over draws.
    let (mut sum, mut squares) = (0.0, 0.0);
    let plain = thermometer::celsius(device.later, [series.mean, r25.mean, beta.mean]);
    for _ in 0..DRAWS {
        let draw = posterior.sample(&device.counts, rng)?;
        let off = thermometer::celsius(device.later, draw) - plain;
        sum += off;
        squares += off * off;
    }
    let mean = sum / DRAWS as f32;
    let temperature = Estimate {
        mean: plain + mean,
        sd: thermometer::sqrt(squares / DRAWS as f32 - mean * mean),
    };
    Ok([series, r25, beta, temperature])
}

fn print(console: &mut Console, device: &Device, found: &[Estimate; 4]) {
    let [series, r25, beta, temperature] = found;
    let [of_series, of_r25, of_beta, of_temperature] = device.exact;
    let [true_series, true_r25, true_beta, true_temperature] = device.truth;
    line::<3>(console, "series kΩ", series, of_series, true_series);
    line::<3>(console, "r25    kΩ", r25, of_r25, true_r25);
    line::<1>(console, "beta    K", beta, of_beta, true_beta);
    line::<2>(
        console,
        "later  °C",
        temperature,
        of_temperature,
        true_temperature,
    );
}

fn line<const DECIMALS: u32>(
    console: &mut Console,
    name: &str,
    found: &Estimate,
    [mean, sd]: [f32; 2],
    truth: f32,
) {
    console
        .text(name)
        .fixed::<DECIMALS>(found.mean)
        .fixed::<DECIMALS>(found.sd)
        .fixed::<DECIMALS>(mean)
        .fixed::<DECIMALS>(sd)
        .fixed::<DECIMALS>(truth)
        .end();
}
