//! What is predicted, beside what was measured.

use super::models::{self, Model};
use super::{BOARDS, Figures, LEVELS, Places, chip};
use anyhow::{Context, Result};
use flow_codegen::cost::{self, Counted};
use flow_codegen::{Core, Cost, Optimise, Options, compile};
use flow_measure::board::Board;
use flow_measure::level::Level;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The errors of what is stated, in percent of what was found, the lowest and the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// Of flash.
    pub flash: [f64; 2],
    /// Of the worst stack of an operation.
    pub stack: [f64; 2],
    /// Of the instructions of an operation.
    pub instructions: [f64; 2],
}

/// Instructions and stack of one operation.
type Stated = Option<(usize, usize)>;

impl Errors {
    /// Takes in the flash and the operations, `log_prob` and `sample`, that were stated of a model, and
    /// what was found.
    fn add(&mut self, flash: usize, [log_prob, sample]: [Stated; 2], found: &Figures) {
        widen(&mut self.flash, flash, found.flash);
        for (run, instructions, stack) in [
            (log_prob, found.log_prob, found.log_prob_stack),
            (sample, found.sample, found.sample_stack),
        ] {
            if let Some((own_instructions, own_stack)) = run {
                widen(&mut self.instructions, own_instructions, instructions);
                widen(&mut self.stack, own_stack, stack);
            }
        }
    }
}

fn widen(range: &mut [f64; 2], stated: usize, found: f64) {
    let error = 100.0 * (stated as f64 / found - 1.0);
    *range = [range[0].min(error), range[1].max(error)];
}

fn estimate(model: &Model, board: &Board, level: Level) -> Result<Cost> {
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

/// The errors of the estimates on some models, by place and arithmetic.
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
                let cost = estimate(model, board, level)?;
                let own = found
                    .entry((key.clone(), arithmetic(model, &cost)))
                    .or_default();
                let run = |run: cost::Run| (run.instructions, run.stack_bytes);
                own.add(
                    cost.flash_bytes().context("flash")?,
                    [cost.log_prob, cost.sample].map(|own| own.map(run)),
                    figures,
                );
            }
        }
    }
    Ok(found)
}

/// The core and the level of a place.
fn split(place: &str) -> (&str, &str) {
    place
        .strip_suffix("-s")
        .map_or((place, "3"), |core| (core, "s"))
}

/// The errors of what `flow codegen --measure` states, by place, on the flows that the test firmware
/// has alone.
///
/// # Errors
/// A flow was not measured.
pub fn measured_errors(
    models: &[Model],
    stated: &Places,
    found: &Places,
) -> Result<BTreeMap<String, Errors>> {
    let mut errors: BTreeMap<String, Errors> = BTreeMap::new();
    for board in &BOARDS {
        for level in LEVELS {
            let key = level.key(board.name);
            let chip = chip(board, level)?;
            let (stated, found) = (
                stated.get(&key).with_context(|| key.clone())?,
                found.get(&key).with_context(|| key.clone())?,
            );
            let own = errors.entry(key).or_default();
            for name in models::ALONE {
                let model = models.iter().find(|own| own.name == name);
                let optimise = model.context(name)?.options.optimise;
                let stated = stated.get(name).context(name)?;
                let stated = stated.measured(chip.core, chip.level, optimise);
                let run = |run: Counted| (run.instructions, run.stack_bytes);
                own.add(
                    stated.flash_bytes,
                    [stated.log_prob, stated.sample].map(|own| own.map(run)),
                    found.get(name).context(name)?,
                );
            }
        }
    }
    Ok(errors)
}

/// The text of `docs/cost.md`.
///
/// # Errors
/// As [`errors`] and [`measured_errors`].
pub fn page(models: &[Model], stated: &Places, firmware: &Places) -> Result<String> {
    let range = |[low, high]: [f64; 2]| format!("{low:+.1} … {high:+.1} %");
    let mut text = String::from(PREFACE);
    text += "| core | opt-level | flash | stack | instructions |\n|---|---|---|---|---|\n";
    for (place, own) in measured_errors(models, stated, firmware)? {
        let (core, level) = split(&place);
        let [flash, stack, instructions] = [own.flash, own.stack, own.instructions].map(range);
        writeln!(
            text,
            "| {core} | {level} | {flash} | {stack} | {instructions} |"
        )?;
    }
    text += ESTIMATES;
    let range = |[low, high]: [f64; 2]| format!("{low:+.0} … {high:+.0} %");
    text += "| core | opt-level | arithmetic | flash | stack | instructions |\n|---|---|---|---|---|---|\n";
    for ((place, arithmetic), own) in errors(models, stated)? {
        let (core, level) = split(&place);
        let [flash, stack, instructions] = [own.flash, own.stack, own.instructions].map(range);
        writeln!(
            text,
            "| {core} | {level} | {arithmetic} | {flash} | {stack} | {instructions} |"
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
    text += "\n## The reference flow\n\nMAF, 4 channels, 32 × 32 units, 3 layers, ReLU: estimated / measured.\n\n\
             | core | opt-level | model | flash | stack | log_prob | sample |\n|---|---|---|---|---|---|---|\n";
    for board in &BOARDS {
        for level in LEVELS {
            let place = stated.get(&level.key(board.name)).context("a place")?;
            for model in models.iter().filter(|m| m.name.starts_with("maf_4")) {
                let own = place.get(&model.name).context("a model")?;
                let cost = estimate(model, board, level)?;
                let pair = |estimated: Option<usize>, measured: f64| match estimated {
                    Some(estimated) => format!("{estimated} / {measured:.0}"),
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

Tables and multiply-accumulates are exact. For the rest there are two ways:

- **Predicted**: `flow codegen --measure` builds a firmware around the model for the core, runs it
  on an emulated board and states what it found. That holds in other firmware: flash within 5 %,
  stack within 10 % and never too little, instructions within 10 % (first table).
- **Estimated**: without it the figures are there at once, and coarse (second table). They serve to
  choose between models, not to promise a budget.

**Flash** is what a model adds to a firmware that computes nothing else; without an FPU that includes
the routines of software floating point. **Cycles** are instructions times the cycles of the core's
mix of instructions, by the timing table in the documentation of `flow_codegen::cost::Timing`; nothing
here measures cycles. Cortex-M7 and M0+ run the code of the M4F and M0, the M55 that of the M33. A
model of integers only scores.

## Errors of the predictions

Flows of every family and format, each alone in a binary of the test firmware, whose calls, start
and counter are not those of `--measure`: what was predicted, in percent of what was found there.

";

const ESTIMATES: &str = "
## Errors of the estimates

Code, stack and instructions are counts of what a model compiles to, times coefficients fitted to
firmware around random flows of every family, linked with `lto = \"fat\"` and run under QEMU. The
ranges are of flows that no coefficient was fitted to: random ones, the flow of `tests/case` and those
of the table above.

- **Stack** is an upper envelope with a margin of 15 %, which was chosen so that it is never too
  little on these flows either: it may be far too much.
- Not estimated beyond tables and multiply-accumulates is what no coefficient was fitted to: weights of
  `f16`, layers over images, categorical channels, angles, scales, splines and conditioners of other
  libraries. A budget for these needs `--measure`.
- The assembly of the feature `cortex-m-asm` is not estimated.

";
