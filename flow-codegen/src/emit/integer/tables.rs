//! Rows of integers, and the constants around them.

use crate::emit::tables::{ATTRIBUTES, Owner, hidden, identifier, output, statics, wrap};
use flow_embedded::artefact::WeightFormat;
use flow_plan::plan::{Bijection, Channels, Conditional, Constants, Plan, Table};
use proc_macro2::Ident;

/// The tables of a model of integers, but for the calibration.
pub(in crate::emit) fn all(plan: &Plan) -> String {
    let mut text = standardise("STANDARDISE", &plan.event);
    if plan.conditions() {
        text += &standardise("CONTEXT_STANDARDISE", &plan.context);
    }
    let weight = match plan.weights {
        Some(WeightFormat::I8) => "i8",
        _ => "i16",
    };
    for (index, layer) in plan.steps() {
        text += &match &layer.bijection {
            Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => {
                conditional(own, index, weight)
            }
            Bijection::Linear { upper, lower, .. } => format!(
                "\n// Layer {index}: U from the diagonal on in Q24, then L, each row a bias in Q16 and \
                 what is\n// left of the diagonal in Q24.\n{}{}",
                list(
                    &identifier(Owner::Layer(index), "UPPER"),
                    &Constants::upper(upper)
                ),
                list(
                    &identifier(Owner::Layer(index), "LOWER"),
                    &Constants::lower(lower)
                )
            ),
            Bijection::ElementWise(pairs) => {
                let pairs = Constants::pairs(pairs);
                let lines = wrap(pairs.iter().map(|pair| format!("{pair:?}")));
                let name = identifier(Owner::Layer(index), "SCALE_SHIFT").to_string();
                let table = statics(&name, &format!("[[i32; 2]; {}]", pairs.len()), &lines);
                format!("\n// Layer {index}: scale in Q24 and shift in Q16.\n{table}")
            }
            Bijection::Permutation(_)
            | Bijection::FoldedPermutation(_)
            | Bijection::Convolutional(_)
            | Bijection::Pointwise { .. } => String::new(),
        };
    }
    let mixture = Constants::mixture(&plan.base);
    if !mixture.is_empty() {
        text += "\n// Base: for each component ln w - sum ln s in Q16, then of each channel the mean \
                 in\n// Q16 and 1 / s in Q24.\n";
        text += &list(&quote::format_ident!("BASE"), &mixture);
    }
    text
}

fn standardise(name: &str, channels: &Channels) -> String {
    let lines: String = channels
        .0
        .iter()
        .map(|own| {
            format!(
                "        Standardise::new({:?}, {:?}),\n",
                own.mean, own.inv_std
            )
        })
        .collect();
    format!(
        "// Standardisation: mean and 1 / standard deviation.\n{ATTRIBUTES}static {name}: \
         [::flow_embedded::fixed::Standardise; {}] = {{\n    use \
         ::flow_embedded::fixed::Standardise;\n    [\n{lines}    ]\n}};\n",
        channels.len()
    )
}

fn conditional(own: &Conditional, index: usize, weight: &str) -> String {
    let mut text = format!(
        "\n// Layer {index}: each row a bias, a multiplier with its shift, and the weights.\n"
    );
    for (dense, blocks) in own.hidden.iter().enumerate() {
        for (block, table) in blocks.iter().enumerate() {
            text += &rows(
                &hidden(own, Owner::Layer(index), dense, block),
                table,
                weight,
            );
        }
    }
    for (group, tables) in own.output.iter().enumerate() {
        for (place, table) in tables.iter().enumerate() {
            text += &rows(
                &output(own, Owner::Layer(index), group, place),
                table,
                weight,
            );
        }
    }
    text
}

/// The rows of a block; nothing if it has none.
fn rows(name: &Ident, table: &Table, weight: &str) -> String {
    if table.integers.is_empty() {
        return String::new();
    }
    let lines: String = table
        .integers
        .iter()
        .map(|row| {
            let (bias, multiplier, shift) = (row.bias, row.multiplier, row.shift);
            let head =
                format!("Row {{ bias: {bias}, multiplier: {multiplier}, shift: {shift}, weights: ");
            let weights: Vec<String> = row.weights.iter().map(i16::to_string).collect();
            match weights.len() {
                0..=16 => format!("        {head}[{}] }},\n", weights.join(", ")),
                _ => {
                    let lines = weights
                        .chunks(16)
                        .map(|line| format!("            {},\n", line.join(", ")));
                    format!(
                        "        {head}[\n{}        ] }},\n",
                        lines.collect::<String>()
                    )
                }
            }
        })
        .collect();
    format!(
        "{ATTRIBUTES}static {name}: [::flow_embedded::fixed::Row<{weight}, {}>; {}] = {{\n    use \
         ::flow_embedded::fixed::Row;\n    [\n{lines}    ]\n}};\n",
        table.inputs,
        table.integers.len()
    )
}

fn list(name: &Ident, numbers: &[i32]) -> String {
    let lines = wrap(numbers.iter().map(i32::to_string));
    statics(
        &name.to_string(),
        &format!("[i32; {}]", numbers.len()),
        &lines,
    )
}
