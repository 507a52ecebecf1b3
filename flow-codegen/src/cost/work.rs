//! What the code of a plan does and holds, counted by kind: the coefficients of a core turn it into
//! instructions, bytes of code and stack.

use super::tables;
use crate::plan::{Bijection, Conditional, LayerPlan, Layout, Plan, Table};
use flow_embedded::artefact::{Activation, Base, Direction, Domain, Transformer, WeightFormat};
use std::collections::{BTreeMap, BTreeSet};

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
    fn steps(&self, way: Way) -> Tally {
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
        for (_, layer) in plan.steps() {
            self.layer(layer, way, &mut tally);
        }
        tally
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
            passes * (own.conditioning.len() + self.plan.context.features()),
        );
        tally.add("buffers", passes * buffers(own));
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
        let name = how.transformer(own.transformer);
        tally.add(name.clone(), passes * transformed);
        if let Transformer::Spline { bins, .. } = own.transformer {
            tally.add(
                format!("{name} bins"),
                passes * transformed * usize::from(bins),
            );
        }
    }

    fn table(&self, own: &Conditional, dense: usize, table: &Table, tally: &mut Tally) {
        let rows = table.rows.len();
        if rows == 0 {
            return;
        }
        let hidden = dense < own.hidden.len();
        if hidden {
            tally.add(activation(own.activation), rows);
            if own.residual && dense > 0 {
                tally.add("residual rows", rows);
            }
        }
        let kernel = self.kernel(table);
        // What software floating point multiplies decides how long it takes.
        let source = match (dense, own.activation) {
            _ if self.plan.is_integer() => "",
            (0, _) => " of channels",
            (_, Activation::Relu) => " of ReLU",
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

    fn stack(&self, way: Way) -> Tally {
        let plan = self.plan;
        let mut tally = Tally::default();
        let name = operation(way);
        let event = plan.event.len();
        tally.add(name, 1);
        tally.add("event bytes", 4 * event);
        tally.add("context bytes", 4 * plan.context.features());
        let mapped = plan.event.0.iter().filter(|own| own.domain != Domain::Real);
        tally.add(
            "mapped bytes",
            if mapped.count() > 0 { 4 * event } else { 0 },
        );
        let own: Vec<(&Conditional, Evaluation)> = plan
            .steps()
            .filter_map(|(_, layer)| {
                let own = layer.bijection.conditional()?;
                Some((own, Evaluation::of(&layer.bijection, way)))
            })
            .collect();
        let word = if plan.is_integer() { 2 } else { 4 };
        let arrays = |own: &Conditional| {
            let inputs = own.conditioning.len() + plan.context.features();
            let hidden: usize = own.widths().sum();
            let parameters = match own.channel_by_channel() {
                true => own.transformer.parameters(),
                false => own.parameters() + own.transformed().count(),
            };
            word * (inputs + hidden) + 4 * parameters
        };
        let largest = own.iter().map(|(own, _)| arrays(own)).max();
        tally.add("largest layer bytes", largest.unwrap_or_default());
        let all: usize = own.iter().map(|(own, _)| arrays(own)).sum();
        tally.add("other layers bytes", all - largest.unwrap_or_default());
        tally.add(format!("{name} layers"), own.len());
        let linear = |layer: &LayerPlan| matches!(layer.bijection, Bijection::Linear { .. });
        let linear = plan.steps().any(|(_, layer)| linear(layer));
        tally.add("linear", linear.into());
        // Called with one number of columns alone, the small kernel is unrolled.
        let small = own.iter().flat_map(|(own, _)| own.output.iter().flatten());
        let small = small.filter(|table| table.layout == Layout::Small && !plan.is_integer());
        let columns: BTreeSet<usize> = small.map(|table| table.stored).collect();
        tally.add(
            "small parameters of one width",
            usize::from(columns.len() == 1),
        );
        let small = own.iter().flat_map(|(own, _)| own.hidden.iter().flatten());
        let small = small.filter(|table| table.layout == Layout::Small && !plan.is_integer());
        let columns: BTreeSet<usize> = small.map(|table| table.stored).collect();
        tally.add("small units of one width", usize::from(columns.len() == 1));
        tally.add("small units of two widths", usize::from(columns.len() == 2));
        tally.add("conditional", usize::from(!own.is_empty()));
        let any = |wanted: &dyn Fn(&Conditional) -> bool| own.iter().any(|(own, _)| wanted(own));
        tally.add("splines", any(&|own| own.channel_by_channel()).into());
        let affine = any(&|own| matches!(own.transformer, Transformer::Affine { .. }));
        tally.add("affine", affine.into());
        let sequential = own.iter().any(|(_, how)| how.sequential);
        tally.add("sequential", sequential.into());
        let smooth = any(&|own| own.activation != Activation::Relu && !own.hidden.is_empty());
        tally.add("smooth units", smooth.into());
        let tables = own.iter().flat_map(|(own, _)| own.tables());
        for kernel in tables
            .map(|table| self.kernel(table))
            .collect::<BTreeSet<_>>()
        {
            tally.add(kernel, 1);
        }
        let rows = own.iter().flat_map(|(own, _)| own.tables());
        let rows = rows.flat_map(|table| table.layout.panels(table.rows.len()));
        tally.add("widest panel", rows.max().unwrap_or_default());
        tally.add(format!("{name} {}", plan.base.distribution.name()), 1);
        tally
    }

    fn code(&self) -> Tally {
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
            tally.add("context features", plan.context.features());
            for channel in plan
                .context
                .0
                .iter()
                .filter(|own| own.domain != Domain::Real)
            {
                tally.add(format!("log_prob {}", domain(&channel.domain)), 1);
                once.insert(format!("any log_prob {}", domain(&channel.domain)));
            }
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
        tally.add(
            "inputs",
            own.conditioning.len() + self.plan.context.features(),
        );
        tally.add("buffers", 1 + own.hidden.len());
        tally.add("buffer words", buffers(own));
        let transformer = how.transformer(own.transformer);
        match (own.transformer, how.sequential) {
            (Transformer::Spline { .. }, _) | (_, true) => {
                once.insert(format!("any {transformer}"));
                tally.add(format!("{transformer} calls"), transformed);
            }
            (Transformer::Affine { .. }, false) => {
                // One instance for each number of channels.
                kernels.insert(Kernel::Each(how.affine(), transformed));
                tally.add("layer channels", transformed);
            }
            (Transformer::Shift, false) => tally.add(transformer, transformed),
        }
        if own.activation != Activation::Relu && !own.hidden.is_empty() {
            once.insert(format!("any {}", activation(own.activation)));
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
                let activation = hidden.then(|| activation(own.activation));
                // The activation knows the format that it gives.
                let format = match own.activation {
                    Activation::Relu => None,
                    _ => own.fractions.get(dense + 1),
                };
                let format = format.copied().unwrap_or_default().into();
                let place = match channels {
                    true => [0, before, 0, format],
                    false => [first, before, width, format],
                };
                self.calls(table, activation, place, tally, kernels);
                first += table.rows.len();
                if hidden && own.residual && dense > 0 {
                    tally.add("residual rows", table.rows.len());
                }
            }
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

/// Loops over so few channels are unrolled.
const FEW_CHANNELS: usize = 6;

/// A panel of so many weights is multiplied without a loop.
const UNROLLED: usize = 96;

/// An instance of a kernel, compiled once for all its callers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Kernel {
    Wide {
        kernel: &'static str,
        activation: &'static str,
        rows: usize,
        columns: usize,
    },
    Small(&'static str),
    Integer {
        kernel: &'static str,
        activation: &'static str,
        rows: usize,
        inputs: usize,
        /// The first row among those of the layer, the layer's sizes, and the
        /// format of its units: they are part of the instance.
        place: [usize; 4],
    },
    /// An affine transformer of all channels at once.
    Each(&'static str, usize),
}

impl Kernel {
    fn code(&self, tally: &mut Tally) {
        match *self {
            Self::Wide {
                kernel,
                activation,
                rows,
                columns,
            } => {
                tally.add(format!("{kernel} {activation} kernels"), 1);
                tally.add(format!("{kernel} {activation} kernel rows"), rows);
                tally.add(format!("{kernel} kernel weights"), unrolled(rows, columns));
            }
            Self::Small(activation) => tally.add(format!("small {activation} kernels"), 1),
            Self::Integer {
                kernel,
                activation,
                rows,
                inputs,
                ..
            } => {
                // Rows are unrolled where they are few, inputs where they are not
                // very many.
                if rows * inputs.max(8) <= UNROLLED_PRODUCTS {
                    tally.add(format!("{activation} kernel unrolled rows"), rows);
                    tally.add(format!("{kernel} kernel unrolled inputs"), rows * inputs);
                } else {
                    tally.add(format!("{activation} kernels"), 1);
                    tally.add(format!("{kernel} kernel inputs"), inputs);
                }
                tally.add(format!("{kernel} kernels"), 1);
            }
            Self::Each(name, channels) => {
                tally.add(format!("{name} instances"), 1);
                tally.add(format!("{name} instance channels"), channels);
                let few = channels <= 3;
                tally.add(
                    format!("{name} few channels"),
                    if few { channels } else { 0 },
                );
            }
        }
    }
}

/// An integer kernel of so few products has no loop over rows.
const UNROLLED_PRODUCTS: usize = 32;

fn unrolled(rows: usize, columns: usize) -> usize {
    if rows * columns <= UNROLLED {
        rows * columns
    } else {
        rows * 2
    }
}

/// How a layer is evaluated one way.
#[derive(Clone, Copy)]
struct Evaluation {
    sequential: bool,
    forward: bool,
    log_det: bool,
}

impl Evaluation {
    fn of(bijection: &Bijection, way: Way) -> Self {
        let normalize = way == Way::Normalize;
        let sequential = match bijection {
            Bijection::Autoregressive(Direction::Normalizing, _) => !normalize,
            Bijection::Autoregressive(Direction::Generative, _) => normalize,
            _ => false,
        };
        let generative = matches!(
            bijection,
            Bijection::Autoregressive(Direction::Generative, _)
        );
        Self {
            sequential,
            forward: normalize != generative,
            log_det: normalize,
        }
    }

    fn affine(self) -> &'static str {
        match self.forward {
            true => "affine forward",
            false => "affine inverse",
        }
    }

    /// The name of what is done to a channel.
    fn transformer(self, transformer: Transformer) -> String {
        let direction = match (self.forward, self.log_det) {
            (true, _) => "forward",
            (false, true) => "inverse with log-determinant",
            (false, false) => "inverse",
        };
        match transformer {
            Transformer::Shift => format!("shift {direction}"),
            Transformer::Affine { .. } => self.affine().to_owned(),
            Transformer::Spline { .. } => format!("spline {direction}"),
        }
    }
}

fn operation(way: Way) -> &'static str {
    match way {
        Way::Normalize => "log_prob",
        Way::Generate => "sample",
    }
}

fn activation(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "ReLU",
        Activation::Tanh => "tanh",
        Activation::Silu => "SiLU",
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
    }
}

/// The words of the arrays that a layer zeroes.
fn buffers(own: &Conditional) -> usize {
    let parameters = match own.channel_by_channel() {
        true => own.transformer.parameters(),
        false => own.parameters(),
    };
    own.widths().sum::<usize>() + parameters
}
