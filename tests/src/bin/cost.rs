//! Measures on the emulated chips what models cost, and fits the coefficients by which the compiler
//! predicts it: see `cargo xtask cost`.

use anyhow::{Result, bail};
use flow_measure::board::Board;
use flow_tests::cost::{
    BOARDS, LEVELS, Places, coefficients, commit, committed, compare, fitted, measure, models, page,
};
use std::fs;
use std::sync::{Mutex, PoisonError};
use xtask::parallel::side_by_side;
use xtask::workspace;

fn main() -> Result<()> {
    let root = workspace::root();
    match std::env::args().nth(1).as_deref() {
        Some("check") => compare(
            &measured(&models::held_out(), BOARDS.iter())?,
            &committed("held_out")?,
        ),
        Some("measure") => {
            // Both sets, or the one that is named.
            let only = std::env::args().nth(2);
            let wanted = |set: &str| only.as_deref().is_none_or(|only| only == set);
            if wanted("held_out") {
                commit("held_out", &measured(&models::held_out(), BOARDS.iter())?)?;
            }
            if wanted("training") {
                commit(
                    "training",
                    &measured(&models::training(), fitted().into_iter())?,
                )?;
            }
            Ok(())
        }
        Some("fit") => {
            let text = coefficients(&models::training(), &committed("training")?)?;
            fs::write(root.join("flow-codegen/src/cost/coefficients.rs"), text)?;
            Ok(())
        }
        Some("report") => {
            let text = page(&models::held_out(), &committed("held_out")?)?;
            fs::create_dir_all(root.join("docs"))?;
            fs::write(root.join("docs/cost.md"), text)?;
            Ok(())
        }
        other => bail!("one of check, measure, fit, report instead of {other:?}"),
    }
}

/// The figures of models on some boards at every level.
fn measured(
    models: &[models::Model],
    boards: impl Iterator<Item = &'static Board>,
) -> Result<Places> {
    let toolchain = xtask::setup::toolchain()?;
    let boards: Vec<&Board> = boards.collect();
    let places = Mutex::new(Places::new());
    // Each level is built in a folder of its own.
    side_by_side(&LEVELS, |level| {
        for board in &boards {
            println!(
                "{} at opt-level {level}: {} models",
                board.name,
                models.len()
            );
            let place = measure(&toolchain, board, *level, models)?;
            let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
            places.insert(level.key(board.name), place);
        }
        Ok(())
    })?;
    Ok(places.into_inner().unwrap_or_else(PoisonError::into_inner))
}
