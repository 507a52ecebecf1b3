//! What the code of a plan does and holds, counted by kind: the coefficients of a core turn it into
//! instructions, bytes of code and stack.

mod code;
mod evaluation;
mod kernel;
mod stack;
mod steps;

use super::tables;
use flow_embedded::artefact::{Domain, WeightFormat};
use flow_plan::plan::{Conditional, Layout, Plan, Table};
use std::collections::BTreeMap;

/// Amounts by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally(BTreeMap<String, f64>);

impl Tally {
    /// The amounts, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    /// An amount; zero if there is none of that name.
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    fn add(&mut self, name: impl Into<String>, amount: usize) {
        if amount > 0 {
            *self.0.entry(name.into()).or_default() += amount as f64;
        }
    }
}

/// What one operation does and needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What is executed.
    pub steps: Tally,
    /// What lies on the stack, bytes and frames.
    pub stack: Tally,
}

/// What a compiled model does and holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The tables, bytes.
    pub table_bytes: usize,
    /// Whether it is computed with integers.
    pub integer: bool,
    /// A `log_prob`, if the module scores.
    pub log_prob: Option<Operation>,
    /// A `sample`, if the module draws samples.
    pub sample: Option<Operation>,
    /// What the code consists of.
    pub code: Tally,
}

/// The way through a flow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Normalize,
    Generate,
}

impl Work {
    /// Counts what a plan compiles to.
    pub(crate) fn of(plan: &Plan) -> Self {
        let counter = Counter { plan };
        let operation = |way| Operation {
            steps: counter.steps(way),
            stack: counter.stack(way),
        };
        let integer = plan.is_integer();
        Self {
            table_bytes: tables::bytes(plan),
            integer,
            log_prob: plan.functions.score().then(|| operation(Way::Normalize)),
            sample: (plan.functions.sample() && !integer).then(|| operation(Way::Generate)),
            code: counter.code(),
        }
    }
}

struct Counter<'p> {
    plan: &'p Plan,
}

impl Counter<'_> {
    /// The kernel that multiplies a table.
    fn kernel(&self, table: &Table) -> &'static str {
        match (self.plan.weights, table.layout) {
            (Some(weights), Layout::Small) if weights.is_integer() => "small integers",
            (Some(WeightFormat::I8), _) => "i8",
            (Some(WeightFormat::I16), _) => "i16",
            (_, Layout::Small) => "small",
            (_, Layout::Wide) => "wide",
        }
    }
}

fn operation(way: Way) -> &'static str {
    match way {
        Way::Normalize => "log_prob",
        Way::Generate => "sample",
    }
}

fn domain(domain: &Domain) -> &'static str {
    match domain {
        Domain::Real => "real",
        Domain::Positive { .. } => "positive",
        Domain::SoftPositive { .. } => "soft positive",
        Domain::Bounded { .. } => "bounded",
        Domain::Circular => "circular",
        Domain::HeavyTailed { .. } => "heavy tails",
        Domain::Categorical { .. } => "categories",
    }
}

/// The words of the arrays that a layer zeroes, group by group or else.
fn buffers(own: &Conditional, by_group: bool) -> usize {
    let parameters = match own.channel_by_channel() {
        true => own.transformer.parameters(),
        false => own.parameters(),
    };
    let arrays = own.arrays(by_group).into_iter();
    arrays.map(|(_, units)| units).sum::<usize>() + parameters
}
