//! A dense layer with its weights laid out for whole chunks.

use flow_embedded::artefact::{Block, Blocks};
use flow_model::matmul::{Staircase, Then, forward_rounded};
use flow_model::panel::Panel;
use std::ops::Range;

/// A dense layer, evaluated block by block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dense {
    /// Row-major, padded by zeros beyond what a row sees.
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// The inputs that each row sees.
    prefix: Vec<usize>,
    inputs: usize,
    blocks: Vec<Range<usize>>,
}

impl Dense {
    /// Takes its weights from the front of `stored`.
    pub(super) fn new(blocks: Blocks<'_>, stored: &mut impl Iterator<Item = f32>) -> Self {
        let blocks: Vec<Block> = blocks.collect();
        let inputs = blocks.iter().map(|block| block.inputs).max().unwrap_or(0);
        let mut dense = Self {
            weights: Vec::new(),
            bias: Vec::new(),
            prefix: Vec::new(),
            inputs,
            blocks: Vec::new(),
        };
        for block in blocks {
            let start = dense.rows();
            for _ in 0..block.rows {
                dense.bias.extend(stored.next());
                dense.weights.extend(stored.by_ref().take(block.inputs));
                dense.prefix.push(block.inputs);
                dense.weights.resize(dense.rows() * inputs, 0.0);
            }
            dense.blocks.push(start..dense.rows());
        }
        dense
    }

    /// The units.
    pub(super) fn rows(&self) -> usize {
        self.prefix.len()
    }

    /// The rows of each block.
    pub(super) fn blocks(&self) -> &[Range<usize>] {
        &self.blocks
    }

    /// The most inputs that a row sees.
    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Some rows that see the same inputs, into the same rows of `output`.
    pub(super) fn block(
        &self,
        rows: Range<usize>,
        input: &Panel<f32>,
        output: &mut Panel<f32>,
        then: Then,
    ) {
        forward_rounded(self.from(0), &self.bias, input, output, rows, then);
    }

    /// The `count` rows from `first` on, which see the same inputs, into the first rows of `output`.
    pub(super) fn leading(
        &self,
        first: usize,
        count: usize,
        input: &Panel<f32>,
        output: &mut Panel<f32>,
    ) {
        forward_rounded(
            self.from(first),
            &self.bias[first..],
            input,
            output,
            0..count,
            Then::Nothing,
        );
    }

    fn from(&self, row: usize) -> Staircase<'_, f32> {
        Staircase {
            weights: &self.weights[row * self.inputs..],
            prefix: &self.prefix[row..],
            inputs: self.inputs,
        }
    }
}
