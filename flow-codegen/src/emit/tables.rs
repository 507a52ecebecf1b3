//! Numbers, eight a row.

use flow_embedded::artefact::{Role, WeightFormat};
use flow_plan::plan::{
    Bijection, Channels, Conditional, Convolutional, Layout, MondrianPlan, Plan, Table,
};
use proc_macro2::Ident;
use quote::format_ident;

/// The attributes of a table: leave the layout alone, and let a weight be what
/// it is even where it comes close to a famous constant.
pub(super) const ATTRIBUTES: &str = "#[rustfmt::skip]\n#[allow(clippy::approx_constant)]\n";

/// What a table belongs to.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    /// A layer, by its place in the artefact.
    Layer(usize),
    /// A head, counted among the categorical event channels.
    Head(usize),
}

/// The name of a layer's or a head's table.
pub(super) fn identifier(owner: Owner, part: &str) -> Ident {
    match owner {
        Owner::Layer(index) => format_ident!("L{index}_{part}"),
        Owner::Head(index) => format_ident!("HEAD_{index}_{part}"),
    }
}

/// The name of a vocabulary's embeddings.
pub(super) fn embedding(vocabulary: usize) -> Ident {
    format_ident!("EMBEDDING_{vocabulary}")
}

/// The name of the table of a block of a dense layer before the output.
pub(super) fn hidden(own: &Conditional, owner: Owner, dense: usize, block: usize) -> Ident {
    let layer = match own.roles[dense] {
        Role::Start => "START".to_owned(),
        Role::Hidden(index) => format!("HIDDEN_{index}"),
        Role::Term(index) => format!("BLOCK_{index}_TERM"),
        Role::Inner(index) => format!("BLOCK_{index}_INNER"),
        Role::Outer(index) => format!("BLOCK_{index}_OUTER"),
        Role::Gate(index) => format!("BLOCK_{index}_GATE"),
        Role::Output => "OUTPUT".to_owned(),
    };
    match own.groups.len() {
        1 => identifier(owner, &layer),
        _ => identifier(owner, &format!("{layer}_GROUP_{block}")),
    }
}

/// The name of a table of the output layer.
pub(super) fn output(own: &Conditional, owner: Owner, group: usize, table: usize) -> Ident {
    match (own.channel_by_channel(), own.groups.len()) {
        (true, _) => identifier(owner, &format!("CHANNEL_{}", own.groups[group][table])),
        (false, 1) => identifier(owner, "OUTPUT"),
        (false, _) => identifier(owner, &format!("OUTPUT_GROUP_{group}")),
    }
}

/// The calibration table of a model that scores, if it has one.
pub(super) fn calibration(plan: &Plan) -> String {
    let calibration = plan.calibration.as_ref();
    let Some(calibration) = calibration.filter(|_| plan.functions.score()) else {
        return String::new();
    };
    let table = entries("CALIBRATION", &calibration.table);
    let by_context = plan.mondrian.as_ref().map(by_context);
    format!(
        "\n// Calibration: log_prob and the p-value of what is less likely.\n{table}{}",
        by_context.unwrap_or_default()
    )
}

/// A calibration table for each listed value of a context channel.
fn by_context(own: &MondrianPlan) -> String {
    let name = |index: usize| format!("CATEGORY_{index}");
    let tables = own.categories.iter().enumerate();
    let tables: String = tables
        .map(|(index, own)| entries(&name(index), &own.table))
        .collect();
    let list = own.categories.iter().enumerate();
    let list: Vec<String> = list
        .map(|(index, own)| format!("({:?}, &{})", own.value, name(index)))
        .collect();
    let of = format!("[(f32, &[(f32, f32)]); {}]", list.len());
    format!(
        "\n// The same by context: values of context channel {}.\n{tables}{}",
        own.channel,
        statics("CATEGORIES", &of, &list)
    )
}

fn entries(name: &str, table: &[(f32, f32)]) -> String {
    pairs(name, "(f32, f32)", table, |(a, b)| {
        format!("({a:?}, {b:?})")
    })
}

