//! How near generated noise comes to a sensor's: writes `docs/noise.md`. Run it by `cargo run --release -p flow-tests
//! --bin noise`; it wants the shared recordings.

use anyhow::{Context, Result};
use flow_tests::noise::{Recorded, Summary, measured, synthetic};
use std::fmt::Write;
use xtask::workspace;

const PREFACE: &str = "\
# How near generated noise comes to a sensor's

`flow train --noise` on the first half of a recording; the Allan deviation of what `flow sample` then
draws, compared with that of the second half: root mean square of log10 of their ratio over averaging
times of 1, 2, 4, … samples up to a tenth of a half (0.05 is 12 %). Beside it: the first half itself,
which is what the same sensor differs from itself by; independent Gaussian noise; and a Gaussian
autoregression of order 8 (Yule-Walker), both of the first half's moments. Means over ten seeds, and
the flow's worst.

";

const SYNTHETIC: &str = "\
## Sensors of known noise

White, flicker and random-walk noise at 100 Hz, a temperature of 10 to 40 °C that changes the spread,
and the steps of a converter (`tests/src/sensor.rs`): a gyroscope and an accelerometer with density
and step of a data sheet, and a sensor whose slow noise is strong. 200,000 samples for each seed, ten
of them; generated noise as long as a half.

";

const IMU: &str = "\
## An inertial sensor at rest

The shared recording of imu_tk: 6 channels of counts, 100 Hz, 52 s. Generated noise twenty times as
long as a half. The flow is to stay within 1.5 times the first half's own, or 0.05, with every seed.

";

const STABILITY: &str = "\
## Stability

What a flow is conditioned on is confined to the range of the training data, so its feedback can't
run away. Over ten million steps a flow of random weights stays within bounds that the first million
reached (`noise_does_not_drift_away` in `tests/tests/all/generated.rs`), and a trained one within the
recording's range and three quarters of its width beyond (`tests/tests/all/noise.rs`): slow noise is not
as slow as a random walk that goes on for ever, but as what the recording shows.

This page is generated: `cargo run --release --package flow-tests --bin noise`.
";

fn table(names: &[String], summaries: &[Summary]) -> Result<String> {
    let mut text =
        "| | first half | independent | AR(8) | flow | at worst |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for (name, Summary { mean, worst }) in names.iter().zip(summaries) {
        let own = [
            mean.real,
            mean.independent,
            mean.autoregression,
            mean.flow,
            *worst,
        ];
        let cells: Vec<String> = own.iter().map(|error| format!("{error:.3}")).collect();
        writeln!(text, "| {name} | {} |", cells.join(" | "))?;
    }
    Ok(text + "\n")
}

fn main() -> Result<()> {
    let names = |own: &Recorded| -> Vec<String> {
        own.channels.iter().map(|(name, _)| name.clone()).collect()
    };
    let imu = Recorded::imu()?.context("the shared recording is not there")?;
    let of_known = table(&names(&Recorded::synthetic(64, 0)), &synthetic()?)?;
    let of_imu = table(&names(&imu), &measured(&imu)?)?;
    let path = workspace::root().join("docs/noise.md");
    std::fs::write(
        path,
        [PREFACE, SYNTHETIC, &of_known, IMU, &of_imu, STABILITY].concat(),
    )?;
    Ok(())
}
