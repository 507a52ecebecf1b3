//! Weights as an artefact stores them.

use super::draft::bounded;
use super::{Conditioned, ExportError, Layer, Map, Planes, Weights};
use flow_embedded::artefact::{
    self, Activation, Autoregressive, Block, Conditioner, ConvolutionalCoupling, Convolutions,
    Coupling, Form, LoadedFlow, MAX_CHANNELS, Permutation, Shape, Units,
};
use std::convert::Infallible;

/// The numbers of an artefact: masked weights are left out, rows follow each other with their bias in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {}

impl Weights for Stored {
    type Conditioner = DraftConditioner;
    type Convolutions = DraftConvolutions;
    type Factors = DraftFactors;
    /// Pairs `[scale, shift]`.
    type Scales = Vec<[f32; 2]>;
}

/// One bijection with its weights.
pub type DraftLayer = Layer<Stored>;

/// The factors of a matrix, and a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftFactors {
    /// The rows of U, each from the diagonal on.
    pub upper: Vec<f32>,
    /// The rows of L, each its bias and then what stands left of the diagonal.
    pub lower: Vec<f32>,
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

/// What the artefact's schema borrows: lists of channels, and unit counts, as bytes.
pub(super) struct LayerBytes {
    /// Channels: of a coupling over an image those that condition, then those that change.
    channels: [Vec<u8>; 2],
    units: Vec<Vec<u8>>,
}

impl DraftLayer {
    /// The numbers of what conditions a bijection, to be changed.
    pub fn conditioning(&mut self) -> Vec<&mut f32> {
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
        let diagonal = |factors: &DraftFactors, rows: usize| -> f64 {
            let rows = upper_rows(&factors.upper, rows);
            rows.filter_map(|row| row.first()).map(|own| ln(*own)).sum()
        };
        match self {
            Self::Coupling { .. }
            | Self::Autoregressive { .. }
            | Self::Permutation(_)
            | Self::Convolutional { .. } => 0.0,
            Self::Pointwise { planes, factors } => {
                diagonal(factors, planes.count()) * planes.positions() as f64
            }
            Self::Linear {
                permutation,
                factors,
            } => diagonal(factors, permutation.len()),
            Self::ElementWise(pairs) => pairs.iter().map(|[scale, _]| ln(*scale)).sum(),
        }
    }

    /// The numbers as the artefact stores them.
    pub(super) fn weights(&self) -> Vec<f32> {
        match self {
            Self::Coupling { conditioner, .. } | Self::Autoregressive { conditioner, .. } => {
                conditioner.weights().collect()
            }
            Self::Linear { factors, .. } | Self::Pointwise { factors, .. } => {
                [factors.upper.as_slice(), &factors.lower].concat()
            }
            Self::Convolutional { conditioner, .. } => conditioner.weights.clone(),
            Self::ElementWise(pairs) => pairs.as_flattened().to_vec(),
            Self::Permutation(_) => Vec::new(),
        }
    }

    pub(super) fn bytes(&self) -> Result<LayerBytes, ExportError> {
        let channels = match self {
            Self::Coupling { transformed, .. } => [channels(transformed)?, vec![]],
            Self::Autoregressive { order, groups, .. } => [channels(order)?, channels(groups)?],
            Self::Linear { permutation, .. } | Self::Permutation(permutation) => {
                [channels(permutation)?, vec![]]
            }
            Self::ElementWise(_) => [vec![], vec![]],
            Self::Convolutional {
                given, transformed, ..
            } => [channels(&given.places)?, channels(&transformed.places)?],
            Self::Pointwise { planes, .. } => [channels(&planes.places)?, vec![]],
        };
        Ok(LayerBytes {
            channels,
            ..self
                .conditioner()
                .map_or(LayerBytes::none(), LayerBytes::of)
        })
    }

    pub(super) fn schema<'a>(
        &'a self,
        bytes: &'a LayerBytes,
    ) -> Result<artefact::Layer<'a>, ExportError> {
        let [first, second] = &bytes.channels;
        Ok(match self {
            Self::Coupling {
                transformer,
                conditioner,
                ..
            } => artefact::Layer::Coupling(Coupling {
                transformed: first,
                transformer: *transformer,
                conditioner: conditioner.schema(bytes)?,
            }),
            Self::Autoregressive {
                direction,
                transformer,
                conditioner,
                ..
            } => artefact::Layer::Autoregressive(Autoregressive {
                order: first,
                groups: second,
                direction: *direction,
                transformer: *transformer,
                conditioner: conditioner.schema(bytes)?,
            }),
            Self::Linear { .. } => artefact::Layer::Linear(Permutation(first)),
            Self::ElementWise(_) => artefact::Layer::ElementWise,
            Self::Permutation(_) => artefact::Layer::Permutation(Permutation(first)),
            Self::Convolutional {
                given,
                transformed,
                transformer,
                conditioner,
            } => artefact::Layer::Convolutional(ConvolutionalCoupling {
                given: image(given, first)?,
                transformed: image(transformed, second)?,
                transformer: *transformer,
                conditioner: Convolutions {
                    activation: conditioner.activation,
                    residual: conditioner.residual,
                    by_position: conditioner.by_position,
                    hidden: &conditioner.hidden,
                    output_kernel: conditioner.output_kernel,
                },
            }),
            Self::Pointwise { planes, .. } => artefact::Layer::Pointwise(image(planes, first)?),
        })
    }
}

