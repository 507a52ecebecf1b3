//! Prints what the example `sensor-calibration` is made from: `simulations` and `fresh` as CSV, or its `readings`.

use anyhow::{Result, bail};
use flow_tests::posterior::fresh;
use flow_tests::posterior::thermistor::{FRESH, SIMULATIONS, Thermistor, readings};
use std::io::{BufWriter, Write as _, stdout};

fn main() -> Result<()> {
    let (rows, seed) = match std::env::args().nth(1).as_deref() {
        Some("simulations") => SIMULATIONS,
        Some("fresh") => FRESH,
        Some("readings") => {
            print!("{}", readings());
            return Ok(());
        }
        _ => bail!("say what to print: simulations, fresh or readings"),
    };
    let data = fresh(&Thermistor, rows, seed);
    let mut out = BufWriter::new(stdout().lock());
    let names = [data.event_names(), data.context_names()].concat();
    writeln!(out, "{}", names.join(","))?;
    for row in 0..data.rows() {
        let values = data.event(row).iter().chain(data.context(row));
        let values: Vec<String> = values.map(f32::to_string).collect();
        writeln!(out, "{}", values.join(","))?;
    }
    out.flush()?;
    Ok(())
}
