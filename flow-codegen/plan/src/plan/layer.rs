//! The bijections, their channels as places of the event's array.

use super::channels::channels;
use super::image::Convolutional;
use super::table::{Layout, Table};
use crate::Checked;
use flow_embedded::artefact::{
    Activation, Block, Blocks, Conditioner, Direction, Form, Layer, Permutation, Role, Transformer,
};

/// One bijection.
pub struct LayerPlan {
    /// The bijection's name.
    pub name: &'static str,
    /// What it does.
    pub bijection: Bijection,
}

/// What a layer does.
pub enum Bijection {
    /// Some channels are transformed given the others.
    Coupling(Conditional),
    /// Each group of channels is transformed given those before it.
    Autoregressive(Direction, Conditional),
    /// `z_i = Σ_j (L U)_ij x_p(j) + bias_i`; leaves the channels in order.
    Linear {
        /// `p`, as places.
        places: Vec<usize>,
        /// The rows of U from the diagonal on.
        upper: Vec<Vec<f32>>,
        /// The rows of L, each its bias and what stands left of the diagonal.
        lower: Vec<Vec<f32>>,
    },
    /// Scale and shift of the channel at each place.
    ElementWise(Vec<[f32; 2]>),
    /// Place `i` takes what lies at `p(i)`.
    Permutation(Vec<usize>),
    /// A permutation that moves nothing, since the layers behind it find their
    /// channels at other places: these.
    FoldedPermutation(Vec<usize>),
    /// Some planes of an image are transformed given others.
    Convolutional(Convolutional),
    /// `z = L U x + bias` over the planes of an image at each position.
    Pointwise {
        /// The places of the planes, position by position.
        places: Vec<usize>,
        /// The rows of U from the diagonal on.
        upper: Vec<Vec<f32>>,
        /// The rows of L, each its bias and what stands left of the diagonal.
        lower: Vec<Vec<f32>>,
    },
}

impl Bijection {
    /// The conditional parts of a layer that has them.
    pub fn conditional(&self) -> Option<&Conditional> {
        match self {
            Self::Coupling(own) | Self::Autoregressive(_, own) => Some(own),
            _ => None,
        }
    }

    /// As [`conditional`](Self::conditional), to be changed.
    pub fn conditional_mut(&mut self) -> Option<&mut Conditional> {
        match self {
            Self::Coupling(own) | Self::Autoregressive(_, own) => Some(own),
            _ => None,
        }
    }

    /// What it does to channels, given parameters; none for a bijection without.
    pub fn transformer(&self) -> Option<Transformer> {
        match self {
            Self::Convolutional(own) => Some(own.transformer),
            _ => self.conditional().map(|own| own.transformer),
        }
    }

    /// Whether the context conditions it.
    pub fn reads_context(&self) -> bool {
        self.transformer().is_some()
    }

    /// Whether its log-determinant depends on the event.
    pub fn has_log_det(&self) -> bool {
        self.transformer()
            .is_some_and(|own| own != Transformer::Shift)
    }

    /// All tables in the order of the artefact.
    pub fn tables(&self) -> Vec<&Table> {
        match self {
            Self::Convolutional(own) => own.layers.iter().map(|own| &own.table).collect(),
            _ => self
                .conditional()
                .into_iter()
                .flat_map(Conditional::tables)
                .collect(),
        }
    }
}

/// A transformer and its conditioner.
pub struct Conditional {
    /// The channels that feed the conditioner after the context, in the order
    /// of its inputs.
    pub conditioning: Vec<usize>,
    /// The channels that are transformed, group by group; a coupling has one
    /// group.
    pub groups: Vec<Vec<usize>>,
    /// What is done to each, given its parameters.
    pub transformer: Transformer,
    /// The conditioner's non-linearity.
    pub activation: Activation,
    /// Which dense layers it has, and how they are joined.
    pub form: Form,
    /// What each dense layer is there for, the output included.
    pub roles: Vec<Role>,
    /// Whether the direction that needs one group to know the next evaluates
    /// each hidden unit once, and not once a group.
    pub scheduled: bool,
    /// The bits behind the point of what each dense layer reads, where the model is
    /// computed with integers.
    pub fractions: Vec<u8>,
    /// The blocks of each dense layer before the output, one for each group.
    pub hidden: Vec<Vec<Table>>,
    /// The tables of the output layer, one list for each group: one table for
    /// each channel of a spline, else one for all its channels.
    pub output: Vec<Vec<Table>>,
}

