//! From an artefact to the plan that is emitted, and what it costs.

use crate::{Checked, Cost, Error, Functions, Optimise, Options, Plan};
use flow_plan::{interpret, passes};

/// The plan of a model, and its cost.
pub(crate) fn planned(
    checked: &Checked<'_>,
    options: &Options,
    optimise: Optimise,
) -> Result<(Plan, Cost), Error> {
    let mut plan = Plan::new(checked);
    plan.functions = options.functions;
    let quantisation = checked.flow().header().quantisation.as_ref();
    let mut plan = passes::run(plan, options.passes, optimise, quantisation)?;
    if plan.is_integer() {
        if !plan.functions.score() {
            return Err(Error::NoIntegerSampler);
        }
        plan.functions = Functions::Score;
        interpret::score_golden(&mut plan, checked.flow().header());
    }
    let mut cost = Cost::of(&plan, optimise, options.chip);
    if let Some(measured) = options.measured.iter().find(|own| own.is_of(&cost)) {
        measured.replace(&mut cost, plan.is_integer());
    }
    Ok((plan, cost))
}
