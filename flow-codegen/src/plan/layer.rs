//! The bijections, their channels as places of the event's array.
//!
//! A permutation moves nothing: the layers behind it find their channels at
//! other places. A linear layer gathers its channels from wherever they lie and
//! leaves them in order.

use crate::Checked;
use flow_embedded::artefact::{
    Activation, Block, Conditioner, Direction, Layer, Permutation, Transformer,
};

/// One bijection.
pub(crate) struct LayerPlan {
    /// The bijection's name.
    pub(crate) name: &'static str,
    pub(crate) bijection: Bijection,
}

pub(crate) enum Bijection {
    Coupling(Conditional),
    Autoregressive(Direction, Conditional),
    /// `z_i = Σ_j (L U)_ij x_p(j) + bias_i`.
    Linear {
        /// `p`, as places.
        places: Vec<usize>,
        upper: Vec<Vec<f32>>,
        lower: Vec<Vec<f32>>,
    },
    /// Scale and shift of the channel at each place.
    ElementWise(Vec<[f32; 2]>),
    /// The new order of places.
    Permutation(Vec<usize>),
}

impl Bijection {
    /// The conditional parts of a layer that has them.
    pub(crate) fn conditional(&self) -> Option<&Conditional> {
        match self {
            Self::Coupling(own) | Self::Autoregressive(_, own) => Some(own),
            _ => None,
        }
    }

    /// Whether its log-determinant depends on the event.
    pub(crate) fn has_log_det(&self) -> bool {
        self.conditional()
            .is_some_and(|own| own.transformer != Transformer::Shift)
    }
}

/// A transformer and its conditioner.
pub(crate) struct Conditional {
    /// The channels that feed the conditioner after the context, in the order
    /// of its inputs.
    pub(crate) conditioning: Vec<usize>,
    /// The channels that are transformed, group by group; a coupling has one
    /// group.
    pub(crate) groups: Vec<Vec<usize>>,
    pub(crate) transformer: Transformer,
    pub(crate) activation: Activation,
    pub(crate) residual: bool,
    /// The blocks of each hidden layer, one for each group.
    pub(crate) hidden: Vec<Vec<Table>>,
    /// The tables of the output layer, one list for each group: one table for
    /// each channel of a spline, else one for all its channels.
    pub(crate) output: Vec<Vec<Table>>,
}

impl Conditional {
    /// Without channels to transform and without tables.
    fn new(
        transformer: Transformer,
        conditioner: &Conditioner<'_>,
        conditioning: Vec<usize>,
    ) -> Self {
        Self {
            conditioning,
            groups: Vec::new(),
            transformer,
            activation: conditioner.activation,
            residual: conditioner.residual,
            hidden: Vec::new(),
            output: Vec::new(),
        }
    }

    /// All channels that are transformed, in order.
    pub(crate) fn transformed(&self) -> impl Iterator<Item = usize> {
        self.groups.iter().flatten().copied()
    }

    /// The units of each hidden layer.
    pub(crate) fn widths(&self) -> impl Iterator<Item = usize> {
        self.hidden.iter().map(|blocks| rows(blocks))
    }

    /// The parameters of all channels.
    pub(crate) fn parameters(&self) -> usize {
        self.output.iter().map(|tables| rows(tables)).sum()
    }

    /// Whether each channel's parameters are evaluated on their own: splines
    /// have many.
    pub(crate) fn channel_by_channel(&self) -> bool {
        matches!(self.transformer, Transformer::Spline { .. })
    }

    /// All tables in the order of the artefact.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.hidden.iter().chain(&self.output).flatten()
    }
}

fn rows(blocks: &[Table]) -> usize {
    blocks.iter().map(|table| table.rows.len()).sum()
}

/// The rows of a block, each its bias and then its weights.
pub(crate) struct Table {
    pub(crate) inputs: usize,
    pub(crate) rows: Vec<Vec<f32>>,
}

/// Plans the layers one after the other.
pub(super) struct Planner<'c, 'a> {
    checked: &'c Checked<'a>,
    /// Where each channel lies at this point.
    places: Vec<usize>,
}

impl<'c, 'a> Planner<'c, 'a> {
    pub(super) fn new(checked: &'c Checked<'a>) -> Self {
        Self {
            checked,
            places: (0..checked.flow.header().event.len()).collect(),
        }
    }

    /// Where each channel lies after the last layer.
    pub(super) fn into_places(self) -> Vec<usize> {
        self.places
    }

    /// Plans the next layer.
    pub(super) fn layer(&mut self, index: usize) -> LayerPlan {
        let layer = &self.checked.flow.header().layers[index];
        let mut weights = self.checked.flow.layer_weights(index);
        let event = self.places.len();
        let bijection = match layer {
            Layer::Coupling(own) => {
                let transformed = self.at(own.transformed);
                let kept = self.places.iter().copied();
                let kept = kept.filter(|place| !transformed.contains(place)).collect();
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
                        self.at(own)
                    })
                    .collect();
                // The last group conditions nothing.
                let before = groups[..groups.len() - 1].concat();
                let shell = Conditional::new(own.transformer, &own.conditioner, before);
                let filled = self.fill(shell, layer, index, groups);
                Bijection::Autoregressive(own.direction, filled)
            }
            Layer::Linear(Permutation(order)) => {
                let mut row = |length: usize| weights.by_ref().take(length).collect();
                let upper = (0..event).map(|i| row(event - i)).collect();
                let lower = (0..event).map(|i| row(i + 1)).collect();
                let places = self.at(order);
                self.places = (0..event).collect();
                Bijection::Linear {
                    places,
                    upper,
                    lower,
                }
            }
            Layer::ElementWise => {
                let numbers: Vec<f32> = weights.collect();
                let mut pairs = vec![[0.0; 2]; event];
                for (place, pair) in self.places.iter().zip(numbers.as_chunks().0) {
                    pairs[*place] = *pair;
                }
                Bijection::ElementWise(pairs)
            }
            Layer::Permutation(Permutation(order)) => {
                self.places = self.at(order);
                Bijection::Permutation(self.places.clone())
            }
        };
        LayerPlan {
            name: layer.name(),
            bijection,
        }
    }

    /// The places of some channels.
    fn at(&self, channels: &[u8]) -> Vec<usize> {
        let place = |channel: &u8| self.places[usize::from(*channel)];
        channels.iter().map(place).collect()
    }

    /// Adds the channels and the tables of a layer.
    fn fill(
        &self,
        mut own: Conditional,
        layer: &Layer<'_>,
        index: usize,
        groups: Vec<Vec<usize>>,
    ) -> Conditional {
        let shape = self.checked.flow.header().shape();
        let mut weights = self.checked.flow.layer_weights(index);
        let mut table = |rows: usize, inputs: usize| Table {
            inputs,
            rows: (0..rows)
                .map(|_| weights.by_ref().take(inputs + 1).collect())
                .collect(),
        };
        let output = layer.dense_layers() - 1;
        for dense in 0..output {
            let blocks = layer.blocks(dense, shape);
            let tables = blocks.map(|Block { rows, inputs }| table(rows, inputs));
            own.hidden.push(tables.collect());
        }
        for Block { rows, inputs } in layer.blocks(output, shape) {
            own.output.push(match own.channel_by_channel() {
                true => {
                    let size = own.transformer.parameters();
                    (0..rows / size).map(|_| table(size, inputs)).collect()
                }
                false => vec![table(rows, inputs)],
            });
        }
        own.groups = groups;
        own
    }
}
