//! `flow bench`: the time of a training step.

use super::names::FamilyName;
use super::ui::Ui;
use crate::Error;
use flow_fit::bench::{StepTime, bench};
use flow_model::Family;
use serde::Serialize;

/// Time a training step on this machine
///
/// One step is a batch of 512 rows through forward and backward pass, gradient clipping and Adam,
/// for a model of 8 channels with 5 layers and two hidden layers of 64. Give the machine nothing
/// else to do meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow bench
  flow bench --family maf --steps 500 --json")]
pub(super) struct Args {
    /// Kind of flow [default: all]
    #[arg(long)]
    family: Option<FamilyName>,
    /// Steps to time
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    steps: u32,
    /// Numbers of threads to try [default: 1, and the machine's]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N,…")]
    threads: Vec<u16>,
    /// Seed of data and model
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    family: &'static str,
    threads: usize,
    median_ms: f64,
    p10_ms: f64,
    /// Of the dense layers, in the tenth percentile.
    gigaflops_per_second: f64,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let families = match args.family {
        Some(FamilyName(family)) => vec![family],
        None => Family::ALL.to_vec(),
    };
    let mut threads: Vec<usize> = args
        .threads
        .iter()
        .map(|count| usize::from(*count))
        .collect();
    if threads.is_empty() {
        threads = vec![
            1,
            std::thread::available_parallelism().map_or(1, usize::from),
        ];
        threads.dedup();
    }
    let mut reports = Vec::new();
    for family in families {
        let times = bench(family, &threads, args.steps as usize, args.seed)?;
        reports.extend(times.into_iter().map(|time: StepTime| Report {
            family: family.name(),
            threads: time.threads,
            median_ms: time.median_ms,
            p10_ms: time.p10_ms,
            gigaflops_per_second: time.megaflops / time.p10_ms,
        }));
    }
    let lines: Vec<(&str, String)> = reports
        .iter()
        .map(|report| {
            let Report { family, threads, median_ms, p10_ms, gigaflops_per_second } = report;
            let s = if *threads == 1 { "" } else { "s" };
            let text = format!(
                "{threads} thread{s}: {median_ms:.3} ms a step (median; 10th percentile {p10_ms:.3}), dense layers at \
                 {gigaflops_per_second:.0} GFLOP/s"
            );
            (*family, text)
        })
        .collect();
    ui.result(&reports, &lines)
}