/// The tables of a model of `f32`, but for the calibration.
pub(super) fn numbers(plan: &Plan) -> String {
    let mut text = String::from("// Standardisation: (x - MEAN) * INV_STD.\n");
    let mut standardisation = |prefix: &str, channels: &Channels| {
        if channels.is_empty() {
            return;
        }
        let (mean, inv_std): (Vec<f32>, Vec<f32>) =
            channels.0.iter().map(|c| (c.mean, c.inv_std)).unzip();
        text += &list(&format!("{prefix}MEAN"), &mean);
        text += &list(&format!("{prefix}INV_STD"), &inv_std);
    };
    standardisation("", &plan.event);
    if plan.conditions() && plan.context.0.iter().any(|own| own.vocabulary().is_none()) {
        standardisation("CONTEXT_", &plan.context);
    }
    if let Some(ends) = plan.event.one_kind() {
        text += "// The domains: their ends, or their place and scale.\n";
        text += &rows("DOMAINS", &ends);
    }
    if let Some(grids) = plan.event.all_grids().filter(|_| plan.functions.sample()) {
        text += "// The grids: a value and the step.\n";
        text += &rows("GRIDS", &grids);
    }
    let stored = match plan.weights {
        Some(WeightFormat::F16) => Stored::Half,
        _ => Stored::F32,
    };
    text += &categorical(plan, stored);
    for (index, layer) in plan.steps() {
        text += &layer_tables(&layer.bijection, index, stored);
    }
    if !plan.base.weights.is_empty() {
        text += "\n// Base: for each component ln w - sum ln s and the weights' sum so far, then\n\
                 // mean and 1 / s of each channel.\n";
        text += &list("BASE", &plan.base.weights);
    }
    text
}

/// The embeddings of the vocabularies, and the heads.
fn categorical(plan: &Plan, stored: Stored) -> String {
    let mut text = String::new();
    let vocabularies = plan.categorical.vocabularies.iter().enumerate();
    for (index, own) in vocabularies.filter(|(index, _)| plan.embeds(*index)) {
        let (rows, width) = (own.rows.len(), own.rows[0].len());
        let lines: String = own.rows.iter().map(|row| array(row)).collect();
        let of = format!("[[{}; {width}]; {rows}]", stored.weight());
        text += &format!(
            "\n// Embeddings, a row for each category.\n{ATTRIBUTES}static {}: {of} = {};\n",
            embedding(index),
            stored.value(&lines, "panel")
        );
    }
    for (index, own) in plan.categorical.heads.iter().enumerate() {
        let tables = conditional_tables(&own.conditioner, Owner::Head(index), stored);
        text += &format!("\n// Head {index}: {PANELS}{tables}");
    }
    text
}

fn layer_tables(bijection: &Bijection, index: usize, stored: Stored) -> String {
    match bijection {
        Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => {
            let tables = conditional_tables(own, Owner::Layer(index), stored);
            format!("\n// Layer {index}: {PANELS}{tables}")
        }
        Bijection::Linear { upper, lower, .. } => factors(upper, lower, index),
        Bijection::Pointwise {
            places: own,
            upper,
            lower,
        } => {
            let factors = factors(upper, lower, index);
            let places = places(&identifier(Owner::Layer(index), "PLACES"), own);
            format!("{factors}// The planes at each position.\n{places}")
        }
        Bijection::Convolutional(own) => convolutional_tables(own, index, stored),
        Bijection::ElementWise(scales) => {
            let name = identifier(Owner::Layer(index), "SCALE_SHIFT").to_string();
            let table = pairs(&name, "[f32; 2]", scales, |pair| format!("{pair:?}"));
            format!("\n// Layer {index}: scale and shift.\n{table}")
        }
        Bijection::Permutation(_) | Bijection::FoldedPermutation(_) => String::new(),
    }
}

fn factors(upper: &[Vec<f32>], lower: &[Vec<f32>], index: usize) -> String {
    let name = |part: &str| identifier(Owner::Layer(index), part).to_string();
    format!(
        "\n// Layer {index}: U from the diagonal on, then L, each row a bias and what is left \
         of\n// the diagonal.\n{}{}",
        list(&name("UPPER"), &upper.concat()),
        list(&name("LOWER"), &lower.concat())
    )
}

/// The name of the table of a convolution.
pub(super) fn filters(own: &Convolutional, index: usize, layer: usize) -> Ident {
    match layer == own.output() {
        true => identifier(Owner::Layer(index), "OUTPUT"),
        false => identifier(Owner::Layer(index), &format!("HIDDEN_{layer}")),
    }
}

fn convolutional_tables(own: &Convolutional, index: usize, stored: Stored) -> String {
    let mut text = format!("\n// Layer {index}: the planes at each position.\n");
    text += &places(&identifier(Owner::Layer(index), "GIVEN"), &own.given);
    text += &places(
        &identifier(Owner::Layer(index), "TRANSFORMED"),
        &own.transformed,
    );
    text += "// Of each panel the heads (biases, then the weights of the context), then the weights of\n\
             // what the kernel sees: its rows, in each its positions, at each the planes.\n";
    let layers = own.layers.iter().enumerate();
    let parts = layers.flat_map(|(layer, table)| parts(&table.table, &filters(own, index, layer)));
    parts.fold(text, |text, part| text + &part.text(stored))
}

/// Places of the event's array.
fn places(name: &Ident, places: &[usize]) -> String {
    let lines = wrap(places.iter().map(usize::to_string));
    statics(
        &name.to_string(),
        &format!("[u8; {}]", places.len()),
        &lines,
    )
}

/// What the tables of a conditioner hold.
const PANELS: &str = "of each panel the biases, then the weights of each input.\n";

