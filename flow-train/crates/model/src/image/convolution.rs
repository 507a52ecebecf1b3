//! The convolutions that condition a bijection over an image.
//!
//! What a row of a convolution multiplies is one row of a panel: the head (a one and the context, one head for all
//! positions or one for each), then what the kernel sees, in the order of [`Convolution`]. Zeros stand where the
//! kernel reaches beyond the edge.

use super::planes::PlanePanels as _;
use crate::activation;
use crate::matmul::{self, Staircase, Then, Update};
use crate::panel::Panel;
use crate::parts::check_finite;
use crate::real::Real;
use flow_artefact::Planes;
use flow_embedded::artefact::Activation;
use flow_embedded::kernels::Convolution;
use flow_host::random::Random;
use std::ops::Range;

/// The initial weights of output layers are this fraction of the usual, so that a flow starts near the identity.
const OUTPUT_GAIN: f64 = 0.1;

/// The convolutions of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvolutionsParts<T> {
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// Whether each hidden layer but the first adds its input to its output.
    pub residual: bool,
    /// Whether the first layer has a head for each position, and not one for all.
    pub by_position: bool,
    /// The convolutions, the linear one last.
    pub layers: Vec<ConvolutionParts<T>>,
}

/// One convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvolutionParts<T> {
    /// Number of features that it puts out.
    pub features: usize,
    /// The kernel's side, odd.
    pub kernel: usize,
    /// Row-major, one row for each feature, as [`convolve_at`](flow_embedded::kernels::convolve_at) has it.
    pub weights: Vec<T>,
}

/// Features and the kernel's side of each layer, and what else makes up convolutions without their parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub activation: Activation,
    pub residual: bool,
    pub by_position: bool,
    pub layers: Vec<(usize, usize)>,
}

impl<T: Real> ConvolutionsParts<T> {
    pub fn form(&self) -> Form {
        let layers = self.layers.iter();
        Form {
            activation: self.activation,
            residual: self.residual,
            by_position: self.by_position,
            layers: layers.map(|own| (own.features, own.kernel)).collect(),
        }
    }

    /// Checks that the convolutions follow each other from the `given` planes to `outputs` features.
    pub fn check(&self, given: &Planes, context: usize, outputs: usize) -> Result<(), String> {
        if self.layers.len() < 2
            || self
                .layers
                .last()
                .is_some_and(|last| last.features != outputs)
        {
            return Err(format!(
                "the convolutions must be two or more and end in {outputs} features"
            ));
        }
        let hidden = &self.layers[..self.layers.len() - 1];
        if self
            .layers
            .iter()
            .any(|own| own.features == 0 || own.kernel % 2 == 0)
        {
            return Err("a convolution needs features and a kernel of an odd side".into());
        }
        let uneven = |pair: &[ConvolutionParts<T>]| pair[0].features != pair[1].features;
        if self.residual && hidden.windows(2).any(uneven) {
            return Err("the hidden layers of a residual conditioner must be of one width".into());
        }
        for (index, (filter, own)) in Convolutions::filters(&self.form(), given, context, 0)
            .iter()
            .zip(&self.layers)
            .enumerate()
        {
            if own.weights.len() != filter.parameters() {
                let (rows, numbers) = (own.features, filter.sizes.row());
                return Err(format!(
                    "convolution {index}: expected {rows} rows of {numbers} numbers"
                ));
            }
            check_finite(&own.weights)?;
        }
        Ok(())
    }
}

/// One convolution; its parameters lie in the flow's flat vector, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    sizes: Convolution,
    offset: usize,
    /// For each feature, the length of its row.
    prefix: Vec<usize>,
}

impl Filter {
    /// With its parameters from `offset` on.
    pub fn new(sizes: Convolution, features: usize, offset: usize) -> Self {
        Self {
            sizes,
            offset,
            prefix: vec![sizes.row(); features],
        }
    }

    /// The features that it puts out.
    pub fn features(&self) -> usize {
        self.prefix.len()
    }

    /// The number of its parameters.
    pub fn parameters(&self) -> usize {
        self.features() * self.sizes.row()
    }

