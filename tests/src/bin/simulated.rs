//! What promises come to on simulated streams, and how soon faults are found beside control charts: writes
//! `docs/simulated.md`. Run it by `cargo run --release -p flow-tests --bin simulated`.

use anyhow::Result;
use flow_tests::detection::simulated::{
    ALPHA, CHARTS, DELTA, FAULTS, Kept, PROMISED, RUN_LENGTH, delays, kept,
};
use std::fmt::Write;
use xtask::workspace;

const PREFACE: &str = "\
# Promises and delays on simulated streams

Four Gaussian channels, each two of the correlation 1/2, each an autoregression of the first order,
whose coefficient a model has learnt from 10,000 rows; seeds are fixed
(`tests/src/detection/simulated.rs`). What holds on recordings is in [detection.md](detection.md).
";

fn main() -> Result<()> {
    let mut text = String::from(PREFACE);
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    write!(
        text,
        "\n## Promises\n\nSingle samples: one after each of 10,000 calibrations on 199 rows, alarms promised of at most {}. \
         Streams: after each of 1,000 calibrations on 1,000 rows, up to the first alarm, promised {RUN_LENGTH} samples \
         apart in the mean for {} of calibrations; an alarm within a tenth of that would be one stream in ten at most. \
         Shares with exact 95 % intervals.\n\n| autocorrelation | alarms of single samples | alarm within {} samples | \
         mean samples to an alarm |\n|---|---|---|---|\n",
        percent(ALPHA),
        percent(1.0 - DELTA),
        0.1 * RUN_LENGTH
    )?;
    for phi in [0.0, 0.8] {
        let kept = kept(phi);
        let share = |counts: [u64; 2]| {
            let (low, high) = Kept::interval(counts);
            let own = counts[0] as f64 / counts[1] as f64;
            format!("{} ({} to {})", percent(own), percent(low), percent(high))
        };
        let name = if phi == 0.0 {
            "none".to_owned()
        } else {
            format!("{phi}, modelled")
        };
        writeln!(
            text,
            "| {name} | {} | {} | {:.0} |",
            share(kept.single),
            share(kept.early),
            kept.run_length
        )?;
    }
    let found = delays();
    write!(
        text,
        "\n## Delays\n\nMean samples to the alarm after a fault in one channel (sizes in its standard deviations), of \
         channels with the autocorrelation 0.7. Ours has 5,000 calibration rows and promises {PROMISED} samples between \
         false alarms; the charts have thresholds that give them exactly that, by simulation from the true process, on \
         z-scores or on the residuals (res.) of the model.\n\n| | | {} |\n|---|---|{}\n| run length | | {} |\n",
        CHARTS.join(" | "),
        "---|".repeat(CHARTS.len()),
        found.run_lengths.map(|own| format!("{own:.0}")).join(" | ")
    )?;
    let faults = FAULTS
        .into_iter()
        .flat_map(|(name, sizes)| sizes.map(|size| (name, size)));
    for ((name, fault), delays) in faults.zip(&found.delays) {
        let cells = delays.map(|own| format!("{own:.1}")).join(" | ");
        writeln!(text, "| {name} | {} | {cells} |", fault.size())?;
    }
    let mut tallies = Vec::new();
    for (peer, name) in CHARTS.iter().enumerate().skip(1) {
        let sooner = found.delays.iter().filter(|own| own[0] < own[peer]).count();
        tallies.push(format!("{name} {sooner}"));
    }
    write!(
        text,
        "\nSooner than each, of {}: {}.\n\nThis page is generated: `cargo run --release --package flow-tests --bin \
         simulated`.\n",
        found.delays.len(),
        tallies.join(", ")
    )?;
    std::fs::write(workspace::root().join("docs/simulated.md"), text)?;
    Ok(())
}
