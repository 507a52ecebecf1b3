//! Numbers, eight a row.

use crate::plan::{Dense, Kind, LayerPlan, Plan};
use std::fmt::Write as _;

/// The attributes of a table: leave the layout alone, and let a weight be what
/// it is even where it comes close to a famous constant.
pub(super) const ATTRIBUTES: &str = "#[rustfmt::skip]\n#[allow(clippy::approx_constant)]\n";

/// The name of a block's table.
pub(super) fn name(layer: &LayerPlan, index: usize, dense: usize, block: usize) -> String {
    let output = dense + 1 == layer.dense.len();
    let part = if output {
        "OUTPUT".to_owned()
    } else {
        format!("HIDDEN_{dense}")
    };
    match (&layer.kind, output) {
        (Kind::Coupling { .. }, _) => format!("L{index}_{part}"),
        (Kind::Autoregressive { .. }, false) => format!("L{index}_{part}_DEGREE_{block}"),
        (Kind::Autoregressive { .. }, true) => format!("L{index}_{part}_RANK_{block}"),
    }
}

/// All tables of a module.
pub(super) fn all(plan: &Plan) -> String {
    let mut text = String::from("// Standardisation: (x - MEAN) * INV_STD.\n");
    text += &list("MEAN", &plan.event.mean);
    text += &list("INV_STD", &plan.event.inv_std);
    if plan.context.len() > 0 {
        text += &list("CONTEXT_MEAN", &plan.context.mean);
        text += &list("CONTEXT_INV_STD", &plan.context.inv_std);
    }
    for (index, layer) in plan.layers.iter().enumerate() {
        let _ = writeln!(
            text,
            "\n// Layer {index}: each row is a bias, then its weights."
        );
        for (dense, own) in layer.dense.iter().enumerate() {
            text += &dense_tables(layer, index, dense, own);
        }
    }
    if let Some(calibration) = &plan.calibration {
        text += "\n// Calibration: log_prob and the p-value of what is less likely.\n";
        text += &pairs("CALIBRATION", &calibration.table);
    }
    text
}

fn dense_tables(layer: &LayerPlan, index: usize, dense: usize, own: &Dense) -> String {
    let mut text = String::new();
    for (block, table) in own
        .blocks
        .iter()
        .enumerate()
        .filter(|(_, t)| !t.rows.is_empty())
    {
        let name = name(layer, index, dense, block);
        let (rows, width) = (table.rows.len(), table.inputs + 1);
        let _ = writeln!(
            text,
            "{ATTRIBUTES}static {name}: [[f32; {width}]; {rows}] = ["
        );
        for row in &table.rows {
            text += &array(row);
        }
        text += "];\n";
    }
    text
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

fn pairs(name: &str, values: &[(f32, f32)]) -> String {
    let lines = wrap(values.iter().map(|(a, b)| format!("({a:?}, {b:?})")));
    statics(name, &format!("[(f32, f32); {}]", values.len()), &lines)
}

fn statics(name: &str, of: &str, lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("    {line},\n")).collect();
    format!("{ATTRIBUTES}static {name}: {of} = [\n{lines}];\n")
}

fn wrap(items: impl Iterator<Item = String>) -> Vec<String> {
    let items: Vec<String> = items.collect();
    items.chunks(8).map(|line| line.join(", ")).collect()
}