fn conditional_tables(own: &Conditional, owner: Owner, stored: Stored) -> String {
    let hidden = own.hidden.iter().enumerate().flat_map(|(dense, blocks)| {
        let blocks = blocks.iter().enumerate();
        blocks.map(move |(block, table)| (hidden(own, owner, dense, block), table))
    });
    let output = own.output.iter().enumerate().flat_map(|(group, tables)| {
        let tables = tables.iter().enumerate();
        tables.map(move |(place, table)| (output(own, owner, group, place), table))
    });
    let mut text = String::new();
    for part in hidden
        .chain(output)
        .flat_map(|(name, table)| parts(table, &name))
    {
        text += &part.text(stored);
    }
    text
}

/// A static of generated code: one panel, or all panels of a table.
pub(super) struct Part<'t> {
    pub(super) name: Ident,
    pub(super) rows: &'t [Vec<f32>],
    /// The biases, and the weights that are stored for each input.
    pub(super) columns: usize,
    pub(super) layout: Layout,
}

/// What weights are stored as.
#[derive(Clone, Copy)]
enum Stored {
    F32,
    Half,
}

impl Stored {
    fn weight(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Half => "::flow_embedded::kernels::Half",
        }
    }

    /// Lines of numbers as the value of a static; `make` makes halves of them.
    fn value(self, numbers: &str, make: &str) -> String {
        match self {
            Self::F32 => format!("[\n{numbers}]"),
            Self::Half => format!("{}::{make}([\n{numbers}])", self.weight()),
        }
    }
}

/// The statics that hold a table; none if it has no rows.
pub(super) fn parts<'t>(table: &'t Table, name: &Ident) -> Vec<Part<'t>> {
    let part = |name, rows| Part {
        name,
        rows,
        columns: table.stored + 1,
        layout: table.layout,
    };
    let panels = table.layout.panels(table.rows.len());
    match (table.layout, panels.as_slice()) {
        (_, []) => Vec::new(),
        (Layout::Small, _) | (_, [_]) => vec![part(name.clone(), table.rows.as_slice())],
        (Layout::Wide, panels) => split(&table.rows, panels)
            .enumerate()
            .map(|(index, rows)| part(format_ident!("{name}_PANEL_{index}"), rows))
            .collect(),
    }
}

/// The rows of each panel.
fn split<'t>(rows: &'t [Vec<f32>], panels: &[usize]) -> impl Iterator<Item = &'t [Vec<f32>]> {
    let mut rest = rows;
    panels.iter().map(move |rows| {
        let (own, behind) = rest.split_at(*rows);
        rest = behind;
        own
    })
}

impl Part<'_> {
    fn text(&self, stored: Stored) -> String {
        let (name, rows, columns) = (&self.name, self.rows.len(), self.columns);
        let weight = stored.weight();
        let (of, numbers, make) = match self.layout {
            Layout::Wide => {
                let lines: String = columns_of(self.rows, columns)
                    .map(|weights| array(&weights))
                    .collect();
                (format!("[[{weight}; {rows}]; {columns}]"), lines, "panel")
            }
            Layout::Small => {
                let panels = self.layout.panels(rows);
                let numbers = split(self.rows, &panels)
                    .flat_map(|rows| columns_of(rows, columns))
                    .flatten();
                let lines = indented(&wrap(numbers.map(|weight| format!("{weight:?}"))));
                (format!("[{weight}; {}]", rows * columns), lines, "list")
            }
        };
        let value = stored.value(&numbers, make);
        format!("{ATTRIBUTES}static {name}: {of} = {value};\n")
    }
}

/// The numbers of some rows, column by column, zeros for what they do not see.
fn columns_of(rows: &[Vec<f32>], columns: usize) -> impl Iterator<Item = Vec<f32>> {
    (0..columns).map(|column| {
        let weights = rows.iter().map(|row| row.get(column).copied());
        weights.map(Option::unwrap_or_default).collect()
    })
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

/// A list of short rows.
fn rows(name: &str, rows: &[Vec<f32>]) -> String {
    let width = rows.first().map_or(0, Vec::len);
    pairs(name, &format!("[f32; {width}]"), rows, |row| {
        format!("{row:?}")
    })
}

fn pairs<P>(name: &str, of: &str, values: &[P], show: impl Fn(&P) -> String) -> String {
    let lines = wrap(values.iter().map(show));
    statics(name, &format!("[{of}; {}]", values.len()), &lines)
}

pub(super) fn statics(name: &str, of: &str, lines: &[String]) -> String {
    let lines = indented(lines);
    format!("{ATTRIBUTES}static {name}: {of} = [\n{lines}];\n")
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("    {line},\n")).collect()
}

pub(super) fn wrap(items: impl Iterator<Item = String>) -> Vec<String> {
    let items: Vec<String> = items.collect();
    items.chunks(8).map(|line| line.join(", ")).collect()
}