impl Conditional {
    /// Without channels to transform and without tables.
    pub(super) fn new(
        transformer: Transformer,
        conditioner: &Conditioner<'_>,
        conditioning: Vec<usize>,
    ) -> Self {
        Self {
            conditioning,
            groups: Vec::new(),
            transformer,
            activation: conditioner.activation,
            form: conditioner.form,
            roles: (0..conditioner.dense_layers())
                .map(|dense| conditioner.role(dense))
                .collect(),
            // Scales without an upper bound overflow on wrong inputs: pass by pass, what is wrong
            // at first would spoil what is masked.
            scheduled: transformer.is_imported(),
            fractions: Vec::new(),
            hidden: Vec::new(),
            output: Vec::new(),
        }
    }

    /// All channels that are transformed, in order.
    pub fn transformed(&self) -> impl Iterator<Item = usize> {
        self.groups.iter().flatten().copied()
    }

    /// The units of each dense layer before the output.
    pub fn widths(&self) -> impl Iterator<Item = usize> {
        self.hidden.iter().map(|blocks| rows(blocks))
    }

    /// The units of each hidden layer, blocks left out.
    pub fn hidden_widths(&self) -> impl Iterator<Item = usize> {
        let widths = self.widths().zip(&self.roles);
        widths.filter_map(|(width, role)| matches!(role, Role::Hidden(_)).then_some(width))
    }

    /// The arrays that the dense layers before the output write, and how long each is; where
    /// `kept`, what a block reads is kept for the groups to come, and else left to the next
    /// block.
    pub fn arrays(&self, kept: bool) -> Vec<(Array, usize)> {
        let hidden = self.hidden_widths().enumerate();
        let mut arrays: Vec<(Array, usize)> = hidden
            .map(|(index, width)| (Array::Hidden(index), width))
            .collect();
        let units = arrays.first().map_or(0, |(_, width)| *width);
        if let Form::PreActivation(own) = self.form {
            let blocks = if kept { own.blocks.into() } else { 1 };
            let read = (1..=2 * blocks).map(|index| (Array::Hidden(index), units));
            arrays.extend(read);
        }
        if !self.form.is_chain() {
            arrays.push((Array::Sum, units));
        }
        if self.form.needs_context() {
            arrays.push((Array::Term, units));
        }
        arrays
    }

    /// The array that a dense layer reads; none for the conditioner's input, or the context.
    pub fn reads(&self, dense: usize, kept: bool) -> Option<Array> {
        let block = |block: usize| if kept { block } else { 0 };
        match self.roles[dense] {
            Role::Start | Role::Term(_) | Role::Gate(_) => None,
            Role::Hidden(index) => index.checked_sub(1).map(Array::Hidden),
            Role::Inner(index) => Some(Array::Hidden(1 + 2 * block(index))),
            Role::Outer(index) => Some(Array::Hidden(2 + 2 * block(index))),
            Role::Output => self
                .hidden_widths()
                .count()
                .checked_sub(1)
                .map(Array::Hidden),
        }
    }

    /// Whether the context adds to the first dense layer of each block.
    pub fn adds_terms(&self) -> bool {
        self.roles.contains(&Role::Term(0))
    }

    /// Whether the context gates the second dense layer of each block.
    pub fn gates(&self) -> bool {
        self.roles.contains(&Role::Gate(0))
    }

