//! Stages that build for the chips.

use anyhow::Result;

use super::{Bench, Verdict};
use crate::{cost, examples, families, firmware, imported, no_panic, workspace};
use flow_measure::process;

pub(super) fn setup(bench: &mut Bench) -> Result<Verdict> {
    println!("{}", bench.toolchain()?);
    Ok(Verdict::Passed)
}

pub(super) fn no_panic(bench: &mut Bench) -> Result<Verdict> {
    no_panic::check(&bench.toolchain()?)?;
    Ok(Verdict::Passed)
}

pub(super) fn firmware(bench: &mut Bench) -> Result<Verdict> {
    let toolchain = bench.toolchain()?;
    firmware::check(&toolchain)?;
    families::check(&toolchain)?;
    // These tests are ignored in the stage `tests`, which needs no chip, and are built there: other
    // packages or features would build everything again.
    process::run(workspace::cargo().args([
        "test",
        "--workspace",
        "--all-features",
        "--test",
        "firmware",
        "--test",
        "programs",
        "--",
        "--ignored",
    ]))?;
    Ok(Verdict::Passed)
}

pub(super) fn cost(bench: &mut Bench) -> Result<Verdict> {
    bench.toolchain()?;
    cost::check()?;
    Ok(Verdict::Passed)
}

pub(super) fn examples(bench: &mut Bench) -> Result<Verdict> {
    Ok(match examples::check(&bench.toolchain()?)? {
        0 => Verdict::Skipped("the repository has no example firmware".to_owned()),
        _ => Verdict::Passed,
    })
}

pub(super) fn imported(bench: &mut Bench) -> Result<Verdict> {
    imported::check(&bench.toolchain()?)?;
    Ok(Verdict::Passed)
}
