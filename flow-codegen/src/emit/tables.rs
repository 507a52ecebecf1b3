//! Numbers, eight a row.

use super::channels::conditions;
use crate::plan::{Bijection, Channels, Conditional, Plan, Table};
use proc_macro2::Ident;
use quote::format_ident;

/// The attributes of a table: leave the layout alone, and let a weight be what
/// it is even where it comes close to a famous constant.
pub(super) const ATTRIBUTES: &str = "#[rustfmt::skip]\n#[allow(clippy::approx_constant)]\n";

/// The name of a layer's table.
pub(super) fn identifier(index: usize, part: &str) -> Ident {
    format_ident!("L{index}_{part}")
}

/// The name of the table of a hidden block.
pub(super) fn hidden(own: &Conditional, index: usize, dense: usize, block: usize) -> Ident {
    match own.groups.len() {
        1 => identifier(index, &format!("HIDDEN_{dense}")),
        _ => identifier(index, &format!("HIDDEN_{dense}_GROUP_{block}")),
    }
}

/// The name of a table of the output layer.
pub(super) fn output(own: &Conditional, index: usize, group: usize, table: usize) -> Ident {
    match (own.channel_by_channel(), own.groups.len()) {
        (true, _) => identifier(index, &format!("CHANNEL_{}", own.groups[group][table])),
        (false, 1) => identifier(index, "OUTPUT"),
        (false, _) => identifier(index, &format!("OUTPUT_GROUP_{group}")),
    }
}

/// All tables of a module.
pub(super) fn all(plan: &Plan) -> String {
    let mut text = String::from("// Standardisation: (x - MEAN) * INV_STD.\n");
    let mut standardisation = |prefix: &str, channels: &Channels| {
        let (mean, inv_std): (Vec<f32>, Vec<f32>) =
            channels.0.iter().map(|c| (c.mean, c.inv_std)).unzip();
        text += &list(&format!("{prefix}MEAN"), &mean);
        text += &list(&format!("{prefix}INV_STD"), &inv_std);
    };
    standardisation("", &plan.event);
    if conditions(plan) {
        standardisation("CONTEXT_", &plan.context);
    }
    for (index, layer) in plan.steps() {
        text += &layer_tables(&layer.bijection, index);
    }
    if !plan.base.weights.is_empty() {
        text += "\n// Base: for each component ln w - sum ln s and the weights' sum so far, then\n\
                 // mean and 1 / s of each channel.\n";
        text += &list("BASE", &plan.base.weights);
    }
    let calibration = plan.calibration.as_ref();
    if let Some(calibration) = calibration.filter(|_| plan.functions.score()) {
        text += "\n// Calibration: log_prob and the p-value of what is less likely.\n";
        text += &pairs("CALIBRATION", "(f32, f32)", &calibration.table, |(a, b)| {
            format!("({a:?}, {b:?})")
        });
    }
    text
}

fn layer_tables(bijection: &Bijection, index: usize) -> String {
    match bijection {
        Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => {
            conditional_tables(own, index)
        }
        Bijection::Linear { upper, lower, .. } => {
            let name = |part: &str| identifier(index, part).to_string();
            format!(
                "\n// Layer {index}: U from the diagonal on, then L, each row a bias and what is left \
                 of\n// the diagonal.\n{}{}",
                list(&name("UPPER"), &upper.concat()),
                list(&name("LOWER"), &lower.concat())
            )
        }
        Bijection::ElementWise(scales) => {
            let name = identifier(index, "SCALE_SHIFT").to_string();
            let table = pairs(&name, "[f32; 2]", scales, |pair| format!("{pair:?}"));
            format!("\n// Layer {index}: scale and shift.\n{table}")
        }
        Bijection::Permutation(_) => String::new(),
    }
}

fn conditional_tables(own: &Conditional, index: usize) -> String {
    let hidden = own.hidden.iter().enumerate().flat_map(|(dense, blocks)| {
        let blocks = blocks.iter().enumerate();
        blocks.map(move |(block, table)| (hidden(own, index, dense, block), table))
    });
    let output = own.output.iter().enumerate().flat_map(|(group, tables)| {
        let tables = tables.iter().enumerate();
        tables.map(move |(place, table)| (output(own, index, group, place), table))
    });
    let mut text = format!("\n// Layer {index}: each row is a bias, then its weights.\n");
    for (name, table) in hidden.chain(output) {
        text += &block(&name, table);
    }
    text
}

/// The rows of a block; nothing if it has none.
fn block(name: &Ident, table: &Table) -> String {
    let (rows, width) = (table.rows.len(), table.inputs + 1);
    if rows == 0 {
        return String::new();
    }
    let lines: String = table.rows.iter().map(|row| array(row)).collect();
    format!("{ATTRIBUTES}static {name}: [[f32; {width}]; {rows}] = [\n{lines}];\n")
}

/// One row of a table: on a line of its own, or wrapped after eight numbers.
fn array(row: &[f32]) -> String {
    let wrapped = wrap(row.iter().map(|weight| format!("{weight:?}")));
    match wrapped.as_slice() {
        [line] => format!("    [{line}],\n"),
        lines => {
            let lines: String = lines
                .iter()
                .map(|line| format!("        {line},\n"))
                .collect();
            format!("    [\n{lines}    ],\n")
        }
    }
}

/// A list of numbers as a static.
fn list(name: &str, values: &[f32]) -> String {
    let lines = wrap(values.iter().map(|value| format!("{value:?}")));
    statics(name, &format!("[f32; {}]", values.len()), &lines)
}

fn pairs<P>(name: &str, of: &str, values: &[P], show: impl Fn(&P) -> String) -> String {
    let lines = wrap(values.iter().map(show));
    statics(name, &format!("[{of}; {}]", values.len()), &lines)
}

fn statics(name: &str, of: &str, lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("    {line},\n")).collect();
    format!("{ATTRIBUTES}static {name}: {of} = [\n{lines}];\n")
}

fn wrap(items: impl Iterator<Item = String>) -> Vec<String> {
    let items: Vec<String> = items.collect();
    items.chunks(8).map(|line| line.join(", ")).collect()
}
