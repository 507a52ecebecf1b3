//! Stages that build for the chips.

use anyhow::Result;

use super::{Bench, Verdict};
use crate::parallel::side_by_side;
use crate::{cost, examples, families, firmware, no_panic, workspace};
use flow_measure::process;
use flow_measure::toolchain::Toolchain;

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
    // A link is the work of one thread.
    let checks: [fn(&Toolchain) -> Result<()>; 2] = [families::check, firmware::check];
    side_by_side(&checks, |check| check(&toolchain))?;
    // These tests are ignored in the stage `tests`, which needs no chip.
    process::run(workspace::cargo().args([
        "test",
        "--package",
        "flow-tests",
        "--test",
        "firmware",
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
