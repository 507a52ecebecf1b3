//! Prints what the example `log-sentinel` is made from: its `normal` log, another one to `calibrate` on and a `fresh`
//! one, the lines that its firmware has `seen`; and the `figures` of a model, the table in its README.

use anyhow::{Context, Result, bail};
use flow_tests::log::trials::Trials;
use flow_tests::log::{self, CALIBRATION, FRESH, TRAINING, seen};

fn main() -> Result<()> {
    let (lines, seed) = match std::env::args().nth(1).as_deref() {
        Some("normal") => TRAINING,
        Some("calibrate") => CALIBRATION,
        Some("fresh") => FRESH,
        Some("seen") => {
            print!("{}", seen::module());
            return Ok(());
        }
        Some("figures") => {
            let path = std::env::args().nth(2).context("say of which model")?;
            let bytes = std::fs::read(&path).with_context(|| path)?;
            print!("{}", Trials::of(&bytes)?.table());
            return Ok(());
        }
        _ => bail!("say what to print: normal, calibrate, fresh, seen or figures MODEL"),
    };
    for line in log::normal(lines, seed) {
        println!("{line}");
    }
    Ok(())
}
