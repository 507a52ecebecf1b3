//! What would make a model fit its budget.

use crate::cost::Remedy;
use crate::planned::planned;
use crate::{Checked, Functions, OptLevel, Optimise, Options, Plan};
use crate::{Chip, Cost};
use flow_embedded::artefact::{Quantisation, WeightFormat};
use flow_plan::passes;

/// How many are named.
const MOST: usize = 3;
/// Bits behind the point of all activations: what they are changes nothing of
/// what a model costs.
const FRACTION: u8 = 10;

/// The smallest changes of the options under which a model fits, given what the
/// code was made for.
pub(crate) fn find(checked: &Checked<'_>, options: &Options, optimise: Optimise) -> Vec<Remedy> {
    let sizes = match optimise {
        Optimise::Size => vec![false],
        _ => vec![false, true],
    };
    let levels = match options.chip.level {
        OptLevel::Three => vec![None, Some(OptLevel::S)],
        OptLevel::S => vec![None, Some(OptLevel::Three)],
    };
    let functions = match options.functions {
        Functions::All => vec![None, Some(Functions::Score)],
        _ => vec![None],
    };
    let mut remedies = Vec::new();
    for quantise in [false, true] {
        for functions in &functions {
            for level in &levels {
                for size in &sizes {
                    let optimise = if *size { Optimise::Size } else { optimise };
                    let other = Options {
                        chip: Chip {
                            level: level.unwrap_or(options.chip.level),
                            ..options.chip
                        },
                        functions: functions.unwrap_or(options.functions),
                        // Nothing else was measured.
                        measured: match functions {
                            None => options.measured.clone(),
                            Some(_) => Vec::new(),
                        },
                        ..options.clone()
                    };
                    let Some(cost) = cost(checked, &other, optimise, quantise) else {
                        continue;
                    };
                    let budget = &options.budget;
                    if budget.unknown(&cost).is_empty() && budget.excesses(&cost).is_empty() {
                        remedies.push(Remedy {
                            size: *size,
                            level: *level,
                            functions: *functions,
                            quantise,
                            cost,
                        });
                    }
                }
            }
        }
    }
    remedies.sort_by_key(Remedy::changes);
    let fewest = remedies.first().map(Remedy::changes);
    remedies.retain(|remedy| Some(remedy.changes()) == fewest);
    remedies.truncate(MOST);
    remedies
}

/// The cost under other options; none if they do not suit the model.
fn cost(
    checked: &Checked<'_>,
    options: &Options,
    optimise: Optimise,
    quantise: bool,
) -> Option<Cost> {
    if !quantise {
        return Some(planned(checked, options, optimise).ok()?.1);
    }
    let header = checked.flow().header();
    if header.quantisation.is_some() || !options.functions.score() {
        return None;
    }
    let activations = header.layers.iter().map(|layer| layer.dense_layers());
    let fractions = vec![FRACTION; activations.sum()];
    let quantisation = Quantisation {
        weights: WeightFormat::I8,
        fractions: &fractions,
    };
    let mut plan = Plan::new(checked);
    plan.functions = Functions::Score;
    let plan = passes::run(plan, options.passes, optimise, Some(&quantisation)).ok()?;
    Some(Cost::of(&plan, optimise, options.chip))
}
