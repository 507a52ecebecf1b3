//! A recording of a made-up gyroscope at rest, whose noise is known: writes CSV to standard output. Run it by `cargo run
//! --release -p flow-tests --bin sensor > rest.csv`.

use anyhow::Result;
use flow_tests::sensor::gyroscope_at_rest;
use std::io::Write;

fn main() -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(gyroscope_at_rest().as_bytes())?;
    Ok(())
}
