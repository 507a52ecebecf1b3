//! The bijections over images, their planes as places of the event's array.

use super::channels::channels;
use super::table::{Layout, Table};
use flow_embedded::artefact::{Activation, ConvolutionalCoupling, Transformer};
use flow_embedded::kernels::Convolution;

/// Some planes of an image transformed given others.
pub struct Convolutional {
    /// The places of the planes that condition, position by position.
    pub given: Vec<usize>,
    /// Those of the planes that are transformed.
    pub transformed: Vec<usize>,
    /// What is done to them.
    pub transformer: Transformer,
    /// The non-linearity of the hidden layers.
    pub activation: Activation,
    /// Whether hidden layers behind the first add their inputs.
    pub residual: bool,
    /// The hidden layers, then the output.
    pub layers: Vec<Filters>,
}

/// One convolution.
pub struct Filters {
    /// The image, the kernel, and the planes.
    pub sizes: Convolution,
    /// A row for each feature: its head and what it multiplies of what the kernel
    /// sees.
    pub table: Table,
}

impl Filters {
    /// The number of features.
    pub fn features(&self) -> usize {
        self.table.rows.len()
    }

    /// The columns of a row that are multiplied at all positions together.
    pub fn columns(&self) -> usize {
        self.sizes.products()
    }
}

impl Convolutional {
    pub(super) fn new(
        own: &ConvolutionalCoupling<'_>,
        context: usize,
        mut weights: impl Iterator<Item = f32>,
    ) -> Self {
        let mut filters = |(sizes, rows): (Convolution, usize)| {
            let stored = sizes.row() - 1;
            let rows = (0..rows).map(|_| weights.by_ref().take(sizes.row()).collect());
            Filters {
                sizes,
                table: Table {
                    inputs: stored,
                    stored,
                    layout: Layout::Wide,
                    rows: rows.collect(),
                    integers: Vec::new(),
                },
            }
        };
        Self {
            given: channels(own.given.places),
            transformed: channels(own.transformed.places),
            transformer: own.transformer,
            activation: own.conditioner.activation,
            residual: own.conditioner.residual,
            layers: own.convolutions(context).map(&mut filters).collect(),
        }
    }

    /// The positions of the image.
    pub fn positions(&self) -> usize {
        self.layers.first().map_or(0, |own| own.sizes.positions())
    }

    /// The planes that condition.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |own| own.sizes.inputs)
    }

    /// The layer that gives the parameters.
    pub fn output(&self) -> usize {
        self.layers.len() - 1
    }

    /// Whether the layer of this number adds its input to its output.
    pub fn adds_input(&self, layer: usize) -> bool {
        self.residual && layer > 0 && layer < self.output()
    }

    /// The words of the arrays that the layer works in.
    pub fn buffers(&self) -> usize {
        let features = self.layers.iter().map(Filters::features);
        self.given.len() + self.positions() * features.sum::<usize>()
    }
}