    fn own(&self) -> Range<usize> {
        self.offset..self.offset + self.parameters()
    }

    /// Its rows within the flow's parameters.
    pub fn staircase<'a, T>(&'a self, parameters: &'a [T]) -> Staircase<'a, T> {
        Staircase {
            weights: &parameters[self.own()],
            prefix: &self.prefix,
            inputs: self.sizes.row(),
        }
    }

    /// Each pair of a position and one that its kernel sees, with the first row of the panel where that lies.
    fn taps(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let Convolution { inputs, .. } = self.sizes;
        self.sizes.runs().flat_map(move |(position, run)| {
            let [first, behind] = run.input;
            let row = self.sizes.head() + run.weight;
            let seen = (first..behind).step_by(inputs);
            seen.map(move |input| (position, input / inputs, row + input - first))
        })
    }

    /// A panel of what the rows multiply, everything but ones and zeros still to come.
    pub fn seen<T: Real>(&self, columns: usize) -> Panel<T> {
        let sizes = self.sizes;
        let mut panel = Panel::new(sizes.row(), sizes.positions() * columns);
        for (head, blocks) in self.heads().enumerate() {
            let row = head * (1 + sizes.context);
            panel.row_mut(row)[blocks.start * columns..blocks.end * columns].fill(T::ONE);
        }
        panel
    }

    /// The positions of each head.
    fn heads(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (heads, positions) = (self.sizes.heads, self.sizes.positions());
        let size = positions / heads;
        (0..heads).map(move |head| head * size..(head + 1) * size)
    }

    /// Puts the context before the batch into the heads' rows.
    pub fn load_context<T: Real>(&self, context: &Panel<T>, seen: &mut Panel<T>) {
        for (head, blocks) in self.heads().enumerate() {
            for (index, values) in (0..self.sizes.context).map(|index| (index, context.row(index)))
            {
                let row = seen.row_mut(head * (1 + self.sizes.context) + 1 + index);
                let own = &mut row[blocks.start * values.len()..blocks.end * values.len()];
                Planes::repeat(values, own);
            }
        }
    }

    /// Puts what the kernel sees of the input into the rows behind the heads.
    pub fn load<T: Real>(&self, input: &Panel<T>, seen: &mut Panel<T>) {
        let width = input.width() / self.sizes.positions();
        for (position, from, row) in self.taps() {
            for plane in 0..self.sizes.inputs {
                let from = &input.row(plane)[from * width..][..width];
                seen.row_mut(row + plane)[position * width..][..width].copy_from_slice(from);
            }
        }
    }

    /// Adds the gradient by what the rows multiply to that by the context.
    fn backward_context<T: Real>(&self, d_seen: &Panel<T>, d_context: &mut Panel<T>) {
        let width = d_context.width();
        for (head, blocks) in self.heads().enumerate() {
            for index in 0..self.sizes.context {
                let row = d_seen.row(head * (1 + self.sizes.context) + 1 + index);
                let own = &row[blocks.start * width..blocks.end * width];
                Planes::add_up(own, d_context.row_mut(index));
            }
        }
    }

    /// Adds the gradient by what the rows multiply to that by the input.
    fn backward<T: Real>(&self, d_seen: &Panel<T>, d_input: &mut Panel<T>) {
        let width = d_input.width() / self.sizes.positions();
        for (position, to, row) in self.taps() {
            for plane in 0..self.sizes.inputs {
                let from = &d_seen.row(row + plane)[position * width..][..width];
                let to = &mut d_input.row_mut(plane)[to * width..][..width];
                to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
            }
        }
    }
}

/// Convolutions with an activation between them; the last one is linear.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Convolutions {
    activation: Activation,
    residual: bool,
    by_position: bool,
    filters: Vec<Filter>,
    /// As many zeros as any layer has features: the bias is in the head.
    most: usize,
}

