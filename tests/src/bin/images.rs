//! The figures of the digits in `docs/images.md`: `cargo run --release -p flow-tests --bin images`. It wants the shared
//! digits, and installs what emulated boards want.

use anyhow::{Context, Result};
use flow_codegen::OptLevel;
use flow_measure::board::{CORTEX_M4F, CORTEX_M7};
use flow_tests::chip;
use flow_tests::images::digits::Digits;
use flow_tests::images::{bits, recognised};

fn main() -> Result<()> {
    let digits = Digits::read()?.context("the shared digits are not there")?;
    println!("| model | seed | bits per pixel | weighted | recognised |\n|---|---|---|---|---|");
    let mut first = None;
    for seed in 0..3 {
        for dequantise in [false, true] {
            let trained = digits.train(dequantise, seed)?;
            let bits = bits(&trained.bytes, trained.dequantiser.as_deref(), &digits.test)?;
            let share = recognised(&trained.bytes, &digits)?;
            println!(
                "| {} | {seed} | {:.3} ± {:.3} | {:.3} | {:.1} % |",
                if dequantise { "variational" } else { "uniform" },
                bits.bound.mean,
                bits.bound.stderr,
                bits.weighted.mean,
                100.0 * share
            );
            first.get_or_insert(trained.bytes);
        }
    }
    let model = first.context("a model")?;
    let toolchain = xtask::setup::toolchain()?;
    println!("\n| core | level | flash, B | stack, B | log_prob | sample | bits of the desk |");
    println!("|---|---|---|---|---|---|---|");
    for board in [&CORTEX_M4F, &CORTEX_M7] {
        chip::has_the_bits_of_the_desk(&toolchain, board, &model)?;
        for level in OptLevel::ALL {
            let figures = chip::figures(&toolchain, board, level, &model)?;
            println!(
                "| {} | {level} | {:.0} | {:.0} | {:.0} | {:.0} | yes |",
                board.name,
                figures.flash,
                figures.log_prob_stack.max(figures.sample_stack),
                figures.log_prob,
                figures.sample
            );
        }
    }
    Ok(())
}
