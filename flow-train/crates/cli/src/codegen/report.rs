//! What a compiled model costs, for people and for machines.

use crate::ui::bytes as bytes_text;
use flow_codegen::Cost;
use flow_codegen::cost::{Basis, Run, Seconds, Unmodelled};
use serde::Serialize;
use std::path::Path;

#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    pub(super) core: &'static str,
    pub(super) clock_hz: u64,
    pub(super) macs: usize,
    /// The one that was written.
    #[serde(flatten)]
    pub(super) cost: Row,
    /// Every choice of what the code is made for and of the compiler's level.
    pub(super) choices: Vec<Row>,
    pub(super) output: &'a Path,
}

/// What one choice costs.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) opt: &'static str,
    pub(super) opt_level: &'static str,
    /// Whether flash, stack and instructions are measured.
    basis: &'static str,
    flash_bytes: Option<usize>,
    table_bytes: usize,
    code_bytes: Option<usize>,
    static_ram_bytes: usize,
    ram_bytes: Option<usize>,
    log_prob: Option<Operation>,
    sample: Option<Operation>,
}

#[derive(Debug, Serialize)]
struct Operation {
    instructions: usize,
    cycles: usize,
    seconds: f64,
    stack_bytes: usize,
}

impl Row {
    pub(super) fn new(cost: &Cost) -> Self {
        let operation = |run: Option<Run>| {
            run.map(|run| Operation {
                instructions: run.instructions,
                cycles: run.cycles,
                seconds: run.cycles as f64 / cost.chip.clock() as f64,
                stack_bytes: run.stack_bytes,
            })
        };
        Self {
            opt: cost.optimise.name(),
            opt_level: cost.chip.level.name(),
            basis: cost.basis.name(),
            flash_bytes: cost.flash_bytes(),
            table_bytes: cost.table_bytes,
            code_bytes: cost.code_bytes,
            static_ram_bytes: 0,
            ram_bytes: cost.ram_bytes(),
            log_prob: operation(cost.log_prob),
            sample: operation(cost.sample),
        }
    }

    /// A line of the table.
    pub(super) fn line(&self) -> String {
        let known = |bytes: Option<usize>| bytes.map_or("not known".to_owned(), bytes_text);
        let mut line = format!(
            "flash {} ({} of tables), stack {}",
            known(self.flash_bytes),
            bytes_text(self.table_bytes),
            known(self.ram_bytes)
        );
        for (name, own) in [("log_prob", &self.log_prob), ("sample", &self.sample)] {
            if let Some(own) = own {
                line += &format!(
                    "; {name} {} instructions, {} cycles, {}",
                    own.instructions,
                    own.cycles,
                    Seconds(own.seconds)
                );
            }
        }
        line
    }
}

/// What the figures are worth.
pub(super) fn basis(cost: &Cost) -> String {
    let text = match (cost.basis, cost.unmodelled) {
        (Basis::Measured, _) => "measured on an emulated board; cycles estimated",
        (Basis::Linked, None) => "flash of linked firmware; the others estimated",
        (Basis::Linked, Some(_)) => "flash of linked firmware; the others need an emulator",
        (Basis::Estimated, None) => {
            "estimated (docs/cost.md has the errors); --measure finds them out"
        }
        (Basis::Estimated, Some(Unmodelled::Host)) => "exact",
        (Basis::Estimated, Some(own)) => {
            return format!(
                "tables and multiply-accumulates exact; what {own} cost is not estimated: --measure finds it out"
            );
        }
    };
    text.to_owned()
}
