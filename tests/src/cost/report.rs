//! What is predicted, beside what was measured.

use super::models::Model;
use super::{BOARDS, Figures, LEVELS, Places, chip};
use anyhow::{Context, Result};
use flow_codegen::{Core, Cost, Optimise, Options, compile};
use flow_measure::board::Board;
use flow_measure::level::Level;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The errors of predictions in percent of what was measured, the lowest and the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// Of flash.
    pub flash: [f64; 2],
    /// Of the worst stack of an operation.
    pub stack: [f64; 2],
    /// Of the instructions of an operation.
    pub instructions: [f64; 2],
}

impl Errors {
    fn add(&mut self, cost: &Cost, figures: &Figures) -> Result<()> {
        let flash = cost.flash_bytes().context("flash")?;
        widen(&mut self.flash, flash as f64, figures.flash);
        for (run, instructions, stack) in [
            (cost.log_prob, figures.log_prob, figures.log_prob_stack),
            (cost.sample, figures.sample, figures.sample_stack),
        ] {
            if let Some(run) = run {
                widen(
                    &mut self.instructions,
                    run.instructions as f64,
                    instructions,
                );
                widen(&mut self.stack, run.stack_bytes as f64, stack);
            }
        }
        Ok(())
    }
}

fn widen(range: &mut [f64; 2], predicted: f64, measured: f64) {
    let error = 100.0 * (predicted / measured - 1.0);
    *range = [range[0].min(error), range[1].max(error)];
}

fn predict(model: &Model, board: &Board, level: Level) -> Result<Cost> {
    let options = Options {
        chip: chip(board, level)?,
        ..model.options.clone()
    };
    Ok(compile(&model.artefact, Path::new("model.flow"), &options)?.1)
}

/// How models are computed, for tables.
fn arithmetic(model: &Model, cost: &Cost) -> &'static str {
    match (cost.sample, model.options.optimise) {
        (None, Optimise::Size) => "integers, size",
        (None, _) => "integers",
        (_, Optimise::Size) => "f32, size",
        _ => "f32, speed",
    }
}

/// The errors on some models, by place and arithmetic.
///
/// # Errors
/// A model does not compile, or was not measured.
pub fn errors(
    models: &[Model],
    places: &Places,
) -> Result<BTreeMap<(String, &'static str), Errors>> {
    let mut found: BTreeMap<(String, &'static str), Errors> = BTreeMap::new();
    for board in &BOARDS {
        for level in LEVELS {
            let key = level.key(board.name);
            let place = places.get(&key).with_context(|| key.clone())?;
            for model in models {
                let figures = place.get(&model.name).with_context(|| model.name.clone())?;
                let cost = predict(model, board, level)?;
                let own = found
                    .entry((key.clone(), arithmetic(model, &cost)))
                    .or_default();
                own.add(&cost, figures)?;
            }
        }
    }
    Ok(found)
}

/// The tables of `docs/cost.md`.
///
/// # Errors
/// As [`errors`].
pub fn page(models: &[Model], places: &Places) -> Result<String> {
    let mut text = String::from(PREFACE);
    text += "| core | opt-level | arithmetic | flash | stack | instructions |\n|---|---|---|---|---|---|\n";
    for ((place, arithmetic), own) in errors(models, places)? {
        let (core, level) = place
            .strip_suffix("-s")
            .map_or((place.as_str(), "3"), |core| (core, "s"));
        let range = |[low, high]: [f64; 2]| format!("{low:+.0} … {high:+.0} %");
        writeln!(
            text,
            "| {core} | {level} | {arithmetic} | {} | {} | {} |",
            range(own.flash),
            range(own.stack),
            range(own.instructions)
        )?;
    }
    text += "\n## Cycles of instructions\n\nCycles of the instructions that may take more than one (the sources are in the documentation of\n`Timing`), and cycles per \
             instruction of the reference flow.\n\n\
             | core | load | store | taken branch | VMLA | VDIV | issue | f32 | integers |\n\
             |---|---|---|---|---|---|---|---|---|\n";
    for core in Core::ALL {
        let (Some(own), Some(float), Some(integer)) =
            (core.timing(), core.mix(false), core.mix(true))
        else {
            continue;
        };
        let fpu = |cycles: f64| {
            if core.has_fpu() {
                cycles.to_string()
            } else {
                "–".to_owned()
            }
        };
        writeln!(
            text,
            "| {core} | {} | {} | {} | {} | {} | {} | {:.2} | {:.2} |",
            own.load,
            own.store,
            own.branch,
            fpu(own.multiply_add),
            fpu(own.divide),
            own.issue,
            own.cycles(&float),
            own.cycles(&integer)
        )?;
    }
    text += "\n## The reference flow\n\nMAF, 4 channels, 32 × 32 units, 3 layers, ReLU: predicted / measured.\n\n\
             | core | opt-level | model | flash | stack | log_prob | sample |\n|---|---|---|---|---|---|---|\n";
    for board in &BOARDS {
        for level in LEVELS {
            let place = places.get(&level.key(board.name)).context("a place")?;
            for model in models.iter().filter(|m| m.name.starts_with("reference")) {
                let own = place.get(&model.name).context("a model")?;
                let cost = predict(model, board, level)?;
                let pair = |predicted: Option<usize>, measured: f64| match predicted {
                    Some(predicted) => format!("{predicted} / {measured:.0}"),
                    None => "–".to_owned(),
                };
                writeln!(
                    text,
                    "| {} | {level} | {} | {} | {} | {} | {} |",
                    board.name,
                    arithmetic(model, &cost),
                    pair(cost.flash_bytes(), own.flash),
                    pair(cost.ram_bytes(), own.log_prob_stack.max(own.sample_stack)),
                    pair(cost.log_prob.map(|run| run.instructions), own.log_prob),
                    pair(cost.sample.map(|run| run.instructions), own.sample)
                )?;
            }
        }
    }
    Ok(text)
}

const PREFACE: &str = "# What a model costs

`flow codegen` states it before anything is flashed; this page says how far the figures can be
trusted. It is generated: `BLESS=1 cargo xtask cost` measures, fits and writes it.

Tables and multiply-accumulates are exact. Code, stack and instructions are counts of what a model
compiles to, times coefficients fitted to firmware around random flows of every family, linked with
`lto = \"fat\"` and run under QEMU. The ranges below are of flows that no coefficient was fitted to,
among them the flow of `tests/case`. A model of integers only scores. Where a range is wide,
`flow codegen --measure` builds the firmware and runs it, and states what it found.

- **Flash** is what a model adds to a firmware that computes nothing else; without an FPU that
  includes the routines of software floating point.
- **Stack** is an upper envelope with a margin of 15 %, which was chosen so that it is never too
  little on these flows either: it may be far too much.
- **Cycles** are instructions times the cycles of the core's mix of instructions, by the timing
  table in the documentation of `flow_codegen::cost::Timing`; nothing here measures cycles.
- Weights of `f16` are predicted as those of `f32` in half the flash; unpacking them takes more
  instructions than that.
- Cortex-M7 and M0+ run the code of the M4F and M0, the M55 that of the M33. The assembly of the
  feature `cortex-m-asm` is not predicted.

## Errors of the predictions

";