    /// Whether what a block begins with goes through the non-linearity.
    pub fn activates_blocks(&self) -> bool {
        self.form.pre_activation().is_some_and(|own| own.activated)
    }

    /// The non-linearity that the rows of a dense layer go through; a gate's costs as much as
    /// SiLU's.
    pub fn non_linearity(&self, dense: usize) -> Option<Activation> {
        match self.roles[dense] {
            Role::Hidden(_) if self.form.pre_activation().is_some() => None,
            Role::Start | Role::Hidden(_) | Role::Inner(_) => Some(self.activation),
            Role::Gate(_) => Some(Activation::Silu),
            Role::Term(_) | Role::Outer(_) | Role::Output => None,
        }
    }

    /// Whether what a dense layer reads has gone through the non-linearity.
    pub fn reads_activated(&self, dense: usize) -> bool {
        match (self.form.pre_activation(), self.roles[dense]) {
            (Some(own), Role::Inner(_)) => own.activated,
            (Some(_), Role::Output) => false,
            _ => self.reads(dense, false).is_some(),
        }
    }

    /// Whether the rows of a dense layer go through the non-linearity and to the next one, with
    /// nothing added before.
    pub fn is_direct(&self, dense: usize) -> bool {
        match self.roles[dense] {
            Role::Hidden(index) => {
                self.form.pre_activation().is_none() && !(index == 0 && self.form.has_start())
            }
            Role::Inner(_) => !self.adds_terms(),
            _ => false,
        }
    }

    /// Whether a dense layer is the last of pre-activation blocks.
    pub fn ends_blocks(&self, dense: usize) -> bool {
        self.form.pre_activation().is_some() && dense + 1 == self.hidden.len()
    }

    /// Whether an array holds sums, of 32 bits in a model of integers, and no activations.
    pub fn holds_sums(&self, array: Array) -> bool {
        match array {
            Array::Hidden(index) => index == 0 && self.form.pre_activation().is_some(),
            Array::Sum | Array::Term => true,
        }
    }

    /// How many numbers are added to, or multiplied by, what a row of a dense layer gives.
    pub fn additions(&self, dense: usize) -> usize {
        let any = match self.roles[dense] {
            Role::Hidden(0) => self.form.has_start(),
            Role::Hidden(_) => self.form == Form::Residual,
            Role::Term(_) | Role::Outer(_) | Role::Gate(_) => true,
            Role::Start | Role::Inner(_) | Role::Output => false,
        };
        any.into()
    }

    /// The parameters of all channels.
    pub fn parameters(&self) -> usize {
        self.output.iter().map(|tables| rows(tables)).sum()
    }

    /// Whether each channel's parameters are evaluated on their own: splines
    /// have many.
    pub fn channel_by_channel(&self) -> bool {
        self.transformer.is_spline()
    }

    /// All tables in the order of the artefact.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.hidden.iter().chain(&self.output).flatten()
    }

    /// As [`tables`](Self::tables), to be changed.
    pub fn tables_mut(&mut self) -> impl Iterator<Item = &mut Table> {
        self.hidden.iter_mut().chain(&mut self.output).flatten()
    }
}

/// An array that a conditioner works in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Array {
    /// A hidden layer; of pre-activation blocks the first, and then by turns what the two
    /// dense layers of a block read.
    Hidden(usize),
    /// Sums on their way.
    Sum,
    /// What the context adds to sums, or multiplies them by.
    Term,
}

fn rows(blocks: &[Table]) -> usize {
    blocks.iter().map(|table| table.rows.len()).sum()
}

/// Plans layers as the artefact has them: permutations move, every row
/// stores a weight for every input, and what waits for a group is evaluated
/// anew for each.
pub(super) struct Planner<'c, 'a>(pub(super) &'c Checked<'a>);

