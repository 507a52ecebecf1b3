//! Prints the time of a training step as JSON: `cargo run --release -p flow-train --example bench_step -- maf 1,2 500`.

use flow_train::{bench::bench, model::Family};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let family = match arguments.next().as_deref() {
        None | Some("maf") => Family::Maf,
        Some("realnvp") => Family::RealNvp,
        Some(other) => return Err(format!("the family must be maf or realnvp, not {other}").into()),
    };
    let threads = arguments.next().unwrap_or_else(|| "1,2".into());
    let threads = threads
        .split(',')
        .map(str::parse)
        .collect::<Result<Vec<usize>, _>>()?;
    let steps = arguments.next().map_or(Ok(500), |steps| steps.parse())?;
    let times: Vec<_> = bench(family, &threads, steps, 0)?
        .iter()
        .map(|time| {
            serde_json::json!({
                "family": if time.family == Family::Maf { "maf" } else { "realnvp" },
                "threads": time.threads,
                "median_ms": time.median_ms,
                "p10_ms": time.p10_ms,
            })
        })
        .collect();
    println!("{}", serde_json::Value::from(times));
    Ok(())
}