/// What a forward pass leaves for the backward pass, and memory for it.
#[derive(Debug)]
pub(crate) struct Trace<T> {
    pub(super) input: Panel<T>,
    seen: Vec<Panel<T>>,
    hidden: Vec<Panel<T>>,
    /// Derivatives of the activations.
    slopes: Vec<Panel<T>>,
    pub(super) output: Panel<T>,
    pub(super) d_input: Panel<T>,
    d_hidden: Vec<Panel<T>>,
    d_seen: Panel<T>,
    pub(super) d_output: Panel<T>,
    zeros: Vec<T>,
    d_zeros: Vec<T>,
}

impl Convolutions {
    /// Lays out convolutions over the `given` planes from `offset` on.
    pub(super) fn new(form: &Form, given: &Planes, context: usize, offset: usize) -> Self {
        let features = form.layers.iter().map(|(features, _)| *features);
        Self {
            activation: form.activation,
            residual: form.residual,
            by_position: form.by_position,
            filters: Self::filters(form, given, context, offset),
            most: features.max().unwrap_or(0),
        }
    }

    fn filters(form: &Form, given: &Planes, context: usize, mut offset: usize) -> Vec<Filter> {
        let mut inputs = given.count();
        let layers = form.layers.iter().enumerate();
        let filter = |(index, &(features, kernel)): (usize, &(usize, usize))| {
            let first = index == 0;
            let sizes = Convolution {
                width: given.width,
                height: given.height,
                kernel,
                inputs,
                heads: match first && form.by_position {
                    true => given.positions(),
                    false => 1,
                },
                context: if first { context } else { 0 },
            };
            let own = Filter::new(sizes, features, offset);
            inputs = features;
            offset += own.parameters();
            own
        };
        layers.map(filter).collect()
    }

    pub(super) fn parameters(&self) -> usize {
        self.filters.iter().map(Filter::parameters).sum()
    }

    /// Multiply-accumulates of one event.
    pub(super) fn macs(&self) -> usize {
        let filters = self.filters.iter();
        filters
            .map(|own| own.features() * own.sizes.products())
            .sum()
    }

    /// Where the weights of each row lie in the flow's flat vector, biases left out.
    pub(crate) fn weight_rows(&self) -> impl Iterator<Item = Range<usize>> {
        self.filters.iter().flat_map(|own| {
            let sizes = own.sizes;
            let rows = (0..own.features()).map(move |row| own.offset + row * sizes.row());
            rows.flat_map(move |start| {
                let heads =
                    (0..sizes.heads).map(move |head| start + head * (1 + sizes.context) + 1);
                let context = heads.map(move |first| first..first + sizes.context);
                let taps = start + sizes.head()..start + sizes.row();
                context.filter(|own| !own.is_empty()).chain([taps])
            })
        })
    }

    pub(super) fn trace<T: Real>(&self, given: &Planes, columns: usize) -> Trace<T> {
        let wide = given.positions() * columns;
        let (last, hidden) = self.split();
        let rows = |own: &Filter| Panel::new(own.features(), wide);
        let most = self.filters.iter().map(|own| own.sizes.row()).max();
        Trace {
            input: given.panel(columns),
            seen: self.filters.iter().map(|own| own.seen(columns)).collect(),
            hidden: hidden.iter().map(rows).collect(),
            slopes: hidden.iter().map(rows).collect(),
            output: rows(last),
            d_input: given.panel(columns),
            d_hidden: hidden.iter().map(rows).collect(),
            d_seen: Panel::new(most.unwrap_or(0), wide),
            d_output: rows(last),
            zeros: vec![T::ZERO; self.most],
            d_zeros: vec![T::ZERO; self.most],
        }
    }

    /// Weights uniform within `1 / sqrt(what a row sees)`, those of the output layer a tenth of that.
    pub(super) fn initialise<T: Real>(&self, parameters: &mut [T], random: &mut Random) {
        for (index, own) in self.filters.iter().enumerate() {
            let gain = match index + 1 == self.filters.len() {
                true => OUTPUT_GAIN,
                false => 1.0,
            };
            let seen = own.sizes.row() - own.sizes.head() + own.sizes.context;
            let reach = gain / (seen.max(1) as f64).sqrt();
            parameters[own.own()].fill_with(|| T::from_f64(reach * (2.0 * random.uniform() - 1.0)));
        }
    }

