//! The bijections of a draft.

use super::ExportError;
use super::draft::bounded;
use flow_embedded::artefact::{
    Activation, Autoregressive, Block, Conditioner, ConvolutionalCoupling, Convolutions, Coupling,
    Direction, Form, Layer, LoadedFlow, Permutation, Planes, Shape, Transformer, Units,
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
    /// Planes of an image are transformed given others.
    Convolutional {
        /// The planes that condition.
        given: DraftPlanes,
        /// The planes that are transformed.
        transformed: DraftPlanes,
        /// What happens to each of their channels.
        transformer: Transformer,
        /// Gives its parameters.
        conditioner: DraftConvolutions,
    },
    /// `z = L U x + bias` over the planes at each position of an image.
    Pointwise {
        /// The planes.
        planes: DraftPlanes,
        /// The rows of U, each from the diagonal on.
        upper: Vec<f32>,
        /// The rows of L, each its bias and then what stands left of the
        /// diagonal.
        lower: Vec<f32>,
    },
}

/// Channels as the planes of an image, as
/// [`Planes`](flow_embedded::artefact::Planes) has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftPlanes {
    /// Positions of a row of the image.
    pub width: u8,
    /// Rows of the image.
    pub height: u8,
    /// The channel of each plane at each position, position by position.
    pub places: Vec<u8>,
}

/// The convolutions of a bijection.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftConvolutions {
    /// The non-linearity of the hidden layers.
    pub activation: Activation,
    /// Whether each hidden layer but the first adds its input to its output.
    pub residual: bool,
    /// Whether the first layer has a head for each position.
    pub by_position: bool,
    /// Features and the kernel's side of each hidden layer, one behind the other.
    pub hidden: Vec<u8>,
    /// The side of the output layer's kernel.
    pub output_kernel: u8,
    /// The rows of all layers in the order of the artefact.
    pub weights: Vec<f32>,
}

impl DraftPlanes {
    fn schema(&self) -> Planes<'_> {
        Planes {
            width: self.width,
            height: self.height,
            places: &self.places,
        }
    }

    fn from_loaded(own: &Planes<'_>) -> Self {
        Self {
            width: own.width,
            height: own.height,
            places: own.places.to_vec(),
        }
    }

    /// The number of planes.
    pub(super) fn count(&self) -> usize {
        self.schema().count()
    }
}

/// The multi-layer perceptron of a bijection.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftConditioner {
    /// The non-linearity of the hidden layers.
    pub activation: Activation,
    /// How the dense layers follow one another.
    pub form: Form,
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
            _ => None,
        }
    }

    /// As [`conditioner`](Self::conditioner), to be changed.
    pub fn conditioner_mut(&mut self) -> Option<&mut DraftConditioner> {
        match self {
            Self::Coupling { conditioner, .. } | Self::Autoregressive { conditioner, .. } => {
                Some(conditioner)
            }
            _ => None,
        }
    }

    /// The numbers of what conditions a bijection, to be changed.
    pub(crate) fn conditioning(&mut self) -> Vec<&mut f32> {
        match self {
            Self::Convolutional { conditioner, .. } => conditioner.weights.iter_mut().collect(),
            _ => {
                let own = self.conditioner_mut().into_iter();
                own.flat_map(DraftConditioner::numbers).collect()
            }
        }
    }

    /// `ln |dz/dx|` in nats, as far as it is the same for all events.
    pub(super) fn log_det(&self) -> f64 {
        let ln = |scale: f32| f64::from(scale).ln();
        match self {
            Self::Coupling { .. }
            | Self::Autoregressive { .. }
            | Self::Permutation(_)
            | Self::Convolutional { .. } => 0.0,
            Self::Pointwise { planes, upper, .. } => {
                let diagonal: f64 = upper_rows(upper, planes.count())
                    .filter_map(|row| row.first())
                    .map(|diagonal| ln(*diagonal))
                    .sum();
                diagonal * planes.schema().positions() as f64
            }
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
            Self::Linear { upper, lower, .. } | Self::Pointwise { upper, lower, .. } => {
                [upper.as_slice(), lower].concat()
            }
            Self::Convolutional { conditioner, .. } => conditioner.weights.clone(),
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
            Self::Convolutional {
                given,
                transformed,
                transformer,
                conditioner,
            } => Layer::Convolutional(ConvolutionalCoupling {
                given: given.schema(),
                transformed: transformed.schema(),
                transformer: *transformer,
                conditioner: Convolutions {
                    activation: conditioner.activation,
                    residual: conditioner.residual,
                    by_position: conditioner.by_position,
                    hidden: &conditioner.hidden,
                    output_kernel: conditioner.output_kernel,
                },
            }),
            Self::Pointwise { planes, .. } => Layer::Pointwise(planes.schema()),
        })
    }

    pub(super) fn from_loaded(flow: &LoadedFlow<'_>, index: usize, layer: &Layer<'_>) -> Self {
        let mut weights = flow.layer_weights(index);
        let shape = &flow.header().shape();
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
            Layer::Convolutional(own) => Self::Convolutional {
                given: DraftPlanes::from_loaded(&own.given),
                transformed: DraftPlanes::from_loaded(&own.transformed),
                transformer: own.transformer,
                conditioner: DraftConvolutions {
                    activation: own.conditioner.activation,
                    residual: own.conditioner.residual,
                    by_position: own.conditioner.by_position,
                    hidden: own.conditioner.hidden.to_vec(),
                    output_kernel: own.conditioner.output_kernel,
                    weights: weights.collect(),
                },
            },
            Layer::Pointwise(planes) => Self::Pointwise {
                planes: DraftPlanes::from_loaded(planes),
                upper: weights.by_ref().take(layer.weights(shape) / 2).collect(),
                lower: weights.collect(),
            },
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
    /// All biases and weights, to be changed.
    pub(crate) fn numbers(&mut self) -> impl Iterator<Item = &mut f32> {
        let rows = self.rows.iter_mut();
        rows.flat_map(|row| std::iter::once(&mut row.bias).chain(&mut row.weights))
    }

    /// The numbers as the artefact stores them.
    pub(super) fn weights(&self) -> impl Iterator<Item = f32> {
        let rows = self.rows.iter();
        rows.flat_map(|row| std::iter::once(row.bias).chain(row.weights.iter().copied()))
    }

    pub(super) fn schema<'a>(&self, bytes: &'a LayerBytes) -> Result<Conditioner<'a>, ExportError> {
        let units = bytes.0.iter().map(|bytes| Units(bytes));
        Ok(Conditioner {
            activation: self.activation,
            form: self.form,
            hidden: bounded("hidden layers", units)?,
        })
    }

    fn from_loaded(
        layer: &Layer<'_>,
        conditioner: &Conditioner<'_>,
        shape: &Shape,
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
            form: conditioner.form,
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
