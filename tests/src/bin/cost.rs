//! Measures on the emulated chips what models cost, and fits the coefficients by which the compiler
//! predicts it: see `cargo xtask cost`.

use anyhow::{Result, bail};
use flow_measure::board::Board;
use flow_tests::cost::models::{self, Model};
use flow_tests::cost::{
    BOARDS, LEVELS, Places, coefficients, commit, committed, compare, firmware, fitted, front_page,
    measure, page,
};
use std::fs;
use xtask::workspace;

/// Of the models, the short check measures one in so many in each place (a board and a level, ten in
/// all): every model in one place.
const SHARE: usize = 10;

fn main() -> Result<()> {
    let root = workspace::root();
    match std::env::args().nth(1).as_deref() {
        Some("check") => check(SHARE),
        Some("check-all") => {
            check(1)?;
            compare(&in_firmware()?, &committed("firmware")?)
        }
        Some("measure") => {
            // All sets, or the one that is named.
            let only = std::env::args().nth(2);
            let wanted = |set: &str| only.as_deref().is_none_or(|only| only == set);
            if wanted("held_out") {
                let found = measured(&models::held_out(), &BOARDS.each_ref(), 1)?;
                commit("held_out", &found)?;
            }
            if wanted("firmware") {
                commit("firmware", &in_firmware()?)?;
            }
            if wanted("training") {
                commit("training", &measured(&models::training(), &fitted(), 1)?)?;
            }
            Ok(())
        }
        Some("fit") => {
            let text = coefficients(&models::training(), &committed("training")?)?;
            fs::write(root.join("flow-codegen/src/cost/coefficients.rs"), text)?;
            Ok(())
        }
        Some("report") => {
            let (stated, firmware) = (committed("held_out")?, committed("firmware")?);
            let text = page(&models::held_out(), &stated, &firmware)?;
            fs::create_dir_all(root.join("docs"))?;
            fs::write(root.join("docs/cost.md"), text)?;
            let [_, text] = front_page(&stated)?;
            fs::write(root.join("README.md"), text)?;
            Ok(())
        }
        other => bail!("one of check, check-all, measure, fit, report instead of {other:?}"),
    }
}

/// Compares the figures of one in so many models with the committed ones.
fn check(share: usize) -> Result<()> {
    let found = measured(&models::held_out(), &BOARDS.each_ref(), share)?;
    compare(&found, &committed("held_out")?)
}

/// The figures of a share of some models on some boards at every level, as `flow codegen --measure`
/// finds them.
fn measured(models: &[Model], boards: &[&'static Board], share: usize) -> Result<Places> {
    let toolchain = xtask::setup::toolchain()?;
    let mut places = Places::new();
    let all = LEVELS
        .iter()
        .flat_map(|level| boards.iter().map(move |board| (*level, *board)));
    for (turn, (level, board)) in all.enumerate() {
        let own: Vec<&Model> = models.iter().skip(turn % share).step_by(share).collect();
        println!("{} at opt-level {level}: {} models", board.name, own.len());
        let place = measure(&toolchain, board, level, &own)?;
        places.insert(level.key(board.name), place);
    }
    Ok(places)
}

/// The figures of the flows that the test firmware has alone, whose instructions are traced one by one.
fn in_firmware() -> Result<Places> {
    let toolchain = xtask::setup::toolchain()?;
    let mut places = Places::new();
    for level in LEVELS {
        for board in &BOARDS {
            let key = level.key(board.name);
            println!("{key}: flows of the test firmware");
            let place = firmware::measure(&toolchain, board, level, &models::ALONE)?;
            places.insert(key, place);
        }
    }
    Ok(places)
}
