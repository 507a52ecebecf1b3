//! What a model costs, before it is flashed.

use crate::Plan;
use crate::plan::{Kind, LayerPlan};
use flow_embedded::artefact::Activation;

/// The cost of one model on a 32-bit chip.
///
/// Bytes of tables and multiply-accumulates are exact. Code and stack are
/// estimates for a Cortex-M4F at `opt-level = 3`: the tests hold them against a
/// linked firmware, all flash within 15 %, stack within 15 % and never under.
/// At `opt-level = "s"` code is about half as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Weights, standardisation and calibration table in flash, bytes.
    pub table_bytes: usize,
    /// Estimated code in flash for scoring and sampling, bytes.
    pub code_bytes: usize,
    /// Estimated worst stack of scoring or sampling, bytes. There is no other
    /// RAM: generated code has no mutable statics.
    pub ram_bytes: usize,
    /// Multiply-accumulates of one `log_prob`; of one `sample` as well, since
    /// each hidden unit is evaluated once there too.
    pub macs: usize,
}

impl Cost {
    /// Reads the cost off a plan.
    pub fn of(plan: &Plan) -> Self {
        let tables = plan
            .layers
            .iter()
            .flat_map(|layer| &layer.dense)
            .flat_map(|d| &d.blocks);
        let weights: usize = tables.clone().map(|t| t.rows.len() * (t.inputs + 1)).sum();
        let macs = tables.map(|t| t.rows.len() * t.inputs).sum();
        let standardise = 2 * (plan.event.len() + plan.context.len());
        let calibration = plan.calibration.as_ref().map_or(0, |c| 2 * c.table.len());
        Self {
            table_bytes: 4 * (weights + standardise + calibration),
            code_bytes: code_bytes(plan),
            ram_bytes: ram_bytes(plan),
            macs,
        }
    }

    /// Everything in flash, bytes.
    pub fn flash_bytes(&self) -> usize {
        self.table_bytes + self.code_bytes
    }
}

/// Estimated code, in bytes: the constants are sizes of functions in ELFs
/// linked for a Cortex-M4F at `opt-level = 3`.
fn code_bytes(plan: &Plan) -> usize {
    // Sampler of the base, ln, sqrt, inverse affine, look-up of p-values.
    const BASE: usize = 1400;
    const TANH: usize = 300;
    const AFFINE: usize = 236;
    const CALL: usize = 22;
    let layers = &plan.layers;
    let mut kernels: Vec<Kernel> = layers.iter().flat_map(kernels).collect();
    let calls = 2 * kernels.len();
    kernels.sort_unstable();
    kernels.dedup();
    let kernels: usize = kernels.iter().map(Kernel::bytes).sum();
    let affine = layers.iter().map(|layer| layer.kind.outputs().len()).max();
    let tanh = layers
        .iter()
        .any(|layer| layer.activation == Activation::Tanh);
    BASE + usize::from(tanh) * TANH + affine.unwrap_or(0) * AFFINE + calls * CALL + kernels
}

/// One instance of the dense kernel.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kernel {
    offset: usize,
    rows: usize,
    inputs: usize,
    dense: usize,
    output: bool,
}

impl Kernel {
    /// Few rows are unrolled, many are looped over.
    fn bytes(&self) -> usize {
        match self.rows <= 2 {
            true => 20 + 28 * self.inputs,
            false => (100 + 60 * self.inputs).min(460),
        }
    }
}

/// The kernels that a layer calls, once in each direction.
fn kernels(layer: &LayerPlan) -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for (dense, own) in layer.dense.iter().enumerate() {
        let mut offset = 0;
        for table in own.blocks.iter().filter(|table| !table.rows.is_empty()) {
            let (rows, inputs) = (table.rows.len(), table.inputs);
            let output = dense + 1 == layer.dense.len();
            kernels.push(Kernel {
                offset,
                rows,
                inputs,
                dense,
                output,
            });
            offset += rows;
        }
    }
    kernels
}

fn ram_bytes(plan: &Plan) -> usize {
    // Saved registers and locals of the functions above the arrays.
    const FRAMES: usize = 340;
    let (event, context) = (plan.event.len(), plan.context.len());
    let layer = |layer: &LayerPlan| {
        let outputs: usize = layer.dense.iter().map(super::plan::Dense::rows).sum();
        let ranked = match &layer.kind {
            Kind::Coupling { .. } => layer.kind.outputs().len(),
            Kind::Autoregressive { .. } => event,
        };
        outputs + layer.kind.inputs().len() + context + ranked
    };
    let largest = plan.layers.iter().map(layer).max().unwrap_or_default();
    FRAMES + 4 * (largest + 2 * event + context)
}
