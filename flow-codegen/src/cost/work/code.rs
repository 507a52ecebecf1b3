//! What the code consists of.

use super::evaluation::Evaluation;
use super::kernel::Kernel;
use super::{Counter, Tally, Way, buffers, domain, operation};
use flow_embedded::artefact::{Activation, Domain, Transformer};
use flow_plan::plan::{Bijection, Convolutional, LayerPlan, Layout, Table};
use std::collections::BTreeSet;

/// Loops over so few channels are unrolled.
const FEW_CHANNELS: usize = 6;

impl Counter<'_> {
    pub(super) fn code(&self) -> Tally {
        let plan = self.plan;
        let mut tally = Tally::default();
        let mut kernels = BTreeSet::new();
        let ways = [
            (Way::Normalize, plan.functions.score()),
            (Way::Generate, plan.functions.sample() && !plan.is_integer()),
        ];
        let mut once = BTreeSet::new();
        for (way, _) in ways.into_iter().filter(|(_, emitted)| *emitted) {
            let name = operation(way);
            tally.add(name, 1);
            tally.add(format!("{name} channels"), plan.event.len());
            let few = plan.event.len() <= FEW_CHANNELS;
            tally.add(
                format!("{name} few channels"),
                if few { plan.event.len() } else { 0 },
            );
            let few = plan.context.len() <= FEW_CHANNELS;
            tally.add(
                "few context channels",
                if few { plan.context.len() } else { 0 },
            );
            let base = format!("{name} {}", plan.base.distribution.name());
            once.insert(base.clone());
            tally.add(format!("{base} channels"), plan.event.len());
            for channel in plan.event.0.iter().filter(|own| own.domain != Domain::Real) {
                tally.add(format!("{name} {}", domain(&channel.domain)), 1);
                once.insert(format!("any {name} {}", domain(&channel.domain)));
            }
            tally.add("context features", plan.given());
            for channel in plan
                .context
                .0
                .iter()
                .filter(|own| own.domain != Domain::Real)
            {
                tally.add(format!("log_prob {}", domain(&channel.domain)), 1);
                once.insert(format!("any log_prob {}", domain(&channel.domain)));
            }
            self.head_code(&mut tally, &mut kernels, &mut once);
            for (_, layer) in plan.steps() {
                self.layer_code(layer, way, &mut tally, &mut kernels, &mut once);
            }
        }
        for name in once {
            tally.add(name, 1);
        }
        for kernel in kernels {
            kernel.code(&mut tally);
        }
        tally.add(
            "calibrated",
            usize::from(plan.functions.score() && plan.calibration.is_some()),
        );
        tally
    }

    /// Heads are called in both directions, and compiled once: what a direction adds is the
    /// calls.
    fn head_code(
        &self,
        tally: &mut Tally,
        kernels: &mut BTreeSet<Kernel>,
        once: &mut BTreeSet<String>,
    ) {
        for head in &self.plan.categorical.heads {
            let own = &head.conditioner;
            tally.add("layers", 1);
            tally.add("buffers", 1 + own.hidden.len());
            tally.add("buffer words", buffers(own, false));
            if own.activation != Activation::Relu && !own.hidden.is_empty() {
                once.insert(format!("any {}", own.activation.title()));
            }
            for (dense, tables) in own.hidden.iter().chain(&own.output).enumerate() {
                let hidden = dense < own.hidden.len();
                for table in tables {
                    let activation = hidden.then(|| own.activation.title());
                    self.calls(table, activation, [0, head.inputs, 0, 0], tally, kernels);
                }
            }
        }
    }

    fn layer_code(
        &self,
        layer: &LayerPlan,
        way: Way,
        tally: &mut Tally,
        kernels: &mut BTreeSet<Kernel>,
        once: &mut BTreeSet<String>,
    ) {
        let name = operation(way);
        let own = match &layer.bijection {
            Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => own,
            Bijection::Linear { places, .. } => {
                once.insert(format!("any {name} linear"));
                tally.add(format!("{name} linear"), 1);
                return tally.add("moves", places.len());
            }
            Bijection::Pointwise { .. } => {
                once.insert(format!("any {name} linear"));
                return tally.add(format!("{name} linear"), 1);
            }
            Bijection::Convolutional(own) => {
                return self.convolutional_code(own, way, tally, kernels, once);
            }
            Bijection::ElementWise(_) => {
                once.insert(format!("any {name} scales"));
                return tally.add(format!("{name} scales"), self.plan.event.len());
            }
            Bijection::Permutation(order) => return tally.add("moves", order.len()),
            Bijection::FoldedPermutation(_) => return,
        };
        let how = Evaluation::of(&layer.bijection, way);
        tally.add("layers", 1);
        let transformed = own.transformed().count();
        tally.add("inputs", own.conditioning.len() + self.plan.given());
        let by_group = how.sequential && own.scheduled;
        tally.add("buffers", 1 + own.arrays(by_group).len());
        tally.add("buffer words", buffers(own, by_group));
        let transformer = how.transformer(own.transformer);
        match (own.transformer, how.sequential) {
            (Transformer::Spline { .. } | Transformer::FlooredSpline(_), _) | (_, true) => {
                once.insert(format!("any {transformer}"));
                tally.add(format!("{transformer} calls"), transformed);
            }
            (Transformer::Affine { .. } | Transformer::Scaled { .. }, false) => {
                // One instance for each number of channels.
                kernels.insert(Kernel::Each(how.affine(), transformed));
                tally.add("layer channels", transformed);
            }
            (Transformer::Shift, false) => tally.add(transformer, transformed),
        }
        if own.activation != Activation::Relu && !own.hidden.is_empty() {
            once.insert(format!("any {}", own.activation.title()));
        }
        if own.gates() {
            once.insert(format!("any {}", Activation::Silu.title()));
        }
        for (dense, tables) in own.hidden.iter().chain([&Vec::new()]).enumerate() {
            let hidden = dense < own.hidden.len();
            let tables: Vec<&Table> = match hidden {
                true => tables.iter().collect(),
                false => own.output.iter().flatten().collect(),
            };
            let channels = own.channel_by_channel() && !hidden;
            let sizes = tables.iter().map(|table| table.rows.len());
            let (width, mut first) = (sizes.sum(), 0);
            let before = dense.checked_sub(1).map(|dense| own.widths().nth(dense));
            let before = before.flatten().unwrap_or(own.conditioning.len());
            for table in tables.into_iter().filter(|table| !table.rows.is_empty()) {
                let activation = own.non_linearity(dense).map(Activation::title);
                // The activation knows the format that it gives.
                let format = match own.activation.keeps_unit() {
                    true => None,
                    false => own.fractions.get(dense + 1),
                };
                let format = format.copied().unwrap_or_default().into();
                let place = match channels {
                    true => [0, before, 0, format],
                    false => [first, before, width, format],
                };
                self.calls(table, activation, place, tally, kernels);
                first += table.rows.len();
                tally.add("residual rows", table.rows.len() * own.additions(dense));
            }
        }
    }

    fn convolutional_code(
        &self,
        own: &Convolutional,
        way: Way,
        tally: &mut Tally,
        kernels: &mut BTreeSet<Kernel>,
        once: &mut BTreeSet<String>,
    ) {
        tally.add("layers", 1);
        tally.add("buffers", own.layers.len());
        let transformer = Evaluation::at_once(way).transformer(own.transformer);
        once.insert(format!("any {transformer}"));
        tally.add(format!("{transformer} calls"), 1);
        if own.activation != Activation::Relu {
            once.insert(format!("any {}", own.activation.title()));
        }
        for (index, layer) in own.layers.iter().enumerate() {
            let activation = (index < own.output()).then(|| own.activation.title());
            self.calls(&layer.table, activation, [0; 4], tally, kernels);
        }
    }

    /// The calls that multiply a table, and the instances that they call.
    fn calls(
        &self,
        table: &Table,
        activation: Option<&'static str>,
        place: [usize; 4],
        tally: &mut Tally,
        kernels: &mut BTreeSet<Kernel>,
    ) {
        let kernel = self.kernel(table);
        let activation = activation.unwrap_or("parameters");
        if self.plan.is_integer() && table.layout == Layout::Wide {
            tally.add("calls", 1);
            kernels.insert(Kernel::Integer {
                kernel,
                activation,
                rows: table.rows.len(),
                inputs: table.inputs,
                place,
            });
            return;
        }
        match table.layout {
            Layout::Small => {
                tally.add("calls", 1);
                kernels.insert(Kernel::Small(activation));
            }
            Layout::Wide => {
                for rows in table.layout.panels(table.rows.len()) {
                    tally.add("calls", 1);
                    kernels.insert(Kernel::Wide {
                        kernel,
                        activation,
                        rows,
                        columns: table.stored,
                    });
                }
            }
        }
    }
}
