//! Measures on the emulated chips what models cost, and fits the coefficients by which the compiler
//! predicts it: see `cargo xtask cost`.

use anyhow::{Result, bail};
use flow_measure::board::Board;
use flow_tests::cost::{
    BOARDS, LEVELS, Places, coefficients, commit, committed, compare, fitted, measure, models, page,
};
use std::fs;
use xtask::workspace;

fn main() -> Result<()> {
    let root = workspace::root();
    match std::env::args().nth(1).as_deref() {
        Some("check") => compare(
            &measured(&models::held_out(), BOARDS.iter())?,
            &committed("held_out")?,
        ),
        Some("measure") => {
            commit("held_out", &measured(&models::held_out(), BOARDS.iter())?)?;
            match std::env::args().nth(2).as_deref() {
                Some("held_out") => Ok(()),
                _ => commit(
                    "training",
                    &measured(&models::training(), fitted().into_iter())?,
                ),
            }
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
    let mut places = Places::new();
    for board in boards {
        for level in LEVELS {
            println!(
                "{} at opt-level {level}: {} models",
                board.name,
                models.len()
            );
            places.insert(
                level.key(board.name),
                measure(&toolchain, board, level, models)?,
            );
        }
    }
    Ok(places)
}
