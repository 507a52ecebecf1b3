//! What an operation executes.

use super::evaluation::Evaluation;
use super::kernel::UNROLLED;
use super::{Counter, Tally, Way, buffers, domain, operation};
use flow_embedded::artefact::{Activation, Base, Domain, FlooredSpline, Role, Transformer};
use flow_plan::plan::{
    Bijection, ChannelPlan, Conditional, Convolutional, LayerPlan, Layout, Table,
};

impl Counter<'_> {
    pub(super) fn steps(&self, way: Way) -> Tally {
        let plan = self.plan;
        let mut tally = Tally::default();
        let name = operation(way);
        let event = plan.event.len();
        tally.add(name, 1);
        let standardised = match way {
            Way::Normalize => "standardised channels",
            Way::Generate => "destandardised channels",
        };
        tally.add(standardised, event);
        tally.add("standardised channels", plan.context.len());
        for channel in plan.event.0.iter().filter(|own| own.domain != Domain::Real) {
            tally.add(format!("{name} {}", domain(&channel.domain)), 1);
        }
        for channel in plan
            .context
            .0
            .iter()
            .filter(|own| own.domain != Domain::Real)
        {
            tally.add(format!("log_prob {}", domain(&channel.domain)), 1);
        }
        self.base(way, &mut tally);
        self.categories(way, &mut tally);
        for (_, layer) in plan.steps() {
            self.layer(layer, way, &mut tally);
        }
        tally
    }

    /// Heads and embeddings. A category is half the work of a logistic channel, which takes an
    /// exponential and a logarithm.
    fn categories(&self, way: Way, tally: &mut Tally) {
        let plan = self.plan;
        let embedded = |own: &&ChannelPlan| own.vocabulary().is_some();
        let context = plan.context.0.iter().filter(embedded);
        tally.add("buffers", context.map(|own| own.features).sum());
        for head in &plan.categorical.heads {
            let own = &head.conditioner;
            tally.add("layers", 1);
            tally.add(
                "buffers",
                buffers(own, false) + plan.categorical.width(head.vocabulary),
            );
            for (dense, tables) in own.hidden.iter().chain(&own.output).enumerate() {
                for table in tables {
                    self.table(own, dense, table, tally);
                }
            }
            let channels = head.categories().div_ceil(2);
            tally.add(format!("{} logistic channels", operation(way)), channels);
        }
    }

    fn base(&self, way: Way, tally: &mut Tally) {
        let base = self.plan.base.distribution;
        let circular = (0..self.plan.event.len()).filter(|c| self.plan.event.is_circular(*c));
        let straight = self.plan.event.len() - circular.count();
        let name = format!("{} {}", operation(way), base.name());
        tally.add(name.clone(), 1);
        tally.add(format!("{name} channels"), straight);
        if let Base::Mixture { components } = base {
            let components = usize::from(components);
            tally.add(format!("{name} components"), components);
            tally.add(format!("{name} component channels"), components * straight);
        }
    }

    fn layer(&self, layer: &LayerPlan, way: Way, tally: &mut Tally) {
        let event = self.plan.event.len();
        let name = operation(way);
        match &layer.bijection {
            Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => {
                self.conditional(own, Evaluation::of(&layer.bijection, way), tally);
            }
            Bijection::Linear { .. } => {
                tally.add(format!("{name} linear"), 1);
                tally.add(format!("{name} linear rows"), event);
                tally.add(format!("{name} linear weights"), event * event);
            }
            Bijection::Pointwise { places, upper, .. } => {
                let (planes, positions) = (upper.len(), places.len() / upper.len());
                tally.add(format!("{name} linear"), positions);
                tally.add(format!("{name} linear rows"), places.len());
                tally.add(format!("{name} linear weights"), places.len() * planes);
                tally.add("moves", 2 * places.len());
            }
            Bijection::Convolutional(own) => {
                self.convolutional(own, Evaluation::of(&layer.bijection, way), tally);
            }
            Bijection::ElementWise(_) => tally.add(format!("{name} scales"), event),
            Bijection::Permutation(_) => tally.add("moves", event),
            Bijection::FoldedPermutation(_) => {}
        }
    }

    fn conditional(&self, own: &Conditional, how: Evaluation, tally: &mut Tally) {
        let passes = match how.sequential && !own.scheduled {
            true => own.groups.len(),
            false => 1,
        };
        let transformed = own.transformed().count();
        tally.add("layers", 1);
        tally.add("layer channels", passes * transformed);
        tally.add(
            "inputs",
            passes * (own.conditioning.len() + self.plan.given()),
        );
        let by_group = how.sequential && own.scheduled;
        tally.add("buffers", passes * buffers(own, by_group));
        for _ in 0..passes {
            for (dense, tables) in own.hidden.iter().enumerate() {
                for table in tables {
                    self.table(own, dense, table, tally);
                }
            }
            for table in own.output.iter().flatten() {
                self.table(own, own.hidden.len(), table, tally);
            }
        }
        self.transformer(own.transformer, passes * transformed, how, tally);
    }

    /// A panel at each position, once for each run of what the kernel sees.
    fn convolutional(&self, own: &Convolutional, how: Evaluation, tally: &mut Tally) {
        tally.add("layers", 1);
        tally.add("layer channels", own.transformed.len());
        tally.add("inputs", own.given.len());
        tally.add("buffers", own.buffers());
        for (index, layer) in own.layers.iter().enumerate() {
            let kernel = self.kernel(&layer.table);
            let (features, positions) = (layer.features(), own.positions());
            if index < own.output() {
                tally.add(own.activation.title(), features * positions);
            }
            if own.adds_input(index) {
                tally.add("residual rows", features * positions);
            }
            let source = match (index, own.activation) {
                (0, _) => " of channels",
                (_, Activation::Relu) => " of ReLU",
                _ => " of smooth units",
            };
            tally.add(
                format!("{kernel} products{source}"),
                features * layer.columns(),
            );
            tally.add(format!("{kernel} rows"), features * positions);
            let panels = layer.table.layout.panels(features);
            tally.add(format!("{kernel} panels"), panels.len() * positions);
            let loops =
                layer.sizes.runs().count() + positions * usize::from(layer.sizes.context > 0);
            for panel in panels {
                tally.add(format!("{kernel} loops"), loops);
                tally.add(format!("{kernel} columns of {panel}"), layer.columns());
            }
        }
        self.transformer(own.transformer, own.transformed.len(), how, tally);
    }

    fn transformer(
        &self,
        transformer: Transformer,
        channels: usize,
        how: Evaluation,
        tally: &mut Tally,
    ) {
        let name = how.transformer(transformer);
        tally.add(name.clone(), channels);
        if let Transformer::Spline { bins, .. }
        | Transformer::FlooredSpline(FlooredSpline { bins, .. }) = transformer
        {
            tally.add(format!("{name} bins"), channels * usize::from(bins));
        }
    }

    fn table(&self, own: &Conditional, dense: usize, table: &Table, tally: &mut Tally) {
        let rows = table.rows.len();
        if rows == 0 {
            return;
        }
        let hidden = dense < own.hidden.len();
        if let Some(kind) = own.non_linearity(dense) {
            tally.add(kind.title(), rows);
        }
        tally.add("residual rows", rows * own.additions(dense));
        if matches!(own.roles[dense], Role::Inner(_)) {
            match own.activates_blocks() {
                true => tally.add(own.activation.title(), rows),
                false => tally.add("moves", rows),
            }
        }
        let kernel = self.kernel(table);
        // What software floating point multiplies decides how long it takes.
        let source = match own.activation {
            _ if self.plan.is_integer() => "",
            _ if own.reads(dense, false).is_none() => " of channels",
            Activation::Relu if own.reads_activated(dense) => " of ReLU",
            _ => " of smooth units",
        };
        let inputs = table.inputs.min(table.stored);
        tally.add(format!("{kernel} products{source}"), rows * inputs);
        tally.add(
            format!("{kernel} products by zero"),
            rows * (table.stored - inputs),
        );
        if self.plan.is_integer() {
            let kind = if hidden { "rows" } else { "parameter rows" };
            tally.add(format!("{kernel} {kind}"), rows);
            tally.add(format!("{kernel} odd products"), rows * (table.inputs % 4));
            tally.add(format!("{kernel} tables"), 1);
            return;
        }
        let panels = table.layout.panels(rows);
        tally.add(format!("{kernel} rows"), rows);
        match table.layout {
            Layout::Wide => {
                tally.add(format!("{kernel} panels"), panels.len());
                for panel in panels {
                    if panel * table.stored <= UNROLLED {
                        tally.add(format!("{kernel} unrolled columns"), table.stored);
                    } else {
                        tally.add(format!("{kernel} loops"), 1);
                        tally.add(format!("{kernel} columns of {panel}"), table.stored);
                    }
                }
            }
            Layout::Small => {
                tally.add(format!("{kernel} tables"), 1);
                for panel in panels {
                    tally.add(format!("{kernel} panels of {panel}"), 1);
                    tally.add(format!("{kernel} columns of {panel}"), table.stored);
                }
            }
        }
    }
}
