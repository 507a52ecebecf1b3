//! The bijections of a draft.

use super::ExportError;
use super::draft::bounded;
use flow_embedded::artefact::{
    Activation, Autoregressive, Block, Conditioner, Coupling, Direction, Layer, LoadedFlow,
    Permutation, Shape, Transformer, Units,
};

/// One bijection with its weights.
#[derive(Clone, Debug, PartialEq)]
pub enum DraftLayer {
    /// These channels, ascending, are transformed given the others.
    Coupling {
        /// The channels.
        transformed: Vec<u8>,
        /// What happens to each.
        transformer: Transformer,
        /// Gives its parameters.
        conditioner: DraftConditioner,
    },
    /// Each group of channels is transformed given those before it.
    Autoregressive {
        /// All channels, in the order of their groups.
        order: Vec<u8>,
        /// The channels in each group.
        groups: Vec<u8>,
        /// Which side the conditioner reads.
        direction: Direction,
        /// What happens to each channel.
        transformer: Transformer,
        /// Gives its parameters.
        conditioner: DraftConditioner,
    },
    /// `z = L U P x + bias`.
    Linear {
        /// `permutation[i]` is the channel that place `i` takes.
        permutation: Vec<u8>,
        /// The rows of U, each from the diagonal on.
        upper: Vec<f32>,
        /// The rows of L, each its bias and then what stands left of the
        /// diagonal.
        lower: Vec<f32>,
    },
    /// `z = x · scale + shift`, as pairs `[scale, shift]`.
    ElementWise(Vec<[f32; 2]>),
    /// `z_i` is the channel that entry `i` names.
    Permutation(Vec<u8>),
}

/// The multi-layer perceptron of a bijection.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftConditioner {
    /// The non-linearity of the hidden layers.
    pub activation: Activation,
    /// Whether each hidden layer but the first adds its input to its output.
    pub residual: bool,
    /// The units of each hidden layer by block: one block for a coupling, one
    /// for each group of an autoregressive layer.
    pub hidden: Vec<Vec<u16>>,
    /// The rows of all dense layers in the order of the artefact.
    pub rows: Vec<MaskedRow>,
}

/// A row of a dense layer without its masked weights.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedRow {
    /// The bias.
    pub bias: f32,
    /// The weights of the leading inputs that the row sees.
    pub weights: Vec<f32>,
}

/// What the artefact's schema borrows: unit counts as bytes.
pub(super) struct LayerBytes(Vec<Vec<u8>>);

impl DraftLayer {
    /// The conditioner, for a bijection that has one.
    pub fn conditioner(&self) -> Option<&DraftConditioner> {
        match self {
            Self::Coupling { conditioner, .. } | Self::Autoregressive { conditioner, .. } => {
                Some(conditioner)
            }
            Self::Linear { .. } | Self::ElementWise(_) | Self::Permutation(_) => None,
        }
    }

    /// As [`conditioner`](Self::conditioner), to be changed.
    pub fn conditioner_mut(&mut self) -> Option<&mut DraftConditioner> {
        match self {
            Self::Coupling { conditioner, .. } | Self::Autoregressive { conditioner, .. } => {
                Some(conditioner)
            }
            Self::Linear { .. } | Self::ElementWise(_) | Self::Permutation(_) => None,
        }
    }

    /// `ln |dz/dx|` in nats, as far as it is the same for all events.
    pub(super) fn log_det(&self) -> f64 {
        let ln = |scale: f32| f64::from(scale).ln();
        match self {
            Self::Coupling { .. } | Self::Autoregressive { .. } | Self::Permutation(_) => 0.0,
            Self::Linear {
                permutation, upper, ..
            } => upper_rows(upper, permutation.len())
                .filter_map(|row| row.first())
                .map(|diagonal| ln(*diagonal))
                .sum(),
            Self::ElementWise(pairs) => pairs.iter().map(|[scale, _]| ln(*scale)).sum(),
        }
    }

    /// The numbers as the artefact stores them.
    pub(super) fn weights(&self) -> Vec<f32> {
        match self {
            Self::Coupling { conditioner, .. } | Self::Autoregressive { conditioner, .. } => {
                conditioner.weights().collect()
            }
            Self::Linear { upper, lower, .. } => [upper.as_slice(), lower].concat(),
            Self::ElementWise(pairs) => pairs.as_flattened().to_vec(),
            Self::Permutation(_) => Vec::new(),
        }
    }

    pub(super) fn bytes(&self) -> LayerBytes {
        self.conditioner()
            .map_or(LayerBytes(Vec::new()), LayerBytes::of)
    }