    /// Fills the trace from its input and the context.
    pub(super) fn forward<T: Real>(
        &self,
        parameters: &[T],
        context: &Panel<T>,
        trace: &mut Trace<T>,
    ) {
        let Trace {
            input,
            seen,
            hidden,
            slopes,
            output,
            zeros,
            ..
        } = trace;
        let last = self.filters.len() - 1;
        for (index, own) in self.filters.iter().enumerate() {
            let (before, behind) = hidden.split_at_mut(index.min(last));
            let (input, output) = (
                before.last().unwrap_or(input),
                behind.first_mut().unwrap_or(output),
            );
            let seen = &mut seen[index];
            if index == 0 {
                own.load_context(context, seen);
            }
            own.load(input, seen);
            let rows = 0..own.features();
            let zeros = &zeros[rows.clone()];
            let staircase = own.staircase(parameters);
            matmul::forward(staircase, zeros, seen, output, rows.clone(), Then::Nothing);
            if index == last {
                continue;
            }
            let values = output.rows_mut(rows.clone());
            let slopes = slopes[index].rows_mut(rows.clone());
            activation::apply_with_slope(self.activation, values, slopes);
            if self.adds_input(index) {
                let inputs = input.rows_of(rows);
                values.iter_mut().zip(inputs).for_each(|(h, &x)| *h += x);
            }
        }
    }

    /// From the gradient by the output in the trace to that by the input, and by the parameters; added to that by the
    /// context, where it is wanted.
    pub(super) fn backward<T: Real>(
        &self,
        parameters: &[T],
        trace: &mut Trace<T>,
        d_context: Option<&mut Panel<T>>,
        d_parameters: &mut [T],
    ) {
        let Trace {
            seen,
            slopes,
            d_input,
            d_hidden,
            d_seen,
            d_output,
            d_zeros,
            ..
        } = trace;
        let last = self.filters.len() - 1;
        for (index, own) in self.filters.iter().enumerate().rev() {
            let (before, behind) = d_hidden.split_at_mut(index);
            let d_output = behind.first_mut().unwrap_or(d_output);
            let rows = 0..own.features();
            let below = before.last_mut().unwrap_or(d_input);
            match self.adds_input(index) && index < last {
                true => {
                    let own = below.rows_mut(rows.clone());
                    own.copy_from_slice(d_output.rows_of(rows.clone()));
                }
                false => below.rows_mut(0..own.sizes.inputs).fill(T::ZERO),
            }
            if index < last {
                activation::backward_with_slope(
                    slopes[index].rows_of(rows.clone()),
                    d_output.rows_mut(rows.clone()),
                );
            }
            // The heads as well, if anything is to be learnt of the context.
            let first = match index == 0 && d_context.is_some() {
                true => 0,
                false => own.sizes.head(),
            };
            let d_own = &mut d_parameters[own.own()];
            let d_biases = &mut d_zeros[rows];
            matmul::backward_weights(&own.prefix, d_output, &seen[index], d_own, d_biases);
            matmul::backward_input(
                own.staircase(parameters),
                d_output,
                d_seen,
                first..own.sizes.row(),
                Update::Replace,
                None,
            );
            own.backward(d_seen, below);
        }
        if let Some(d_context) = d_context {
            self.filters[0].backward_context(d_seen, d_context);
        }
    }

    pub(super) fn to_parts<T: Real>(&self, parameters: &[T]) -> ConvolutionsParts<T> {
        let layers = self.filters.iter().map(|own| ConvolutionParts {
            features: own.features(),
            kernel: own.sizes.kernel,
            weights: parameters[own.own()].to_vec(),
        });
        ConvolutionsParts {
            activation: self.activation,
            residual: self.residual,
            by_position: self.by_position,
            layers: layers.collect(),
        }
    }

    fn split(&self) -> (&Filter, &[Filter]) {
        self.filters
            .split_last()
            .expect("convolutions have a linear layer")
    }

    /// Whether a hidden layer adds its input to its output.
    fn adds_input(&self, index: usize) -> bool {
        self.residual && index > 0
    }
}