impl Planner<'_, '_> {
    /// Plans a layer.
    pub(super) fn layer(&self, index: usize) -> LayerPlan {
        let layer = &self.0.flow.header().layers.get(index).expect("a layer");
        let weights = self.0.flow.layer_weights(index);
        let shape = self.0.flow.header().shape();
        let event = shape.event;
        let bijection = match layer {
            Layer::Coupling(own) => {
                let transformed = channels(own.transformed);
                let kept = (0..event).filter(|channel| !transformed.contains(channel));
                let kept = kept.collect();
                let shell = Conditional::new(own.transformer, &own.conditioner, kept);
                Bijection::Coupling(self.fill(shell, layer, index, vec![transformed]))
            }
            Layer::Autoregressive(own) => {
                let mut rest = own.order;
                let groups: Vec<Vec<usize>> = own
                    .groups
                    .iter()
                    .map(|size| {
                        let (own, behind) = rest.split_at(usize::from(*size));
                        rest = behind;
                        channels(own)
                    })
                    .collect();
                // The last group conditions nothing.
                let before = groups[..groups.len() - 1].concat();
                let shell = Conditional::new(own.transformer, &own.conditioner, before);
                let filled = self.fill(shell, layer, index, groups);
                Bijection::Autoregressive(own.direction, filled)
            }
            Layer::Linear(Permutation(order)) => {
                let [upper, lower] = factors(event, weights);
                Bijection::Linear {
                    places: channels(order),
                    upper,
                    lower,
                }
            }
            Layer::Pointwise(planes) => {
                let [upper, lower] = factors(planes.count(), weights);
                Bijection::Pointwise {
                    places: channels(planes.places),
                    upper,
                    lower,
                }
            }
            Layer::Convolutional(own) => {
                Bijection::Convolutional(Convolutional::new(own, shape.context, weights))
            }
            Layer::ElementWise => {
                let numbers: Vec<f32> = weights.collect();
                Bijection::ElementWise(numbers.as_chunks().0.to_vec())
            }
            Layer::Permutation(Permutation(order)) => Bijection::Permutation(channels(order)),
        };
        LayerPlan {
            name: layer.name(),
            bijection,
        }
    }

    /// Adds the channels and the tables of a layer.
    fn fill(
        &self,
        mut own: Conditional,
        layer: &Layer<'_>,
        index: usize,
        groups: Vec<Vec<usize>>,
    ) -> Conditional {
        let shape = &self.0.flow.header().shape();
        let mut weights = self.0.flow.layer_weights(index);
        let mut table = |rows: usize, inputs: usize, stored: usize| Table {
            inputs,
            stored,
            layout: Layout::Small,
            rows: (0..rows)
                .map(|_| weights.by_ref().take(inputs + 1).collect())
                .collect(),
            integers: Vec::new(),
        };
        let output = layer.dense_layers() - 1;
        for dense in 0..output {
            let blocks = layer.blocks(dense, shape);
            let stored = width(blocks.clone());
            let tables = blocks.map(|Block { rows, inputs }| table(rows, inputs, stored));
            own.hidden.push(tables.collect());
        }
        let blocks = layer.blocks(output, shape);
        let stored = width(blocks.clone());
        for Block { rows, inputs } in blocks {
            own.output.push(match own.channel_by_channel() {
                true => {
                    let size = own.transformer.parameters();
                    let channels = 0..rows / size;
                    channels.map(|_| table(size, inputs, stored)).collect()
                }
                false => vec![table(rows, inputs, stored)],
            });
        }
        own.groups = groups;
        own
    }
}

/// The rows of U from the diagonal on, and those of L, each its bias and what
/// stands left of the diagonal.
fn factors(channels: usize, mut weights: impl Iterator<Item = f32>) -> [Vec<Vec<f32>>; 2] {
    let mut row = |length: usize| weights.by_ref().take(length).collect();
    let upper = (0..channels).map(|i| row(channels - i)).collect();
    let lower = (0..channels).map(|i| row(i + 1)).collect();
    [upper, lower]
}

/// The inputs of a dense layer.
fn width(blocks: Blocks<'_>) -> usize {
    blocks.map(|block| block.inputs).max().unwrap_or(0)
}
