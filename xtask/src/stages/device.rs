//! Stages that build for the chips.

use anyhow::Result;

use super::{Bench, Verdict};
use crate::stages::Matrix;
use crate::{
    corpus, cost, examples, firmware, golden, imported, no_panic, quick_start, setup, suite,
};

pub(super) fn setup(bench: &mut Bench) -> Result<Verdict> {
    setup::ensure_runner()?;
    println!("{}", bench.toolchain()?);
    Ok(Verdict::Passed)
}

pub(super) fn no_panic(bench: &mut Bench) -> Result<Verdict> {
    no_panic::check(&bench.toolchain()?, Matrix::Part)?;
    Ok(Verdict::Passed)
}

pub(super) fn no_panic_all(bench: &mut Bench) -> Result<Verdict> {
    no_panic::check(&bench.toolchain()?, Matrix::All)?;
    Ok(Verdict::Passed)
}

pub(super) fn firmware(bench: &mut Bench) -> Result<Verdict> {
    firmware::check(&bench.toolchain()?)?;
    // The stage `tests` leaves these out: they need the chips.
    suite::run(&["--run-ignored", "only", "-E", suite::ON_CHIPS])?;
    Ok(Verdict::Passed)
}

pub(super) fn corpus(bench: &mut Bench) -> Result<Verdict> {
    corpus::check(&bench.toolchain()?)?;
    Ok(Verdict::Passed)
}

pub(super) fn golden(bench: &mut Bench) -> Result<Verdict> {
    golden::check(&bench.toolchain()?)?;
    Ok(Verdict::Passed)
}

pub(super) fn cost(bench: &mut Bench) -> Result<Verdict> {
    bench.toolchain()?;
    cost::check(Matrix::Part)?;
    Ok(Verdict::Passed)
}

pub(super) fn cost_all(bench: &mut Bench) -> Result<Verdict> {
    bench.toolchain()?;
    cost::check(Matrix::All)?;
    Ok(Verdict::Passed)
}

pub(super) fn examples(bench: &mut Bench) -> Result<Verdict> {
    let toolchain = bench.toolchain()?;
    quick_start::check(&toolchain)?;
    Ok(match examples::check(&toolchain)? {
        0 => Verdict::Skipped("the repository has no example firmware".to_owned()),
        _ => Verdict::Passed,
    })
}

pub(super) fn imported(bench: &mut Bench) -> Result<Verdict> {
    imported::check(&bench.toolchain()?)?;
    Ok(Verdict::Passed)
}