impl DraftLayer {
    pub(super) fn from_loaded(
        flow: &LoadedFlow<'_>,
        index: usize,
        layer: &artefact::Layer<'_>,
    ) -> Self {
        Layer::from(layer).map_all(&mut Numbers {
            layer,
            shape: &flow.header().shape(),
            numbers: flow.layer_weights(index),
        })
    }
}

/// Fills a layer with the numbers that an artefact stores for it.
struct Numbers<'l, I> {
    layer: &'l artefact::Layer<'l>,
    shape: &'l Shape,
    numbers: I,
}

impl<I: Iterator<Item = f32>> Map<(), Stored> for Numbers<'_, I> {
    type Fault = Infallible;

    fn conditioner(&mut self, _: Conditioned<'_>, (): ()) -> Result<DraftConditioner, Infallible> {
        let blocks = 0..self.layer.dense_layers();
        let blocks = blocks.flat_map(|dense| self.layer.blocks(dense, self.shape));
        let own = self.layer.conditional().map(|(_, own)| own);
        let own = own.expect("a bijection with a conditioner");
        Ok(DraftConditioner::of(own, blocks, &mut self.numbers))
    }

    fn convolutions(
        &mut self,
        _: &Planes,
        _: usize,
        (): (),
    ) -> Result<DraftConvolutions, Infallible> {
        let artefact::Layer::Convolutional(ConvolutionalCoupling { conditioner, .. }) = self.layer
        else {
            unreachable!("a bijection with convolutions");
        };
        Ok(DraftConvolutions {
            activation: conditioner.activation,
            residual: conditioner.residual,
            by_position: conditioner.by_position,
            hidden: conditioner.hidden.to_vec(),
            output_kernel: conditioner.output_kernel,
            weights: self.numbers.by_ref().collect(),
        })
    }

    fn factors(&mut self, rows: usize, (): ()) -> Result<DraftFactors, Infallible> {
        let triangle = rows * (rows + 1) / 2;
        Ok(DraftFactors {
            upper: self.numbers.by_ref().take(triangle).collect(),
            lower: self.numbers.by_ref().take(triangle).collect(),
        })
    }

    fn scales(&mut self, (): ()) -> Result<Vec<[f32; 2]>, Infallible> {
        let numbers: Vec<f32> = self.numbers.by_ref().collect();
        Ok(numbers.as_chunks().0.to_vec())
    }
}

impl LayerBytes {
    fn none() -> Self {
        Self {
            channels: [vec![], vec![]],
            units: vec![],
        }
    }

    /// The unit counts of a conditioner.
    pub(super) fn of(conditioner: &DraftConditioner) -> Self {
        let little_endian = |blocks: &Vec<u16>| {
            let units = blocks.iter();
            units.flat_map(|units| units.to_le_bytes()).collect()
        };
        Self {
            units: conditioner.hidden.iter().map(little_endian).collect(),
            ..Self::none()
        }
    }
}

impl DraftConditioner {
    /// All biases and weights, to be changed.
    pub fn numbers(&mut self) -> impl Iterator<Item = &mut f32> {
        let rows = self.rows.iter_mut();
        rows.flat_map(|row| std::iter::once(&mut row.bias).chain(&mut row.weights))
    }

    /// The numbers as the artefact stores them.
    pub(super) fn weights(&self) -> impl Iterator<Item = f32> {
        let rows = self.rows.iter();
        rows.flat_map(|row| std::iter::once(row.bias).chain(row.weights.iter().copied()))
    }

    pub(super) fn schema<'a>(&self, bytes: &'a LayerBytes) -> Result<Conditioner<'a>, ExportError> {
        let units = bytes.units.iter().map(|bytes| Units(bytes));
        Ok(Conditioner {
            activation: self.activation,
            form: self.form,
            hidden: bounded("hidden layers", units)?,
        })
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
pub fn upper_rows(upper: &[f32], channels: usize) -> impl Iterator<Item = &[f32]> {
    (0..channels).scan(upper, move |rest, row| {
        let (own, behind) = rest.split_at_checked(channels - row)?;
        *rest = behind;
        Some(own)
    })
}

/// A number as the byte that an artefact holds.
///
/// # Errors
/// It is more than a byte holds; `what` there is too much of.
pub fn byte(what: &'static str, found: usize) -> Result<u8, ExportError> {
    u8::try_from(found).map_err(|_| ExportError::TooMany {
        what,
        found,
        limit: usize::from(u8::MAX),
    })
}

fn channels(channels: &[usize]) -> Result<Vec<u8>, ExportError> {
    let narrow = |channel: &usize| u8::try_from(*channel);
    channels
        .iter()
        .map(narrow)
        .collect::<Result<_, _>>()
        .map_err(|_| ExportError::TooMany {
            what: "event channels",
            found: channels.len(),
            limit: MAX_CHANNELS,
        })
}

fn image<'a>(planes: &Planes, places: &'a [u8]) -> Result<artefact::Planes<'a>, ExportError> {
    Ok(artefact::Planes {
        width: byte("positions of a row of an image", planes.width)?,
        height: byte("rows of an image", planes.height)?,
        places,
    })
}