    pub(super) fn schema<'a>(&'a self, bytes: &'a LayerBytes) -> Result<Layer<'a>, ExportError> {
        Ok(match self {
            Self::Coupling {
                transformed,
                transformer,
                conditioner,
            } => Layer::Coupling(Coupling {
                transformed,
                transformer: *transformer,
                conditioner: conditioner.schema(bytes)?,
            }),
            Self::Autoregressive {
                order,
                groups,
                direction,
                transformer,
                conditioner,
            } => Layer::Autoregressive(Autoregressive {
                order,
                groups,
                direction: *direction,
                transformer: *transformer,
                conditioner: conditioner.schema(bytes)?,
            }),
            Self::Linear { permutation, .. } => Layer::Linear(Permutation(permutation)),
            Self::ElementWise(_) => Layer::ElementWise,
            Self::Permutation(permutation) => Layer::Permutation(Permutation(permutation)),
        })
    }

    pub(super) fn from_loaded(flow: &LoadedFlow<'_>, index: usize, layer: &Layer<'_>) -> Self {
        let mut weights = flow.layer_weights(index);
        let shape = flow.header().shape();
        match layer {
            Layer::Coupling(own) => Self::Coupling {
                transformed: own.transformed.to_vec(),
                transformer: own.transformer,
                conditioner: DraftConditioner::from_loaded(layer, &own.conditioner, shape, weights),
            },
            Layer::Autoregressive(own) => Self::Autoregressive {
                order: own.order.to_vec(),
                groups: own.groups.to_vec(),
                direction: own.direction,
                transformer: own.transformer,
                conditioner: DraftConditioner::from_loaded(layer, &own.conditioner, shape, weights),
            },
            Layer::Linear(permutation) => Self::Linear {
                permutation: permutation.0.to_vec(),
                upper: weights.by_ref().take(layer.weights(shape) / 2).collect(),
                lower: weights.collect(),
            },
            Layer::ElementWise => {
                let numbers: Vec<f32> = weights.collect();
                Self::ElementWise(numbers.as_chunks().0.to_vec())
            }
            Layer::Permutation(permutation) => Self::Permutation(permutation.0.to_vec()),
        }
    }
}

impl LayerBytes {
    pub(super) fn of(conditioner: &DraftConditioner) -> Self {
        let little_endian = |blocks: &Vec<u16>| {
            let units = blocks.iter();
            units.flat_map(|units| units.to_le_bytes()).collect()
        };
        Self(conditioner.hidden.iter().map(little_endian).collect())
    }
}

impl DraftConditioner {
    /// The numbers as the artefact stores them.
    pub(super) fn weights(&self) -> impl Iterator<Item = f32> {
        let rows = self.rows.iter();
        rows.flat_map(|row| std::iter::once(row.bias).chain(row.weights.iter().copied()))
    }

    pub(super) fn schema<'a>(&self, bytes: &'a LayerBytes) -> Result<Conditioner<'a>, ExportError> {
        let units = bytes.0.iter().map(|bytes| Units(bytes));
        Ok(Conditioner {
            activation: self.activation,
            residual: self.residual,
            hidden: bounded("hidden layers", units)?,
        })
    }

    fn from_loaded(
        layer: &Layer<'_>,
        conditioner: &Conditioner<'_>,
        shape: Shape,
        weights: impl Iterator<Item = f32>,
    ) -> Self {
        let blocks = (0..layer.dense_layers()).flat_map(|dense| layer.blocks(dense, shape));
        Self::of(conditioner, blocks, weights)
    }

    /// From the blocks of all its dense layers.
    pub(super) fn of(
        conditioner: &Conditioner<'_>,
        blocks: impl Iterator<Item = Block>,
        mut weights: impl Iterator<Item = f32>,
    ) -> Self {
        let mut rows = Vec::new();
        for block in blocks {
            for _ in 0..block.rows {
                let bias = weights.next().unwrap_or_default();
                let weights = weights.by_ref().take(block.inputs).collect();
                rows.push(MaskedRow { bias, weights });
            }
        }
        let narrow = |units: usize| u16::try_from(units).unwrap_or(u16::MAX);
        let hidden = conditioner.hidden.iter();
        Self {
            activation: conditioner.activation,
            residual: conditioner.residual,
            hidden: hidden
                .map(|units| units.blocks().map(narrow).collect())
                .collect(),
            rows,
        }
    }
}

/// The rows of an upper triangular matrix that is stored from the diagonal on.
pub(super) fn upper_rows(upper: &[f32], channels: usize) -> impl Iterator<Item = &[f32]> {
    (0..channels).scan(upper, move |rest, row| {
        let (own, behind) = rest.split_at_checked(channels - row)?;
        *rest = behind;
        Some(own)
    })
}
