//! Prints what the example `tiny-camera` is made from: its `normal` frames and `fresh` ones as CSV, the `frames` that
//! its firmware sees; and the `figures` of a model, the table in its README.

use anyhow::{Context, Result, bail};
use flow_tests::camera::trials::Trials;
use flow_tests::camera::{self, FRESH, TRAINING};

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("normal") => print!("{}", camera::csv(&camera::normal(TRAINING.0, TRAINING.1))),
        Some("fresh") => print!("{}", camera::csv(&camera::normal(FRESH.0, FRESH.1))),
        Some("frames") => print!("{}", camera::frames::module()),
        Some("figures") => {
            let path = std::env::args().nth(2).context("say of which model")?;
            let bytes = std::fs::read(&path).with_context(|| path)?;
            let trials = Trials::of(&bytes)?;
            print!("{}\n{}", trials.table(), trials.map());
        }
        _ => bail!("say what to print: normal, fresh, frames or figures MODEL"),
    }
    Ok(())
}
