//! What a model costs, before it is flashed.

use crate::plan::{Bijection, Conditional};
use crate::{Functions, Plan};
use flow_embedded::artefact::{Activation, Transformer};

/// The cost of one model on a 32-bit chip.
///
/// Bytes of tables and multiply-accumulates are exact. Code and stack are
/// estimates for a Cortex-M4F at `opt-level = 3`: the tests hold them against a
/// linked firmware with an affine flow, all flash within 15 %, stack within 15 %
/// and never under. Flows of splines are not held against one yet.
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
        let (weights, macs) = plan
            .layers
            .iter()
            .map(|layer| numbers(&layer.bijection))
            .fold((0, 0), |(w, m), (weights, macs)| (w + weights, m + macs));
        let standardise = 2 * (plan.event.len() + plan.context.len());
        let calibration = plan.calibration.as_ref().map_or(0, |c| 2 * c.table.len());
        let calibration = if plan.functions.score() {
            calibration
        } else {
            0
        };
        let weights = weights + plan.base.weights.len();
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

/// The numbers that a layer stores, and its multiply-accumulates.
fn numbers(bijection: &Bijection) -> (usize, usize) {
    match bijection {
        Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => {
            let sizes = own.tables().map(|table| (table.rows.len(), table.stored));
            sizes.fold((0, 0), |(weights, macs), (rows, inputs)| {
                (weights + rows * (inputs + 1), macs + rows * inputs)
            })
        }
        Bijection::Linear { places, .. } => {
            let channels = places.len();
            (channels * (channels + 1), channels * channels)
        }
        Bijection::ElementWise(scales) => (2 * scales.len(), scales.len()),
        Bijection::Permutation(_) | Bijection::FoldedPermutation(_) => (0, 0),
    }
}

/// Estimated code, in bytes: the constants are sizes of functions in ELFs
/// linked for a Cortex-M4F at `opt-level = 3`. One direction alone has half of
/// what is not shared by both.
fn code_bytes(plan: &Plan) -> usize {
    // Sampler of the base, ln, sqrt, inverse affine, look-up of p-values.
    const BASE: usize = 1400;
    const TANH: usize = 300;
    const AFFINE: usize = 236;
    // Both directions, with what they share.
    const SPLINES: usize = 4300;
    // A call of a spline, both directions together.
    const SPLINE: usize = 60;
    const CALL: usize = 22;
    let own: Vec<&Conditional> = plan
        .layers
        .iter()
        .filter_map(|layer| layer.bijection.conditional())
        .collect();
    let mut kernels: Vec<Kernel> = own.iter().flat_map(|own| kernels(own)).collect();
    let directions = match plan.functions {
        Functions::All => 2,
        Functions::Score | Functions::Sample => 1,
    };
    let calls = directions * kernels.len();
    kernels.sort_unstable();
    kernels.dedup();
    let kernels: usize = kernels.iter().map(Kernel::bytes).sum();
    let affine = own
        .iter()
        .filter(|own| matches!(own.transformer, Transformer::Affine { .. }))
        .map(|own| own.transformed().count())
        .max();
    let splines: usize = own
        .iter()
        .filter(|own| own.channel_by_channel())
        .map(|own| own.transformed().count())
        .sum();
    let tanh = own.iter().any(|own| own.activation == Activation::Tanh);
    let both =
        BASE + affine.unwrap_or(0) * AFFINE + usize::from(splines > 0) * SPLINES + splines * SPLINE;
    both * directions / 2 + usize::from(tanh) * TANH + calls * CALL + kernels
}

/// One instance of the dense kernel.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kernel {
    rows: usize,
    inputs: usize,
    output: bool,
}

impl Kernel {
    /// Few columns are unrolled, many are looped over.
    fn bytes(&self) -> usize {
        40 + 8 * self.rows * self.inputs.min(3)
    }
}

/// The kernels that a layer calls, once in each direction.
fn kernels(own: &Conditional) -> Vec<Kernel> {
    let hidden = own.hidden.iter().flatten().map(|table| (table, false));
    let output = own.output.iter().flatten().map(|table| (table, true));
    let panels = hidden.chain(output).flat_map(|(table, output)| {
        let panels = table.layout.panels(table.rows.len()).into_iter();
        panels.map(move |rows| Kernel {
            rows,
            inputs: table.stored,
            output,
        })
    });
    panels.collect()
}

fn ram_bytes(plan: &Plan) -> usize {
    // Saved registers and locals of the functions above the arrays.
    const FRAMES: usize = 148;
    let (event, context) = (plan.event.len(), plan.context.features());
    let layer = |own: &Conditional| {
        let hidden: usize = own.widths().sum();
        let transformed = own.transformed().count();
        let output = match own.channel_by_channel() {
            true => own.transformer.parameters(),
            false => own.parameters() + transformed,
        };
        hidden + output + own.conditioning.len() + context
    };
    let conditional = plan.layers.iter().filter_map(|l| l.bijection.conditional());
    let largest = conditional.map(layer).max().unwrap_or_default();
    FRAMES + 4 * (largest + 2 * event + context)
}
